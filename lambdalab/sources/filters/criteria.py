"""Filter criteria: which of a source's records an event source mapping hands to its function.

A record passes when any of the filters matches it. What a filter sees is the record as it stands in
the event, but for the source's data key, which Lambda decodes:

========== ============================ ============================================================
data       pattern for the data key     SQS (``body``) · Kinesis (``data``)
========== ============================ ============================================================
JSON       fields (an object)           matched
a string   a list of rules              matched · refused when the mapping is made
no JSON    fields                       dropped
JSON       a list of rules              dropped · refused when the mapping is made
any        none                         only the other keys of the record count
========== ============================ ============================================================

JSON is here an object or an array: ``123`` and ``"text"`` are strings (our reading; the guide speaks of
plain strings and valid JSON). A DynamoDB record's ``dynamodb`` is an object as it is. What the event
has under ``kinesis`` stands beside its other keys, ``{"partitionKey": ["1"], "data": {...}}``, as in the
guide's example. Today's guide says that SQS is filtered by ``body`` and Kinesis by ``data`` alone, the
guide of 2022 names the other keys too: they match.

Sources: dg/invocation-eventfiltering, dg-old/invocation-eventfiltering, dg/with-sqs-filtering;
event-source-mappings.md 6 of the reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.rules import Rules
from lambdalab.sources.filters.patterns import Decoded, Pattern, PatternError, parse

SETTING = "filter_criteria"
_SHAPE = '{"Filters": [{"Pattern": "..."}]}, or None'


@dataclass(frozen=True, slots=True)
class Source:
    """What filters need to know of a source.

    ``key``: its data key; ``strings``: whether data may be a plain string; ``inside``: the key of the
    event's record whose members filters see as the record's own, or ``""``.
    """

    name: str
    key: str
    strings: bool
    inside: str = ""


SQS = Source("SQS", "body", strings=True)
KINESIS = Source("Kinesis", "data", strings=False, inside="kinesis")
DYNAMODB = Source("DynamoDB", "dynamodb", strings=False)


class FilterCriteria:
    """The filters of one mapping, made by :meth:`make`. Attribute: ``patterns``, their JSON texts."""

    __slots__ = ("_data", "_inside", "_key", "_matches", "_other", "patterns")

    def __init__(self, patterns: list[Pattern], source: Source) -> None:
        self.patterns = tuple(pattern.text for pattern in patterns)
        self._matches = [pattern.matches for pattern in patterns]
        self._key, self._inside = source.key, source.inside
        names = frozenset[str]().union(*(pattern.names for pattern in patterns))
        self._data = source.key in names  # whether any filter looks at the data
        self._other = bool(names - {source.key})  # and at other keys

    @classmethod
    def make(cls, given: object, rules: Rules, source: Source) -> FilterCriteria | None:
        """Read ``{"Filters": [{"Pattern": "<JSON, or a dict>"}]}``; None where there is no filter.

        Raises :class:`InvalidSetting` for another shape, too many filters or too long a pattern, and
        :class:`InvalidParameterValueException` for a pattern that does not parse; it tells where.
        """
        if isinstance(given, FilterCriteria):
            return given
        filters = _filters(given)
        most = rules.mapping_filters
        if len(filters) > most:
            limit = f"at most {most} filters"
            raise InvalidSetting(SETTING, given, limit, rules.source("mapping_filters"))
        texts = [_text(each, given) for each in filters]
        for text in texts:
            if len(text) > rules.mapping_filter_length:
                limit = f"patterns of at most {rules.mapping_filter_length:,} characters"
                source_of_limit = rules.source("mapping_filter_length")
                raise InvalidSetting(SETTING, f"{text[:60]}...", limit, source_of_limit)
        patterns = [_parsed(text, n, source) for n, text in enumerate(texts)]
        return cls(patterns, source) if patterns else None

    def as_dict(self) -> dict[str, list[dict[str, str]]]:
        """AWS's form of it."""
        return {"Filters": [{"Pattern": text} for text in self.patterns]}

    def admits(self, text: str, record: Callable[[], dict[str, Any]]) -> bool:
        """Whether a record with data passes.

        ``text`` is its data, decoded to text; ``record()`` makes the record as it stands in the
        event, and is called only if a filter asks for more than the data.
        """
        seen = record() if self._other else {}
        if self._inside in seen:
            seen |= seen.pop(self._inside)
        if self._data:
            seen[self._key] = decoded(text)
        return self.matches(seen)

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether any filter matches a record as it is."""
        return any(matches(record) for matches in self._matches)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FilterCriteria) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(self.patterns)

    def __len__(self) -> int:
        return len(self.patterns)

    def __repr__(self) -> str:
        return repr(self.as_dict())


def decoded(text: str) -> Decoded:
    """A record's data for a filter.

    >>> decoded('{"kind": "a"}').inside, decoded("plain").inside
    ({'kind': 'a'}, None)
    """
    try:
        inside = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Decoded(text, None)
    return Decoded(text, inside if isinstance(inside, (dict, list)) else None)


def _filters(given: object) -> list[dict[str, object]]:
    """The list of filters; AWS takes ``{}`` for none."""
    filters = given.get("Filters", []) if isinstance(given, dict) else None
    unknown = set(given) - {"Filters"} if isinstance(given, dict) else ()
    if unknown or not isinstance(filters, (list, tuple)):
        raise InvalidSetting(SETTING, given, _SHAPE, "botocore FilterCriteria")
    for each in filters:
        if not isinstance(each, dict) or set(each) - {"Pattern"}:
            raise InvalidSetting(SETTING, given, _SHAPE, "botocore FilterCriteria")
    return list(filters)


def _text(given: dict[str, object], criteria: object) -> str:
    """The JSON text of a filter's pattern; a dict stands for its shortest JSON."""
    pattern = given.get("Pattern", "")
    if isinstance(pattern, dict):
        try:
            return json.dumps(pattern, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            limit = f"{_SHAPE}, JSON or a dict that can be JSON ({error})"
            raise InvalidSetting(SETTING, criteria, limit) from None
    if not isinstance(pattern, str):
        raise InvalidSetting(SETTING, criteria, _SHAPE, "botocore FilterCriteria")
    return pattern


def _parsed(text: str, number: int, source: Source) -> Pattern:
    try:
        pattern = parse(text)
        if not source.strings:
            for where in pattern.rules_at(source.key):
                reason = f"{source.name} data is matched by its fields, not as a string"
                raise PatternError(where, reason)
    except PatternError as error:
        raise InvalidParameterValueException(
            "Invalid filter pattern definition.", f" (Filters[{number}].Pattern, {error})"
        ) from None
    return pattern
