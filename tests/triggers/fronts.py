"""A front and a push of no particular service, for tests of what all services share."""

from __future__ import annotations

from typing import Any

import lambdalab as ll
from lambdalab.triggers import front
from lambdalab.triggers.http import Handed, Handling, HttpFront, Request, Response, message
from lambdalab.triggers.parts import Parts

PRINCIPAL, ARN = "apigateway.amazonaws.com", "arn:aws:execute-api:us-east-1:123456789012:shop"


def parts_of(lab: ll.Lab) -> Parts:
    return lab._triggers.parts


class Shop(HttpFront):
    """Asks one function, waits ``limit`` seconds for it, and says 504 after that."""

    def __init__(self, lab: ll.Lab, function: str, limit: float = 29, grant: bool = True) -> None:
        self.name, self.parts, self.limit = "shop", parts_of(lab), limit
        self.function = function
        if grant:
            self.parts.grant(self.parts.target(function), PRINCIPAL, ARN, "shop")

    def handle(self, request: Request, origin: Any, handling: Handling, answer: Handed) -> None:
        def heard(result: front.Result) -> None:
            if result.timed_out:
                answer(message(504, "Endpoint request timed out", result.request, result.cause))
            elif result.error is not None:
                answer(message(500, "Internal server error", result.request, result.cause))
            elif result.failure is not None:
                answer(message(502, "Internal server error", result.request, result.cause))
            else:
                answer(Response(200, result.response, (("X-From", "shop"),), result.request))

        waiting = front.call(
            self.parts, self.parts.target(self.function), request.body or b"{}", heard,
            source=self.parts.books.name("shop"), principal=PRINCIPAL, source_arn=ARN,
            limit_us=round(self.limit * 1_000_000), cause_of=origin,
        )  # fmt: skip
        handling.request = waiting.request
