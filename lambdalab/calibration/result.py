"""What calibration found: a function for each name in the logs."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from lambdalab.calibration.fitted import FittedFunction
from lambdalab.errors import UnknownName
from lambdalab.trace.words import times


@dataclass(frozen=True, slots=True, repr=False)
class Calibration:
    """What the logs say, function by function: ``fit["orders"]``, or ``fit.functions``.

    Attributes
    ----------
    functions
        A :class:`~lambdalab.calibration.FittedFunction` for each name, the busiest first.
    runs
        The table of all runs that were read, in the order of their ends.
    skipped
        How many lines (or rows) were left out because they are no REPORT.
    broken
        How many REPORT lines had no duration, and were left out.
    repeated
        How many runs stood there twice, and were counted once.
    """

    functions: Mapping[str, FittedFunction]
    runs: pd.DataFrame = field(repr=False)
    skipped: int = 0
    broken: int = 0
    repeated: int = 0

    def __getitem__(self, name: str) -> FittedFunction:
        """One function; raises :class:`~lambdalab.errors.UnknownName` where no line is of it."""
        if name not in self.functions:
            raise UnknownName("function in these logs", name, self.functions)
        return self.functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.functions)

    def __len__(self) -> int:
        return len(self.functions)

    def summary(self) -> pd.DataFrame:
        """A row for each function: its runs, the model of its duration, and its main figures.

        Lengths are in milliseconds or seconds as their names say, ``distance`` is the greatest between
        the model's share of shorter runs and the recorded one; NaN is what the logs do not tell.
        """
        rows = {name: found.row() for name, found in self.functions.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("function")

    def _heading(self) -> str:
        told = f"{times(len(self.runs), 'run')} of {times(len(self.functions), 'function')}"
        if self.skipped:
            told += f"; {times(self.skipped, 'other line')} left out"
        if self.broken:
            told += f"; {times(self.broken, 'broken REPORT line')} left out"
        if self.repeated:
            told += f"; {times(self.repeated, 'run')} stood there twice"
        return told

    def __repr__(self) -> str:
        parts = [f"Calibration: {self._heading()}", *map(repr, self.functions.values())]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        parts = "".join(found._repr_html_() for found in self.functions.values())
        return f"<div><b>Calibration</b>: {html.escape(self._heading())}{parts}</div>"
