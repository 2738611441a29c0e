"""A handler that reaches for the network is refused, unless its function allows it.

A simulation must not by accident send a real request with real credentials.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import NetworkRefused
from lambdalab.kernel.shims.environ import Names, here
from lambdalab.kernel.shims.hosts import connecting

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import Surroundings

METHODS = "connect", "connect_ex", "bind", "sendto"
LOOKUPS = (
    "getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo",
    "create_connection", "create_server",
)  # fmt: skip
_INTERNET = {socket.AF_INET, socket.AF_INET6}


class Network:
    """Refuses internet sockets and name lookups; socket pairs and Unix sockets work."""

    def __init__(self) -> None:
        self._names = names = Names()
        for name in METHODS:
            names.put(socket.socket, name, _guarded(getattr(socket.socket, name)))
        if hasattr(socket.socket, "sendmsg"):
            names.put(socket.socket, "sendmsg", _guarded_sendmsg(socket.socket.sendmsg))
        for name in LOOKUPS:
            refused = _lookup(getattr(socket, name))
            own = name == "create_connection"  # some hosts the lab itself answers
            names.put(socket, name, connecting(refused) if own else refused)

    def on(self) -> None:
        """Guard."""
        self._names.on()

    def off(self) -> None:
        """Stop."""
        self._names.off()


def _check(surroundings: Surroundings, what: str, target: object) -> None:
    """Refuse unless allowed; libraries wrap the error or try again, so the log says it too, once."""
    if surroundings.allow_network:
        return
    function = surroundings.function_name
    reason = (
        f"function {function!r} reached for the network ({what} {target!r}), and a lab opens no socket;"
        " create the function with allow_network=True to let it"
    )
    if not surroundings.network_refused:
        surroundings.network_refused = True
        surroundings.write(f"lambdalab: {reason}\n")
    raise NetworkRefused(reason)


def _guarded(real: Callable[..., Any]) -> Callable[..., Any]:
    name = real.__name__

    @functools.wraps(real)
    def call(self: socket.socket, *args: Any) -> Any:
        surroundings = here()
        if surroundings is not None and self.family in _INTERNET:
            _check(surroundings, name, args[-1] if args else None)
        return real(self, *args)

    return call


def _guarded_sendmsg(real: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(real)
    def sendmsg(
        self: socket.socket,
        buffers: Any,
        ancdata: Any = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        surroundings = here()
        if surroundings is not None and address is not None and self.family in _INTERNET:
            _check(surroundings, "sendmsg", address)
        return real(self, buffers, ancdata, flags, *(() if address is None else (address,)))

    return sendmsg


def _lookup(real: Callable[..., Any]) -> Callable[..., Any]:
    name = real.__name__

    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is not None:
            _check(surroundings, name, args[0] if args else None)
        return real(*args, **kwargs)

    return call
