"""What an Application Load Balancer says to a function, and takes as its answer (dg/services-alb).

In a multi-value group both sides name several values of a header or of the query; else the last one
counts. Path and query stay as they were sent: nobody decodes them
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html).
"""

from __future__ import annotations

import hashlib
from typing import Any

from lambdalab.functions.outcome import encode
from lambdalab.triggers.http import SOURCE_IP, USER_AGENT, Request, Response
from lambdalab.triggers.payload_v2 import body_of, parsed, status_of, unpacked

Pairs = tuple[tuple[str, str], ...]


def event(request: Request, group_arn: str, multi_value: bool, headers: Pairs) -> bytes:
    """A request as a function sees it, in JSON.

    Parameters: the ``request``; its ``headers`` in place of its own (:func:`headers_of`); the ARN of the
    target group, and whether it is a multi-value one.

    >>> import json
    >>> told = json.loads(event(Request("GET", "/a", (("n", "1"), ("n", "2 3"))), "arn", False, ()))
    >>> told["queryStringParameters"], told["body"]
    ({'n': '2+3'}, '')
    """
    sent = [pair.partition("=") for pair in request.query_string.split("&") if pair]
    query = tuple((name, value) for name, _, value in sent)
    body, binary = body_of(request)
    told: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": group_arn}},
        "httpMethod": request.method,
        "path": request.raw_path,
    }
    if multi_value:
        told["multiValueQueryStringParameters"] = _lists(query)
        told["multiValueHeaders"] = _lists(headers)
    else:
        told["queryStringParameters"] = dict(query)
        told["headers"] = dict(headers)
    return encode(told | {"body": body, "isBase64Encoded": binary})


def headers_of(request: Request, domain: str, time_ms: int, drawn: str) -> Pairs:
    """A request's headers with those that the load balancer adds, names in lower case, in order.

    Parameters: the ``request``; ``domain``, the host where the request names none; the time, and a text
    of this request's own that its trace id is made of.
    """
    found = [(name.lower(), value) for name, value in request.headers]
    known = dict(found)
    earlier = known.get("x-forwarded-for")
    digits = hashlib.sha256(drawn.encode()).hexdigest()[:24]
    added = {
        "x-amzn-trace-id": known.get("x-amzn-trace-id", f"Root=1-{time_ms // 1000:08x}-{digits}"),
        "x-forwarded-for": SOURCE_IP if earlier is None else f"{earlier}, {SOURCE_IP}",
        "x-forwarded-port": "80",
        "x-forwarded-proto": "http",
        "host": known.get("host", domain),
        "user-agent": known.get("user-agent", USER_AGENT),
    }
    if request.body:
        added["content-length"] = str(len(request.body))
    kept = [(name, value) for name, value in found if name not in added]
    return tuple(sorted([*kept, *added.items()], key=lambda pair: pair[0]))


def response_of(payload: bytes, multi_value: bool) -> Response | None:
    """What a function returned, as a response; None for what is none: the caller gets 502.

    It takes an object with a ``statusCode``; ``headers`` with texts, or ``multiValueHeaders`` with lists
    of texts in a multi-value group (the other one is not read); ``body``, a text; ``isBase64Encoded``,
    true or false; ``statusDescription``, a text. How strict AWS is stands in no guide: a choice.

    >>> response_of(b'{"statusCode": 200, "body": "hi"}', False).body
    b'hi'
    >>> response_of(b'{"body": "hi"}', False) is None, response_of(b'"hi"', False) is None
    (True, True)
    """
    result = parsed(payload)
    if not isinstance(result, dict):
        return None
    status, base64 = status_of(result.get("statusCode")), result.get("isBase64Encoded", False)
    body, description = result.get("body"), result.get("statusDescription")
    pairs = _pairs(result.get("multiValueHeaders" if multi_value else "headers"), multi_value)
    if status is None or pairs is None or not isinstance(base64, bool):
        return None
    if any(text is not None and not isinstance(text, str) for text in (body, description)):
        return None
    data = unpacked(body or "", base64)
    return None if data is None else Response(status, data, pairs)


def _lists(pairs: Pairs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _pairs(headers: object, multi_value: bool) -> Pairs | None:
    """The headers of a response as pairs; None where a value is not what the mode takes."""
    if headers is None:
        return ()
    if not isinstance(headers, dict):
        return None
    found: list[tuple[str, str]] = []
    for name, value in headers.items():
        values = value if multi_value and isinstance(value, list) else [value]
        if (multi_value and not isinstance(value, list)) or not all(
            isinstance(each, str) for each in values
        ):
            return None
        found += [(name, each) for each in values]
    return tuple(found)
