"""Payload format 2.0: what API Gateway's HTTP APIs and function URLs say to a function, and it to them.

Sources: dg/urls-invocation; apigw/http-api-develop-integrations-lambda; metrics-and-shapes.md 3 of the
reference for the fields. What is a text and what is binary stands in no guide: it was measured
(https://github.com/ministackorg/ministack/pull/766), as was the path
(https://github.com/middleapi/standard-server/pull/93).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lambdalab.functions.context import ACCOUNT
from lambdalab.functions.outcome import encode
from lambdalab.triggers.http import SOURCE_IP, USER_AGENT, Request, Response

STAGE = "$default"
_TEXTS = ("application/json", "application/xml", "application/javascript")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def event(
    request: Request,
    *,
    route_key: str,
    stage: str,
    api_id: str,
    domain: str,
    request_id: str,
    time_ms: int,
    path_parameters: Mapping[str, str] | None = None,
    stage_variables: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    account: str = ACCOUNT,
    raw_path: str | None = None,
) -> bytes:
    """An HTTP request as the event of payload format 2.0, in JSON.

    Parameters
    ----------
    request, route_key, stage
        What came, its path without the stage; as "GET /orders/{id}" and "prod". A stage other than
        ``$default`` stands before the path in the event.
    api_id, domain, request_id, account
        Of the API (or the URL), and of this request; ``account`` is "anonymous" for an unsigned one.
    time_ms
        Milliseconds since 1970.
    path_parameters, stage_variables, authorizer
        Left out of the event where there are none.
    raw_path
        The path as the service shows it; None: decoded, as an HTTP API does.

    Example
    -------
    >>> told = event(
    ...     Request("GET", "/p", (("a", "1"), ("a", "2"))), route_key="GET /p", stage="$default",
    ...     api_id="api", domain="h", request_id="q", time_ms=1735689600000)
    >>> json.loads(told)["queryStringParameters"], json.loads(told)["requestContext"]["time"]
    ({'a': '1,2'}, '01/Jan/2025:00:00:00 +0000')
    """
    path = request.path if raw_path is None else raw_path
    path = path if stage == STAGE else f"/{stage}{path}"
    headers, cookies = _headers(request, domain, request_id, time_ms)
    context = {
        "accountId": account, "apiId": api_id, "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": SOURCE_IP,
            "userAgent": headers["user-agent"],
        },
        "requestId": request_id, "routeKey": route_key, "stage": stage, "time": moment(time_ms // 1000),
        "timeEpoch": time_ms,
    } | ({"authorizer": dict(authorizer)} if authorizer else {})  # fmt: skip
    told: dict[str, Any] = {
        "version": "2.0", "routeKey": route_key, "rawPath": path,
        "rawQueryString": request.query_string, "cookies": cookies, "headers": headers,
        "queryStringParameters": joined(request.query), "requestContext": context,
        "pathParameters": dict(path_parameters or {}), "stageVariables": dict(stage_variables or {}),
    }  # fmt: skip
    return encode(_with_body(told, request))


def _with_body(told: dict[str, Any], request: Request) -> dict[str, Any]:
    """The event with its body, and without what there is not."""
    for optional in ("cookies", "queryStringParameters", "pathParameters", "stageVariables"):
        if not told[optional]:
            del told[optional]
    text, binary = body_of(request)
    if text:
        told["body"] = text
    told["isBase64Encoded"] = binary
    return told


def joined(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Names to values, several values of one name joined by commas.

    >>> joined((("a", "1"), ("b", "x"), ("a", "2")))
    {'a': '1,2', 'b': 'x'}
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def body_of(request: Request) -> tuple[str, bool]:
    """A request's body as text, and whether the text is base64.

    A text is what calls itself ``text/*``, JSON, XML or JavaScript; everything else is binary: also a
    form (``application/x-www-form-urlencoded``), what has no content type, and what is no UTF-8.
    """
    if not request.body:
        return "", False
    kind = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    plain = kind.startswith("text/") or kind in _TEXTS
    if plain and not request.header("Content-Encoding"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _headers(
    request: Request, domain: str, request_id: str, time_ms: int
) -> tuple[dict[str, str], list[str]]:
    """The headers as a function sees them, with those that the service adds, in order; and the cookies."""
    found = joined(tuple((name.lower(), value) for name, value in request.headers))
    cookies = [
        cookie.strip()
        for name, value in request.headers
        if name.lower() == "cookie"
        for cookie in value.split(";")
        if cookie.strip()
    ]
    found.pop("cookie", None)
    earlier = found.get("x-forwarded-for")
    if request.body:
        found["content-length"] = str(len(request.body))
    digits = hashlib.sha256(f"{request_id}/trace".encode()).hexdigest()[:24]
    found.setdefault("x-amzn-trace-id", f"Root=1-{time_ms // 1000:08x}-{digits}")
    found |= {
        "host": domain, "user-agent": request.header("User-Agent") or USER_AGENT,
        "x-forwarded-port": "443", "x-forwarded-proto": "https",
        "x-forwarded-for": SOURCE_IP if earlier is None else f"{earlier}, {SOURCE_IP}",
    }  # fmt: skip
    return {name: found[name] for name in sorted(found)}, cookies


@lru_cache(maxsize=64)
def moment(second: int) -> str:
    """A time, in seconds since 1970, as servers log it.

    >>> moment(1_736_208_000)
    '07/Jan/2025:00:00:00 +0000'
    """
    at = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=second)
    return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"


# ---------------------------------------------------------------------- and back


def response_of(
    payload: bytes, *, content_type: str = "text/plain;charset=UTF-8"
) -> Response | None:
    """What a function returned, as an HTTP response; None for what no response can be made of.

    An object with ``statusCode`` says everything itself: ``headers``, ``cookies`` (each a ``set-cookie``),
    ``body``, ``isBase64Encoded``. Any other value is the JSON body of a 200, a text without its quotes.

    Parameters
    ----------
    payload
        The function's result as JSON.
    content_type
        What a response with a status and no content type of its own is called: HTTP APIs say
        ``text/plain``, function URLs ``application/json``.

    Example
    -------
    >>> response_of(b'"hello"').body, response_of(b'"hello"').headers
    (b'hello', (('Content-Type', 'application/json'),))
    >>> response_of(b'{"statusCode": 201}').status_code, response_of(b'{"statusCode": "no"}')
    (201, None)
    """
    result = parsed(payload)
    if result is None and payload.strip() != b"null":
        return None
    if isinstance(result, dict) and "statusCode" in result:
        return _told(result, content_type)
    text = result if isinstance(result, str) else compact(result)
    return Response(200, text.encode(errors="replace"), (("Content-Type", "application/json"),))


def parsed(payload: bytes) -> Any:
    """A function's result; None where it is no JSON, or nested too deeply to be read.

    >>> parsed(b'{"a": 1}'), parsed(b"bytes"), parsed(b"[" * 100_000)
    ({'a': 1}, None, None)
    """
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def compact(value: Any) -> str:
    """JSON as these services write it: without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _told(result: dict[str, Any], content_type: str) -> Response | None:
    """A response of an object with a status."""
    status, body = status_of(result["statusCode"]), _body(result)
    headers = header_pairs(result.get("headers"))
    cookies = result.get("cookies")
    cookies = [] if cookies is None else cookies
    if status is None or body is None or headers is None or not isinstance(cookies, list):
        return None
    if not all(isinstance(cookie, str) for cookie in cookies):
        return None
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    headers += [("Set-Cookie", cookie) for cookie in cookies]
    return Response(status, body, tuple(headers))


def status_of(value: object) -> int | None:
    """A status from 100 to 599, as a number or as its digits; None for anything else.

    >>> status_of(201), status_of("404"), status_of(99), status_of(True)
    (201, 404, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) == 3 else 0
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 100 <= value <= 599 else None


def _body(result: dict[str, Any]) -> bytes | None:
    """The body's bytes; None where it says that it is base64 and is not."""
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return compact(body).encode(errors="replace")
    return unpacked(body, result.get("isBase64Encoded"))


def unpacked(body: str, is_base64: object) -> bytes | None:
    """A body's bytes; None where it says that it is base64 and is not."""
    if is_base64 is not True:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None


def header_pairs(headers: object) -> list[tuple[str, str]] | None:
    """The headers a function gave, as pairs of texts; None where they are none.

    >>> header_pairs({"X-Big": True, "X-N": 1}), header_pairs({"X": ["1"]})
    ([('X-Big', 'true'), ('X-N', '1')], None)
    """
    if headers is None:
        return []
    if not isinstance(headers, dict):
        return None
    if any(isinstance(value, (dict, list)) for value in headers.values()):
        return None
    return [
        (name, value if isinstance(value, str) else compact(value))
        for name, value in headers.items()
        if value is not None
    ]
