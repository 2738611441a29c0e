"""Requests and responses as CloudFront's events have them, and what it cannot use.

Source: cloudfront/lambda-event-structure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from lambdalab.trace.schema import Cause

Given = Mapping[str, Any] | Callable[[dict[str, Any]], Any]
_TITLES = {200: "OK", 302: "Found", 403: "Forbidden", 404: "Not Found"}
Headers = dict[str, list[dict[str, str]]]


class Broken(Exception):
    """CloudFront answers with an error of its own."""

    def __init__(self, status: int, text: str, cause: int = Cause.MALFORMED_RESPONSE) -> None:
        self.status, self.text, self.cause = status, text, cause


def headers_of(given: Mapping[str, Any]) -> Headers:
    """Headers as the event has them: by lower-case name, a list of key and value."""
    found: Headers = {}
    for name, value in given.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        found.setdefault(name.lower(), []).extend(
            {"key": name, "value": str(each)} for each in values
        )
    return found


def checked_headers(headers: Any) -> Headers:
    """A function's headers, or a 502."""
    text = "The Lambda function returned an invalid entry in the headers object"
    if not isinstance(headers, dict):
        raise Broken(502, f"{text}: it is no object.")
    for name, values in headers.items():
        good = isinstance(values, list) and all(
            isinstance(each, dict)
            and isinstance(each.get("value"), str)
            and isinstance(each.get("key", ""), str)
            for each in values
        )
        if not good or name != name.lower():
            raise Broken(502, f"{text}: {name}.")
    return headers


def body_of(response: dict[str, Any]) -> bytes:
    """The body of a response, decoded where it is in base64, or a 502."""
    body: str = response.get("body") or ""
    encoding = response.get("bodyEncoding", "text")
    if encoding not in ("text", "base64"):
        raise Broken(502, f"The Lambda function returned an invalid bodyEncoding: {encoding}.")
    if encoding == "text":
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Broken(502, "The Lambda function returned a body that is not base64.") from None


def from_origin(given: Given, request: dict[str, Any]) -> dict[str, Any]:
    """What the origin answers: a callable's value, or the page under the path; else a 404."""
    if callable(given):
        try:
            value = given(json.loads(json.dumps(request)))
        except Exception as error:  # the user's own origin is down
            text = f"CloudFront wasn't able to connect to the origin: {error!r}"
            raise Broken(502, text, Cause.NO_TARGET) from None
    else:
        value = given.get(request["uri"], {"status": 404, "body": "Not Found"})
    if not isinstance(value, Mapping) or "status" not in value:
        value = {"status": 200, "body": value}
    try:
        return _response(value)
    except (TypeError, ValueError, AttributeError) as error:  # the user's own origin is wrong
        text = f"CloudFront got no valid answer from the origin: {error}"
        raise Broken(502, text, Cause.NO_TARGET) from None


def _response(value: Mapping[str, Any]) -> dict[str, Any]:
    """A page of an origin as the events have it."""
    status, body = int(value["status"]), value.get("body", "")
    if not 200 <= status <= 599:
        raise ValueError(f"status {status}")
    response = {
        "status": str(status),
        "statusDescription": str(value.get("statusDescription") or _TITLES.get(status, "")),
        "headers": headers_of(value.get("headers") or {}),
    }
    if isinstance(body, bytes):
        return {**response, "body": base64.b64encode(body).decode(), "bodyEncoding": "base64"}
    return {**response, "body": body if isinstance(body, str) else json.dumps(body)}
