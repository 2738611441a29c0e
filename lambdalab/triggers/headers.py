"""Headers of HTTP: several may have one name, and names are found in any case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Headers(Mapping[str, str]):
    """Headers by name, in any case.

    >>> Headers((("Content-Type", "text/plain"), ("X-A", "1"), ("x-a", "2")))["x-a"]
    '1, 2'
    """

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs
        self._found: dict[str, tuple[str, str]] = {}
        for name, value in pairs:
            known = self._found.get(name.lower())
            joined = value if known is None else f"{known[1]}, {value}"
            self._found[name.lower()] = (name if known is None else known[0], joined)

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()][1]

    def __iter__(self) -> Any:
        return (name for name, _ in self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr(dict(self))
