"""One request to an API on its way: the route, throttling, sizes, the call of the function, the answer."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from lambdalab.functions.capacity import Bucket
from lambdalab.invocation.front_door import Origin, json_problem
from lambdalab.kernel.clock import US
from lambdalab.trace.schema import Cause, InvocationType
from lambdalab.triggers import front
from lambdalab.triggers.api_gateway.integration import message_of
from lambdalab.triggers.api_gateway.results import MALFORMED
from lambdalab.triggers.api_gateway.routes import Route, Routes
from lambdalab.triggers.api_gateway.settings import ApiSettings
from lambdalab.triggers.front import Heard, Result
from lambdalab.triggers.http import Handed, Handling, HttpFront, Request, Response

if TYPE_CHECKING:
    from lambdalab.triggers.api_gateway.service import ApiGateway

PRINCIPAL = "apigateway.amazonaws.com"
_FAILED = "Execution failed due to configuration error: "
_FUNCTION_FAILED = "Lambda execution failed with status 200 due to customer function error: "


@dataclass(frozen=True, slots=True)
class Words:
    """An API's own answer: status, body, and the ``x-amzn-ErrorType`` of a REST API.

    ``bare``: a text, not JSON, without the headers that name the request.
    """

    status_code: int
    body: str
    error_type: str = ""
    bare: bool = False


@dataclass(slots=True)
class Exchange:
    """One request, and everything that belongs to it until it is answered."""

    request: Request
    origin: Origin
    handling: Handling
    answer: Handed
    request_id: str
    extended_id: str
    route: Route = field(init=False)
    path_parameters: dict[str, str] = field(init=False)


class Answering(HttpFront):
    """What an API does with a request; what people say to it stands in :mod:`.api`.

    Attributes: ``kind``, REST or HTTP; ``own_words``, its own answers; ``settings``; ``gateway``, the
    service.
    """

    kind: ClassVar[str]
    own_words: ClassVar[Mapping[str, Words]]
    gateway: ApiGateway
    settings: ApiSettings
    _routes: Routes
    _bucket: Bucket | None
    _log: deque[tuple[float, str]]

    def label(self, request: Request) -> str:
        """The route's name, so that all its requests are one thing in the books."""
        found = self._routes.find(request)
        return super().label(request) if found is None else found[0].name

    def new_tokens(self, rate: float | None, burst: int | None) -> Bucket:
        """A token bucket; what is None is the account's."""
        rules = self.parts.rules
        return Bucket(
            rules.api_gateway_account_rate if rate is None else rate,
            rules.api_gateway_account_burst if burst is None else burst,
        )

    def handle(self, request: Request, origin: Origin, handling: Handling, answer: Handed) -> None:
        """Find the route, let the request through or not, and call the function."""
        exchange = Exchange(request, origin, handling, answer, *self.gateway.request_ids())
        found = self._routes.find(request)
        if found is None:
            self._say(exchange, "no_route", 0, Cause.NO_ROUTE)
            return
        exchange.route, exchange.path_parameters = found
        if not self._let_through(exchange.route):
            self._say(exchange, "throttled", 0, Cause.THROTTLED_FRONT)
        elif len(request.body) > self.parts.rules.api_gateway_payload:
            self._say(exchange, "too_large", 0, Cause.PAYLOAD_TOO_LARGE)
        else:
            self._integrate(exchange)

    def _let_through(self, route: Route) -> bool:
        """Take a token of the route's own bucket, or the stage's, and one of the account's; or none."""
        own = self._bucket if route.tokens is None else route.tokens
        buckets = [self.gateway.tokens] if own is None else [own, self.gateway.tokens]
        now = self.parts.now
        return not any(bucket.empty(now) for bucket in buckets) and all(
            bucket.take(now) for bucket in buckets
        )

    @abstractmethod
    def _integrate(self, exchange: Exchange) -> None:
        """Call the function, and answer."""

    @abstractmethod
    def _response_to(self, exchange: Exchange, result: Result) -> Response | None:
        """What a function has returned to a proxy integration; None where it is malformed."""

    @abstractmethod
    def _with_ids(self, exchange: Exchange, response: Response) -> Response:
        """A response with the headers that name the request."""

    def _proxy(self, exchange: Exchange, event: bytes) -> None:
        def heard(result: Result) -> None:
            if not result.good:
                self._say_failure(exchange, result)
                return
            if len(result.response) > self.parts.rules.api_gateway_response:
                self._say_too_long(exchange, result)
                return
            response = self._response_to(exchange, result)
            if response is None:
                self._log_failure(MALFORMED)
                self._say(exchange, "failed", result.request, Cause.MALFORMED_RESPONSE)
            else:
                self._answer(exchange, response, result.request, response.cause or result.cause)

        self._invoke(exchange, event, "RequestResponse", heard)

    def _invoke(self, exchange: Exchange, event: bytes, kind: str, heard: Heard) -> None:
        """Call the route's function, as it is now, and wait for it as long as the integration may."""
        route = exchange.route
        waiting = front.call(
            self.parts, route.target, event, heard,
            source=route.front_code,
            principal=PRINCIPAL,
            source_arn=route.source_arn(self.settings.stage, exchange.request.method, route.path),
            limit_us=round(route.settings.integration_timeout * US),
            cause_of=exchange.origin,
            kind=InvocationType.names.index(kind),
            problem="" if route.settings.proxy else json_problem(event),
        )  # fmt: skip
        exchange.handling.waiting, exchange.handling.request = waiting, waiting.request

    # ------------------------------------------------------------------ its own answers

    def _say_failure(self, exchange: Exchange, result: Result) -> None:
        """No answer in time, a refusal of Lambda's, or a function that failed."""
        if result.timed_out:
            self._log_line("Execution failed due to a timeout error")
            self._say(exchange, "timed_out", result.request, Cause.INTEGRATION_TIMEOUT)
        elif result.error is not None:
            denied = result.error.status_code == 403
            told = "Invalid permissions on Lambda function" if denied else result.error.message
            self._log_failure(told)
            large = result.error.status_code == 413
            what = "event_too_large" if large else "refused"
            self._say(exchange, what, result.request, result.cause)
        else:
            # https://repost.aws/knowledge-center/malformed-502-api-gateway quotes the line
            told, number = message_of(result.response), self.parts.ids.request(result.request)
            self._log_line(f"{_FUNCTION_FAILED}{told}. Lambda request id: {number}")
            self._say(exchange, "failed", result.request, result.cause)

    def _say_too_long(self, exchange: Exchange, result: Result) -> None:
        most, size = self.parts.rules.api_gateway_response, len(result.response)
        self._log_failure(
            f"Integration response of reported length {size} is larger than allowed maximum of {most} "
            "bytes."
        )
        self._say(exchange, "refused", result.request, Cause.RESPONSE_TOO_LARGE)

    def _say(self, exchange: Exchange, what: str, number: int, cause: int) -> None:
        """Answer with words of the API's own."""
        response = self._own(self.own_words[what])
        if self.own_words[what].bare:
            exchange.answer(dataclasses.replace(response, request=number, cause=cause))
        else:
            self._answer(exchange, response, number, cause)

    def _own(self, words: Words) -> Response:
        headers = [("Content-Type", "text; charset=utf-8" if words.bare else "application/json")]
        if words.error_type:
            headers.append(("x-amzn-ErrorType", words.error_type))
        return Response(words.status_code, words.body.encode(), tuple(headers))

    def _answer(self, exchange: Exchange, response: Response, number: int, cause: int) -> None:
        told = self._with_ids(exchange, response)
        exchange.answer(dataclasses.replace(told, request=number, cause=cause))

    def _log_failure(self, text: str) -> None:
        self._log_line(_FAILED + text)

    def _log_line(self, text: str) -> None:
        self._log.append((self.parts.now / US, text))
