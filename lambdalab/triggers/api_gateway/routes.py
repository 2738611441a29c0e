"""Routes: a method, a path and the function behind them; and which route of an API takes a request."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lambdalab.errors import ConflictException, InvalidSetting, UnknownName
from lambdalab.functions.target import Target
from lambdalab.sources.shown import Shown
from lambdalab.triggers.api_gateway.paths import DEFAULT, Path
from lambdalab.triggers.api_gateway.settings import RouteSettings
from lambdalab.triggers.http import METHODS, HttpOperation, Request, request_of

if TYPE_CHECKING:
    from lambdalab.triggers.api_gateway.api import Api

ANY = "ANY"
_SOURCE = "botocore PutMethod"


def method_of(method: object) -> str:
    """A route's method in capitals, or :class:`~lambdalab.errors.InvalidSetting`."""
    if isinstance(method, str) and method.upper() in (*METHODS, ANY):
        return method.upper()
    raise InvalidSetting("method", method, f"one of {', '.join((*METHODS, ANY))}", _SOURCE)


class Route(Shown):
    """A route of an API; ``lab.drive(route, ...)`` sends requests to it.

    Attributes
    ----------
    api, method, path
        As "GET" and "/orders/{id}".
    key
        AWS's name for the two: "GET /orders/{id}", or "$default".
    name
        As in the books' ``front``: "shop GET /orders/{id}".
    settings, target
        Its function, and how it is integrated; the function as it was when the route was made.
    """

    def __init__(
        self, api: Api, method: str, path: Path, target: Target, settings: RouteSettings
    ) -> None:
        self.api, self.method, self.path_template, self.settings = api, method, path, settings
        self.target, self.parts = target, api.parts
        self.path = path.text
        self.key = DEFAULT if path.text == DEFAULT else f"{method} {path.text}"
        self.name = f"{api.name} {self.key}"
        self.begin()

    def begin(self) -> None:
        """Begin a run: its token bucket is full, and the books know of it."""
        own, books = self.settings, self.api.parts.books
        self.tokens = None
        if own.throttle_rate is not None or own.throttle_burst is not None:
            self.tokens = self.api.new_tokens(own.throttle_rate, own.throttle_burst)
        self.front_code = books.name(self.name)
        self.tell(deleted=False)

    def tell(self, *, deleted: bool) -> None:
        """Write its settings into the books."""
        name, qualifier = self.target.name, self.target.qualifier
        told = {
            "api": self.api.name, "kind": self.api.kind, "method": self.method, "path": self.path,
            **self.settings.as_dict(), "function": name, "qualifier": qualifier, "deleted": deleted,
        }  # fmt: skip
        self.api.parts.books.wired("route", self.name, told)

    def source_arn(self, stage: str, method: str, path: str) -> str:
        """The ARN that the function's resource policy is asked about, or allows (with ``*``)."""
        rest = DEFAULT if self.path == DEFAULT else f"{method}{path}"
        return f"{self.api.arn}/{stage}/{rest}"

    def drive_operation(self, payload: Any, number: int) -> HttpOperation:
        """The request of one arrival.

        ``payload`` is a :class:`.http.Request`, or the body of one whose path parameters are all the
        arrival's number.
        """
        if isinstance(payload, Request):
            return HttpOperation(self.api, payload)
        method = self.method
        if method == ANY:
            method = "GET" if payload is None else "POST"
        return HttpOperation(
            self.api, request_of(method, self.path_template.filled(str(number)), body=payload)
        )

    def __repr__(self) -> str:
        own = self.settings
        kind = "" if own.proxy else " (non-proxy)"
        if own.invocation_type not in (None, "RequestResponse"):
            kind = f" ({own.invocation_type})"
        return f"<route {self.name} → {own.function}{kind}, {own.integration_timeout:g} s>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


Found = tuple[Route, dict[str, str]] | None


class Routes:
    """The routes of one API. Parameters: ``rest``, whether it is a REST API's."""

    def __init__(self, rest: bool) -> None:
        self._rest = rest
        self._found: dict[tuple[str, str], Route] = {}
        self._last: tuple[Request, Found] | None = None

    def __iter__(self) -> Iterator[Route]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def same(self, method: str, path: Path, settings: RouteSettings) -> Route | None:
        """The route that is there already with these settings; None: it can be made.

        Raises
        ------
        ConflictException
            There is one with other settings.
        BadRequestException
            A place in the tree of paths cannot have two variables (REST APIs).
        """
        known = self._found.get((method, path.text))
        if known is not None:
            if known.settings.same(settings):
                return known
            raise self._taken(known)
        for other in self:
            if self._rest:
                path.check_beside(other.path_template)
            elif other.method == method and path.same_place(other.path_template):
                raise self._taken(other)
        return None

    def _taken(self, known: Route) -> ConflictException:
        text = f"Route with key {known.key} already exists for this API"
        if self._rest:
            text = "Method already exists for this resource"
        api = f"lab.api_gateway[{known.api.name!r}]"
        return ConflictException(
            text,
            f": {known!r} has other settings; {api}.delete_route({known.method!r}, {known.path!r}) "
            "makes room",
        )

    def add(self, route: Route) -> None:
        """Put a new one in."""
        self._last = None
        self._found[route.method, route.path] = route

    def remove(self, method: str, path: str) -> Route:
        """Take one out; raises :class:`~lambdalab.errors.UnknownName`."""
        if (method, path) not in self._found:
            known = [f"{method} {path}" for method, path in self._found]
            raise UnknownName("route", f"{method} {path}", known)
        self._last = None
        return self._found.pop((method, path))

    def find(self, request: Request) -> Found:
        """As :meth:`_find` does, which is asked once for each request: for its name, and to answer it."""
        if self._last is None or self._last[0] is not request:
            self._last = request, self._find(request)
        return self._last[1]

    def _find(self, request: Request) -> Found:
        """The most specific route that takes a request, and the path's parameters.

        A REST API looks for the path first and then for the method; an HTTP API for both
        (apigw/http-api-develop-routes). A route's own method comes before ``ANY``. A REST API leaves
        the path as it was sent (recorded: localstack/localstack, test_lambda_aws_proxy_integration), an
        HTTP API decodes it (https://github.com/middleapi/standard-server/pull/93).
        """
        method, path = request.method, request.raw_path if self._rest else request.path
        if self._rest and len(path) > 1:
            path = path.removesuffix("/")  # a REST API does not tell the two
        found = [
            (route, parameters)
            for route in self
            if (self._rest or route.method in (method, ANY))
            and (parameters := route.path_template.match(path)) is not None
        ]
        if not found:
            return None
        best = min(route.path_template.rank for route, _ in found)
        for wanted in (method, ANY):
            for route, parameters in found:
                if route.path_template.rank == best and route.method == wanted:
                    return route, parameters
        return None
