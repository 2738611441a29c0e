"""What a service's own model says of a request and a client does not check: lengths, ranges, patterns.

A client of botocore checks that a request has the members it needs, of their types; AWS checks the rest,
and answers with a ValidationException that names every member that is wrong. So does this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from lambdalab.aws.operations import ApiError

_TEXT, _NUMBER = ("string",), ("integer", "long", "float", "double")


def check(shape: Shape | None, given: dict[str, Any], leave: frozenset[str] = frozenset()) -> None:
    """Raise AWS's ValidationException where what was given is not what the model allows.

    Parameters: the operation's input ``shape``; what was ``given``; members to ``leave`` to others.
    """
    if shape is None:
        return
    wrong = [text for text in _of(shape, given, "", leave) if text]
    if wrong:
        errors = "errors" if len(wrong) > 1 else "error"
        told = f"{len(wrong)} validation {errors} detected: " + "; ".join(wrong)
        raise ApiError("ValidationException", told)


def _of(shape: Shape, value: Any, path: str, leave: frozenset[str]) -> Iterator[str]:
    """What is wrong with a value, and with those in it."""
    if isinstance(shape, StructureShape):
        for name, each in value.items():
            if name in shape.members and name not in leave and each is not None:
                own = name[0].lower() + name[1:]
                yield from _of(shape.members[name], each, f"{path}.{own}" if path else own, leave)
        return
    failed = _failed(shape, value)
    if failed:
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {failed}"
    if isinstance(shape, ListShape):
        for number, each in enumerate(value, 1):
            yield from _of(shape.member, each, f"{path}.{number}.member", leave)
    elif isinstance(shape, MapShape):
        for name, each in value.items():
            yield from _of(shape.value, each, f"{path}.{name}", leave)


def _failed(shape: Shape, value: Any) -> str:
    """The constraint that a value does not satisfy; "" where it satisfies all."""
    facts = shape.metadata
    least, most = facts.get("min"), facts.get("max")
    if shape.type_name in _NUMBER:
        kind, size = "value", value
    elif shape.type_name in (*_TEXT, "list", "map"):
        kind, size = "length", len(value)
    else:
        return ""
    if shape.type_name in _TEXT:
        known = facts.get("enum")
        if known and value not in known:
            return f"satisfy enum value set: [{', '.join(known)}]"
        pattern = facts.get("pattern")
        compiled = _compiled(pattern) if pattern else None
        if compiled is not None and compiled.fullmatch(value) is None:
            return f"satisfy regular expression pattern: {pattern}"
    if most is not None and size > most:
        return f"have {kind} less than or equal to {most}"
    if least is not None and size < least:
        return f"have {kind} greater than or equal to {least}"
    return ""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the model, which is Java's; None where Python has no such thing."""
    try:
        return re.compile(pattern)
    except re.error:
        return None
