"""Payload format 1.0: what REST APIs say to a function, and HTTP APIs that are told to.

Sources: metrics-and-shapes.md 3 of the reference; apigw/set-up-lambda-proxy-integrations (null where
there is nothing); apigw/http-api-develop-integrations-lambda for what an HTTP API makes of it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from lambdalab.functions.context import ACCOUNT
from lambdalab.functions.outcome import encode
from lambdalab.triggers.http import SOURCE_IP, USER_AGENT, Request
from lambdalab.triggers.payload_v2 import body_of, moment

_NOBODY = (
    "accessKey", "accountId", "apiKey", "apiKeyId", "caller", "cognitoAuthenticationProvider",
    "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId",
    "user", "userArn",
)  # fmt: skip
"""What an identity is made of beside its address, all null without authorisation."""


def rest_event(
    request: Request,
    *,
    resource: str,
    stage: str,
    api_id: str,
    domain: str,
    request_id: str,
    extended_id: str,
    time_ms: int,
    path_parameters: Mapping[str, str],
    stage_variables: Mapping[str, str],
    binary_media_types: tuple[str, ...] = (),
    route_key: str = "",
) -> bytes:
    """An HTTP request as the event of payload format 1.0, in JSON.

    Parameters: the ``request``, its path without the stage; ``resource`` ("/orders/{id}") and ``stage``;
    ``api_id`` and ``domain`` of the API; ``request_id``, ``extended_id`` and ``time_ms`` (since 1970) of
    this request; ``path_parameters`` and ``stage_variables``, null in the event where there are none;
    ``binary_media_types``, whose bodies come as base64 (a REST API's); ``route_key`` of an HTTP API, as
    "GET /orders/{id}": such an event has a ``version``, header names in lower case, and base64 where
    format 2.0 has it.
    """
    agent = request.header("User-Agent") or USER_AGENT
    headers = _headers(request, domain, agent, request_id, time_ms, lower=bool(route_key))
    if route_key:
        text, binary = body_of(request)
    else:
        text, binary = _rest_body(request, binary_media_types)
    bare = request.path if route_key else request.raw_path  # see Routes.find
    path = bare if stage == "$default" else f"/{stage}{bare}"
    context = {
        "accountId": ACCOUNT, "apiId": api_id, "domainName": domain,
        "domainPrefix": domain.partition(".")[0], "extendedRequestId": extended_id,
        "httpMethod": request.method,
        "identity": dict.fromkeys(_NOBODY) | {"sourceIp": SOURCE_IP, "userAgent": agent},
        "path": path, "protocol": "HTTP/1.1", "requestId": request_id,
        "requestTime": moment(time_ms // 1000), "requestTimeEpoch": time_ms,
        "resourceId": route_key or _resource_id(api_id, resource), "resourcePath": resource,
        "stage": stage,
    }  # fmt: skip
    if not route_key:
        context["deploymentId"] = _resource_id(api_id, stage)
    told: dict[str, Any] = {"version": "1.0"} if route_key else {}
    told |= {
        "resource": resource, "path": path if route_key else bare, **_said(request, headers),
        "pathParameters": dict(path_parameters) or None,
        "stageVariables": dict(stage_variables) or None, "requestContext": context,
        "body": text or None, "isBase64Encoded": binary,
    }  # fmt: skip
    return encode(told)


def _said(request: Request, headers: dict[str, list[str]]) -> dict[str, Any]:
    """What comes of the request alone; of several values of one name the last, and all."""
    return {
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": dict(request.query) or None,
        "multiValueQueryStringParameters": lists(request.query) or None,
    }


def lists(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """Names to all their values.

    >>> lists((("a", "1"), ("b", "x"), ("a", "2")))
    {'a': ['1', '2'], 'b': ['x']}
    """
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def is_binary(media_type: str | None, types: tuple[str, ...]) -> bool:
    """Whether a media type is one of a REST API's binary ones; what has none is JSON.

    >>> is_binary("image/png", ("image/*",)), is_binary(None, ("image/*",)), is_binary(None, ("*/*",))
    (True, False, True)
    """
    kind = (media_type or "application/json").partition(";")[0].strip().lower()
    return any(fnmatchcase(kind, each) for each in types)


def first_accepted(request: Request) -> str | None:
    """The first media type of the Accept header, the only one that a REST API looks at."""
    told = request.header("Accept")
    return None if told is None else told.partition(",")[0]


def _rest_body(request: Request, types: tuple[str, ...]) -> tuple[str, bool]:
    if request.body and is_binary(request.header("Content-Type"), types):
        return base64.b64encode(request.body).decode(), True
    return request.body.decode(errors="replace"), False


def _headers(
    request: Request, domain: str, agent: str, request_id: str, time_ms: int, *, lower: bool
) -> dict[str, list[str]]:
    """All values of each header, with those that the service adds, in the order of their names."""
    digits = hashlib.sha256(f"{request_id}/trace".encode()).hexdigest()[:24]
    earlier = request.header("X-Forwarded-For")
    own = {
        "Host": domain, "User-Agent": agent, "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https",
        "X-Forwarded-For": SOURCE_IP if earlier is None else f"{earlier}, {SOURCE_IP}",
        "X-Amzn-Trace-Id": request.header("X-Amzn-Trace-Id")
        or f"Root=1-{time_ms // 1000:08x}-{digits}",
    }  # fmt: skip
    if lower and request.body:
        own["Content-Length"] = str(len(request.body))
    replaced = {name.lower() for name in own}
    pairs = [pair for pair in request.headers if pair[0].lower() not in replaced]
    found = lists(tuple(((k.lower(), v) if lower else (k, v)) for k, v in [*pairs, *own.items()]))
    return {name: found[name] for name in sorted(found)}


def _resource_id(api_id: str, resource: str) -> str:
    return hashlib.sha256(f"{api_id}{resource}".encode()).hexdigest()[:6]
