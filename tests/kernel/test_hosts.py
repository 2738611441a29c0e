"""Hosts that the lab answers itself: whatever library asks, and nobody else's connections."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from lambdalab import Lab
from lambdalab.kernel.shims.hosts import Line

Seen = list[tuple[str, str, bytes]]


@pytest.fixture
def seen(lab: Lab) -> Seen:
    got: Seen = []

    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        got.append((method, path, body))
        return (404, b"none") if path == "/missing" else (200, b"ok")

    lab._lambda.hosts["own.example.com"] = answer
    return got


def run(lab: Lab, handler: Any) -> Any:
    reply = lab.invoke(lab.create_function("f", handler))
    assert not reply.function_error, reply.payload
    return reply.payload


def test_urllib_and_a_status_that_is_an_error(lab: Lab, seen: Seen) -> None:
    def handler(event: Any, context: Any) -> Any:
        url = "https://own.example.com"
        request = urllib.request.Request(f"{url}/a%20b?x=1", data=b"{}", method="PUT")
        with urllib.request.urlopen(request) as response:
            text = response.read().decode()
        try:
            urllib.request.urlopen(f"{url}/missing")
        except urllib.error.HTTPError as error:
            return [text, error.code, error.read().decode()]

    before = lab.elapsed
    assert run(lab, handler) == ["ok", 404, "none"]
    assert seen == [("PUT", "/a%20b?x=1", b"{}"), ("GET", "/missing", b"")]
    assert lab.trace.attempts.duration_ms.iloc[0] == 0
    assert before == 0


def test_a_chunked_body_and_plain_http(lab: Lab, seen: Seen) -> None:
    def handler(event: Any, context: Any) -> Any:
        def pieces() -> Iterator[bytes]:
            yield b"one "
            yield b"two"

        connection = http.client.HTTPConnection("own.example.com")
        connection.request("POST", "/", body=pieces(), encode_chunked=True)
        return connection.getresponse().read().decode()

    assert run(lab, handler) == "ok"
    assert seen == [("POST", "/", b"one two")]


@pytest.mark.parametrize("library", ["urllib3", "requests"])
def test_libraries_above(lab: Lab, seen: Seen, library: str) -> None:
    pytest.importorskip(library)

    def handler(event: Any, context: Any) -> Any:
        if library == "urllib3":
            import urllib3

            pool = urllib3.PoolManager()
            return [pool.request("PUT", "https://own.example.com/", body="x").status for _ in "ab"]
        import requests

        with requests.Session() as session:
            return [session.put("https://own.example.com/", data="x").status_code for _ in "ab"]

    assert run(lab, handler) == [200, 200]
    assert seen == [("PUT", "/", b"x")] * 2


def test_other_hosts_and_other_places_are_left_alone(lab: Lab, seen: Seen) -> None:
    def handler(event: Any, context: Any) -> Any:
        try:
            socket.create_connection(("other.example.com", 443))
        except OSError as error:
            return str(error)

    assert "reached for the network" in run(lab, handler)
    assert not isinstance(socket.create_connection, Line)
    real = ssl.SSLContext.wrap_socket
    assert real.__module__ == "ssl"
    assert socket.create_connection.__module__ == "socket"
    assert not hasattr(socket.create_connection, "__wrapped__")
