"""The table that is printed: what, aim, seen, and whether the aim was met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line. ``met`` is None where nothing could be measured."""

    what: str
    aim: str
    seen: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """The last column."""
        return "-" if self.met is None else "met" if self.met else "NOT MET"


def missing(what: str, aim: str, why: str) -> Row:
    """A line that says why there is nothing to see."""
    return Row(what, aim, why, None)


def show(rows: Iterable[Row]) -> None:
    """Print the lines as they come, in columns of a fixed width."""
    widths = (46, 22, 52, 7)
    line = "  ".join(f"{{:<{width}}}" for width in widths)
    print(line.format("what", "aim", "seen", ""))
    print("  ".join("-" * width for width in widths))
    for row in rows:
        print(line.format(row.what, row.aim, row.seen, row.verdict).rstrip(), flush=True)
