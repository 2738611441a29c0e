"""HTTP as far as a lab has it: what a caller sends, what comes back, and everything that answers.

A :class:`HttpFront` (an API, a function URL, a load balancer) says how it answers a :class:`Request`
in ``handle``; the verbs people use, the callers with their patience and their retries, and the rows of
``requests`` are the same for all and stand here.
"""

from __future__ import annotations

import html
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.functions.outcome import encode
from lambdalab.invocation.calling import Answer, Answered
from lambdalab.invocation.front_door import Origin
from lambdalab.sources.shown import Shown
from lambdalab.triggers.headers import Headers
from lambdalab.triggers.parts import Parts

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
SOURCE_IP = "203.0.113.10"  # a caller from the documentation's own network (RFC 5737)
USER_AGENT = "lambdalab"
_REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently",
    302: "Found", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 413: "Payload Too Large",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
_WIDTH = 60
_AS_IT_IS = "/:@!$&'()*+,;=~-._%"  # what stands in a path as it is (RFC 3986); % begins an escape
_PLAIN = re.compile(r"[\w/:@!$&'()*+,;=~.-]*\Z", re.ASCII)
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HALF = re.compile("[\ud800-\udfff]")
_KEYWORDS = ("body", "query", "headers", "signed", "caller")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Attributes: ``method``; ``path``, decoded, beginning with ``/``; ``query`` and ``headers`` as pairs in
    the order given (header names as given); ``body``, bytes; ``signed``: with an IAM signature;
    ``sent_path``, the path as it stands in the URL ("": as the decoded one is written there), and
    ``sent_query``, the query likewise.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    signed: bool = False
    sent_path: str = ""
    sent_query: str = ""

    @property
    def raw_path(self) -> str:
        """The path as it stands in the URL: "/a%2Fb" is one segment, "/a/b" two.

        >>> Request("GET", "/a b").raw_path, request_of("GET", "/a%2Fb").raw_path
        ('/a%20b', '/a%2Fb')
        """
        if self.sent_path or _PLAIN.match(self.path):
            return self.sent_path or self.path
        return quote(self.path.replace("%", "%25"), safe=_AS_IT_IS, errors="replace")

    @property
    def query_string(self) -> str:
        """The query as it stands in the URL, without ``?``.

        >>> request_of("GET", "/?verbose&q=a%20b").query_string
        'verbose&q=a%20b'
        >>> Request("GET", "/", (("q", "a b"),)).query_string
        'q=a+b'
        """
        return self.sent_query or urlencode(self.query)

    def header(self, name: str) -> str | None:
        """The last value of a header, whatever the case of its name."""
        found = [value for known, value in self.headers if known.lower() == name.lower()]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Response:
    """What a front answers: ``status_code``, ``headers`` (pairs), ``body``; and for the books the
    invocation's number (``request``, 0: none) and the ``cause`` (0: as the invocation's row says)."""

    status_code: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    request: int = 0
    cause: int = 0


NULL = Response(200, b"null", (("Content-Type", "application/json"),))
"""What fronts answer for a modelled function that ran: it returned nothing."""


def message(
    status_code: int, text: str, request: int = 0, cause: int = 0, key: str = "message"
) -> Response:
    """A service's own answer: ``{"message": text}``.

    >>> message(504, "Endpoint request timed out").body
    b'{"message": "Endpoint request timed out"}'
    """
    body = json.dumps({key: text}).encode()
    return Response(status_code, body, (("Content-Type", "application/json"),), request, cause)


class HttpReply:
    """What an HTTP caller got.

    Attributes
    ----------
    status_code
        The last try's HTTP status; 0 where the caller got no answer.
    headers
        Header names to values, several values of one name joined by ``", "``; found in any case.
    body, text
        The body as bytes and as text; :meth:`json` parses it.
    latency_ms
        From the first try to the last answer, waits between tries included.
    request_id
        Of the invocation that the last try led to; "" where it led to none.
    tries
        How many there were.
    gave_up
        Whether the caller stopped waiting.
    """

    def __init__(
        self, response: Response | None, latency_us: int, request_id: str, tries: int
    ) -> None:
        self._response = response
        self.status_code = 0 if response is None else response.status_code
        self.gave_up = response is None
        self.body = b"" if response is None else response.body
        self.headers = Headers(() if response is None else response.headers)
        self.latency_ms = latency_us / 1000
        self.request = f"r{response.request}" if response is not None and response.request else ""
        self.request_id, self.tries = request_id, tries

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body, parsed. Raises ValueError where it is no JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        took = f"{self.latency_ms / 1000:.2f} s"
        tries = f" · {self.tries} tries" if self.tries > 1 else ""
        if self.gave_up:
            return f"no answer: the caller gave up after {took}{tries}"
        told = re.sub(r"\s*\n\s*", " ", self.text.strip())  # a page of HTML, on one line
        told = told if len(told) <= _WIDTH else f"{told[: _WIDTH - 3]}..."
        reason = _REASONS.get(self.status_code, "")
        return " · ".join(
            filter(None, [f"{self.status_code} {reason}".strip(), told, took + tries])
        )

    def _repr_html_(self) -> str:
        colour = "#009E73" if 200 <= self.status_code < 400 else "#D55E00"
        return f"<b style='color:{colour}'>{html.escape(repr(self))}</b>"


Handed = Callable[[Response], None]


@dataclass(slots=True)
class Handling:
    """A request that a front is working on; ``request`` is the invocation's number, once there is one."""

    request: int = 0
    waiting: Any = field(default=None, repr=False)


class HttpOperation:
    """A request to a front, sent as often as the caller likes; ``front`` is its name in the books."""

    def __init__(self, owner: HttpFront, request: Request) -> None:
        self._owner, self._request = owner, request
        self.front = owner.parts.books.name(owner.label(request))

    def begin(self, origin: Origin, answered: Answered) -> Handling:
        """Send it once."""
        handling = Handling()

        def answer(response: Response) -> None:
            answered(Answer(response.status_code, response.request, response.cause, value=response))

        self._owner.handle(self._request, origin, handling, answer)
        return handling


class HttpFront(Shown):
    """Anything that answers HTTP requests by calling functions."""

    name: str
    parts: Parts

    @abstractmethod
    def handle(self, request: Request, origin: Origin, handling: Handling, answer: Handed) -> None:
        """Answer a request: call ``answer`` once, at once or later; put the invocation's number into
        ``handling.request`` as soon as there is one (:class:`.front.Waiting` has it)."""

    def label(self, request: Request) -> str:
        """What a request is called in the books: "shop GET /orders/{id}"."""
        return f"{self.name} {request.method} {request.path}"

    # ------------------------------------------------------------------ what people say

    def request(
        self,
        method: str,
        path: str = "/",
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        signed: bool = False,
        caller: Any = None,
        **unknown: object,
    ) -> HttpReply:
        """Send a request and wait for the answer; a status of 4xx or 5xx is an answer, not an error.

        Parameters
        ----------
        method, path
            ``"GET"``, ``"/orders/7?verbose=1"``; a query in the path counts with ``query``.
        body
            Bytes and texts as they are; any other value is sent as JSON. A text and JSON bring their
            content type, unless ``headers`` have one; bytes bring none.
        query, headers
            Names to a value or a list of values; None leaves a name out.
        signed
            With an IAM signature, for fronts that ask for one.
        caller
            Who asks: ``ll.Browser(...)``, ``ll.SdkClient(...)`` ...; None: one try, and all the time in
            the world.
        """
        for name in unknown:
            raise UnknownSetting("request", name, _KEYWORDS)
        self.parts.origin()  # raises where the lab is closed, or the handler over
        operation = HttpOperation(
            self, request_of(method, path, body=body, query=query, headers=headers, signed=signed)
        )
        began = self.parts.now
        answer = self.parts.perform(operation, caller)
        number, response = answer.request, answer.value
        if method.upper() == "HEAD" and response is not None:
            response = replace(response, body=b"")  # nobody sends one (RFC 9110)
        request_id = self.parts.ids.request(number) if number else ""
        return HttpReply(response, self.parts.now - began, request_id, answer.tries)

    def get(self, path: str = "/", **more: Any) -> HttpReply:
        """``GET``; see :meth:`request`."""
        return self.request("GET", path, **more)

    def post(self, path: str = "/", body: Any = None, **more: Any) -> HttpReply:
        """``POST``; see :meth:`request`."""
        return self.request("POST", path, body=body, **more)

    def put(self, path: str = "/", body: Any = None, **more: Any) -> HttpReply:
        """``PUT``; see :meth:`request`."""
        return self.request("PUT", path, body=body, **more)

    def patch(self, path: str = "/", body: Any = None, **more: Any) -> HttpReply:
        """``PATCH``; see :meth:`request`."""
        return self.request("PATCH", path, body=body, **more)

    def delete(self, path: str = "/", **more: Any) -> HttpReply:
        """``DELETE``; see :meth:`request`."""
        return self.request("DELETE", path, **more)

    # ------------------------------------------------------------------ what lab.drive says

    def drive_operation(self, payload: Any, number: int) -> HttpOperation:
        """The request of one arrival: what :func:`asked` makes of the payload."""
        return HttpOperation(self, asked(payload))


def request_of(
    method: str,
    path: str = "/",
    *,
    body: Any = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, Any] | None = None,
    signed: bool = False,
) -> Request:
    """A request of what people give; raises :class:`~lambdalab.errors.InvalidSetting` for what is none.

    >>> request_of("get", "/orders/a%20b?n=1", query={"n": 2}).query
    (('n', '1'), ('n', '2'))
    """
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise InvalidSetting("method", method, f"one of {', '.join(METHODS)}", "RFC 9110")
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidSetting("path", path, "a text that begins with '/'", "RFC 9110")
    bare, _, told = _sendable(path).partition("#")[0].partition("?")  # nobody sends a fragment
    pairs = [*parse_qsl(told, keep_blank_values=True), *_pairs("query", query)]
    lines = _pairs("headers", headers)
    data, kind = _body(body)
    if kind and not any(name.lower() == "content-type" for name, _ in lines):
        lines.append(("Content-Type", kind))
    made = Request(method.upper(), unquote(bare), tuple(pairs), tuple(lines), data, bool(signed))
    if "%" in bare:  # else it is clear how the path is written
        sent = quote(_NO_ESCAPE.sub("%25", bare), safe=_AS_IT_IS, errors="replace")
        made = made if sent == made.raw_path else replace(made, sent_path=sent)
    if told:
        added = urlencode(_pairs("query", query))
        written = _NO_ESCAPE.sub("%25", told.replace(" ", "+"))
        sent = quote(written, safe=_AS_IT_IS + "?", errors="replace")
        sent = f"{sent}&{added}" if added else sent
        made = made if sent == made.query_string else replace(made, sent_query=sent)
    return made


def asked(payload: Any) -> Request:
    """The request that a payload of ``lab.drive`` stands for.

    A :class:`Request`; a text such as ``"GET /orders/7"`` or ``"/orders/7"``; a mapping with ``path`` and
    what else :func:`request_of` takes; None for ``GET /``. Anything else is the body of ``POST /``.

    >>> asked("/orders/7?verbose=1").query, asked({"path": "/", "body": {"n": 1}}).method
    ((('verbose', '1'),), 'POST')
    """
    if isinstance(payload, Request):
        return payload
    if payload is None:
        return request_of("GET")
    if isinstance(payload, str):
        method, _, path = payload.partition(" ")
        if method.upper() in METHODS and path.startswith("/"):
            return request_of(method, path)
        if payload.startswith("/"):
            return request_of("GET", payload)
    if isinstance(payload, Mapping) and "path" in payload:
        usual = "GET" if payload.get("body") is None else "POST"
        return request_of(**{"method": usual, **payload})
    return request_of("POST", body=payload)


def _pairs(setting: str, given: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise InvalidSetting(setting, given, "a mapping of names to a value or a list of values")
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        found += [(_text(name), _text(each)) for each in values if each is not None]
    return found


def _text(value: object) -> str:
    """A value of a query or header; truth values as JavaScript and JSON spell them."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode(errors="replace")
    return _sendable(str(value).lower() if isinstance(value, bool) else str(value))


def _sendable(text: str) -> str:
    """A text without halves of characters, which no bytes can be made of."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _body(body: Any) -> tuple[bytes, str]:
    """A body as bytes, and the content type that it brings; a text's is that of browsers (fetch)."""
    if body is None:
        return b"", ""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body), ""
    if isinstance(body, str):
        return body.encode(errors="replace"), "text/plain;charset=UTF-8"
    try:
        return encode(body), "application/json"
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSetting("body", body, f"something JSON can hold: {error}") from None
