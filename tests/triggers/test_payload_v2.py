"""Payload format 2.0, both ways."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventV2Model
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.triggers.http import Request, request_of
from lambdalab.triggers.payload_v2 import event, response_of


def told(request: Request, **more: Any) -> dict[str, Any]:
    """The event of a request to an HTTP API."""
    settings: dict[str, Any] = {
        "route_key": "GET /p", "stage": "$default", "api_id": "api", "domain": "api.example.com",
        "request_id": "q", "time_ms": 1_735_689_600_000,
    }  # fmt: skip
    found: dict[str, Any] = json.loads(event(request, **(settings | more)))
    APIGatewayProxyEventV2Model.model_validate(found)
    return found


def test_what_came_more_than_once_is_joined_by_commas() -> None:
    shown = told(
        request_of(
            "GET",
            "/a b",
            query={"n": [1, 2], "m": "x y"},
            headers={"X-Tag": ["a", "b"], "x-tag": "c"},
        )
    )
    assert shown["queryStringParameters"] == {"n": "1,2", "m": "x y"}
    assert shown["rawQueryString"] == "n=1&n=2&m=x+y"
    assert shown["headers"]["x-tag"] == "a,b,c"
    assert shown["rawPath"] == shown["requestContext"]["http"]["path"] == "/a b"


def test_what_is_not_there_is_left_out() -> None:
    shown = told(Request("GET", "/p"))
    assert shown["rawQueryString"] == ""
    for name in ("cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"):
        assert name not in shown
    assert "authorizer" not in shown["requestContext"]
    assert "content-length" not in shown["headers"]
    assert shown["isBase64Encoded"] is False


def test_cookies_have_a_place_of_their_own() -> None:
    shown = told(request_of("GET", "/p", headers={"Cookie": ["a=1; b=2", "c=3"]}))
    assert shown["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in shown["headers"]


def test_the_context_says_who_and_when() -> None:
    shown = told(
        request_of("POST", "/p", body={"k": 1}, headers={"User-Agent": "ua"}),
        stage="prod",
        path_parameters={"id": "7"},
        stage_variables={"v": "1"},
        authorizer={"jwt": {"claims": {"sub": "u"}, "scopes": []}},
    )
    context = shown["requestContext"]
    assert shown["rawPath"] == context["http"]["path"] == "/prod/p"
    assert (shown["pathParameters"], shown["stageVariables"]) == ({"id": "7"}, {"v": "1"})
    assert context["authorizer"]["jwt"]["claims"] == {"sub": "u"}
    assert (context["domainPrefix"], context["stage"]) == ("api", "prod")
    assert context["time"] == "01/Jan/2025:00:00:00 +0000"
    assert (context["timeEpoch"], context["http"]["userAgent"]) == (1_735_689_600_000, "ua")
    assert (shown["body"], shown["headers"]["content-length"]) == ('{"k": 1}', "8")


@pytest.mark.parametrize(
    ("kind", "binary"),
    [
        ("text/csv; charset=utf-8", False),
        ("application/json", False),
        ("application/xml", False),
        ("application/javascript", False),
        ("application/x-www-form-urlencoded", True),
        ("image/png", True),
        ("", True),
    ],
)
def test_what_is_no_text_comes_as_base64(kind: str, binary: bool) -> None:
    shown = told(
        request_of("POST", "/p", body=b"a=1", headers={"Content-Type": kind} if kind else {})
    )
    assert shown["isBase64Encoded"] is binary
    assert (base64.b64decode(shown["body"]) if binary else shown["body"].encode()) == b"a=1"


def test_a_text_comes_as_a_text() -> None:
    """A text names its content type, as a browser's does: nothing has to be decoded."""
    shown = told(request_of("POST", "/p", body="grüße"))
    assert (shown["body"], shown["isBase64Encoded"]) == ("grüße", False)
    assert shown["headers"]["content-type"] == "text/plain;charset=UTF-8"


@given(st.binary(min_size=1), st.sampled_from(["text/plain", "application/json", "image/png"]))
def test_no_body_is_ever_lost(body: bytes, kind: str) -> None:
    shown = told(request_of("POST", "/p", body=body, headers={"Content-Type": kind}))
    text = shown["body"]
    assert (base64.b64decode(text) if shown["isBase64Encoded"] else text.encode()) == body


# ---------------------------------------------------------------------- and back


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({"hello": "world"}, b'{"hello":"world"}'),
        (["hello", 3, True], b'["hello",3,true]'),
        ("hello", b"hello"),
        (3, b"3"),
        (3.1, b"3.1"),
        (True, b"true"),
        (None, b"null"),
        ({}, b"{}"),
        ("ünï", "ünï".encode()),
        ({"statuscode": 404}, b'{"statuscode":404}'),
    ],
)
def test_a_result_without_a_status_is_the_body_of_a_200(result: object, body: bytes) -> None:
    made = response_of(json.dumps(result).encode())
    assert made is not None
    assert (made.status_code, made.body) == (200, body)
    assert made.headers == (("Content-Type", "application/json"),)


def test_a_result_with_a_status_says_everything_itself() -> None:
    result = {
        "statusCode": "201",
        "headers": {"X-A": "1", "x-big": True, "X-Null": None},
        "cookies": ["a=1; Secure", "b=2"],
        "body": base64.b64encode(b"\x00\xff").decode(),
        "isBase64Encoded": True,
    }
    made = response_of(json.dumps(result).encode())
    assert made is not None
    assert (made.status_code, made.body) == (201, b"\x00\xff")
    assert made.headers == (
        ("X-A", "1"), ("x-big", "true"), ("Content-Type", "text/plain;charset=UTF-8"),
        ("Set-Cookie", "a=1; Secure"), ("Set-Cookie", "b=2"),
    )  # fmt: skip


def test_its_own_content_type_stays() -> None:
    made = response_of(
        b'{"statusCode": 200, "headers": {"content-type": "text/html"}, "body": null}'
    )
    assert made is not None
    assert (made.headers, made.body) == ((("content-type", "text/html"),), b"")


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 99}, {"statusCode": 600}, {"statusCode": "x"}, {"statusCode": True},
        {"statusCode": None}, {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"x": ["1"]}}, {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": [1]},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
    ],
)  # fmt: skip
def test_of_what_is_malformed_no_response_can_be_made(result: object) -> None:
    assert response_of(json.dumps(result).encode()) is None


def test_nor_of_what_is_no_json() -> None:
    assert response_of(b"") is None
    assert response_of(b"{") is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_result_becomes_a_response_or_none(result: object) -> None:
    made = response_of(json.dumps(result).encode())
    assert made is None or 100 <= made.status_code <= 599
