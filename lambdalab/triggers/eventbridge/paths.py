"""The JSON paths of EventBridge: ``$.detail.items[0].id``, ``$.detail.items[*].id``.

Steps are names of letters, digits, ``-``, ``_`` and ``/`` after a dot, indices in brackets, and ``*`` for
all there are. Names in brackets, slices, filters and ``..`` are refused, as on AWS.
Source: ebug/eb-transform-target-input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_STEP = re.compile(r"\.([A-Za-z0-9_/-]+|\*)|\[([0-9]{1,9}|\*)\]")
MISSING = object()
"""What a path finds where there is nothing."""


class Path:
    """A path that has been read. Attribute: ``text``, as it was written.

    Raises ``ValueError`` for a text that is none; it tells where.

    >>> Path("$.detail.items[1].id").find({"detail": {"items": [{}, {"id": "a"}]}})
    'a'
    >>> Path("$.items[*]").find({"items": [1, 2]})
    [1, 2]
    >>> Path("$.detail['id']")
    Traceback (most recent call last):
        ...
    ValueError: at character 9: a path goes on with .name, .*, [0] or [*]
    """

    __slots__ = ("_many", "_steps", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text.startswith("$"):
            raise ValueError("at character 1: a path begins with $")
        self.text = text
        self._steps: list[str | int] = []
        at = 1
        while at < len(text):
            step = _STEP.match(text, at)
            if step is None:
                raise ValueError(
                    f"at character {at + 1}: a path goes on with .name, .*, [0] or [*]"
                )
            name, index = step.groups()
            self._steps.append(int(index) if index and index != "*" else name or "*")
            at = step.end()
        self._many = "*" in self._steps

    def find(self, document: Any) -> Any:
        """What is there in a document, or :data:`MISSING`; with a ``*`` in the path always a list."""
        found = [document]
        for step in self._steps:
            found = [below for each in found for below in _below(each, step)]
        if self._many:
            return found
        return found[0] if found else MISSING

    def __repr__(self) -> str:
        return f"Path({self.text!r})"


def _below(value: Any, step: str | int) -> Iterable[Any]:
    """What one step leads to: nothing, one thing, or all there are."""
    if isinstance(value, dict):
        if step == "*":
            return value.values()
        return (value[step],) if step in value else ()
    if isinstance(value, list):
        if step == "*":
            return value
        if isinstance(step, int) and step < len(value):
            return (value[step],)
    return ()
