"""The event pattern language: parse a pattern once, then match events with it.

A pattern has the shape of the events it matches: objects with fields, and at the end of each path a
list of rules (:mod:`.operators`).

* Every field of a pattern must match (AND), any rule of its list is enough (OR); ``$or`` holds a list
  of two or more objects, one of which must match.
* Where the event has an array, any element may match; the fields of one object in the pattern must
  all match in the same element. An empty array is as good as no field.
* ``{"exists": false}`` is true of what is nowhere in the event, also below a missing parent; in an
  array of objects: in none of them. Only scalars are leaves: an object is no value of its field.
* A JSON string in an event is a string; nobody looks into it (but see :class:`Decoded`).
* A dotted key and nested objects are the same path, in the pattern and in the event.
* Keys are case sensitive. Numbers are equal when their values are: 300 matches 300.0. AWS's user
  guides say that their spelling counts; TestEventPattern, the service itself, matched these two, and
  the service is followed.
* A key that stands twice in one object counts where it stands last.

Sources: event-source-mappings.md 6 of the reference (the recorded answers of TestEventPattern it
names, EventBridge and Lambda developer guides); arrays of objects: AWS Event Ruler.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from lambdalab.sources.filters.operators import Leaf, PatternError, read_leaf, refuse

__all__ = ["Decoded", "Pattern", "PatternError", "parse"]

OR = "$or"

Object = dict[str, Any]
Seen = set[Leaf] | None
"""Leaves that other elements of an array have, so that they are not missing here."""
Match = Callable[[Object, Seen], bool]

_SCALARS = frozenset({str, int, float, bool, type(None)})
_DEEPEST = 100  # levels of a pattern: ours, so that matching never runs out of Python's stack
_LONGEST = 40  # characters of a whole number that can have 64 bits
_WIDE = 2**64
_NOTHING: Object = {}
_MISSING = object()


class Decoded:
    """A field that arrives as text and may hold JSON, such as the body of a message.

    ``text`` is what a list of rules sees, and ``inside`` (an object or an array, else None) what
    fields see. With the wrong one of the two, nothing matches, not even ``{"exists": false}``.
    """

    __slots__ = ("inside", "text")

    def __init__(self, text: str, inside: Any) -> None:
        self.text, self.inside = text, inside


class Pattern:
    """A pattern that parsed, made by :func:`parse`.

    Attributes: ``text``, and ``names``, the first key of each of its paths.
    """

    __slots__ = ("_fields", "_match", "names", "text")

    def __init__(self, text: str, fields: Fields) -> None:
        self.text, self._fields = text, fields
        self._match = _compile(fields)
        self.names = frozenset(_names(fields))

    def matches(self, event: Object) -> bool:
        """Whether an event (its JSON, parsed) matches.

        >>> pattern = parse('{"order": {"total": [{"numeric": [">", 100]}], "paid": [true]}}')
        >>> pattern.matches({"order": {"total": 120, "paid": True, "id": "a"}})
        True
        >>> pattern.matches({"order": {"total": 120}})
        False
        """
        return self._match(event, None)

    def rules_at(self, name: str) -> list[str]:
        """Where in the pattern a list of rules stands directly at this first key."""
        return [found.where for found in _leaves_at(self._fields, name)]

    def __repr__(self) -> str:
        return f"<pattern {self.text}>"


def parse(text: str, *, event_bridge: bool = False) -> Pattern:
    """Read a pattern.

    Parameters: its JSON text; ``event_bridge`` allows what EventBridge rules take and event source
    mappings refuse: ``wildcard``, ``cidr``, operators in ``anything-but``, and ``equals-ignore-case``
    in ``prefix`` and ``suffix``.

    Raises :class:`PatternError`, which tells where: a line and column, or a path in the pattern.

    >>> parse('{"order": {"total": 120}}')
    Traceback (most recent call last):
        ...
    lambdalab.sources.filters.operators.PatternError: at order.total: the value of a field must be \
a list of rules (or an object with fields)
    """
    fields = Fields()
    try:
        _read(fields, _loads(text), "", event_bridge)
        return Pattern(text, fields)
    except RecursionError:
        raise PatternError("", "it is nested too deeply") from None


def _loads(text: str) -> Any:
    def constant(name: str) -> None:
        refuse("", f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=constant, parse_int=_integer, parse_float=_fraction)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise PatternError(where, f"no JSON: {error.msg}") from None


def _integer(digits: str) -> float:
    """A whole number as events are read: with more than 64 bits it is an inexact one."""
    number = int(digits) if len(digits) <= _LONGEST else _WIDE
    return number if -(2**63) <= number < 2**64 else _fraction(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        refuse("", f"the number {digits[:_LONGEST]} is too large")
    return number


# ------------------------------------------------------------------ reading


class Fields:
    """The conditions on one object: leaves, objects below, and lists of alternatives."""

    __slots__ = ("inner", "leaves", "ors")

    def __init__(self) -> None:
        self.leaves: list[tuple[str, Leaf]] = []
        self.inner: dict[str, Fields] = {}
        self.ors: list[list[Fields]] = []

    @property
    def may_miss(self) -> bool:
        """Whether some field here or below may be missing (``{"exists": false}``)."""
        below = [*self.inner.values(), *(each for ors in self.ors for each in ors)]
        return any(leaf.absent for _, leaf in self.leaves) or any(each.may_miss for each in below)


def _read(fields: Fields, given: Any, where: str, event_bridge: bool) -> None:
    """Conditions of a JSON object of the pattern."""
    if not isinstance(given, dict):
        refuse(where, "an object with fields must stand here")
    if not given:
        refuse(where, "an empty object")
    for key, value in given.items():
        at = f"{where}.{key}" if where else key
        if key == OR:
            fields.ors.append(_alternatives(value, at, event_bridge))
            continue
        *parents, last = key.split(".")
        holder = fields
        for parent in parents:
            holder = holder.inner.setdefault(parent, Fields())
        if isinstance(value, dict):
            _read(holder.inner.setdefault(last, Fields()), value, at, event_bridge)
        else:
            holder.leaves.append((last, read_leaf(value, at, event_bridge)))


def _alternatives(given: Any, where: str, event_bridge: bool) -> list[Fields]:
    if not isinstance(given, list) or len(given) < 2:
        refuse(where, f"{OR} takes a list of two or more objects")
    found = []
    for number, each in enumerate(given):
        fields = Fields()
        _read(fields, each, f"{where}[{number}]", event_bridge)
        found.append(fields)
    return found


def _names(fields: Fields) -> Iterator[str]:
    yield from (name for name, _ in fields.leaves)
    yield from fields.inner
    for branches in fields.ors:
        for branch in branches:
            yield from _names(branch)


def _leaves_at(fields: Fields, name: str) -> Iterator[Leaf]:
    yield from (leaf for own, leaf in fields.leaves if own == name)
    for branches in fields.ors:
        for branch in branches:
            yield from _leaves_at(branch, name)


# ------------------------------------------------------------------ matching


def _compile(fields: Fields, depth: int = 1) -> Match:
    """The conditions as one function of an object."""
    if depth > _DEEPEST:
        raise RecursionError
    leaves = tuple((name, leaf.test, leaf) for name, leaf in fields.leaves)
    inner = tuple(
        (
            name,
            _compile(child, depth + 1),
            tuple(f"{name}.{path}" for path in _paths(child)),
            child if child.may_miss else None,
        )
        for name, child in fields.inner.items()
    )
    ors = tuple(
        tuple(_compile(branch, depth + 1) for branch in branches) for branches in fields.ors
    )

    def match(value: Object, seen: Seen) -> bool:
        for name, test, leaf in leaves:
            found = value.get(name, _MISSING)
            if found.__class__ in _SCALARS:
                if not test(found):
                    return False
            elif not _whole(found, leaf, seen):
                return False
        for name, below, dotted, missing in inner:
            found = value.get(name)
            for key in dotted:
                if key in value:
                    found = _joined(value, name)
                    break
            if found.__class__ is dict:
                if not below(found, seen):
                    return False
            elif not _inside(found, below, missing, seen):
                return False
        for branches in ors:
            for branch in branches:
                if branch(value, seen):
                    break
            else:
                return False
        return True

    return match


def _whole(found: Any, leaf: Leaf, seen: Seen) -> bool:
    """Whether what is no scalar passes a list of rules: an array's scalars may, the rest is missing."""
    if found.__class__ is Decoded:
        return found.inside is None and leaf.test(found.text)
    if found.__class__ is list:
        scalars = list(_scalars(found))
        if scalars:
            return any(map(leaf.test, scalars))
    return leaf.absent and (seen is None or leaf not in seen)


def _inside(found: Any, below: Match, missing: Fields | None, seen: Seen) -> bool:
    """Whether what is no object matches an object of the pattern.

    ``missing``: what is below, where some field of it may be missing.
    """
    if found.__class__ is Decoded:
        found = found.inside
        if found is None:
            return False
        if found.__class__ is dict:
            return below(found, seen)
    objects = list(_objects(found))
    if not objects:
        return below(_NOTHING, seen)
    if missing is not None:
        seen = set(seen or ())
        for each in objects:
            seen.update(_present(missing, each))
    return any(below(each, seen) for each in objects)


def _joined(value: Object, name: str) -> Any:
    """What is below a name where the event has dotted keys: ``a.b`` is ``b`` of ``a``."""
    found, start = value.get(name), f"{name}."
    dotted = {key[len(start) :]: value[key] for key in value if key.startswith(start)}
    if found.__class__ is list and dotted:
        return [dotted | each for each in _objects(found)] or dotted
    if found.__class__ is list:
        return found
    return dotted | found if isinstance(found, dict) else dotted


def _paths(fields: Fields) -> list[str]:
    """Every dotted path from an object of the pattern down, parents too."""
    paths = dict.fromkeys(name for name, _ in fields.leaves)
    for name, child in fields.inner.items():
        paths[name] = None
        paths.update(dict.fromkeys(f"{name}.{path}" for path in _paths(child)))
    for branches in fields.ors:
        for branch in branches:
            paths.update(dict.fromkeys(_paths(branch)))
    return list(paths)


def _present(fields: Fields, value: Object) -> Iterator[Leaf]:
    """The leaves of the pattern for which an object has a value."""
    for name, own in fields.leaves:
        found = value.get(name, _MISSING)
        if found.__class__ in _SCALARS or any(True for _ in _scalars(found)):
            yield own
    for name, child in fields.inner.items():
        for each in _objects([_joined(value, name)]):
            yield from _present(child, each)
    for branches in fields.ors:
        for branch in branches:
            yield from _present(branch, value)


def _scalars(found: Any) -> Iterator[Any]:
    """The scalars of an array, those of arrays in it too."""
    return (each for each in _elements(found) if each.__class__ in _SCALARS)


def _objects(found: Any) -> Iterator[Object]:
    """The objects of an array, those of arrays in it too."""
    return (each for each in _elements(found) if each.__class__ is dict)


def _elements(found: Any) -> Iterator[Any]:
    """What an array holds, and what arrays in it hold; however deep, without Python's stack."""
    waiting = [iter(found)] if found.__class__ is list else []
    while waiting:
        for each in waiting[-1]:
            if each.__class__ is list:
                waiting.append(iter(each))
                break
            yield each
        else:
            waiting.pop()
