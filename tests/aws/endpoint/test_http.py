"""Requests and responses as they are handed around behind the server."""

from __future__ import annotations

import pytest

pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint.http import HTML, Request, Response


def test_a_path_is_decoded_once() -> None:
    request = Request("GET", "/a%2520b/%C3%BC", "k=%2B&k=1+1&empty=")
    assert request.path == "/a%20b/ü"
    assert request.pairs == [("k", "+"), ("k", "1 1"), ("empty", "")]
    assert request.query == {"k": "1 1", "empty": ""}


def test_a_body_as_json() -> None:
    assert Request("POST", "/", body=b'{"a": [1]}').json() == {"a": [1]}
    with pytest.raises(ValueError, match="unexpected"):
        Request("POST", "/", body=b"{").json()


def test_a_page_and_a_text() -> None:
    page = Response.text("<p>ü", content_type=HTML)
    assert (page.status, page.body.decode()) == (200, "<p>ü")
    assert page.headers == {"content-type": "text/html; charset=utf-8"}
    assert Response.text("no", 404).headers["content-type"].startswith("text/plain")
