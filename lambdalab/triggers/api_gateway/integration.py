"""The non-proxy integration of REST APIs: what the function gets, and what the caller gets of it.

AWS's mapping templates are written in Velocity (VTL), which is not simulated: a template here is a Python
function. Integration responses are chosen as on AWS: by a regular expression on the ``errorMessage`` of
a function that failed. Sources: invocation.md 7 of the reference;
apigw/api-gateway-integration-settings-integration-response;
apigw/handle-errors-in-lambda-integration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import decode, encode
from lambdalab.triggers.http import Request
from lambdalab.triggers.payload_v2 import status_of

INVOCATION_TYPE = "integration.request.header.X-Amz-Invocation-Type"
"""AWS's name for the header of the Invoke call that says how the function is to be invoked."""

Chosen = Callable[..., Any]

_SOURCE = "apigw/handle-errors-in-lambda-integration"


@dataclass(frozen=True, slots=True)
class MethodRequest:
    """A request as a mapping template sees it; what ``request_template`` is called with.

    Attributes: ``method``; ``path``; ``path_parameters``; ``query`` and ``headers``, the last value of
    each name (headers by the name as it was sent); ``body``, a text; ``stage_variables``.
    """

    method: str
    path: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    stage_variables: Mapping[str, str]

    def json(self) -> Any:
        """The body, parsed; None where it is empty. Raises ValueError where it is no JSON."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class IntegrationResponse:
    """One way to answer: where ``pattern`` matches the whole ``errorMessage`` ("": where none does)."""

    pattern: str
    status_code: int
    template: Chosen | None

    def matches(self, message: str) -> bool:
        """Whether it is the one for a function that failed with this message."""
        return bool(self.pattern) and re.fullmatch(self.pattern, message) is not None


def responses_of(given: object, template: Chosen | None) -> tuple[IntegrationResponse, ...]:
    """What people give as ``integration_responses``, checked; None is a 200 for everything.

    Each value is a status, or a mapping with ``status_code`` and a ``response_template`` of its own.

    >>> [(each.pattern, each.status_code) for each in responses_of({".*no.*": 404, "": 202}, None)]
    [('.*no.*', 404), ('', 202)]
    """
    if given is None:
        return (IntegrationResponse("", 200, template),)
    if not isinstance(given, Mapping):
        limit = "a mapping of patterns ('' is the default) to statuses, as {'': 202}"
        raise InvalidSetting("integration_responses", given, limit, _SOURCE)
    return tuple(_response_of(pattern, told, template) for pattern, told in given.items())


def _response_of(pattern: Any, told: Any, template: Chosen | None) -> IntegrationResponse:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        limit = f"regular expressions: {error}"
        raise InvalidSetting("integration_responses", pattern, limit, _SOURCE) from None
    own = told if isinstance(told, Mapping) else {"status_code": told}
    unknown = [name for name in own if name not in ("status_code", "response_template")]
    status = own.get("status_code", 200)
    mine = own.get("response_template", template)
    good = isinstance(status, int) and status_of(status) is not None
    if unknown or not good or not (mine is None or callable(mine)):
        limit = "a status from 100 to 599, or {'status_code': ..., 'response_template': a function}"
        raise InvalidSetting(f"integration_responses[{pattern!r}]", told, limit, _SOURCE)
    return IntegrationResponse(pattern, status, mine)


def choose(
    responses: tuple[IntegrationResponse, ...], message: str | None
) -> IntegrationResponse | None:
    """The integration response for a function that failed with ``message`` (None: it did not fail).

    The first whose pattern matches, else the default; None where there is no default.
    """
    for each in responses:
        if message is not None and each.matches(message):
            return each
    return next((each for each in responses if not each.pattern), None)


def message_of(document: bytes) -> str:
    """The ``errorMessage`` of an error document; "" where it has none.

    >>> message_of(b'{"errorMessage": "no such order", "errorType": "KeyError"}')
    'no such order'
    """
    try:
        told = decode(document)
    except ValueError:
        return ""
    return str(told.get("errorMessage", "")) if isinstance(told, dict) else ""


def invocation_type(told: str | None, request: Request, parameters: Mapping[str, str]) -> str:
    """How the function is invoked for this request; synchronously, where nothing says otherwise."""
    if told is None or not told.startswith("method.request."):
        return told or "RequestResponse"
    _, _, location, name = told.split(".", 3)
    if location == "header":
        found = request.header(name)
    elif location == "path":
        found = parameters.get(name)
    else:
        found = dict(request.query).get(name)
    return found or "RequestResponse"


def event_of(template: Chosen | None, request: MethodRequest) -> bytes:
    """The event: what the template makes of the request, or the request's body as it is.

    An empty body is an empty object.
    """
    if template is None:
        return request.body.encode() or b"{}"
    made = template(request)
    return made.encode() if isinstance(made, str) else encode(made)


def body_of(response: IntegrationResponse, payload: bytes) -> bytes:
    """The body: what the template makes of the function's result (or error document), or that itself."""
    if response.template is None:
        return payload
    made = response.template(decode(payload) if payload else None)
    return made.encode() if isinstance(made, str) else encode(made)
