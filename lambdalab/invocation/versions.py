"""Publishing versions, pointing aliases at them, and provisioning concurrency for either.

Sources: dg/configuration-versions, dg/configuring-alias-routing, dg/provisioned-concurrency.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    suggestion,
)
from lambdalab.functions.function import Function
from lambdalab.functions.provisioned import ProvisionedConcurrency
from lambdalab.functions.settings import FunctionSettings
from lambdalab.functions.target import LATEST, Alias
from lambdalab.functions.version import Version
from lambdalab.invocation.service import OF_THE_FUNCTION, LambdaService, check_settled
from lambdalab.trace.schema import EnvironmentEnd

if TYPE_CHECKING:
    from lambdalab.functions.code import Code

_NAME = re.compile(r"(?!\d+\Z)[A-Za-z0-9_-]{1,128}\Z")


def publish(service: LambdaService, function: Function, description: str) -> Version:
    """A new version of what ``$LATEST`` is now; the last one again where nothing has changed.

    Code in a file or folder on disk is read there when an environment is initialised, for a version too:
    a folder that is to be kept as it is belongs into a zip.
    """
    check_settled(function)
    latest = function.latest
    if function.versions:
        last = next(reversed(function.versions.values()))
        if _same(last.settings, latest.settings) and _same_code(last.code, latest.code):
            return last
    function.published += 1
    number = str(function.published)
    version = Version(function, number, latest.settings, latest.code, description)
    service.add_version(function, version)
    return version


def _same(one: FunctionSettings, other: FunctionSettings) -> bool:
    names = [f.name for f in fields(FunctionSettings) if f.name not in OF_THE_FUNCTION]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _same_code(one: Code | None, other: Code | None) -> bool:
    """Whether both are one function object, one place on disk, or the same bytes (AWS compares these)."""
    if one is None or other is None or one.folder is None or other.folder is None:
        return one == other
    places = [(code.handler, code.folder.root, code.folder.files) for code in (one, other)]  # type: ignore[union-attr]
    return places[0] == places[1]


def delete(service: LambdaService, function: Function, number: str, users: Iterable[str]) -> None:
    """Forget a version that no alias leads to, none of ``users`` calls, and nothing under way runs."""
    version = function.versions.get(number)
    if version is None:
        raise ResourceNotFoundException(
            f"Function not found: {function.arn}:{number}", suggestion(number, function.versions)
        )
    by = [a.name for a in function.aliases.values() if number in (a.function_version, *a.routing)]
    if by:
        raise ResourceConflictException(
            "Unable to delete version because the following aliases reference it: "
            f"[{', '.join(by)}]"
        )
    users = [*users, *(["provisioned concurrency"] if version.provisioned else [])]
    if version.fleet.busy or service.events.depth(function):
        users.append("invocations under way; lab.run() ends them")
    if users:
        raise ResourceConflictException(
            f"Version {number} of {function.name} is still in use: {'; '.join(users)}"
        )
    version.fleet.retire(EnvironmentEnd.FUNCTION_DELETED)
    del function.versions[number]
    function.event_configs.pop(number, None)
    function.policy.forget(number)


# ---------------------------------------------------------------------- aliases


def create_alias(
    service: LambdaService, function: Function, name: str, version: str,
    routing: Mapping[str, float] | None, description: str,
) -> Alias:  # fmt: skip
    """A new alias; the name must be free."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidSetting(
            "name", name, "1 to 128 letters, digits, - or _, not digits alone", "botocore Alias"
        )
    if name in function.aliases:
        raise ResourceConflictException(
            f"Alias already exists: {function.aliases[name].arn}",
            "; change it with lab.update_alias()",
        )
    alias = _checked(function, name, str(version), routing, description)
    service.move_alias(function, alias)
    return alias


def update_alias(
    service: LambdaService, function: Function, name: str, version: str | None,
    routing: Mapping[str, float] | None, description: str | None,
) -> Alias:  # fmt: skip
    """Point an alias elsewhere, or change its weights; what is not given stays."""
    known = find_alias(function, name)
    alias = _checked(
        function, name, str(version or known.function_version),
        known.routing if routing is None else routing,
        known.description if description is None else description,
    )  # fmt: skip
    if alias.routing and name in function.provisioned:
        raise _no_weights(alias)
    other = function.versions.get(alias.function_version)
    if (
        name in function.provisioned
        and (other is None or other.provisioned is not None)
        and alias.function_version != known.function_version
    ):
        raise InvalidParameterValueException(
            f"{function.name}:{name} has provisioned concurrency, which version "
            f"{alias.function_version} cannot take over: it is unpublished, or has its own"
        )
    service.move_alias(function, alias)
    return alias


def delete_alias(
    service: LambdaService, function: Function, name: str, users: Iterable[str]
) -> None:
    """Forget an alias that nothing goes by: none of ``users``, and nothing under way."""
    find_alias(function, name)
    if users := list(users):
        raise ResourceConflictException(
            f"The alias {function.name}:{name} is still in use: {'; '.join(users)}"
        )
    if name in function.provisioned:
        raise ResourceConflictException(
            f"{function.name}:{name} has provisioned concurrency; give it back with "
            "lab.delete_provisioned_concurrency() first"
        )
    if service.events.depth(function):
        raise ResourceConflictException(
            f"The function {function.name} has events under way, which may go by {name}; "
            "lab.run() ends them"
        )
    del function.aliases[name]
    function.event_configs.pop(name, None)
    function.policy.forget(name)


def find_alias(function: Function, name: str) -> Alias:
    """The alias of that name, or a 404 that names the nearest."""
    if name not in function.aliases:
        raise ResourceNotFoundException(
            f"Cannot find alias arn: {function.arn}:{name}", suggestion(str(name), function.aliases)
        )
    return function.aliases[name]


def _checked(
    function: Function, name: str, version: str, routing: Mapping[str, Any] | None, description: str
) -> Alias:
    """An alias whose versions exist and whose weights are shares."""
    weights = {str(number): weight for number, weight in (routing or {}).items()}
    for number in (version, *weights):
        if number != LATEST and number not in function.versions:
            raise ResourceNotFoundException(
                f"Function not found: {function.arn}:{number}",
                suggestion(number, function.versions),
            )
    source = "dg/configuring-alias-routing"
    if len(weights) > 1 or version in weights or (weights and LATEST in (version, *weights)):
        raise InvalidSetting(
            "routing", routing, "one other published version and its weight", source
        )
    for weight in weights.values():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
            raise InvalidSetting("routing", routing, "weights between 0.0 and 1.0", source)
    return Alias(function.name, name, version, MappingProxyType(weights), description)


# ---------------------------------------------------------------------- provisioned concurrency


def provision(
    service: LambdaService, function: Function, qualifier: str, number: int
) -> ProvisionedConcurrency:
    """Ask for provisioned concurrency of a published version, directly or by an alias."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InvalidSetting(
            "provisioned_concurrency", number, "a whole number, 1 or more",
            "botocore PutProvisionedConcurrencyConfig",
        )  # fmt: skip
    qualifier = str(qualifier)
    alias = function.aliases.get(qualifier)
    lead_to = alias.function_version if alias else qualifier
    if lead_to in ("", LATEST):
        raise InvalidParameterValueException(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    if lead_to not in function.versions:
        raise ResourceNotFoundException(
            f"Function not found: {function.arn}:{qualifier}",
            suggestion(qualifier, [*function.versions, *function.aliases]),
        )
    if alias is not None and alias.routing:
        raise _no_weights(alias)
    known = function.versions[lead_to].provisioned
    if known is not None and known.qualifier != qualifier:
        raise ResourceConflictException(
            f"version {lead_to} of {function.name} has provisioned concurrency already, asked for as "
            f"{known.qualifier!r}: a version has one configuration"
        )
    service.provision(function, qualifier, number)
    return ProvisionedConcurrency(function, qualifier)


def unprovision(service: LambdaService, function: Function, qualifier: str) -> None:
    """Give provisioned concurrency back."""
    if qualifier not in function.provisioned:
        raise ResourceNotFoundException(
            f"No Provisioned Concurrency Config found for function: {function.arn}:{qualifier}",
            suggestion(qualifier, function.provisioned),
        )
    service.provision(function, qualifier, 0)


def _no_weights(alias: Alias) -> InvalidParameterValueException:
    return InvalidParameterValueException(
        f"{alias.function}:{alias.name} leads to two versions: an alias with weights cannot have "
        "provisioned concurrency here"
    )
