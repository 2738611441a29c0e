"""What people say to an API, be it a REST or an HTTP API."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.triggers.api_gateway.exchange import PRINCIPAL, Answering
from lambdalab.triggers.api_gateway.paths import DEFAULT, path_of
from lambdalab.triggers.api_gateway.routes import ANY, Route, Routes, method_of
from lambdalab.triggers.api_gateway.settings import REST, ApiSettings, route_settings
from lambdalab.triggers.parts import REGION, arn

if TYPE_CHECKING:
    from lambdalab.triggers.api_gateway.service import ApiGateway

_LOG_LINES = 1000  # ours: enough to read, and a long run does not fill the memory


class Api(Answering):
    """An API, found as ``lab.api_gateway[name]``.

    Attributes: ``name``; ``settings``; ``api_id``, ten letters and digits; ``kind``, REST or HTTP.
    """

    def __init__(self, gateway: ApiGateway, name: str, settings: ApiSettings) -> None:
        self.gateway, self.parts, self.name, self.settings = gateway, gateway.parts, name, settings
        seed = hashlib.sha256(f"{self.parts.ids.seed}/api/{name}".encode()).digest()
        self.api_id = base64.b32encode(seed).decode().lower()[:10]
        self._routes = Routes(rest=self.kind == REST)
        self.begin()

    def begin(self) -> None:
        """Begin a run: buckets full, the log empty, and the books know of it and its routes."""
        own = self.settings
        self._log: deque[tuple[float, str]] = deque(maxlen=_LOG_LINES)
        self._bucket = None
        if own.throttle_rate is not None or own.throttle_burst is not None:
            self._bucket = self.new_tokens(own.throttle_rate, own.throttle_burst)
        self.parts.books.wired("api", self.name, {"api_id": self.api_id, **own.as_dict()})
        for route in self._routes:
            route.begin()

    # ------------------------------------------------------------------ what people ask and say

    @property
    def domain(self) -> str:
        """The host of its URL."""
        return f"{self.api_id}.execute-api.{REGION}.amazonaws.com"

    @property
    def url(self) -> str:
        """Where it is called; the stage stands in it, and not in the paths of :meth:`get`."""
        stage = self.settings.stage
        return f"https://{self.domain}" + ("" if stage == DEFAULT else f"/{stage}")

    @property
    def arn(self) -> str:
        """Its ARN as functions' resource policies name it."""
        return arn("execute-api", self.api_id)

    @property
    def routes(self) -> list[Route]:
        """Its routes, in the order in which they were made."""
        return list(self._routes)

    @property
    def execution_log(self) -> list[tuple[float, str]]:
        """What went wrong in executions: seconds since the lab's start, and the log's text.

        The last 1,000 lines. On AWS a REST API writes them into CloudWatch, where it is told to; an
        HTTP API has them as ``$context.integrationErrorMessage``.
        """
        return list(self._log)

    def route(
        self,
        method: str,
        path: Any = None,
        function: Any = None,
        *,
        integration_timeout: float | None = None,
        throttle_rate: float | None = None,
        throttle_burst: int | None = None,
        proxy: bool = True,
        invocation_type: str | None = None,
        request_parameters: Mapping[str, str] | None = None,
        request_template: Callable[..., Any] | None = None,
        integration_responses: Mapping[str, Any] | None = None,
        response_template: Callable[..., Any] | None = None,
        **unknown: object,
    ) -> Route:
        """Let a function answer a method and path; its policy then allows the API to call it.

        Parameters: ``method`` ("GET"; "ANY": each), ``path`` ("/orders/{id}"; ``{proxy+}`` at its end
        takes all that follows) and ``function`` in any form ("bill:live"); an HTTP API also has
        ``route("$default", function)``. ``integration_timeout`` (seconds) and the token bucket
        ``throttle_rate``, ``throttle_burst`` (requests a second, and at once) are of the route alone,
        instead of the API's. With ``proxy=False``, a REST API's non-proxy integration:

        - ``invocation_type="Event"`` calls asynchronously; in AWS's own words ``request_parameters=``
          ``{"integration.request.header.X-Amz-Invocation-Type": "'Event'"}``, where
          ``method.request.header.<name>`` leaves it to the caller.
        - The event is the body, or what the Python function ``request_template`` makes of a
          :class:`.MethodRequest` (AWS's Velocity templates are not simulated).
        - ``integration_responses`` are patterns to statuses, ``{"": 200, ".*not found.*": 404}``: a
          pattern has to match the whole ``errorMessage`` of a function that failed, ``""`` is for
          everything else; ``response_template`` makes the body of the function's result.

        Returns that of this method and path which is there already, where it has the same settings (and
        lets it call the function again, should its policy have forgotten).
        Raises, before anything has been made, :class:`InvalidSetting`, :class:`UnknownSetting`,
        :class:`ResourceNotFoundException`, :class:`ConflictException`, :class:`BadRequestException`.

        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> put_order = lab.create_function("putOrder", duration=2)
        >>> lab.api_gateway.create_rest_api("shop").route("PUT", "/putOrder", put_order, proxy=False,
        ...     invocation_type="Event", integration_responses={"": 202})
        <route shop PUT /putOrder → putOrder (Event), 29 s>
        """
        given = {
            "proxy": proxy, "invocation_type": invocation_type,
            "request_parameters": request_parameters, "request_template": request_template,
            "integration_responses": integration_responses, "response_template": response_template,
            "integration_timeout": integration_timeout, "throttle_rate": throttle_rate,
            "throttle_burst": throttle_burst,
        }  # fmt: skip
        for name in unknown:
            raise UnknownSetting("route", name, given)
        return self._wire(method, path, function, given)

    def _wire(self, method: Any, path: Any, function: Any, given: Mapping[str, Any]) -> Route:
        """The route that is there already, or a new one that its function lets in."""
        parts = self.parts
        parts.origin()
        if DEFAULT in (method, path):
            function, method, path = path if function is None else function, ANY, DEFAULT
        if function is None:
            limit = "a function, its name or its ARN: route('GET', '/orders', get_order)"
            raise InvalidSetting("function", function, limit, "botocore PutIntegration")
        word, template = method_of(method), path_of(path, rest=self.kind == REST)
        target = parts.target(function)
        named = f"{target.name}:{target.qualifier}" if target.qualifier else target.name
        settings = route_settings(parts.rules, self.settings, named, **given)
        known = self._routes.same(word, template, settings)
        route = Route(self, word, template, target, settings) if known is None else known
        if known is None:
            self._routes.add(route)
        allowed = route.source_arn("*", "*" if word == ANY else word, template.pattern)
        plain = re.sub(r"[^A-Za-z0-9]+", "-", route.name)
        parts.grant(target, PRINCIPAL, allowed, plain.strip("-")[:90])  # perhaps it was made anew
        return route

    def delete_route(self, method: str, path: str = DEFAULT) -> None:
        """Delete a route; raises :class:`~lambdalab.errors.UnknownName` where there is none.

        The function's resource policy stays as it is, as on AWS.
        """
        self.parts.origin()
        if DEFAULT in (method, path):
            method, path = ANY, DEFAULT
        self._routes.remove(method_of(method), path).tell(deleted=True)

    def __repr__(self) -> str:
        own, count = self.settings, len(self._routes)
        routes = f"{count} route" if count == 1 else f"{count} routes"
        told = [f"stage {own.stage}", routes, f"{own.integration_timeout:g} s"]
        if self._bucket is not None:
            rate = "" if own.throttle_rate is None else f"{own.throttle_rate:g}/s"
            burst = "" if own.throttle_burst is None else f"burst {own.throttle_burst}"
            told.append(", ".join(filter(None, [rate, burst])))
        return f"<{self.kind} API {self.name}: {' · '.join(told)}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
