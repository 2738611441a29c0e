"""The function URLs of a lab: made, found, changed and taken away (botocore CreateFunctionUrlConfig)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lambdalab.errors import (
    ResourceConflictException,
    ResourceNotFoundException,
    ValidationException,
)
from lambdalab.functions.policy import Statement
from lambdalab.functions.target import Target
from lambdalab.triggers.function_url import FunctionUrl, UrlSettings
from lambdalab.triggers.parts import INVOKE, INVOKE_URL, Parts

_PUBLIC = Statement("FunctionURLAllowPublicAccess", "*", INVOKE_URL, auth_type="NONE")
_INVOKE = Statement("FunctionURLAllowInvokeAction", "*", INVOKE, via_url=True)


class FunctionUrls:
    """Every function URL of a lab; the verbs that make them stand on the lab."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[str, FunctionUrl] = {}
        parts.on_reset(self._begin)

    def __iter__(self) -> Iterator[FunctionUrl]:
        return iter([url for url in self._found.values() if not url.gone])

    def create(
        self, function: Any, qualifier: Any, auth_type: Any, cors: Any, invoke_mode: Any
    ) -> FunctionUrl:
        """Give a function or an alias its URL, and let callers in (see ``lab.create_function_url``)."""
        self._parts.origin()
        target = self._target(function, qualifier)
        settings = UrlSettings.make(
            self._parts.rules, "create_function_url", auth_type, cors, invoke_mode
        )
        known = self._found.get(target.arn)
        if known is not None and not known.gone:
            raise ResourceConflictException(
                f"Failed to create function url config for [functionArn = {target.arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function",
                "; lab.get_function_url() has it, lab.update_function_url() changes it",
            )
        made = self._found[target.arn] = FunctionUrl(self._parts, target, settings)
        self._grant(made)
        made.tell()
        return made

    def find(self, function: Any, qualifier: Any) -> FunctionUrl:
        """The URL of a function or alias; raises AWS's ResourceNotFoundException where there is none."""
        found = function if isinstance(function, FunctionUrl) else None
        if found is None:
            found = self._found.get(self._target(function, qualifier).arn)
        if found is None or found.gone or self._found.get(found.target.arn) is not found:
            raise ResourceNotFoundException(
                "The resource you requested does not exist.",
                "; lab.create_function_url() makes one",
            )
        return found

    def update(
        self, function: Any, qualifier: Any, auth_type: Any, cors: Any, invoke_mode: Any
    ) -> FunctionUrl:
        """Change a URL; what is None stays. CORS is replaced as a whole, and taken away by ``{}``."""
        self._parts.origin()
        found = self.find(function, qualifier)
        old = found.settings
        found.settings = UrlSettings.make(
            self._parts.rules,
            "update_function_url",
            old.auth_type if auth_type is None else auth_type,
            old.cors if cors is None else cors,
            old.invoke_mode if invoke_mode is None else invoke_mode,
        )
        if found.auth_type != old.auth_type:
            self._grant(found)
        found.tell()
        return found

    def delete(self, function: Any, qualifier: Any) -> None:
        """Take a URL away; the policy keeps its statements, as on AWS."""
        self._parts.origin()
        found = self.find(function, qualifier)
        found.deleted = True
        found.tell()
        del self._found[found.target.arn]

    def _grant(self, url: FunctionUrl) -> None:
        """Let anybody in, unless the function's policy does already."""
        if url.auth_type != "NONE":
            return
        policy, qualifier = url.target.function.policy, url.target.qualifier
        known = {statement.sid for statement in policy.of(qualifier)}
        both = self._parts.rules.function_url_needs_invoke
        for statement in (_PUBLIC, _INVOKE) if both else (_PUBLIC,):
            allowed = policy.allows_url(qualifier, "NONE", statement.action)
            if not allowed and statement.sid not in known:
                policy.add(qualifier, statement)

    def _target(self, function: Any, qualifier: Any) -> Target:
        """A function or an alias: a version has no URL."""
        target = self._parts.target(function, qualifier)
        wrong = target.qualifier
        if wrong and target.alias is None:
            raise ValidationException(
                f"1 validation error detected: Value '{wrong}' at 'qualifier' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: "
                r"((?!^\d+$)^[0-9a-zA-Z-_]+$)",
                "; a version has no URL of its own: give the function, or an alias",
            )
        return target

    def _begin(self) -> None:
        for url in self:
            url.begin()
