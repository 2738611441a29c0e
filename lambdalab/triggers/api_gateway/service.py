"""The APIs of the lab's account (``lab.api_gateway``)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.errors import ConflictException, InvalidSetting
from lambdalab.functions.capacity import Bucket
from lambdalab.sources.directory import Directory
from lambdalab.triggers.api_gateway.api import Api
from lambdalab.triggers.api_gateway.http_api import HttpApi
from lambdalab.triggers.api_gateway.rest import RestApi
from lambdalab.triggers.api_gateway.settings import HTTP, REST, ApiSettings
from lambdalab.triggers.parts import Parts


class ApiGateway(Directory[Api]):
    """The APIs of one account, found by name: ``lab.api_gateway["shop"]``.

    Parameters: the lab's ``parts``. ``tokens`` is the account's token bucket, which all APIs share.
    """

    service, noun = "api_gateway", "API"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.parts = parts
        parts.on_reset(self.begin)
        self.begin()

    def begin(self) -> None:
        """Begin a run with the same APIs."""
        rules = self.parts.rules
        self.tokens = Bucket(rules.api_gateway_account_rate, rules.api_gateway_account_burst)
        self._requests = 0
        for api in self._found.values():
            api.begin()

    def create_rest_api(
        self,
        name: str,
        *,
        integration_timeout: float | None = None,
        throttle_rate: float | None = None,
        throttle_burst: int | None = None,
        stage: str = "prod",
        stage_variables: Mapping[str, str] | None = None,
        binary_media_types: Sequence[str] = (),
        endpoint_type: str = "REGIONAL",
        **unknown: object,
    ) -> RestApi:
        """Create a REST API with one stage, deployed at once; or get that of the name.

        Parameters
        ----------
        name
            What it is found by; at most 128 characters.
        integration_timeout
            Seconds that it waits for a function, the cold start included: 0.05 to 29, 29 by default.
            More, where the account's quota was raised (since June 2024, Regional and private APIs):
            ``Lab(quotas={"api_gateway_rest_timeout_maximum": 120})``.
        throttle_rate, throttle_burst
            The stage's token bucket: requests a second, and at once. Those of the account in any case.
        stage, stage_variables
            The stage's name, and what functions find as ``stageVariables``.
        binary_media_types
            Content types whose bodies come to functions as base64; callers who accept one of them get a
            body in base64 decoded. ``"*/*"`` is every type.
        endpoint_type
            ``REGIONAL``, ``EDGE`` or ``PRIVATE``.

        Raises
        ------
        InvalidSetting, UnknownSetting
            Before anything has been made.
        ConflictException
            The name is taken by an API with other settings. AWS allows it; here a name finds one API.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> get_order = lab.create_function("getOrder", duration=35, timeout=60)
        >>> api = lab.api_gateway.create_rest_api("shop")
        >>> route = api.route("GET", "/orders/{id}", get_order)
        >>> api.get("/orders/7")
        504 Gateway Timeout · {"message": "Endpoint request timed out"} · 29.00 s
        """
        settings = ApiSettings.make(
            self._rules_for(name), REST, unknown, integration_timeout=integration_timeout,
            throttle_rate=throttle_rate, throttle_burst=throttle_burst, stage=stage,
            stage_variables=stage_variables, binary_media_types=binary_media_types,
            endpoint_type=endpoint_type,
        )  # fmt: skip
        made = self._made(RestApi, name, settings)
        assert isinstance(made, RestApi)
        return made

    def create_http_api(
        self,
        name: str,
        *,
        integration_timeout: float | None = None,
        throttle_rate: float | None = None,
        throttle_burst: int | None = None,
        stage: str = "$default",
        stage_variables: Mapping[str, str] | None = None,
        payload_format: str = "2.0",
        **unknown: object,
    ) -> HttpApi:
        """Create an HTTP API with one stage, deployed at once; or get that of the name.

        Parameters
        ----------
        name, throttle_rate, throttle_burst, stage, stage_variables
            As of :meth:`create_rest_api`; the stage ``$default`` stands in no path.
        integration_timeout
            Seconds that it waits for a function: 0.05 to 30, which no quota raises; 30 by default.
        payload_format
            ``"2.0"``, or ``"1.0"``: the event and the response of a REST API.

        Raises
        ------
        InvalidSetting, UnknownSetting, ConflictException
            As of :meth:`create_rest_api`.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> api = lab.api_gateway.create_http_api("web")
        >>> api.get("/nothing")
        404 Not Found · {"message":"Not Found"} · 0.00 s
        """
        settings = ApiSettings.make(
            self._rules_for(name), HTTP, unknown, integration_timeout=integration_timeout,
            throttle_rate=throttle_rate, throttle_burst=throttle_burst, stage=stage,
            stage_variables=stage_variables, payload_format=payload_format,
        )  # fmt: skip
        made = self._made(HttpApi, name, settings)
        assert isinstance(made, HttpApi)
        return made

    def _rules_for(self, name: object) -> Any:
        """The rules, once it is clear that the lab is open and the name is one."""
        self.parts.origin()
        rules = self.parts.rules
        most = rules.api_gateway_name_length
        if not isinstance(name, str) or not 0 < len(name) <= most:
            source = rules.source("api_gateway_name_length")
            raise InvalidSetting("name", name, f"a text of 1 to {most} characters", source)
        return rules

    def _made(self, kind: type[Api], name: str, settings: ApiSettings) -> Api:
        known = self._found.get(name)
        if known is None:
            self._found[name] = known = kind(self, name, settings)
        elif known.settings != settings:
            raise ConflictException(
                f"There is an API {name!r} with other settings",
                f": {known!r}; lab.api_gateway[{name!r}] is it, another name makes another",
            )
        return known

    def request_ids(self) -> tuple[str, str]:
        """The id and the extended id of the next request."""
        self._requests += 1
        digest = hashlib.sha256(
            f"{self.parts.ids.seed}/api request/{self._requests}".encode()
        ).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4)), base64.b64encode(
            digest[16:27]
        ).decode()
