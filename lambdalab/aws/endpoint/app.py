"""The ASGI app: what comes over the wire, gated, read, verified, answered."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import UnknownServiceError

from lambdalab.aws.endpoint import answers, pages
from lambdalab.aws.endpoint.bodies import plain, too_large
from lambdalab.aws.endpoint.calls import Counter, fresh_id, service_of
from lambdalab.aws.endpoint.gate import Gate, forbidden, is_loopback, length_of, most_of
from lambdalab.aws.endpoint.http import TOKEN_HEADER, Request, Response
from lambdalab.aws.endpoint.protocols import protocol_of
from lambdalab.aws.endpoint.signature import Key, Signed, check, check_sender, refusal, signed_by
from lambdalab.aws.operations import ApiError

if TYPE_CHECKING:
    from lambdalab.aws.endpoint.desk import Desk

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_LOG = logging.getLogger("lambdalab.endpoint")
_ALWAYS = {"x-content-type-options": "nosniff"}
_BARE = {"content-security-policy": "sandbox; default-src 'none'"}
"""What an object of S3 must not do in a browser: run as if it were the server's own page."""
_READS = ("GET", "HEAD")
_HEADER = re.compile(r"[\t -~\x80-\xff]*\Z")


class Gone(Exception):
    """Whoever asked has hung up."""


class App:
    """One lab over HTTP.

    Parameters: the ``desk`` in front of the lab; the ``key`` that requests are signed with; the ``gate``;
    the ``token`` of the server's own page; ``allow_code``, whether code may be uploaded.
    """

    def __init__(self, desk: Desk, key: Key, gate: Gate, token: str, allow_code: bool) -> None:
        self._desk, self._key, self._gate, self._token = desk, key, gate, token
        self._counter = Counter(desk, allow_code)
        self._rules = desk.lab.rules
        self._under_way = 0
        self.head_time: float = desk.lab.rules.endpoint_head_time

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """See ASGI: one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"this server speaks HTTP, not {scope['type']}")
        request = _head(scope, self._token)
        self._under_way += 1
        try:
            nearby = is_loopback((scope.get("client") or ("",))[0])
            response, read = await self._answer(request, receive, nearby)
        except Gone:
            return
        finally:
            self._under_way -= 1
        await _send(send, request, response, read)

    async def _answer(
        self, request: Request, receive: Receive, nearby: bool
    ) -> tuple[Response, bool]:
        """The response, and whether the request was read to its end before.

        ``nearby``: whether it comes from this machine.
        """
        service, whole = _guess(request), False
        try:
            if self._under_way > self._rules.endpoint_requests:
                raise ApiError("ServiceUnavailable", "Reduce your request rate.", 503)
            signed = signed_by(request)
            page = signed is None and _is_page(request)
            self._gate.check(request.method, request.headers, page)
            if page and not nearby:
                raise forbidden("The page is for browsers on the server's own machine.")
            if signed is not None:
                service = service_of(signed.service, request)
                check_sender(signed, self._key, self._rules, dt.datetime.now(dt.UTC))
            elif not page:
                raise refusal("missing", service)
            most = most_of(service, self._rules)
            if signed is None and request.method == "POST" and not self._is_pages(request):
                return await pages.answer(self._desk, request), whole  # which refuses, unread
            request, whole = await self._read(request, receive, most, service), True
            if signed is None:
                return await pages.answer(self._desk, request), whole
            return await self._called(service, request, signed, most), whole
        except ApiError as error:
            return _refused(service, request, error), whole
        except Gone:
            raise
        except Exception:
            _LOG.exception("%s %s", request.method, request.raw_path)
            told = ApiError("InternalFailure", "The server has failed; its log says how.", 500)
            return _refused(service, request, told), whole

    def _is_pages(self, request: Request) -> bool:
        """Whether a request carries the token of the server's own page."""
        given = request.headers.get(TOKEN_HEADER, "")
        return secrets.compare_digest(given.encode(), self._token.encode())

    async def _called(self, service: str, request: Request, signed: Signed, most: int) -> Response:
        """The answer to a signed request."""
        check(request, signed, self._key)
        request = plain(request, signed, self._key, most)
        bucket = self._gate.bucket(request.headers["host"].lower()) if service == "s3" else ""
        response = await self._counter.answer(service, request, bucket=bucket, region=signed.region)
        headers = {**_BARE, **response.headers}
        if not all(_HEADER.match(value) for value in headers.values()):
            raise ApiError("InvalidArgument", "The answer would have a header that is none.")
        return Response(response.status, response.body, headers)

    async def _read(self, request: Request, receive: Receive, most: int, service: str) -> Request:
        """The request with its body, which is neither longer nor slower than it may be."""
        if length_of(request.headers) > most:
            raise too_large(most, service)
        pieces: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self._rules.endpoint_body_time):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Gone
                    piece = message.get("body", b"")
                    size, more = size + len(piece), message.get("more_body", False)
                    if size > most:
                        raise too_large(most, service)
                    pieces.append(piece)
        except TimeoutError:
            raise ApiError("RequestTimeout", "The body took too long.", 408) from None
        return Request(
            request.method, request.raw_path, request.query_string, request.headers,
            b"".join(pieces), request.token,
        )  # fmt: skip


def _head(scope: dict[str, Any], token: str) -> Request:
    """A request without its body."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return Request(scope["method"], path, query, headers, b"", token)


def _is_page(request: Request) -> bool:
    """Whether an unsigned request is for the server's own page; what is posted to ``/`` never is."""
    return pages.is_page(request) and (request.raw_path != "/" or request.method in _READS)


def _guess(request: Request) -> str:
    """The service whose errors suit a request that does not say for which it is."""
    target = request.headers.get("x-amz-target", "")
    if target or request.raw_path.startswith("/20"):
        return "sqs" if "SQS" in target else "lambda" if not target else "dynamodb"
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "sts" if form or "Action" in request.query else "s3"


def _refused(service: str, request: Request, error: ApiError) -> Response:
    """A refusal in the protocol of the service that was asked."""
    try:
        protocol = protocol_of(service, request)
    except UnknownServiceError:
        protocol = protocol_of("sts", request)
    return answers.refused(protocol, None, error, fresh_id())


async def _send(send: Send, request: Request, response: Response, read: bool) -> None:
    """Send a response; where the request was not read to its end, nothing can follow it."""
    headers = {"content-length": str(len(response.body)), **_ALWAYS, **response.headers}
    if request.method != "HEAD":
        headers["content-length"] = str(len(response.body))
    if not read:
        headers["connection"] = "close"
    told = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": told})
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})
