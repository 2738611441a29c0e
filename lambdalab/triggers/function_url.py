"""Function URLs: an HTTPS address that invokes a function by itself (dg/urls-configuration).

A URL belongs to a function or to one of its aliases, calls it synchronously, and waits for as long as it
runs. Its answers stand in invocation.md 6 of the reference. Who comes without a signature needs a
statement in the function's resource policy (dg/urls-auth): the lab adds it, as the console does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.rules import Rules
from lambdalab.trace.schema import Cause
from lambdalab.triggers import front, payload_v2
from lambdalab.triggers.cors import Cors
from lambdalab.triggers.http import Handed, Handling, HttpFront, Request, Response, message
from lambdalab.triggers.parts import ACCOUNT, INVOKE, INVOKE_URL, REGION, Parts, one_of

AUTH_TYPES = ("NONE", "AWS_IAM")
_SOURCE = "botocore CreateFunctionUrlConfig"
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True)
class UrlSettings:
    """How a URL answers: ``auth_type`` ("NONE" or "AWS_IAM"), ``cors`` and ``invoke_mode``."""

    auth_type: str = "NONE"
    cors: Cors | None = None
    invoke_mode: str = "BUFFERED"

    @classmethod
    def make(
        cls, rules: Rules, verb: str, auth_type: Any, cors: Any, invoke_mode: Any
    ) -> UrlSettings:
        """Settings, checked. Raises :class:`~lambdalab.errors.InvalidSetting`."""
        one_of("auth_type", auth_type, AUTH_TYPES, _SOURCE)
        if invoke_mode == "RESPONSE_STREAM":
            told = "'BUFFERED': the lab does not simulate response streaming"
            raise InvalidSetting("invoke_mode", invoke_mode, told, _SOURCE)
        one_of("invoke_mode", invoke_mode, ("BUFFERED",), _SOURCE)
        longest: int = rules.function_url_cors_age
        return cls(auth_type, Cors.of(verb, cors, longest), invoke_mode)


class FunctionUrl(HttpFront):
    """The URL of a function or alias: ``url.get("/orders")`` calls it.

    Attributes: ``url``, the address; ``target``, what it calls; ``settings``; ``name``, what it is called
    in the books ("bill url").
    """

    def __init__(self, parts: Parts, target: Target, settings: UrlSettings) -> None:
        self.parts, self.target, self.settings = parts, target, settings
        of = f"{target.name}:{target.qualifier}" if target.qualifier else target.name
        self.name = f"{of} url"
        drawn = hashlib.sha256(f"{parts.ids.seed}/function url/{of}".encode()).digest()
        self.url_id = "".join(_DIGITS[byte % 32] for byte in drawn)
        self.domain = f"{self.url_id}.lambda-url.{REGION}.on.aws"
        self.url = f"https://{self.domain}/"
        self.deleted = False
        self._requests = 0

    @property
    def auth_type(self) -> str:
        """Who may come: "NONE", anybody; "AWS_IAM", who signs."""
        return self.settings.auth_type

    @property
    def gone(self) -> bool:
        """Whether the URL, its alias or its function was deleted."""
        function = self.target.function
        return self.deleted or function.deleted or not function.knows(self.target.qualifier)

    def label(self, request: Request) -> str:
        """The name of the URL: it has no routes."""
        return self.name

    def begin(self) -> None:
        """A new run: nobody has called yet, and the new books have to know of it."""
        self._requests = 0
        self.tell()

    def tell(self) -> None:
        """Write into the books what it is."""
        cors = self.settings.cors
        self.parts.books.wired(
            "function_url",
            self.name,
            {
                "function": self.target.name,
                "qualifier": self.target.qualifier,
                "auth_type": self.settings.auth_type,
                "invoke_mode": self.settings.invoke_mode,
                "cors": {} if cors is None else cors.as_dict(),
                "url": self.url,
                "deleted": self.gone,
            },
        )

    # ------------------------------------------------------------------ requests

    def handle(self, request: Request, origin: Origin, handling: Handling, answer: Handed) -> None:
        """Answer a request (invocation.md 6)."""
        if self.gone:
            answer(_denied("null", Cause.NO_ROUTE))
            return
        cors = self.settings.cors
        if cors is not None and cors.is_preflight(request):
            answer(Response(200, b"", cors.headers(request), cause=Cause.COMPLETED))
            return
        more = () if cors is None else cors.headers(request)
        if not self._allowed(request):
            answer(_with(_denied('"Forbidden"', Cause.ACCESS_DENIED), more))
            return
        handling.waiting = waiting = front.call(
            self.parts,
            self.target,
            self._event(request),
            lambda result: answer(_with(self._answer(result), more)),
            source=self.parts.books.name(self.name),
            principal="",
            source_arn="",
            cause_of=origin,
        )
        handling.request = waiting.request

    def _allowed(self, request: Request) -> bool:
        """Whether the caller may come in: who signs is of this account, and its own policy allows it."""
        if self.settings.auth_type == "AWS_IAM":
            return request.signed
        policy, qualifier = self.target.function.policy, self.target.qualifier
        both = self.parts.rules.function_url_needs_invoke
        actions = (INVOKE_URL, INVOKE) if both else (INVOKE_URL,)
        return all(policy.allows_url(qualifier, "NONE", action) for action in actions)

    def _event(self, request: Request) -> bytes:
        self._requests += 1
        drawn = f"{self.parts.ids.seed}/{self.name}/{self._requests}"
        h = hashlib.sha256(drawn.encode()).hexdigest()
        signed = self.settings.auth_type == "AWS_IAM"
        return payload_v2.event(
            request,
            route_key=payload_v2.STAGE,
            stage=payload_v2.STAGE,
            api_id=self.url_id,
            domain=self.domain,
            request_id=f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:32]}",
            time_ms=self.parts.epoch_ms,
            authorizer={"iam": _caller()} if signed else None,
            account=ACCOUNT if signed else "anonymous",
            raw_path=request.raw_path,
        )

    def _answer(self, result: front.Result) -> Response:
        """What the caller gets of what Lambda says."""
        if result.error is not None:
            status = result.error.status_code
            if status < 500:
                text = result.error.message
                return message(status, text, result.request, result.cause, key="Message")
        made = None
        if result.good:
            made = payload_v2.response_of(result.response, content_type="application/json")
        if made is None:
            cause = Cause.MALFORMED_RESPONSE if result.good else result.cause
            plain = (("Content-Type", "text/plain"),)
            return Response(502, b"Internal Server Error", plain, result.request, cause)
        ident = ("x-amzn-RequestId", self.parts.ids.request(result.request))
        return replace(made, headers=(*made.headers, ident), request=result.request)

    def __repr__(self) -> str:
        state = ", deleted" if self.gone else ""
        return f"<function URL {self.url} of {self.name[:-4]}: auth {self.auth_type}{state}>"


def _denied(text: str, cause: int) -> Response:
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", "AccessDeniedException"))
    return Response(403, f'{{"Message":{text}}}'.encode(), headers, cause=cause)


def _with(response: Response, headers: tuple[tuple[str, str], ...]) -> Response:
    """The answer with more headers, which win over those of the function (botocore Cors)."""
    if not headers:
        return response
    told = {name.lower() for name, _ in headers}
    kept = tuple(pair for pair in response.headers if pair[0].lower() not in told)
    return replace(response, headers=(*kept, *headers))


def _caller() -> dict[str, Any]:
    """Who signed, as the event shows it."""
    return {
        "accessKey": "AKIAIOSFODNN7EXAMPLE", "accountId": ACCOUNT, "callerId": "AIDAEXAMPLE",
        "cognitoIdentity": None, "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/client", "userId": "AIDAEXAMPLE",
    }  # fmt: skip
