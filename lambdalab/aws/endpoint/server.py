"""The server: uvicorn with the app, on a socket of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lambdalab.aws.endpoint.app import App
from lambdalab.aws.endpoint.desk import Desk
from lambdalab.aws.endpoint.gate import Gate, is_loopback
from lambdalab.aws.endpoint.signature import Key
from lambdalab.errors import InvalidSetting
from lambdalab.functions.context import REGION
from lambdalab.rules import Rules

if TYPE_CHECKING:
    from lambdalab.lab import Lab

PORT = 4566


@dataclass(frozen=True)
class Server:
    """A lab that is being served.

    Attributes: ``url``, of the endpoint and of its page; ``access_key`` and ``secret_key``, which
    requests have to be signed with; ``region``.
    """

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = REGION
    _clients: list[Any] = field(default_factory=list, repr=False, compare=False)

    def environment(self) -> dict[str, str]:
        """The variables that the AWS CLI and the SDKs look for."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
        }  # fmt: skip

    def client(self, service_name: str, **settings: Any) -> Any:
        """A client of boto3 that sends its requests here; ``settings`` are those of ``boto3.client``.

        It is closed with the server.
        """
        import boto3

        made = boto3.client(
            service_name, endpoint_url=self.url, region_name=self.region,
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key, **settings,
        )  # fmt: skip
        self._clients.append(made)
        return made

    def close_clients(self) -> None:
        """Hang up what :meth:`client` has made."""
        while self._clients:
            self._clients.pop().close()


class _Joined:
    """A transport that sends the head of an answer together with what follows it.

    Each send gives the lab's thread a chance to go on first, and costs more than the answer's making.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send, or keep what is the head of an answer until the next call, in this turn of the loop."""
        if not self._held and data.startswith(b"HTTP/") and data[9:10] != b"1":
            self._held = bytes(data)
            self._loop.call_soon(self._flush)
        else:
            held, self._held = self._held, b""
            self._transport.write(held + data)

    def close(self) -> None:
        """Send what is kept, and hang up."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Patient(H11Protocol):  # type: ignore[misc]
    """A connection that has to send the head of a request within a time, once it is open."""

    def connection_made(self, transport: Any) -> None:
        """Somebody has come."""
        super().connection_made(_Joined(transport, self.loop))
        self._late: asyncio.TimerHandle | None = None
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Somebody has said something."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody has gone."""
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        """Count while a head is awaited of which nothing, or a part, has come."""
        begun = self.conn.trailing_data[0] or self.cycle is None
        waiting = self.conn.their_state is h11.IDLE and begun
        if waiting and self._late is None:
            seconds = self.app.head_time
            self._late = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
        elif not waiting and self._late is not None:
            self._late.cancel()
            self._late = None


class _Running:
    """A lab on a socket: what :func:`serve` and :func:`running` share."""

    def __init__(
        self,
        lab: Lab,
        host: str,
        port: int,
        speed: float | None,
        *,
        allow_code: bool,
        allow_remote: bool,
        names: Iterable[str],
    ) -> None:
        if not is_loopback(host) and not allow_remote:
            raise InvalidSetting(
                "host", host, "127.0.0.1, ::1 or localhost, unless allow_remote=True (--allow-remote): "
                "whoever reaches this server and has its keys can run what the lab's functions do, and "
                "it speaks HTTP without encryption",
            )  # fmt: skip
        self._lab = lab
        self.desk = Desk(lab, speed)
        self.socket = _listening(host, port)
        port = self.socket.getsockname()[1]
        key = Key.fresh()
        gate = Gate(port, [*names, *_own_names(host)], any_address=not is_loopback(host))
        app = App(self.desk, key, gate, secrets.token_urlsafe(24), allow_code)
        self.server = uvicorn.Server(_config(app, lab.rules))
        name = "127.0.0.1" if host in _WILDCARDS else f"[{host}]" if ":" in host else host
        self.told = Server(f"http://{name}:{port}", key.access_key, key.secret_key)

    def run(self) -> None:
        """Serve until somebody stops it, and give the lab back."""
        try:
            self.desk.start()
            self.server.run(sockets=[self.socket])
        finally:
            self.desk.close()
            self.socket.close()


def _config(app: App, rules: Rules) -> uvicorn.Config:
    """How uvicorn serves: plain HTTP, with nothing that trusts a header, within the rules' limits."""
    return uvicorn.Config(
        app, http=_Patient, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, loop="asyncio", interface="asgi3",
        limit_concurrency=rules.endpoint_connections + 1,  # uvicorn refuses the one that reaches it
        h11_max_incomplete_event_size=rules.endpoint_head,
        timeout_keep_alive=rules.endpoint_idle_time,
        timeout_graceful_shutdown=_GRACE,
    )  # fmt: skip


_WILDCARDS = ("0.0.0.0", "::")
_BACKLOG = 256
_LOOK = 0.002
"""Seconds between two looks at whether the server has started."""
_GRACE = 3
"""Seconds that requests under way have when the server is stopped."""


def _own_names(host: str) -> list[str]:
    return [] if host in _WILDCARDS else [host]


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens, or an error that says which one could not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with its protocol named: only then asyncio sends each part of an answer at once
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        limit = f"one that is free here: {getattr(error, 'strerror', None) or error}"
        made.close()
        raise InvalidSetting("port", port, limit) from None
    return made


def serve(
    lab: Lab,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    speed: float | None = None,
    allow_code: bool = False,
    allow_remote: bool = False,
    names: Iterable[str] = (),
) -> None:
    """Serve a lab to the AWS CLI and the SDKs until Ctrl-C; print at start how to reach it.

    Parameters
    ----------
    lab
        The lab. Until the server ends nobody else may use it.
    host, port
        Where to listen; port 0: one that is free.
    speed
        Seconds of the lab in a second of the clock on the wall; None: virtual time.
    allow_code
        Whether clients may upload functions' code, which means that they may run any.
    allow_remote
        Whether ``host`` may be one that other machines reach.
    names
        Names beside its own by which the server is called, such as that of its container.

    Raises :class:`~lambdalab.errors.InvalidSetting` before anything is served.
    """
    running_one = _Running(
        lab, host, port, speed, allow_code=allow_code, allow_remote=allow_remote, names=names
    )
    print(welcome(running_one.told), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        running_one.run()
    print("\nStopped.", file=sys.stderr)


def welcome(server: Server) -> str:
    """What is printed at start."""
    exports = "\n".join(f"  export {name}={value}" for name, value in server.environment().items())
    return (
        f"A lab at {server.url} (open it in a browser, too). Its keys, made just now:\n\n{exports}\n\n"
        f"  aws --endpoint-url {server.url} lambda list-functions\n\nCtrl-C ends it."
    )


@contextmanager
def running(
    lab: Lab,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    speed: float | None = None,
    allow_code: bool = False,
    allow_remote: bool = False,
    names: Iterable[str] = (),
) -> Iterator[Server]:
    """Serve a lab from a thread of this process, for as long as the block lasts.

    Parameters: as of :func:`serve`; the port is one that is free, unless it is given.

    Example: ``with lambdalab.aws.endpoint.running(lab) as server: server.client("sqs").list_queues()``.
    Within the block the lab is the server's: whoever else touches it gets in its way.
    """
    running_one = _Running(
        lab, host, port, speed, allow_code=allow_code, allow_remote=allow_remote, names=names
    )
    failed: list[BaseException] = []

    def run() -> None:
        try:
            running_one.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="lambdalab endpoint", daemon=True)
    thread.start()
    while not running_one.server.started and thread.is_alive():
        time.sleep(_LOOK)
    try:
        if not failed:
            yield running_one.told
    finally:
        running_one.told.close_clients()
        running_one.server.should_exit = True
        thread.join()
    if failed:
        raise failed[0]
