"""What messages, records and items of random labs hold, filters for them, and a matcher of its own.

The matcher knows what the filters of these worlds use, no more: exact values, prefix, suffix,
anything-but, numeric ranges, exists, fields within fields, and several filters of which one must match.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

KINDS = ("a", "b", "c")
TEXTS = (
    "plain",
    "[1, 2]",
    "7",
)  # of a queue: a string, an array, and what JSON would call a number

#: Patterns for what lies under the data key; those for SQS alone may ask for a string.
PATTERNS: tuple[dict[str, Any], ...] = (
    {"kind": ["a", "b"]},
    {"kind": [{"anything-but": ["a"]}]},
    {"price": [{"numeric": [">", 10, "<=", 50]}]},
    {"note": [{"exists": False}]},
    {"who": {"name": [{"prefix": "an"}]}, "kind": [{"exists": True}]},
    {"who": {"name": [{"suffix": "b"}, "ann"]}},
)
CHANGES: tuple[dict[str, Any], ...] = (
    {"eventName": ["INSERT", "REMOVE"]},
    {"dynamodb": {"NewImage": {"kind": {"S": ["a", {"prefix": "b"}]}}}},
    {"dynamodb": {"OldImage": {"kind": {"S": [{"exists": False}]}}}},
    {"dynamodb": {"Keys": {"id": {"S": [{"anything-but": ["1"]}]}}}},
)


def body(chance: Any, number: int) -> dict[str, Any]:
    """Something to send, put or store."""
    made: dict[str, Any] = {"n": number}
    if chance.random() < 0.8:
        made["kind"] = chance.choice(KINDS)
    if chance.random() < 0.5:
        made["price"] = chance.choice([5, 10, 11, 50, 60])
    if chance.random() < 0.3:
        made["who"] = {"name": chance.choice(["ann", "anna", "bob", "eve"])}
    if chance.random() < 0.2:
        made["note"] = "x" * chance.randrange(900)
    return made


def criteria(chance: Any, source: str) -> dict[str, Any]:
    """Filters for a source: "queue", "stream" or "table"."""
    if source == "table":
        patterns = chance.sample(CHANGES, chance.choice([1, 1, 2]))
    else:
        key = "body" if source == "queue" else "data"
        patterns = [{key: made} for made in chance.sample(PATTERNS, chance.choice([1, 1, 2]))]
    if source == "queue" and chance.random() < 0.2:
        patterns.append({"body": ["plain"]})
    return {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}


# ---------------------------------------------------------------------- matching


def admits(given: dict[str, Any] | None, source: str, held: object) -> bool:
    """Whether a filter lets something through: a text (queue, stream) or a whole record (table)."""
    if not given or not given["Filters"]:
        return True
    key = "body" if source == "queue" else "data"
    patterns = [json.loads(each["Pattern"]) for each in given["Filters"]]
    if source == "table":
        return any(_fields(pattern, held) for pattern in patterns)
    return any(_data(pattern[key], str(held)) for pattern in patterns)


def _data(pattern: Any, text: str) -> bool:
    """JSON is matched by its fields, a string as a whole; what is neither as asked for does not pass."""
    try:
        inside = json.loads(text)
    except ValueError:
        inside = None
    if isinstance(pattern, dict):
        # an array has no fields: nothing in it is there
        return isinstance(inside, (dict, list)) and _fields(pattern, inside)
    return not isinstance(inside, (dict, list)) and _any(pattern, text, True)


def _fields(pattern: dict[str, Any], held: object) -> bool:
    known = held if isinstance(held, dict) else {}
    for name, wanted in pattern.items():
        there, value = name in known, known.get(name)
        good = _fields(wanted, value) if isinstance(wanted, dict) else _any(wanted, value, there)
        if not good:
            return False
    return True


def _any(rules: list[Any], value: Any, there: bool) -> bool:
    return any(_rule(rule, value, there) for rule in rules)


def _rule(rule: Any, value: Any, there: bool) -> bool:
    if not isinstance(rule, dict):
        return there and type(value) is type(rule) and value == rule
    [(name, wanted)] = rule.items()
    tests: dict[str, Callable[[], bool]] = {
        "exists": lambda: (there and not isinstance(value, dict)) is wanted,
        "prefix": lambda: isinstance(value, str) and value.startswith(wanted),
        "suffix": lambda: isinstance(value, str) and value.endswith(wanted),
        "anything-but": lambda: there and value not in wanted,
        "numeric": lambda: _within(value, wanted),
    }
    return tests[name]()


def _within(value: Any, bounds: list[Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    tests = {
        "<": lambda most: value < most, "<=": lambda most: value <= most,
        ">": lambda most: value > most, ">=": lambda most: value >= most, "=": lambda most: value == most,
    }  # fmt: skip
    return all(tests[sign](bound) for sign, bound in zip(bounds[::2], bounds[1::2], strict=True))


# ---------------------------------------------------------------------- events


def length(event: Any) -> int:
    """Bytes of its JSON as Lambda writes it."""
    return len(json.dumps(event, ensure_ascii=False).encode())


def number_of(record: Any) -> str:
    """The sequence number of a record in an event."""
    of_kinesis = "kinesis" in record
    return str(
        record["kinesis"]["sequenceNumber"] if of_kinesis else record["dynamodb"]["SequenceNumber"]
    )
