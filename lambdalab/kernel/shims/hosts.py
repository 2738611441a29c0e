"""Hosts that the lab itself answers: a handler's HTTPS request to one is served in process.

No socket is opened. The connection that a handler gets is a :class:`Line`: it takes the bytes of an
HTTP/1.1 request and gives the answer that the host's function makes of it, at the same moment of virtual
time. That is below ``http.client``, so ``urllib.request``, ``urllib3`` and ``requests`` all come here;
everything for other hosts goes on to where it went before (:mod:`.network` refuses it).
"""

from __future__ import annotations

import functools
import io
import ssl
from collections.abc import Callable
from email.parser import BytesParser
from http import HTTPStatus
from typing import Any

from lambdalab.kernel.current import current
from lambdalab.kernel.shims.environ import Names

Answer = Callable[[str, str, bytes], tuple[int, bytes]]
"""Method, path with query, and body in; HTTP status and body out."""
_PORTS = (443,), (80,)


class Hosts:
    """Puts a :class:`Line` in the place of connections to the lab's own hosts.

    ``socket.create_connection`` is :mod:`.network`'s, which asks :func:`connecting` first.
    """

    def __init__(self) -> None:
        self._names = names = Names()
        names.put(ssl.SSLContext, "wrap_socket", _wrapping(ssl.SSLContext.wrap_socket))
        names.put_when_imported("urllib3.util.connection.create_connection", connecting)

    def on(self) -> None:
        """Look at each connection."""
        self._names.on()

    def off(self) -> None:
        """Stop."""
        self._names.off()


def connecting(real: Callable[..., Any]) -> Callable[..., Any]:
    """``create_connection`` that knows the lab's hosts; all others are left to ``real``."""

    @functools.wraps(real)
    def create_connection(address: Any, *args: Any, **kwargs: Any) -> Any:
        task = current()
        hosts: dict[str, Answer] = {} if task is None else getattr(task.tasks, "hosts", {})
        if hosts and isinstance(address, tuple) and address[1:] in _PORTS:
            answer = hosts.get(address[0])
            if answer is not None:
                return Line(answer)
        return real(address, *args, **kwargs)

    return create_connection


def _wrapping(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def wrap_socket(self: ssl.SSLContext, sock: Any, *args: Any, **kwargs: Any) -> Any:
        return sock if isinstance(sock, Line) else real(self, sock, *args, **kwargs)

    return wrap_socket


class Line:
    """As much of a connected socket as HTTP libraries use. Parameter: the host's ``answer``."""

    def __init__(self, answer: Answer) -> None:
        self._answer, self._sent = answer, bytearray()
        self._received = io.BytesIO()

    def sendall(self, data: Any) -> None:
        """Take some of the request."""
        self._sent += bytes(data)

    def send(self, data: Any) -> int:
        """Take some of the request; all of it is taken."""
        self._sent += bytes(data)
        return len(data)

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BytesIO:
        """The request is whole: the response, to be read."""
        head, _, body = bytes(self._sent).partition(b"\r\n\r\n")
        self._sent.clear()
        first, _, rest = head.partition(b"\r\n")
        method, path = first.decode("latin-1").split(" ")[:2]
        headers = BytesParser().parsebytes(rest)
        if "chunked" in str(headers.get("Transfer-Encoding", "")).lower():
            body = _unchunked(body)
        status, text = self._answer(method, path, body)
        phrase = HTTPStatus(status).phrase
        lines = f"HTTP/1.1 {status} {phrase}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        return io.BytesIO(lines.encode() + text)

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """Some of the response."""
        if self._sent:
            self._received = self.makefile()
        return self._received.read(size)

    def settimeout(self, _timeout: float | None) -> None:
        """Answers come at once."""

    def gettimeout(self) -> None:
        """There is no timeout."""

    def setsockopt(self, *_args: Any) -> None:
        """There is nothing to set."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        """It needs no certificate."""
        return b"" if binary_form else {}

    def shutdown(self, _how: int) -> None:
        """There is nothing to end."""

    def close(self) -> None:
        """There is nothing to end."""


def _unchunked(body: bytes) -> bytes:
    """The data of a chunked body (RFC 9112, 7.1)."""
    data = bytearray()
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size.split(b";")[0] or b"0", 16)
        if not count:
            break
        data += body[:count]
        body = body[count + 2 :]
    return bytes(data)
