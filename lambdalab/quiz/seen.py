"""What a set-up reports of its run: a few named values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambdalab.errors import UnknownName


class Seen(Mapping[str, Any]):
    """Named values of one run, read as attributes: ``seen.runs``.

    Raises :class:`~lambdalab.errors.UnknownName` for a value that the set-up did not report.

    >>> seen = Seen({"status": 202, "runs": 0})
    >>> seen, seen.status
    (status=202, runs=0, 202)
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise UnknownName("value in what the run showed", name, self._values) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: what a run showed does not change")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.items())
