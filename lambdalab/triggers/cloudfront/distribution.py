"""Amazon CloudFront with Lambda@Edge: functions between viewer, cache and origin.

A request passes viewer-request, the cache, origin-request, the origin, origin-response and
viewer-response; each may have a function, which returns the request or response it was given, changed or
not. A response returned from a request function is the answer: after viewer-request at once, after
origin-request by way of the cache and viewer-response. What CloudFront cannot use is a 502, a function
that fails, is throttled or takes too long a 503. Sources: cloudfront/lambda-event-structure,
-generating-http-responses, edge-functions-restrictions, http-502-lambda-validation-error and
http-503-lambda-execution-error; the texts of the errors are this lab's where they are not known.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from lambdalab.errors import UnknownName
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.trace.schema import Cause
from lambdalab.triggers.cloudfront.edge import check_edge
from lambdalab.triggers.cloudfront.shapes import (
    Broken,
    Given,
    body_of,
    checked_headers,
    from_origin,
    headers_of,
)
from lambdalab.triggers.errors import InvalidLambdaFunctionAssociation
from lambdalab.triggers.front import Result
from lambdalab.triggers.http import SOURCE_IP, USER_AGENT, Handed, Handling, HttpFront
from lambdalab.triggers.http import Request as HttpRequest
from lambdalab.triggers.http import Response as HttpResponse
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.thin import (
    Ask,
    Steps,
    document,
    follow,
    hexadecimal,
    seconds_us,
)

EVENT_TYPES = "viewer-request", "origin-request", "origin-response", "viewer-response"


class Distribution(HttpFront):
    """A distribution: an HTTP front with functions at its edge.

    Attributes: ``name``, ``id``, ``domain_name``, ``functions`` by event type, ``ttl``: how long the
    cache keeps what the origin answers (seconds; 0: there is no cache).
    """

    def __init__(self, parts: Parts, name: str, origin: Given, ttl: float) -> None:
        self.parts, self.name, self.origin, self.ttl = parts, name, origin, ttl
        self.id = "E" + hexadecimal(parts, f"distribution/{name}", 13).upper()
        self.domain_name = f"d{self.id[1:].lower()}.cloudfront.net"
        self.functions: dict[str, Target] = {}
        self._bodies: dict[str, bool] = {}
        self.begin()

    def begin(self) -> None:
        """A run begins: an empty cache."""
        self._cache: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self._count = 0
        self._tell()

    def _tell(self) -> None:
        wired = {kind: target.qualified_arn for kind, target in self.functions.items()}
        self.parts.books.wired("distribution", self.name, {**wired, "ttl": self.ttl})

    def label(self, request: HttpRequest) -> str:
        """One name for all paths: a distribution has no routes."""
        return f"{self.name} {request.method}"

    def associate(
        self, event_type: str, function: Any, *, qualifier: Any = None, include_body: bool = False
    ) -> None:
        """Run a published version of a function at an event, for all paths.

        Parameters: one of :data:`EVENT_TYPES`; the version, as handle, ARN or function with
        ``qualifier``; whether a request function sees the body.

        Raises :class:`~lambdalab.triggers.errors.InvalidLambdaFunctionAssociation` for what cannot run
        at the edge: ``$LATEST`` and aliases, environment variables, a dead-letter queue, arm64, and for
        viewer events more than 128 MB or 5 s, for origin events more than 30 s.
        """
        self.parts.origin()
        if event_type not in EVENT_TYPES:
            raise UnknownName("event type of CloudFront", event_type, EVENT_TYPES)
        if include_body and not event_type.endswith("request"):
            raise InvalidLambdaFunctionAssociation(
                "IncludeBody can only be used with viewer-request and origin-request"
            )
        target = self.parts.target(function, qualifier)
        check_edge(self.parts.rules, event_type, target)
        self.functions[event_type] = target
        self._bodies[event_type] = include_body
        self._tell()

    # ------------------------------------------------------------------ one request

    def handle(
        self, request: HttpRequest, origin: Origin, handling: Handling, answer: Handed
    ) -> None:
        """Take a request through cache, origin and functions."""
        self._count += 1

        def over(value: Any, error: object, cause: int) -> None:
            assert error is None
            status, body, headers, why = value
            answer(HttpResponse(status, body, headers, handling.request, why or cause))

        steps = self._guarded(request, self._count)
        follow(self.parts, steps, self.parts.books.name(self.name), origin, handling, over)

    def _guarded(self, request: HttpRequest, number: int) -> Steps:
        """The steps, or CloudFront's own error page."""
        try:
            response = yield from self._pass(request, number)
            body = body_of(response)
        except Broken as broken:
            page = f"{broken.status} ERROR: The request could not be satisfied. {broken.text}"
            headers = (
                ("Content-Type", "text/plain"),
                ("X-Cache", "LambdaExecutionError from cloudfront"),
            )
            return broken.status, page.encode(), headers, broken.cause
        pairs = [
            (each.get("key") or name, each["value"])
            for name, values in response.get("headers", {}).items() for each in values
        ]  # fmt: skip
        return int(response["status"]), body, tuple(pairs), 0

    def _pass(self, asked: HttpRequest, number: int) -> Steps:
        request = self._as_event(asked)
        request, answer = yield from self._ask_request("viewer-request", request, asked, number)
        if answer is not None:
            return answer
        key = request["method"], f"{request['uri']}?{request['querystring']}"
        response = self._cached(key)
        if response is None:
            response = yield from self._miss(request, asked, number)
            if self.ttl and request["method"] in ("GET", "HEAD"):
                self._cache[key] = self.parts.now + seconds_us(self.ttl), response
        if int(response["status"]) < 400:  # no viewer-response for an origin's error
            response = yield from self._ask_response("viewer-response", request, response, number)
        return response

    def _miss(self, request: dict[str, Any], asked: HttpRequest, number: int) -> Steps:
        """The cache has nothing: to the origin."""
        request, answer = yield from self._ask_request("origin-request", request, asked, number)
        if answer is not None:
            return answer
        response = from_origin(self.origin, request)
        return (yield from self._ask_response("origin-response", request, response, number))

    def _cached(self, key: tuple[str, str]) -> dict[str, Any] | None:
        until, response = self._cache.get(key, (0, None))
        return response if until > self.parts.now else None

    # ------------------------------------------------------------------ one function

    def _ask_request(
        self, event_type: str, request: dict[str, Any], asked: HttpRequest, number: int
    ) -> Steps:
        """A request function: the request to go on with, or a response in its place."""
        if event_type not in self.functions:
            return request, None
        told = dict(request)
        if self._bodies[event_type]:
            most = self._most(event_type)
            told["body"] = {
                "inputTruncated": len(asked.body) > most, "action": "read-only",
                "encoding": "base64", "data": base64.b64encode(asked.body[:most]).decode(),
            }  # fmt: skip
        value = yield from self._ask(event_type, {"request": told}, number)
        if "status" in value:
            return request, self._generated(event_type, value)
        if not isinstance(value.get("uri"), str) or not value["uri"].startswith("/"):
            raise Broken(502, "The Lambda function returned a request without a valid uri.")
        if value.get("method") != request["method"] or value.get("clientIp") != request["clientIp"]:
            raise Broken(502, "The Lambda function tried to change a read-only field.")
        if not isinstance(value.get("querystring", ""), str):
            raise Broken(502, "The Lambda function returned a querystring that is no text.")
        changed = {key: value[key] for key in ("uri", "querystring") if key in value}
        return {**request, **changed, "headers": checked_headers(value.get("headers", {}))}, None

    def _ask_response(
        self, event_type: str, request: dict[str, Any], response: dict[str, Any], number: int
    ) -> Steps:
        """A response function: it sees all but the body, and may replace that."""
        if event_type not in self.functions:
            return response
        told = {key: response[key] for key in ("status", "statusDescription", "headers")}
        value = yield from self._ask(event_type, {"request": request, "response": told}, number)
        if "status" not in value:
            raise Broken(502, "The Lambda function returned no response: its status is missing.")
        made = self._generated(event_type, value)
        kept = {key: response[key] for key in ("body", "bodyEncoding") if key in response}
        return made if "body" in value else {**made, **kept}

    def _ask(self, event_type: str, members: dict[str, Any], number: int) -> Steps:
        config = {
            "distributionDomainName": self.domain_name, "distributionId": self.id,
            "eventType": event_type,
            "requestId": hexadecimal(self.parts, f"cloudfront/{self.name}/{number}", 54) + "==",
        }  # fmt: skip
        event = {"Records": [{"cf": {"config": config, **members}}]}
        result: Result = yield Ask(self.functions[event_type], event)
        if result.error is not None:
            text = "The Lambda function associated with the CloudFront distribution was throttled."
            if result.error.status_code != 429:
                text = (
                    "The Lambda function associated with the CloudFront distribution is invalid or "
                    "doesn't have the required permissions."
                )
            raise Broken(503, text, Cause.SERVICE_ERROR)
        if result.failure is not None:
            text = "The Lambda function associated with the CloudFront distribution failed"
            raise Broken(503, f"{text}: {result.failure.message}", result.failure.cause)
        if result.modelled:  # a model changes nothing
            return members.get("response", members["request"])
        value = document(result.response)
        if not isinstance(value, dict):
            raise Broken(
                502, f"The Lambda function returned {result.response.decode()[:40]}, no object."
            )
        return value

    def _generated(self, event_type: str, value: dict[str, Any]) -> dict[str, Any]:
        """A response of a function, checked."""
        status = str(value["status"])
        if not (status.isascii() and status.isdigit()) or not 200 <= int(status) <= 599:
            raise Broken(502, f"The Lambda function returned an invalid status: {status}.")
        headers, body = checked_headers(value.get("headers", {})), value.get("body", "")
        if not isinstance(body, str):
            raise Broken(502, "The Lambda function returned a body that is no text.")
        size = len(body.encode()) + len(json.dumps(headers))
        if size > self._most(event_type):
            raise Broken(
                502, f"The Lambda function returned a response of {size:,} bytes; the limit of a "
                f"{event_type} event is {self._most(event_type):,}.",
            )  # fmt: skip
        kept: dict[str, Any] = {
            key: value[key] for key in ("bodyEncoding", "statusDescription") if key in value
        }
        made = {"statusDescription": "", **kept, "status": status, "headers": headers, "body": body}
        body_of(made)
        return made

    def _most(self, event_type: str) -> int:
        kind = event_type.partition("-")[0]
        return int(getattr(self.parts.rules, f"edge_{kind}_response"))

    def _as_event(self, asked: HttpRequest) -> dict[str, Any]:
        headers = {"Host": self.domain_name, "User-Agent": USER_AGENT, **dict(asked.headers)}
        return {
            "clientIp": SOURCE_IP, "method": asked.method, "uri": asked.path,
            "querystring": asked.query_string, "headers": headers_of(headers),
        }  # fmt: skip

    def __repr__(self) -> str:
        told = ", ".join(
            f"{kind} -> {each.name}:{each.qualifier}" for kind, each in self.functions.items()
        )
        return f"<distribution {self.name} ({self.domain_name}): {told or 'no functions'}>"
