"""Lambda's operations on function URLs.

Nobody is let in by making a URL: as on AWS that takes AddPermission too (the lab's own verb and the
console grant it by themselves).
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.lambda_api import SERVICE, changed_at, function_of, listed, target_of, touch
from lambdalab.aws.operations import Call
from lambdalab.errors import ResourceNotFoundException
from lambdalab.functions.target import Target
from lambdalab.triggers.function_url import FunctionUrl

_CORS = {
    "AllowCredentials": "allow_credentials", "AllowHeaders": "allow_headers",
    "AllowMethods": "allow_methods", "AllowOrigins": "allow_origins",
    "ExposeHeaders": "expose_headers", "MaxAge": "max_age",
}  # fmt: skip


def _settings(call: Call) -> dict[str, Any]:
    """The lab's settings for what a request gives."""
    found = call.settings(auth_type="AuthType", invoke_mode="InvokeMode")
    if "Cors" in call:
        found["cors"] = {_CORS[name]: value for name, value in call["Cors"].items()}
    return found


def _shown(call: Call, url: FunctionUrl, *, created: bool = False) -> dict[str, Any]:
    """A URL's configuration as AWS gives it."""
    function, qualifier, settings = url.target.function, url.target.qualifier, url.settings
    shown: dict[str, Any] = {
        "FunctionUrl": url.url,
        "FunctionArn": url.target.arn,
        "AuthType": settings.auth_type,
        "CreationTime": _moment(call, changed_at(call, function, "url", qualifier)),
        "InvokeMode": settings.invoke_mode,
    }
    if not created:
        at = changed_at(call, function, "url's settings", qualifier)
        shown["LastModifiedTime"] = _moment(call, at)
    if settings.cors is not None:
        known = settings.cors.as_dict()
        shown["Cors"] = {name: known[ours] for name, ours in _CORS.items() if ours in known}
    return shown


def _moment(call: Call, at: int) -> str:
    """A moment as the URLs' operations write it."""
    text: str = call.lab._clock.datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return text


def _allowed(target: Target) -> set[str]:
    return {statement.sid for statement in target.function.policy.of(target.qualifier)}


def _take_back(call: Call, target: Target, before: set[str]) -> None:
    """Take back what the lab's verb granted by itself."""
    for sid in _allowed(target) - before:
        call.lab.remove_permission(target.function, sid, qualifier=target.qualifier or None)


@SERVICE.operation
def create_function_url_config(call: Call) -> dict[str, Any]:
    """An HTTPS address for a function or alias."""
    target = target_of(call)
    before = _allowed(target)
    url = call.lab.create_function_url(
        target.function, qualifier=target.qualifier or None, **_settings(call)
    )
    _take_back(call, target, before)
    for what in ("url", "url's settings"):
        touch(call, target.function, what, target.qualifier)
    call.status = 201
    return _shown(call, url, created=True)


@SERVICE.operation
def get_function_url_config(call: Call) -> dict[str, Any]:
    """The URL of a function or alias."""
    target = target_of(call)
    url = call.lab.get_function_url(target.function, qualifier=target.qualifier or None)
    return _shown(call, url)


@SERVICE.operation
def update_function_url_config(call: Call) -> dict[str, Any]:
    """Other settings of a URL; what is not given stays."""
    target = target_of(call)
    before = _allowed(target)
    url = call.lab.update_function_url(
        target.function, qualifier=target.qualifier or None, **_settings(call)
    )
    _take_back(call, target, before)
    touch(call, target.function, "url's settings", target.qualifier)
    return _shown(call, url)


@SERVICE.operation
def list_function_url_configs(call: Call) -> dict[str, Any]:
    """The URLs of a function and its aliases."""
    function, found = function_of(call), []
    for qualifier in (None, *sorted(function.aliases)):
        try:
            url = call.lab.get_function_url(function, qualifier=qualifier)
        except ResourceNotFoundException:
            continue
        found.append(_shown(call, url))
    return listed(call, "FunctionUrlConfigs", found)


@SERVICE.operation
def delete_function_url_config(call: Call) -> None:
    """A URL no more; the policy keeps its statements."""
    target = target_of(call)
    call.lab.delete_function_url(target.function, qualifier=target.qualifier or None)
    call.status = 204
