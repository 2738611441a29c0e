"""Routes in an OpenAPI document, as SAM and templates give them to API Gateway."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lambdalab.aws.templates.resource import whole

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_FUNCTION = re.compile(r"functions/(arn:[^/]+)/invocations|^(arn:aws:lambda:.+)$")
_TYPE = "integration.request.header.X-Amz-Invocation-Type"


@dataclass(slots=True)
class Integration:
    """What is behind a route.

    Attributes: ``function``, its ARN, or None; ``why`` there is none; ``timeout`` (seconds); ``proxy``;
    ``payload`` format; ``more`` settings of the lab's ``route``; ``role``, whether API Gateway calls the
    function by a role and not by its policy; ``missing``, parts that are not built, and why.
    """

    function: str | None = None
    why: str = ""
    timeout: float | None = None
    proxy: bool = True
    payload: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    role: bool = False
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Operation:
    """A method and path of a document; ``secured`` names what it asks of callers."""

    method: str
    path: str
    integration: Integration
    secured: str = ""


def integration_of(given: dict[str, Any]) -> Integration:
    """An integration, from an OpenAPI extension or a resource of CloudFormation."""
    told = {name[:1].lower() + name[1:]: value for name, value in given.items()}
    kind = str(told.get("type", told.get("integrationType", ""))).lower().replace("-", "_")
    uri = str(told.get("uri", told.get("integrationUri", "")))
    found = Integration(payload=told.get("payloadFormatVersion"))
    found.role = bool(told.get("credentials", told.get("credentialsArn")))
    limit = whole(told.get("timeoutInMillis"))
    found.timeout = limit / 1000 if isinstance(limit, int) else None
    match = _FUNCTION.search(uri)
    if kind not in ("aws_proxy", "aws"):
        found.why = f"integrations of the type {kind.upper() or 'none'} are not simulated"
    elif match is None:
        found.why = f"it calls no function ({uri or told.get('integrationSubtype', 'nothing')})"
    else:
        found.function = match[1] or match[2]
    if "stageVariables" in uri:
        found.function, found.why = None, "stage variables in an address are not looked up"
    if kind == "aws" and found.function:
        _by_hand(found, told)
    return found


def _by_hand(found: Integration, told: dict[str, Any]) -> None:
    """An integration that is no proxy: how it calls, and how it answers."""
    found.proxy = False
    templates = told.get("requestTemplates")
    if templates:
        why = "mapping templates (VTL) are not carried out: the event is the body"
        found.missing["RequestTemplates"] = why
    parameters = dict(told.get("requestParameters") or {})
    kind = parameters.pop(_TYPE, None)
    if kind is not None:
        found.more["request_parameters"] = {_TYPE: kind}
    if parameters:
        found.missing["RequestParameters"] = "only the invocation type means anything to Lambda"
    answers = _answers(told)
    if answers:
        found.more["integration_responses"] = answers


def _answers(told: dict[str, Any]) -> dict[str, int]:
    given = told.get("integrationResponses", told.get("responses"))
    found: dict[str, int] = {}
    if isinstance(given, list):
        for each in given:
            found[str(each.get("SelectionPattern", ""))] = int(each["StatusCode"])
    elif isinstance(given, dict):
        for pattern, each in given.items():
            found["" if pattern == "default" else str(pattern)] = int(each["statusCode"])
    return found


def operations(body: dict[str, Any]) -> Iterator[Operation]:
    """Every method of every path of a document."""
    general = _names(body.get("security"))
    for path, methods in (body.get("paths") or {}).items():
        if not isinstance(methods, dict):
            continue
        for method, told in methods.items():
            known = "ANY" if method == _ANY else method.upper()
            if (method != _ANY and method.lower() not in _METHODS) or not isinstance(told, dict):
                continue
            given = told.get(_INTEGRATION)
            integration = Integration(why="it has no integration")
            if isinstance(given, dict):
                integration = integration_of(given)
            own = _names(told["security"]) if "security" in told else general
            yield Operation(known, path, integration, own)


def _names(security: Any) -> str:
    """The schemes that a request must meet; an api key alone is asked for by many."""
    found = [name for each in security or [] if isinstance(each, dict) for name in each]
    return ", ".join(name for name in dict.fromkeys(found) if name != "NONE")


Report = Callable[[str, str], None]


def wire(api: Any, found: Operation, report: Report) -> Any:
    """Make a route of an operation; what cannot be is reported by where it stands and why."""
    where, told = f"{found.method} {found.path}", found.integration
    if told.function is None:
        report(where, told.why)
        return None
    if found.secured:
        report(f"{where}.Authorizer", f"everybody is let in: {found.secured} is not asked for")
    for name, why in told.missing.items():
        report(f"{where}.{name}", why)
    more: dict[str, Any] = dict(told.more)
    if told.timeout is not None:
        more["integration_timeout"] = told.timeout
    if not told.proxy:
        more["proxy"] = False
    return api.route(found.method, found.path, told.function, **more)
