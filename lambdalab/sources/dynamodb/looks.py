"""What a table shows and answers: items as plain Python values."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import Any

_SHOWN = 10
_WIDTH = 90


class Items:
    """Items as they were when they were looked at, in order. Each is a dictionary of plain values."""

    def __init__(self, table: str, items: Iterable[dict[str, Any]]) -> None:
        self._table = table
        self._items = list(items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._items[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def _head(self) -> str:
        return f"{len(self):,} item{'s' * (len(self) != 1)} in {self._table!r}"

    def _lines(self) -> list[str]:
        lines = [_line(item) for item in self._items[:_SHOWN]]
        more = len(self) - _SHOWN
        return [*lines, f"... and {more:,} more"] if more > 0 else lines

    def __repr__(self) -> str:
        return "\n".join([self._head(), *self._lines()])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


class Page(Items):
    """What ``query`` and ``scan`` found.

    Attributes: ``count``; ``scanned_count``, of the items that were looked at before the filter; and
    ``last_evaluated_key``: where there is more to come, the ``exclusive_start_key`` of the next call,
    else None.
    """

    def __init__(
        self, table: str, items: Iterable[dict[str, Any]], count: int, scanned_count: int,
        last_evaluated_key: dict[str, Any] | None,
    ) -> None:  # fmt: skip
        super().__init__(table, items)
        self.count, self.scanned_count = count, scanned_count
        self.last_evaluated_key = last_evaluated_key

    def _head(self) -> str:
        more = ", and more" if self.last_evaluated_key else ""
        found = f"{self.count:,} item{'s' * (self.count != 1)} of {self.scanned_count:,} looked at"
        return f"{found} in {self._table!r}{more}"


def _line(item: dict[str, Any]) -> str:
    """An item in a line; sets in order."""
    told = ", ".join(f"{name!r}: {_shown(value)}" for name, value in item.items())
    text = f"{{{told}}}"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _shown(value: Any) -> str:
    if isinstance(value, set):
        return f"{{{', '.join(map(repr, sorted(value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_shown(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
