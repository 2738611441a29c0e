"""Filter policies: which messages of a topic a subscription wants.

SNS's language is that of event patterns (:mod:`lambdalab.sources.filters.patterns`) with another set of
operators: exact values, ``prefix``, ``suffix``, ``equals-ignore-case``, ``anything-but`` (values, or a
prefix), ``numeric``, ``cidr``, ``exists`` and ``$or``. A policy looks either at the message attributes or
at the body, which then has to be a JSON object. Of attributes: a ``String.Array`` has several values, of
which any may match; a ``Number`` is no string; ``Binary`` ones are not seen; and a message without any
attribute matches no policy, not even ``{"exists": false}``.

Sources: snsdg/sns-subscription-filter-policies and the pages it names (string-value-matching,
numeric-value-matching, attribute-key-matching, and-or-logic, subscription-filter-policy-constraints).
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from lambdalab.errors import InvalidParameterException, InvalidSetting
from lambdalab.rules import Rules
from lambdalab.sources.filters.patterns import OR, PatternError, parse
from lambdalab.triggers.sns.messages import Attributes

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
SCOPES = (ATTRIBUTES, BODY)
_OPERATORS = (
    "anything-but", "prefix", "suffix", "equals-ignore-case", "numeric", "cidr", "exists",
)  # fmt: skip


class FilterPolicy:
    """A policy that parsed. Attributes: its JSON ``text`` and its ``scope``."""

    def __init__(self, text: str, scope: str) -> None:
        self.text, self.scope = text, scope
        self._matches = parse(text, event_bridge=True).matches

    @classmethod
    def make(cls, given: object, scope: str, rules: Rules) -> FilterPolicy | None:
        """Read a policy, a dict or its JSON text; None, and ``{}``, let everything pass.

        Raises :class:`~lambdalab.errors.InvalidParameterException` for one that does not parse (it
        tells where) or is too large or too complex.
        """
        text = _text(given)
        if text in (None, "{}"):
            return None
        if len(text.encode()) > rules.sns_filter_size:
            _refuse("it is too large", f" ({rules.describe('sns_filter_size')})")
        try:
            made = cls(text, scope)
            combinations = _Reading(scope, rules).object(json.loads(text), "", 1)
        except PatternError as error:
            at = f"filter_policy, at {error.where}" if error.where else "filter_policy"
            _refuse(error.reason, f" ({at})")
        if combinations > rules.sns_filter_combinations:
            _refuse("Filter policy is too complex", f" ({combinations:,} combinations; "
                    f"{rules.describe('sns_filter_combinations')})")  # fmt: skip
        return made

    def admits(self, text: str, attributes: Attributes) -> bool:
        """Whether a message with this text and these attributes passes.

        >>> from lambdalab.rules import Rules
        >>> dear = FilterPolicy.make({"price": [{"numeric": [">", 100]}]}, BODY, Rules.as_of())
        >>> dear.admits('{"price": 120}', {}), dear.admits("dear", {})
        (True, False)
        """
        if self.scope == ATTRIBUTES:
            return bool(attributes) and self._matches(_values(attributes))
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        return isinstance(body, dict) and self._matches(body)

    def __repr__(self) -> str:
        return self.text


def _refuse(reason: str, hint: str) -> Any:
    raise InvalidParameterException(f"FilterPolicy: {reason}", hint)


def _text(given: object) -> Any:
    if given is None or isinstance(given, FilterPolicy):
        return None if given is None else given.text
    if not isinstance(given, (str, dict)):
        raise InvalidSetting("filter_policy", given, "a dict, or its JSON", "botocore Subscribe")
    try:
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError) as error:
        limit, shown = f"a dict that can be JSON ({error})", ascii(given)
        raise InvalidSetting("filter_policy", shown, limit, "botocore Subscribe") from None
    except RecursionError as error:
        raise InvalidParameterException(f"FilterPolicy: {error}") from None
    return text


def _values(attributes: Attributes) -> dict[str, Any]:
    """What a policy sees of message attributes."""
    seen: dict[str, Any] = {}
    for name, (data_type, value) in attributes.items():
        if isinstance(value, bytes):
            continue
        seen[name] = value
        if data_type.startswith("Number"):
            seen[name] = float(value)
        elif data_type == "String.Array":
            try:
                found = orjson.loads(value)
            except orjson.JSONDecodeError:
                continue
            seen[name] = found if isinstance(found, list) else [found]
    return seen


class _Reading:
    """Looks for what event patterns may hold and SNS's policies may not, and counts combinations."""

    def __init__(self, scope: str, rules: Rules) -> None:
        self._nested, self._most = scope == BODY, rules.sns_filter_keys
        self._keys = 0

    def object(self, given: dict[str, Any], where: str, depth: int) -> int:
        """An object with fields: the product of what they hold."""
        product = 1
        for key, value in given.items():
            at = f"{where}.{key}" if where else key
            if key == OR:
                branches = enumerate(value)
                product *= sum(self.object(each, f"{at}[{n}]", depth) for n, each in branches)
            elif isinstance(value, dict):
                if not self._nested:
                    raise PatternError(
                        at,
                        f"Filter policy scope {ATTRIBUTES} does not support nested filter policy",
                    )
                product *= self.object(value, at, depth + 1)
            else:
                self._keys += 1
                if self._keys > self._most:
                    raise PatternError(
                        at, f"Filter policy can not have more than {self._most} keys"
                    )
                for number, rule in enumerate(value):
                    _operator(rule, f"{at}[{number}]")
                product *= len(value) * depth
        return product


def _operator(rule: Any, where: str) -> None:
    """Refuse what is for EventBridge rules alone."""
    if not isinstance(rule, dict):
        return
    ((name, argument),) = rule.items()
    if name not in _OPERATORS:
        raise PatternError(where, f"Unrecognized match type {name}")
    if isinstance(argument, dict):
        inner = next(iter(argument))
        if (name, inner) != ("anything-but", "prefix"):
            raise PatternError(f"{where}.{name}", f"Unsupported {name} pattern: {inner}")
