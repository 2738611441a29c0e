"""What an HTTP caller says and gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, LabClosed, UnknownSetting
from lambdalab.triggers.http import Headers, HttpReply, Request, Response, message, request_of
from tests.triggers.fronts import Shop

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)


def test_a_request_of_what_people_give() -> None:
    request = request_of(
        "put", "/a%20b?x=1&x=2&empty=", body={"n": 1}, query={"y": [True, 3]}, headers={"X-A": 5}
    )
    assert request == Request(
        "PUT", "/a b",
        (("x", "1"), ("x", "2"), ("empty", ""), ("y", "true"), ("y", "3")),
        (("X-A", "5"), ("Content-Type", "application/json")),
        b'{"n": 1}',
    )  # fmt: skip
    assert request.header("x-a") == "5"
    assert request.header("x-b") is None
    assert request.query_string == "x=1&x=2&empty=&y=true&y=3"


@pytest.mark.parametrize(
    ("body", "data", "kind"),
    [
        (None, b"", None),
        (b"\x00\xff", b"\x00\xff", None),
        ("text", b"text", "text/plain;charset=UTF-8"),
        ("", b"", "text/plain;charset=UTF-8"),
        ("\ud800", b"?", "text/plain;charset=UTF-8"),
        ([1], b"[1]", "application/json"),
    ],
)
def test_bodies(body: Any, data: bytes, kind: str | None) -> None:
    request = request_of("POST", body=body)
    assert (request.body, request.header("content-type")) == (data, kind)


@pytest.mark.parametrize(
    ("given", "path", "raw"),
    [
        ("/a%2Fb", "/a/b", "/a%2Fb"), ("/100%", "/100%", "/100%25"), ("/a%20b", "/a b", "/a%20b"),
        ("/ü", "/ü", "/%C3%BC"), ("/%FF", "/\ufffd", "/%FF"), ("/a#part", "/a", "/a"),
        ("/%3F", "/?", "/%3F"), ("/\ud800", "/\ufffd", "/%EF%BF%BD"), ("/100%25", "/100%", "/100%25"),
    ],
)  # fmt: skip
def test_a_path_as_it_is_meant_and_as_it_is_sent(given: str, path: str, raw: str) -> None:
    request = request_of("GET", given)
    assert (request.path, request.raw_path) == (path, raw)
    assert request_of("GET", raw).raw_path == raw, "what is written already stays"


@given(TEXT)
def test_any_path_comes_back_from_the_url(text: str) -> None:
    assert request_of("GET", Request("GET", f"/{text}").raw_path).path == f"/{text}"


def test_names_without_a_value_are_left_out() -> None:
    request = request_of("GET", "/", query={"a": None, "b": ["1", None]}, headers={"X": None})
    assert (request.query, request.headers) == ((("b", "1"),), ())
    assert request_of("GET", headers={"X": b"\xc3\xbc"}).header("x") == "ü"
    assert request_of("GET", query={"a": "\ud800"}).query == (("a", "\ufffd"),)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("data", "body"),
        ("json", "body"),
        ("params", "query"),
        ("timeout", "caller"),
        ("boody", "body"),
    ],
)
def test_keywords_of_other_libraries(lab: ll.Lab, wrong: str, right: str) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(UnknownSetting, match=f"did you mean '{right}'"):
        Shop(lab, "f").post("/", **{wrong: 1})
    assert not len(lab.trace.requests)


def test_the_answer_to_a_head_request_has_no_body(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    shop = Shop(lab, "f")
    assert shop.get("/").body != b""
    reply = shop.request("head", "/")
    assert (reply.status_code, reply.body) == (200, b"")


def test_a_content_type_that_is_given_stays() -> None:
    request = request_of("POST", body={}, headers={"content-type": "application/x"})
    assert request.headers == (("content-type", "application/x"),)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT)))
def test_queries_come_back_from_the_url(pairs: list[tuple[str, str]]) -> None:
    first = Request("GET", "/", tuple(pairs))
    assert request_of("GET", f"/?{first.query_string}").query == tuple(pairs)


@pytest.mark.parametrize(
    "bad",
    [
        {"method": "FETCH"}, {"method": 7}, {"path": "orders"}, {"path": None}, {"query": "a=1"},
        {"headers": [("a", 1)]}, {"body": {1, 2}},
    ],
)  # fmt: skip
def test_bad_input(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(bad))):
        request_of(**{"method": "GET", "path": "/"} | bad)


def test_headers_in_any_case() -> None:
    headers = Headers((("A", "1"), ("a", "2"), ("B", "3")))
    assert dict(headers) == {"A": "1, 2", "B": "3"}
    assert headers["b"] == "3"
    assert "c" not in headers
    assert repr(headers) == "{'A': '1, 2', 'B': '3'}"


def test_replies_to_look_at() -> None:
    good = HttpReply(message(504, "Endpoint request timed out", 3), 29_000_000, "id", 2)
    assert repr(good) == (
        '504 Gateway Timeout · {"message": "Endpoint request timed out"} · 29.00 s · 2 tries'
    )
    assert good.request == "r3"
    assert "#D55E00" in good._repr_html_()
    long = HttpReply(Response(200, b"x" * 100), 0, "", 1)
    assert repr(long) == f"200 OK · {'x' * 57}... · 0.00 s"
    page = HttpReply(Response(502, b"<html>\r\n<h1>502</h1>\r\n</html>\r\n"), 0, "", 1)
    assert repr(page) == "502 Bad Gateway · <html> <h1>502</h1> </html> · 0.00 s"
    gone = HttpReply(None, 5_000_000, "id", 1)
    assert repr(gone) == "no answer: the caller gave up after 5.00 s"
    assert (gone.status_code, gone.gave_up, gone.text) == (0, True, "")
    with pytest.raises(ValueError, match="Expecting value"):
        gone.json()


def test_every_verb(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    shop = Shop(lab, "f")
    for verb in ("get", "post", "put", "patch", "delete"):
        assert getattr(shop, verb)("/x").status_code == 200
    shop.request("HEAD", "/x")
    methods = [front.split()[1] for front in lab.trace.requests["front"]]
    assert methods == ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


def test_a_closed_lab_answers_no_more() -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=0.1)
    shop = Shop(lab, "f")
    lab.close()
    with pytest.raises(LabClosed):
        shop.get("/")


def test_the_short_view_says_who_asked_what(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    Shop(lab, "f").get("/x")
    lab.invoke("f")
    assert lab.trace.short.requests["asked"].tolist() == ["shop GET /x", "f"]


@pytest.mark.parametrize(
    ("payload", "front"),
    [
        ("GET /orders/7", "shop GET /orders/7"),
        ("/orders/7", "shop GET /orders/7"),
        ({"path": "/orders", "body": {"n": 1}}, "shop POST /orders"),
        ({"method": "PUT", "path": "/orders"}, "shop PUT /orders"),
        (Request("DELETE", "/orders"), "shop DELETE /orders"),
        (None, "shop GET /"),
        ({"n": 1}, "shop POST /"),
        ("a text", "shop POST /"),
    ],
)
def test_traffic_says_what_it_asks_for(lab: ll.Lab, payload: Any, front: str) -> None:
    lab.create_function("f", duration=0.1)
    lab.drive(Shop(lab, "f"), ll.Every(1), count=2, payload=payload)
    lab.run()
    assert lab.trace.requests["front"].tolist() == [front] * 2
