"""The event patterns of rules: the shared language, EventBridge's larger one, and its own limits.

The language is :mod:`lambdalab.sources.filters.patterns`. EventBridge refuses a pattern that is too long,
and one whose wildcards could all be under way at once: it has to remember, for every character, each
``*`` that the text so far may have passed. AWS gives no figure for that
(ebug/eb-event-patterns-content-based-filtering); what is known is one pattern that it refused
(``LSP:content_wildcard_complex_EXC``) and its words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lambdalab.errors import InvalidEventPatternException, InvalidSetting, ValidationException
from lambdalab.rules import Rules
from lambdalab.sources.filters.patterns import Pattern, PatternError, parse


def read_pattern(given: object, rules: Rules, rule: str = "") -> Pattern:
    """Read an event pattern, a dict or its JSON text.

    Parameters: the pattern, the lab's rules, and the name of the rule it is for (empty: of none).

    Raises
    ------
    InvalidEventPatternException
        For a pattern that does not parse, with the place and what was expected, and for too many
        wildcards.
    ValidationException
        For one that is too long.
    InvalidSetting
        For what is no pattern at all.
    """
    text = _text(given)
    most = rules.eventbridge_pattern_size
    if len(text.encode(errors="surrogatepass")) > most:
        raise ValidationException(
            f"Parameter EventPattern for rule {rule} exceeds limit of {most}.",
            f" ({rules.source('eventbridge_pattern_size')})",
        )
    try:
        pattern = parse(text, event_bridge=True)
    except PatternError as error:
        raise InvalidEventPatternException(
            f"Event pattern is not valid. Reason: {error.reason}",
            f" (at {error.where} of {text})" if error.where else f" ({text})",
        ) from None
    for where, texts in _wildcards(json.loads(text), ""):
        if complexity(texts) > rules.eventbridge_wildcards:
            raise InvalidEventPatternException(
                "Event pattern is not valid. Reason: Rule is too complex - try using fewer wildcard "
                "characters or fewer repeating character sequences after a wildcard character",
                f" (at {where}: {complexity(texts)} wildcards are followed by the same character, "
                f"at most {rules.eventbridge_wildcards}; {rules.source('eventbridge_wildcards')})",
            )
    return pattern


def _text(given: object) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        try:
            return json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            limit = f"a dict that can be JSON ({error})"
            raise InvalidSetting("event_pattern", given, limit, "botocore PutRule") from None
    limit = "a dict, or a JSON text, such as {'source': ['shop']}"
    raise InvalidSetting("event_pattern", given, limit, "botocore PutRule")


def complexity(wildcards: list[str]) -> int:
    """How many ``*`` of a field's wildcards one character can lead on from.

    >>> complexity(["*:*:*:*:*:event-bus/*"]), complexity(["a*b*c"])
    (5, 1)
    """
    after: Counter[str] = Counter()
    for text in wildcards:
        at = 0
        while at < len(text):
            if text[at] == "*":
                after[text[at + 1 : at + 2]] += 1
            at += 2 if text[at] == "\\" else 1
    return max(after.values(), default=0)


def _wildcards(pattern: Any, where: str) -> Iterator[tuple[str, list[str]]]:
    """The wildcards of each field of a pattern that has parsed, with where it is."""
    if isinstance(pattern, dict):
        for key, value in pattern.items():
            yield from _wildcards(value, f"{where}.{key}" if where else key)
        return
    if where.endswith("$or"):
        for number, each in enumerate(pattern):
            yield from _wildcards(each, f"{where}[{number}]")
        return
    texts: list[str] = []
    for rule in pattern:
        if isinstance(rule, dict):
            inner = rule.get("anything-but")
            found = inner if isinstance(inner, dict) else rule
            given = found.get("wildcard", [])
            texts += [given] if isinstance(given, str) else given
    yield where, texts
