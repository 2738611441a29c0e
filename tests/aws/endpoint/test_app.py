"""The app by itself, as a server calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint.app import App
from lambdalab.aws.endpoint.desk import Desk
from lambdalab.aws.endpoint.gate import Gate
from lambdalab.aws.endpoint.signature import Key
from lambdalab.lab import Lab


@pytest.fixture
def app(lab: Lab) -> Iterator[App]:
    lab.create_function("bill", duration=0.1)
    desk = Desk(lab)
    desk.start()
    yield App(desk, Key("LABKEY", "a secret"), Gate(4566, any_address=True), "the-token", False)
    desk.close()


def scope(method: str, path: str, client: str, **headers: str) -> dict[str, Any]:
    told = {"host": "192.0.2.1:4566"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return {
        "type": "http", "method": method, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "client": (client, 1),
    }  # fmt: skip


def asked(app: App, scope: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """What the app sends."""
    sent: list[dict[str, Any]] = []
    coming = iter(messages or ({"type": "http.request", "body": b""},))

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def test_the_page_is_for_browsers_of_this_machine(app: App) -> None:
    for path in ("/", "/_lambdalab/state"):
        assert asked(app, scope("GET", path, "127.0.0.1"))[0]["status"] == 200
        for client in ("192.0.2.9", "fe80::1", ""):
            start, body = asked(app, scope("GET", path, client))
            assert (start["status"], b"own machine" in body["body"]) == (403, True)
    token = {"x_lambdalab_token": "the-token"}
    assert asked(app, scope("POST", "/_lambdalab/run", "192.0.2.9", **token))[0]["status"] == 403


def test_who_hangs_up_before_the_body_is_there_is_not_answered(app: App) -> None:
    page = scope("POST", "/_lambdalab/run", "127.0.0.1", x_lambdalab_token="the-token")
    part = {"type": "http.request", "body": b"{", "more_body": True}
    assert asked(app, page, part, {"type": "http.disconnect"}) == []
    whole = {"type": "http.request", "body": b"{}"}
    assert asked(app, page, whole)[0]["status"] == 200


def test_nothing_follows_what_was_not_read(app: App) -> None:
    start, _ = asked(app, scope("POST", "/photos/a", "127.0.0.1", content_length="9"))
    assert start["status"] == 403
    assert (b"connection", b"close") in start["headers"]


def test_a_failure_of_the_server_is_told_as_one(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("lambdalab.aws.endpoint.pages.answer", answer)
    start, body = asked(app, scope("GET", "/", "127.0.0.1"))
    assert start["status"] == 500
    assert b"secret" not in body["body"]
    assert "ZeroDivisionError: secret" in caplog.text


def test_it_speaks_http(app: App) -> None:
    with pytest.raises(RuntimeError, match="not websocket"):
        asked(app, {"type": "websocket"})
