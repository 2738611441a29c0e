"""HTTP APIs: payload format 2.0 (or 1.0), 30 seconds, and 500 for whatever goes wrong behind them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from lambdalab.triggers import payload_v2
from lambdalab.triggers.api_gateway.api import Api
from lambdalab.triggers.api_gateway.events import rest_event
from lambdalab.triggers.api_gateway.exchange import Exchange, Words
from lambdalab.triggers.api_gateway.results import NotDecodable, response_of
from lambdalab.triggers.api_gateway.settings import HTTP
from lambdalab.triggers.front import Result
from lambdalab.triggers.http import NULL, Response

_ERROR = '{"message":"Internal Server Error"}'


class HttpApi(Api):
    """An HTTP API."""

    kind = HTTP
    own_words: ClassVar[Mapping[str, Words]] = {
        "no_route": Words(404, '{"message":"Not Found"}'),
        "throttled": Words(429, '{"message":"Too Many Requests"}'),
        "too_large": Words(413, '{"message":"Request Entity Too Large"}'),
        "timed_out": Words(503, '{"message":"Service Unavailable"}'),
        "refused": Words(500, _ERROR),
        "event_too_large": Words(500, _ERROR),
        "failed": Words(500, _ERROR),
    }

    def _with_ids(self, exchange: Exchange, response: Response) -> Response:
        own = ("Apigw-Requestid", exchange.extended_id)
        return dataclasses.replace(response, headers=(*response.headers, own))

    def _integrate(self, exchange: Exchange) -> None:
        own, route, parts = self.settings, exchange.route, self.parts
        if own.payload_format == "2.0":
            event = payload_v2.event(
                exchange.request, route_key=route.key, stage=own.stage, api_id=self.api_id,
                domain=self.domain, request_id=exchange.extended_id, time_ms=parts.epoch_ms,
                path_parameters=exchange.path_parameters, stage_variables=dict(own.stage_variables),
            )  # fmt: skip
        else:
            event = rest_event(
                exchange.request, resource=route.path, stage=own.stage, api_id=self.api_id,
                domain=self.domain, request_id=exchange.extended_id,
                extended_id=exchange.extended_id, time_ms=parts.epoch_ms,
                path_parameters=exchange.path_parameters, stage_variables=dict(own.stage_variables),
                route_key=route.key,
            )  # fmt: skip
        self._proxy(exchange, event)

    def _response_to(self, exchange: Exchange, result: Result) -> Response | None:
        if self.settings.payload_format == "2.0":
            return payload_v2.response_of(result.response)
        if result.modelled:
            return NULL
        try:
            return response_of(result.response, strict=False)
        except NotDecodable:
            return None
