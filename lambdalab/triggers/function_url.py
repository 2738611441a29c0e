"""Function URLs: an HTTPS address that invokes a function by itself (dg/urls-configuration).

A URL belongs to a function or to one of its aliases, calls it synchronously, and waits for as long as it
runs. Its answers stand in invocation.md 6 of the reference. Who comes without a signature needs a
statement in the function's resource policy (dg/urls-auth): the lab adds it, as the console does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from lambdalab.errors import (
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    ValidationException,
)
from lambdalab.functions.policy import Statement
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
            raw_path=quote(request.path, safe="/:@!$&'()*+,;=~-._"),
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


class FunctionUrls:
    """Every function URL of a lab; the verbs that make them stand on the lab."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[str, FunctionUrl] = {}
        parts.on_reset(self._begin)

    def __iter__(self) -> Iterator[FunctionUrl]:
        return iter([url for url in self._found.values() if not url.gone])

    def create(
        self, function: Any, qualifier: Any, auth_type: Any, cors: Any, invoke_mode: Any
    ) -> FunctionUrl:
        """Give a function or an alias its URL, and let callers in (see ``lab.create_function_url``)."""
        target = self._target(function, qualifier)
        settings = UrlSettings.make(
            self._parts.rules, "create_function_url", auth_type, cors, invoke_mode
        )
        known = self._found.get(target.arn)
        if known is not None and not known.gone:
            raise ResourceConflictException(
                f"Failed to create function url config for [functionArn = {target.arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function",
                "; lab.get_function_url() has it, lab.update_function_url() changes it",
            )
        made = self._found[target.arn] = FunctionUrl(self._parts, target, settings)
        self._grant(made)
        made.tell()
        return made

    def find(self, function: Any, qualifier: Any) -> FunctionUrl:
        """The URL of a function or alias; raises AWS's ResourceNotFoundException where there is none."""
        found = function if isinstance(function, FunctionUrl) else None
        if found is None:
            found = self._found.get(self._target(function, qualifier).arn)
        if found is None or found.gone or self._found.get(found.target.arn) is not found:
            raise ResourceNotFoundException(
                "The resource you requested does not exist.", "; lab.create_function_url() makes one"
            )
        return found

    def update(
        self, function: Any, qualifier: Any, auth_type: Any, cors: Any, invoke_mode: Any
    ) -> FunctionUrl:
        """Change a URL; what is None stays. CORS is replaced as a whole, and taken away by ``{}``."""
        found = self.find(function, qualifier)
        old = found.settings
        found.settings = UrlSettings.make(
            self._parts.rules,
            "update_function_url",
            old.auth_type if auth_type is None else auth_type,
            old.cors if cors is None else cors,
            old.invoke_mode if invoke_mode is None else invoke_mode,
        )
        if found.auth_type != old.auth_type:
            self._grant(found)
        found.tell()
        return found

    def delete(self, function: Any, qualifier: Any) -> None:
        """Take a URL away; the policy keeps its statements, as on AWS."""
        found = self.find(function, qualifier)
        found.deleted = True
        found.tell()
        del self._found[found.target.arn]

    def _grant(self, url: FunctionUrl) -> None:
        """Let anybody in, unless the function's policy does already."""
        if url.auth_type != "NONE":
            return
        policy, qualifier = url.target.function.policy, url.target.qualifier
        known = {statement.sid for statement in policy.of(qualifier)}
        for sid, action, statement in (
            (_PUBLIC.sid, INVOKE_URL, _PUBLIC),
            (_INVOKE.sid, INVOKE, _INVOKE),
        ):
            needed = action == INVOKE_URL or self._parts.rules.function_url_needs_invoke
            if needed and sid not in known and not policy.allows_url(qualifier, "NONE", action):
                policy.add(qualifier, statement)

    def _target(self, function: Any, qualifier: Any) -> Target:
        """A function or an alias: a version has no URL."""
        target = self._parts.target(function, qualifier)
        wrong = target.qualifier
        if wrong and target.alias is None:
            raise ValidationException(
                f"1 validation error detected: Value '{wrong}' at 'qualifier' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: "
                r"((?!^\d+$)^[0-9a-zA-Z-_]+$)",
                "; a version has no URL of its own: give the function, or an alias",
            )
        return target

    def _begin(self) -> None:
        for url in self:
            url.begin()


_PUBLIC = Statement("FunctionURLAllowPublicAccess", "*", INVOKE_URL, auth_type="NONE")
_INVOKE = Statement("FunctionURLAllowInvokeAction", "*", INVOKE, via_url=True)


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
