"""The network: refused with a reason, unless the function allows it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from lambdalab.errors import NetworkRefused
from tests.kernel.surroundings_helper import Place, in_a_run

ADDRESS = ("127.0.0.1", 9)


def with_socket(
    act: Callable[[socket.socket], Any], kind: int = socket.SOCK_STREAM
) -> Callable[[], Any]:
    def reach() -> Any:
        with socket.socket(socket.AF_INET, kind) as made:
            return act(made)

    return reach


REACHES: dict[str, Callable[[], Any]] = {
    "connect": with_socket(lambda s: s.connect(ADDRESS)),
    "connect_ex": with_socket(lambda s: s.connect_ex(ADDRESS)),
    "bind": with_socket(lambda s: s.bind(("127.0.0.1", 0))),
    "sendto": with_socket(lambda s: s.sendto(b"x", ADDRESS), socket.SOCK_DGRAM),
    "sendmsg": with_socket(lambda s: s.sendmsg([b"x"], [], 0, ADDRESS), socket.SOCK_DGRAM),
    "create_connection": lambda: socket.create_connection(ADDRESS),
    "getaddrinfo": lambda: socket.getaddrinfo("sqs.eu-west-1.amazonaws.com", 443),
    "gethostbyname": lambda: socket.gethostbyname("localhost"),
}


@in_a_run
class TestRefused:
    @pytest.mark.parametrize("name", REACHES)
    def test_with_the_function_and_the_way_out(self, name: str) -> None:
        place = Place("orders/e3")
        with pytest.raises(NetworkRefused, match=r"'orders'.*network \(" + name) as caught:
            place.run(REACHES[name])
        assert "allow_network=True" in str(caught.value)
        assert isinstance(caught.value, OSError)

    def test_the_log_says_so_once_even_if_a_library_hides_it(self) -> None:
        place = Place("orders/e3")

        def handler() -> None:
            for reach in REACHES.values():
                with contextlib.suppress(OSError):
                    reach()

        place.run(handler)
        assert place.log.count("reached for the network") == 1

    def test_allowed_functions_reach_it(self) -> None:
        place = Place(allow_network=True)
        assert place.run(REACHES["bind"]) is None
        assert place.run(REACHES["sendto"]) == 1
        assert place.run(REACHES["sendmsg"]) == 1
        assert place.run(lambda: socket.getaddrinfo("127.0.0.1", 80)) != []

    def test_the_notebook_reaches_it(self) -> None:
        assert REACHES["bind"]() is None
        assert socket.getaddrinfo("127.0.0.1", 80)

    def test_socket_pairs_and_unix_sockets_work(self) -> None:
        def handler() -> bytes:
            one, two = socket.socketpair()
            with one, two:
                one.sendmsg([b"hel"])
                one.send(b"lo")
                return two.recv(5)

        assert Place().run(handler) == b"hello"

    def test_asyncios_own_pipe_works(self) -> None:
        async def main() -> str:
            return "ran"

        assert Place().run(lambda: asyncio.new_event_loop().close()) is None
