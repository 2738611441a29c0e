"""Filter patterns of CloudWatch Logs: terms, and conditions on JSON lines.

Terms: ``ERROR timeout`` (both), ``?ERROR ?WARN`` (either), ``-debug`` (not), ``"out of memory"`` (a
phrase), ``%E[0-9]+%`` (a regular expression). JSON: ``{ $.level = "ERROR" && $.ms > 100 }`` with ``=``,
``!=``, ``<``, ``<=``, ``>``, ``>=``, ``*`` in texts, ``IS NULL``, ``IS TRUE``, ``IS FALSE``,
``NOT EXISTS``, ``&&``, ``||`` and parentheses.
Space-delimited patterns (``[ip, user, ...]``) are not simulated. Source: logs/FilterAndPatternSyntax.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from lambdalab.triggers.errors import InvalidParameterException

Matches = Callable[[str], bool]
_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)*)%|([^\s"%]+))')
_TOKEN = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||\(|\)|!=|<=|>=|=|<|>)
    |(?P<path>\$(?:\.[A-Za-z0-9_-]+|\.\*|\[\d+\]|\[\*\]|\['[^']*'\])*)
    |"(?P<text>(?:[^"\\]|\\.)*)"|%(?P<regex>(?:[^%\\]|\\.)*)%
    |(?P<word>[A-Za-z0-9_.*+:/@-]+))""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([A-Za-z0-9_*-]+)|\[(\d+|\*)\]|\['([^']*)'\]")
_MISSING = object()


def _invalid(pattern: str, at: int, expected: str) -> InvalidParameterException:
    return InvalidParameterException(
        "Invalid filter pattern", f": {pattern!r} at position {at}: {expected} was expected"
    )


def compile_pattern(pattern: str) -> Matches:
    """What a pattern matches.

    Raises :class:`~lambdalab.triggers.errors.InvalidParameterException`, which names the position.

    >>> compile_pattern("ERROR -retry")("ERROR: no disk"), compile_pattern("{ $.n > 2 }")('{"n": 2}')
    (True, False)
    """
    if not isinstance(pattern, str) or len(pattern) > 1024:
        raise InvalidParameterException(
            "Invalid filter pattern", ": a text of at most 1,024 characters"
        )
    bare = pattern.strip()
    if not bare:
        return lambda _line: True
    if bare.startswith("["):
        raise _invalid(pattern, 0, "terms or { $.field = value } (no [columns] in a lab)")
    if bare.startswith("{"):
        return _Json(pattern).matches
    return _terms(pattern)


def _terms(pattern: str) -> Matches:
    wanted: dict[str, list[Matches]] = {"": [], "?": [], "-": []}
    at = 0
    while pattern[at:].strip():
        found = _TERM.match(pattern, at)
        if found is None:
            raise _invalid(pattern, at, "a term, or the end of what is quoted")
        sign, phrase, regex, word = found.groups()
        if regex is not None:
            wanted[sign].append(_regex(regex, pattern, at))
        else:
            text = word if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
            wanted[sign].append(_containing(text))
        at = found.end()

    def matches(line: str) -> bool:
        needed, either, never = wanted[""], wanted["?"], wanted["-"]
        if any(each(line) for each in never) or not all(each(line) for each in needed):
            return False
        # with a term that is needed, those with "?" count for nothing
        return bool(needed) or not either or any(each(line) for each in either)

    return matches


def _containing(text: str) -> Matches:
    return lambda line: text in line


def _regex(text: str, pattern: str, at: int) -> Matches:
    try:
        found = re.compile(text)
    except re.error as error:
        raise _invalid(pattern, at, f"a regular expression ({error})") from None
    return lambda line: found.search(line) is not None


Node = Callable[[Any], bool]


class _Json:
    """A parser of ``{ ... }``: or of ands of conditions."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._begins = pattern.index("{") + 1
        end = pattern.rstrip()
        if not end.endswith("}"):
            raise _invalid(pattern, len(end), "'}'")
        self._tokens = self._cut(pattern, len(end) - 1)
        self._next = 0
        self._node = self._either()
        if self._next < len(self._tokens):
            raise self._wrong("'&&', '||' or '}'")

    def matches(self, line: str) -> bool:
        """Whether a line is a JSON object for which the conditions hold."""
        try:
            value = json.loads(line)
        except ValueError:
            return False
        return isinstance(value, dict) and self._node(value)

    def _cut(self, pattern: str, end: int) -> list[tuple[str, str, int]]:
        tokens, at = [], self._begins
        while pattern[at:end].strip():
            found = _TOKEN.match(pattern, at, end)
            if found is None or found.lastgroup is None:
                raise _invalid(pattern, at, "a field ($.name), an operator or a value")
            tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            at = found.end()
        return tokens

    def _wrong(self, expected: str) -> InvalidParameterException:
        known = self._next < len(self._tokens)
        at = self._tokens[self._next][2] if known else len(self._pattern.rstrip()) - 1
        return _invalid(self._pattern, at, expected)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next][:2] if self._next < len(self._tokens) else ("", "")

    def _take(self, kinds: tuple[str, ...], expected: str) -> tuple[str, str]:
        kind, text = self._peek()
        if kind not in kinds:
            raise self._wrong(expected)
        self._next += 1
        return kind, text

    def _either(self) -> Node:
        nodes = [self._both()]
        while self._peek() == ("op", "||"):
            self._next += 1
            nodes.append(self._both())
        return lambda value: any(node(value) for node in nodes)

    def _both(self) -> Node:
        nodes = [self._one()]
        while self._peek() == ("op", "&&"):
            self._next += 1
            nodes.append(self._one())
        return lambda value: all(node(value) for node in nodes)

    def _one(self) -> Node:
        if self._peek() == ("op", "("):
            self._next += 1
            node = self._either()
            if self._peek() != ("op", ")"):
                raise self._wrong("')'")
            self._next += 1
            return node
        _, path = self._take(("path",), "a field: $.name")
        kind, text = self._take(("op", "word"), "an operator")
        if kind == "word":
            return self._state(path, text.upper())
        if text not in ("=", "!=", "<", "<=", ">", ">="):
            self._next -= 1
            raise self._wrong("one of = != < <= > >= IS NOT")
        return self._compare(path, text, *self._take(("text", "regex", "word"), "a value"))

    def _state(self, path: str, word: str) -> Node:
        """IS NULL, IS TRUE, IS FALSE, NOT EXISTS."""
        _, other = self._take(("word",), "NULL, TRUE, FALSE or EXISTS")
        told = word, other.upper()
        states: dict[tuple[str, str], Node] = {
            ("IS", "NULL"): lambda value: _of(value, path) is None,
            ("IS", "TRUE"): lambda value: _of(value, path) is True,
            ("IS", "FALSE"): lambda value: _of(value, path) is False,
            ("NOT", "EXISTS"): lambda value: _of(value, path) is _MISSING,
        }
        if told not in states:
            self._next -= 1
            raise self._wrong("IS NULL, IS TRUE, IS FALSE or NOT EXISTS")
        return states[told]

    def _compare(self, path: str, op: str, kind: str, text: str) -> Node:
        if kind == "regex":
            found = _regex(text, self._pattern, self._tokens[self._next - 1][2])
            return lambda value: found(_text(_of(value, path))) == (op == "=")
        if op in ("=", "!="):
            bare = re.sub(r"\\(.)", r"\1", text)
            like = re.compile(".*".join(map(re.escape, bare.split("*"))), re.DOTALL)
            number = _number(text) if kind == "word" else None
            return lambda value: _equal(_of(value, path), like, number) == (op == "=")
        limit = _number(text)
        if limit is None:
            self._next -= 1
            raise self._wrong("a number")
        return lambda value: _ordered(_of(value, path), op, limit)


def _of(value: Any, path: str) -> Any:
    """The value under a path; a ``*`` is the first that there is."""
    for name, index, quoted in _STEP.findall(path):
        if name or quoted:
            value = value.get(name or quoted, _MISSING) if isinstance(value, dict) else _MISSING
        else:
            place = 0 if index == "*" else int(index)
            good = isinstance(value, list) and place < len(value)
            value = value[place] if good else _MISSING
    return value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is _MISSING else json.dumps(value)


def _equal(value: Any, like: re.Pattern[str], number: float | None) -> bool:
    if number is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value == number
    return value is not _MISSING and like.fullmatch(_text(value)) is not None


def _ordered(value: Any, op: str, limit: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if op == "<":
        return value < limit
    if op == "<=":
        return value <= limit
    return value > limit if op == ">" else value >= limit
