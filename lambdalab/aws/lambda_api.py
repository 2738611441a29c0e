"""What Lambda's operations share: the service, whom a request names, what is kept beside the lab's own.

The lab simulates what decides how functions run. What else a function of AWS has (a role, a network,
layers, tags, revision ids, dates of changes) is kept here, by function, and given back as it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lambdalab.aws import constraints
from lambdalab.aws.operations import ApiError, Call, Operation, Service, id_of
from lambdalab.aws.values import page
from lambdalab.errors import ResourceNotFoundException, UnknownName
from lambdalab.functions.context import function_arn
from lambdalab.functions.function import Function
from lambdalab.functions.target import LATEST, Target, split

if TYPE_CHECKING:
    from lambdalab.lab import Lab

INVALID = "InvalidParameterValueException"
_ELSEWHERE = frozenset({"Runtime", "Payload", "ZipFile", "InvokeArgs"})
"""Members that the operations look at themselves."""


class LambdaApi(Service):
    """Lambda: what its model says of a request is checked before an operation sees it."""

    def operation(self, function: Operation) -> Operation:
        """See :meth:`Service.operation`."""

        def checked(call: Call) -> dict[str, Any] | None:
            check_request(call)
            return function(call)

        checked.__name__, checked.__doc__ = function.__name__, function.__doc__
        super().operation(checked)
        return function

    def error(self, error: Exception) -> ApiError:
        """See :meth:`Service.error`; Lambda tells whose fault it was."""
        told = super().error(error)
        told.fields = {"Type": "User" if told.status < 500 else "Service"} | told.fields
        return told

    def unchecked(self, function: Operation) -> Operation:
        """Declare an operation whose requests the lab itself looks at: Invoke, which has to be fast."""
        return super().operation(function)


SERVICE = LambdaApi("lambda", invalid=INVALID)


def check_request(call: Call) -> None:
    """Raise AWS's ValidationException for a request that is not what Lambda's model allows."""
    model = call.client.meta.service_model.operation_model(call.operation)
    constraints.check(model.input_shape, call.given, _ELSEWHERE)


def invalid(message: str) -> ApiError:
    """A value that cannot be."""
    return ApiError(INVALID, message, Type="User")


def missing(message: str = "The resource you requested does not exist.") -> ApiError:
    """A thing that does not exist."""
    return ApiError("ResourceNotFoundException", message, 404, Type="User")


def refuse(call: Call, *names: str) -> None:
    """Raise for members that mean something on AWS and that the lab does not simulate."""
    for name in names:
        if call.get(name) is not None:
            raise invalid(f"{name} is not simulated by lambdalab; leave it out.")


# ---------------------------------------------------------------------- whom a request names


def target_of(call: Call, qualifier: str | None = None) -> Target:
    """The function and qualifier that a request names, by ``FunctionName`` and ``Qualifier``."""
    given = call["FunctionName"]
    name, own = split(given) or (given, "")
    asked = qualifier or call.get("Qualifier") or ""
    if own and asked and own != asked:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    wanted = asked or own
    try:
        function = call.lab.get_function(name)
    except (ResourceNotFoundException, UnknownName):
        raise _no_function(name, wanted) from None
    if not function.knows(wanted):
        raise _no_function(name, wanted)
    return function.target(wanted)


def function_of(call: Call) -> Function:
    """The function that a request names, which must be no version or alias of it."""
    target = target_of(call)
    if target.qualifier:
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support "
            "this operation. Please specify either a function name or an unqualified function ARN."
        )
    return target.function


def _no_function(name: str, qualifier: str) -> ApiError:
    arn = name if name.startswith("arn:") else function_arn(name)
    return missing(f"Function not found: {arn}{':' + qualifier if qualifier else ''}")


# ---------------------------------------------------------------------- what is kept


@dataclass(slots=True)
class Notes:
    """What a function of AWS has and one of the lab has not.

    ``kept``: members by the version that has them; ``changed``: when each thing of it changed last, in
    the lab's microseconds; ``changes``: how often, which its revision id follows from.
    """

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[tuple[str, str], int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def of(self, number: str) -> dict[str, Any]:
        """What is kept of a version."""
        return self.kept.setdefault(number, {})

    def forget(self, qualifier: str) -> None:
        """A version or alias is gone."""
        self.kept.pop(qualifier, None)
        for about in [about for about in self.changed if about[1] == qualifier]:
            del self.changed[about]


_NOTES: WeakKeyDictionary[Function, Notes] = WeakKeyDictionary()


def notes_of(function: Function) -> Notes:
    """What is kept of a function."""
    found = _NOTES.get(function)
    if found is None:
        found = _NOTES[function] = Notes()
    return found


def touch(call: Call, function: Function, what: str, qualifier: str = LATEST) -> None:
    """A thing of a function has changed now, and its revision with it."""
    notes = notes_of(function)
    notes.changed[what, qualifier or LATEST] = call.lab._scheduler.now
    notes.changes[qualifier or LATEST] = notes.changes.get(qualifier or LATEST, 0) + 1


def changed_at(call: Call, function: Function, what: str, qualifier: str = LATEST) -> int:
    """When a thing of a function changed last; never later than now, also in a lab that was reset."""
    at = notes_of(function).changed.get((what, qualifier or LATEST), 0)
    return min(at, call.lab._scheduler.now)


def revision(call: Call, function: Function, qualifier: str = LATEST) -> str:
    """The revision id of a version or alias: another one after each change, whoever made it."""
    qualifier, notes = qualifier or LATEST, notes_of(function)
    now: Any
    if qualifier in function.aliases:
        now = function.aliases[qualifier]
    else:
        version = function.version(qualifier)
        now = version, version.settings, function.update
    before = notes.seen.setdefault(qualifier, now)
    if not _same(before, now):
        notes.seen[qualifier] = now
        notes.changes[qualifier] = notes.changes.get(qualifier, 0) + 1
    return made_id(call.lab, f"{function.name}:{qualifier}", notes.changes.get(qualifier, 0))


def _same(one: Any, other: Any) -> bool:
    """Whether nothing has been replaced: settings are frozen, and changed by making others."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(a is b for a, b in zip(one, other, strict=True))
    return one is other


def check_revision(
    call: Call, function: Function, qualifier: str = LATEST, get: str = "GetFunction/GetAlias"
) -> None:
    """Raise where the caller has seen another revision than there is."""
    asked = call.get("RevisionId")
    if asked and asked != revision(call, function, qualifier):
        raise ApiError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {get} API to retrieve the latest Revision Id",
            412, Type="User",
        )  # fmt: skip


def made_id(lab: Lab, *of: object) -> str:
    """An id in the form of a UUID, of the lab's seed and what it is for."""
    return id_of("lambda", lab.seed, *of)


def tags_of(lab: Lab) -> dict[str, dict[str, str]]:
    """The tags of a lab's functions and mappings, by their ARNs."""
    found: dict[str, dict[str, str]] = lab.__dict__.setdefault("_lambda_tags", {})
    return found


# ---------------------------------------------------------------------- pages


def listed(
    call: Call, member: str, items: Iterable[dict[str, Any]], rule: str = "lambda_list_page"
) -> dict[str, Any]:
    """One page of a list; the ``rule`` says how many AWS gives at once."""
    most = getattr(call.lab.rules, rule)
    every: Sequence[dict[str, Any]] = list(items)
    number = min(call.get("MaxItems", most), most)
    shown, marker = page(every, call.get("Marker"), number, invalid("Invalid value for Marker."))
    return {member: list(shown)} | ({"NextMarker": marker} if marker else {})
