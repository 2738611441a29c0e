"""The settings of APIs and routes: frozen, and checked against the rules when they are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from types import FunctionType
from typing import Any

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.rules import Rules
from lambdalab.triggers.api_gateway.integration import (
    INVOCATION_TYPE,
    Chosen,
    IntegrationResponse,
    responses_of,
)
from lambdalab.triggers.parts import one_of

REST, HTTP = "REST", "HTTP"
ENDPOINTS = ("REGIONAL", "EDGE", "PRIVATE")
FORMATS = ("2.0", "1.0")
TYPES = ("RequestResponse", "Event", "DryRun")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_VARIABLE = re.compile(r"[A-Za-z0-9_]+\Z")
_VALUE = re.compile(r"[A-Za-z0-9-._~:/?#&=,]+\Z")
_MEDIA_TYPE = re.compile(r"[^/\s]+/[^/\s]+\Z")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What ``create_rest_api`` and ``create_http_api`` accept; seconds, and requests a second.

    ``endpoint_type`` and ``binary_media_types`` are a REST API's, ``payload_format`` an HTTP API's.
    """

    kind: str
    integration_timeout: float
    throttle_rate: float | None
    throttle_burst: int | None
    stage: str
    stage_variables: tuple[tuple[str, str], ...]
    binary_media_types: tuple[str, ...]
    endpoint_type: str
    payload_format: str

    @classmethod
    def make(
        cls, rules: Rules, kind: str, unknown: Mapping[str, object], **given: Any
    ) -> ApiSettings:
        """Settings by keyword, everything checked; None stands for the default.

        Raises :class:`UnknownSetting` for keywords in ``unknown``, :class:`InvalidSetting` for values.
        """
        verb = f"create_{kind.lower()}_api"
        for name in unknown:
            raise UnknownSetting(verb, name, given)
        rest = kind == REST
        endpoint = given.get("endpoint_type", ENDPOINTS[0])
        one_of("endpoint_type", endpoint, ENDPOINTS, "botocore CreateRestApi")
        payload_format = given.get("payload_format", FORMATS[1])
        one_of(
            "payload_format", payload_format, FORMATS, "apigw/http-api-develop-integrations-lambda"
        )
        usual = rules.api_gateway_rest_timeout if rest else rules.api_gateway_http_timeout
        timeout = given["integration_timeout"]
        timeout = usual if timeout is None else timeout
        check_timeout(timeout, rules, kind, endpoint)
        check_throttle(given["throttle_rate"], given["throttle_burst"])
        return cls(
            kind, timeout, given["throttle_rate"], given["throttle_burst"],
            _stage(given["stage"], rest), _variables(given["stage_variables"]),
            _media_types(given.get("binary_media_types", ())), endpoint, payload_format,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values."""
        return asdict(self) | {"stage_variables": dict(self.stage_variables)}


@dataclass(frozen=True, slots=True, eq=False)
class RouteSettings:
    """What ``api.route`` accepts: which function, named as it was given, and how it is integrated."""

    function: str
    proxy: bool
    invocation_type: str | None
    integration_timeout: float
    throttle_rate: float | None
    throttle_burst: int | None
    request_template: Chosen | None
    responses: tuple[IntegrationResponse, ...]

    def same(self, other: RouteSettings) -> bool:
        """Whether two say the same; functions that were written again in the same words are the same."""
        return all(
            _same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, as plain values; of templates, whether there is one."""
        told = {name: getattr(self, name) for name in (
            "function", "proxy", "integration_timeout", "throttle_rate", "throttle_burst",
        )}  # fmt: skip
        told["invocation_type"] = self.invocation_type or TYPES[0]
        told["request_template"] = self.request_template is not None
        told["integration_responses"] = {each.pattern: each.status_code for each in self.responses}
        return told


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    if isinstance(mine, IntegrationResponse) and isinstance(theirs, IntegrationResponse):
        return (mine.pattern, mine.status_code) == (theirs.pattern, theirs.status_code) and _same(
            mine.template, theirs.template
        )
    if isinstance(mine, FunctionType) and isinstance(theirs, FunctionType):
        closures = [
            tuple(cell.cell_contents for cell in each.__closure__ or ()) for each in (mine, theirs)
        ]
        return (
            mine.__code__ == theirs.__code__
            and mine.__defaults__ == theirs.__defaults__
            and closures[0] == closures[1]
        )
    return bool(mine == theirs)


def route_settings(
    rules: Rules,
    api: ApiSettings,
    function: str,
    *,
    proxy: bool,
    invocation_type: str | None,
    request_parameters: Mapping[str, str] | None,
    request_template: Callable[..., Any] | None,
    integration_responses: Mapping[str, Any] | None,
    response_template: Callable[..., Any] | None,
    integration_timeout: float | None,
    throttle_rate: float | None,
    throttle_burst: int | None,
) -> RouteSettings:
    """The settings of a route, everything checked; raises :class:`InvalidSetting`."""
    if not isinstance(proxy, bool):
        raise InvalidSetting("proxy", proxy, "True or False", "botocore PutIntegration")
    own = {
        "invocation_type": invocation_type, "request_parameters": request_parameters,
        "request_template": request_template, "integration_responses": integration_responses,
        "response_template": response_template,
    }  # fmt: skip
    if proxy:
        _check_proxy(own)
    elif api.kind == HTTP:
        limit = (
            "True: an HTTP API calls functions by proxy integration only; a REST API can otherwise"
        )
        raise InvalidSetting("proxy", proxy, limit, "apigw/http-api-develop-integrations-lambda")
    for setting, template in own.items():
        if setting.endswith("_template") and template is not None and not callable(template):
            limit = "a Python function: the Velocity templates of AWS are not simulated"
            raise InvalidSetting(setting, template, limit)
    if integration_timeout is not None:
        check_timeout(integration_timeout, rules, api.kind, api.endpoint_type)
    check_throttle(throttle_rate, throttle_burst)
    timeout = api.integration_timeout if integration_timeout is None else integration_timeout
    responses = () if proxy else responses_of(integration_responses, response_template)
    return RouteSettings(
        function, proxy, _invocation_type(invocation_type, request_parameters), timeout,
        throttle_rate, throttle_burst, request_template, responses,
    )  # fmt: skip


def _check_proxy(own: Mapping[str, Any]) -> None:
    for setting, value in own.items():
        if value is not None:
            limit = (
                "left out of a proxy integration, which always waits for the function and hands "
                "everything on: proxy=False"
            )
            raise InvalidSetting(setting, value, limit, "apigw/set-up-lambda-integration-async")


def _invocation_type(given: str | None, parameters: Mapping[str, str] | None) -> str | None:
    """``Event``, or where in the request to look, as ``method.request.header.InvocationType``."""
    source = "apigw/set-up-lambda-integration-async; botocore PutIntegration requestParameters"
    if given is not None:
        one_of("invocation_type", given, TYPES, "botocore Invoke")
    if parameters is None:
        return given
    if not isinstance(parameters, Mapping) or [*parameters] != [INVOCATION_TYPE]:
        limit = f"{{{INVOCATION_TYPE!r}: \"'Event'\"}}; no other parameter means anything to Lambda"
        raise InvalidSetting("request_parameters", parameters, limit, source)
    told = parameters[INVOCATION_TYPE]
    if isinstance(told, str) and len(told) > 2 and told[0] == told[-1] == "'":
        one_of("request_parameters", told[1:-1], TYPES, "botocore Invoke")
        found = told[1:-1]
    elif isinstance(told, str) and re.match(r"method\.request\.(header|querystring|path)\..", told):
        found = told
    else:
        limit = "a value in single quotes (\"'Event'\"), or method.request.header.<name>"
        raise InvalidSetting("request_parameters", told, limit, source)
    if given not in (None, found):
        raise InvalidSetting("invocation_type", given, f"what request_parameters say: {found}")
    return found


def check_timeout(value: object, rules: Rules, kind: str, endpoint: str) -> None:
    """Raise :class:`InvalidSetting` unless an integration may wait so long (seconds)."""
    least, rule, more = rules.api_gateway_timeout_minimum, "api_gateway_http_timeout", ""
    most = rules.api_gateway_http_timeout
    if kind == REST:
        rule, most = "api_gateway_rest_timeout", rules.api_gateway_rest_timeout
        if rules.api_gateway_rest_timeout_raised and endpoint != "EDGE":
            most = max(most, rules.api_gateway_rest_timeout_maximum)
            rule = "api_gateway_rest_timeout_maximum"
            more = f"; Lab(quotas={{{rule!r}: ...}}) raises it"
        elif endpoint == "EDGE":
            more = "; only that of a Regional or private API can be raised"
        else:
            more = "; it can be raised since June 2024 (api_gateway_rest_timeout_raised)"
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not least <= value <= most:
        limit = f"{least:g} to {most:g} s{more}"
        raise InvalidSetting("integration_timeout", value, limit, rules.source(rule))


def check_throttle(rate: object, burst: object) -> None:
    """Raise :class:`InvalidSetting` unless a token bucket can be made of them."""
    source = "apigw/api-gateway-request-throttling"
    number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if rate is not None and not (number and 0 <= rate < 1e9):  # type: ignore[operator]
        raise InvalidSetting("throttle_rate", rate, "requests a second, 0 or more", source)
    whole = isinstance(burst, int) and not isinstance(burst, bool)
    if burst is not None and not (whole and burst >= 0):  # type: ignore[operator]
        raise InvalidSetting(
            "throttle_burst", burst, "a whole number of requests, 0 or more", source
        )


def _stage(stage: object, rest: bool) -> str:
    good = isinstance(stage, str) and bool(_STAGE.match(stage))
    if not good and not (stage == "$default" and not rest):
        limit = "letters, digits, '_' and '-'; at most 128" + ("" if rest else "; or '$default'")
        raise InvalidSetting("stage", stage, limit, "botocore CreateStage")
    return str(stage)


def _variables(given: object) -> tuple[tuple[str, str], ...]:
    source = "apigw/stage-variables"
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise InvalidSetting("stage_variables", given, "a mapping of names to texts", source)
    for name, value in given.items():
        good = isinstance(name, str) and isinstance(value, str)
        if not good or not _VARIABLE.match(name) or not _VALUE.match(value):
            limit = (
                "names of letters, digits and '_', values of letters, digits and '-._~:/?#&=,' "
                f"(not {name!r}: {value!r})"
            )
            raise InvalidSetting("stage_variables", given, limit, source)
    return tuple(given.items())


def _media_types(given: object) -> tuple[str, ...]:
    types = (given,) if isinstance(given, str) else given
    if not isinstance(types, (list, tuple)) or not all(
        isinstance(each, str) and _MEDIA_TYPE.match(each) for each in types
    ):
        limit = "media types such as 'image/png' or '*/*'"
        source = "apigw/api-gateway-payload-encodings"
        raise InvalidSetting("binary_media_types", given, limit, source)
    return tuple(each.lower() for each in types)
