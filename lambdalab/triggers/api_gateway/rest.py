"""REST APIs: payload format 1.0, 29 seconds, 502 for what is no response; non-proxy integration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from lambdalab.functions.outcome import encode
from lambdalab.trace.schema import Cause
from lambdalab.triggers.api_gateway import integration
from lambdalab.triggers.api_gateway.api import Api
from lambdalab.triggers.api_gateway.events import first_accepted, is_binary, rest_event
from lambdalab.triggers.api_gateway.exchange import Exchange, Words
from lambdalab.triggers.api_gateway.results import NOT_BASE64, NotDecodable, response_of
from lambdalab.triggers.api_gateway.settings import REST, TYPES
from lambdalab.triggers.front import Result
from lambdalab.triggers.http import NULL, Response

_FAULT = "InternalServerErrorException"
_ERROR = '{"message": "Internal server error"}'
_NO_MAPPING = (
    "No match for output mapping and no default output mapping configured. Endpoint Response Status "
    "Code: 200"
)


class RestApi(Api):
    """A REST API."""

    kind = REST
    own_words: ClassVar[Mapping[str, Words]] = {
        # the statuses of the first and the fourth, and the number in the third, are rules; the third as
        # it was recorded (https://github.com/koki-develop/lgtm-generator/issues/10)
        "no_route": Words(
            403, '{"message":"Missing Authentication Token"}', "MissingAuthenticationTokenException"
        ),
        "throttled": Words(429, '{"message":"Too Many Requests"}', "TooManyRequestsException"),
        "too_large": Words(
            413, "HTTP content length exceeded %d bytes.", bare=True
        ),
        "event_too_large": Words(413, '{"message": "Request Too Long"}', "BadRequestException"),
        "timed_out": Words(504, '{"message": "Endpoint request timed out"}', _FAULT),
        "refused": Words(500, _ERROR, _FAULT),
        "failed": Words(502, _ERROR, _FAULT),
    }  # fmt: skip

    def _own(self, words: Words) -> Response:
        if words is self.own_words["no_route"]:
            status: int = self.parts.rules.api_gateway_rest_unknown_route
            words = dataclasses.replace(words, status_code=status)
        elif words is self.own_words["too_large"]:
            most: int = self.parts.rules.api_gateway_payload
            words = dataclasses.replace(words, body=words.body % most)
        elif words is self.own_words["event_too_large"]:
            status = self.parts.rules.api_gateway_rest_event_too_large
            if status != words.status_code:
                words = dataclasses.replace(self.own_words["refused"], status_code=status)
        return super()._own(words)

    def _with_ids(self, exchange: Exchange, response: Response) -> Response:
        own = (("x-amzn-RequestId", exchange.request_id), ("x-amz-apigw-id", exchange.extended_id))
        return dataclasses.replace(response, headers=(*response.headers, *own))

    def _integrate(self, exchange: Exchange) -> None:
        if not exchange.route.settings.proxy:
            self._custom(exchange)
            return
        own, parts = self.settings, self.parts
        event = rest_event(
            exchange.request, resource=exchange.route.path, stage=own.stage, api_id=self.api_id,
            domain=self.domain, request_id=exchange.request_id, extended_id=exchange.extended_id,
            time_ms=parts.epoch_ms, path_parameters=exchange.path_parameters,
            stage_variables=dict(own.stage_variables), binary_media_types=own.binary_media_types,
        )  # fmt: skip
        self._proxy(exchange, event)

    def _response_to(self, exchange: Exchange, result: Result) -> Response | None:
        """What a function returned; a body in base64 is decoded for callers who accept what is binary."""
        if result.modelled:
            return NULL
        types = self.settings.binary_media_types
        decode = is_binary(first_accepted(exchange.request), types)
        try:
            return response_of(result.response, decode=decode)
        except NotDecodable:
            self._log_failure(NOT_BASE64)
            return dataclasses.replace(
                self._own(self.own_words["refused"]), cause=Cause.MALFORMED_RESPONSE
            )

    # ------------------------------------------------------------------ non-proxy

    def _custom(self, exchange: Exchange) -> None:
        """Call the function with the body, or with what the template makes of the request."""
        own, request = exchange.route.settings, exchange.request
        kind = integration.invocation_type(own.invocation_type, request, exchange.path_parameters)
        seen = integration.MethodRequest(
            request.method, request.raw_path, exchange.path_parameters, dict(request.query),
            dict(request.headers), request.body.decode(errors="replace"),
            dict(self.settings.stage_variables),
        )  # fmt: skip
        try:
            event = integration.event_of(own.request_template, seen)
        except Exception as error:  # a template is a user's code: whatever it raises
            self._log_failure(f"Unable to transform request: {type(error).__name__}: {error}")
            self._say(exchange, "refused", 0, Cause.INVALID_PARAMETER)
            return
        if kind not in TYPES:
            self._log_failure(f"Unknown invocation type: {kind}")
            self._say(exchange, "refused", 0, Cause.INVALID_PARAMETER)
            return
        self._invoke(exchange, event, kind, lambda result: self._custom_answer(exchange, result))

    def _custom_answer(self, exchange: Exchange, result: Result) -> None:
        """The integration response for what came of the call."""
        if result.cause == Cause.INVALID_JSON and result.error is not None:
            told = encode({"message": result.error.message}).decode()
            words = Words(400, told, "BadRequestException")
            self._answer(exchange, self._own(words), result.request, result.cause)
            return
        if result.timed_out or result.error is not None:
            self._say_failure(exchange, result)
            return
        if len(result.response) > self.parts.rules.api_gateway_response:
            self._say_too_long(exchange, result)
            return
        failed = result.failure is not None
        message = integration.message_of(result.response) if failed else None
        chosen = integration.choose(exchange.route.settings.responses, message)
        if chosen is None:
            self._log_failure(_NO_MAPPING)
            self._say(exchange, "refused", result.request, result.cause)
            return
        try:
            body = integration.body_of(chosen, result.response)
        except Exception as error:  # a template is a user's code: whatever it raises
            self._log_failure(f"Unable to transform response: {type(error).__name__}: {error}")
            self._say(exchange, "refused", result.request, Cause.MALFORMED_RESPONSE)
            return
        response = Response(chosen.status_code, body, (("Content-Type", "application/json"),))
        self._answer(exchange, response, result.request, result.cause)
