"""Sentences whose numbers come from the books, each kept with the rows that prove it.

An explorer's *why* line is made with a :class:`Telling`: every number in it is asked of a table of the
trace, and remembered as a :class:`Fact` that says of which table, which rows and which column it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.plots import words
from lambdalab.plots.frames import ordinal
from lambdalab.trace.ids import short

if TYPE_CHECKING:
    from lambdalab.trace import Trace

Where = Mapping[str, Any]
"""Conditions by column: a value the column must have, or a pair ``(operator, value)``; with the operator
"in" the value is a tuple."""

SENT_AT = "sent_at"
"""Of queue events, where it is no column: when their event was sent, as old as it is ``at`` the row's."""

OPERATORS = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "!=": np.not_equal,
}  # fmt: skip
HOWS = (
    "count", "value", "unique", "sum", "min", "max", "mean", "p50", "p95", "p99", "overlap",
    "per_million",
)  # fmt: skip
"""How a number comes from a column's values; ``overlap``: how many rows ran at once at most, by the
columns ``started_at`` and ``ended_at``; ``per_million``: a million times the mean, as of a price."""
WIRED = "wired"
"""The "table" of what is set up: rows are ``kind`` and ``name``, columns its settings."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One number of a sentence, and where it stands in the books.

    Attributes
    ----------
    text
        As it stands in the sentence: ``"29.0 s"``, ``"312 messages"``, ``"b3"``.
    table
        A table of the trace; ``"wired"`` for what is set up (``trace.wired(kind)[name]``, and kind
        ``"function"`` for ``trace.settings(name)``).
    column
        The column; ``""`` for a count of rows; ``"opened_at..flushed_at"`` for the time between two.
    how
        One of :data:`HOWS`.
    where
        The rows, as conditions by column.
    """

    text: str
    table: str
    column: str
    how: str
    where: tuple[tuple[str, Any], ...]


class Why(str):
    """A sentence, with the ``facts`` that its numbers are."""

    __slots__ = ("facts",)
    facts: tuple[Fact, ...]

    @classmethod
    def of(cls, sentence: str, facts: tuple[Fact, ...] = ()) -> Why:
        """The sentence with its facts; those it does not name are left out."""
        why = cls(sentence)
        why.facts = tuple(dict.fromkeys(fact for fact in facts if fact.text in sentence))
        return why

    def proof(self) -> pd.DataFrame:
        """A table of the facts: one row per number of the sentence."""
        rows = [
            (f.text, f.table, f.column, f.how, ", ".join(_condition(*w) for w in f.where))
            for f in self.facts
        ]
        return pd.DataFrame(rows, columns=["says", "table", "column", "how", "where"], dtype=str)


def _condition(column: str, wanted: Any) -> str:
    if isinstance(wanted, tuple):
        told = f"({len(wanted[1]):,} of them)" if wanted[0] == "in" else wanted[1]
        return f"{column} {wanted[0]} {told}"
    return f"{column} = {wanted}"


class Telling:
    """Asks the books of one trace for the numbers of a sentence, and remembers them.

    >>> from lambdalab.scenarios import batching
    >>> tell = Telling(batching(seconds=10))
    >>> full = tell.count("batch", "batches", {"cause": "batch_size"}, "batches")
    >>> why = tell.why(f"{full} closed full.")
    >>> why, why.proof()["table"].tolist()
    ('1 batch closed full.', ['batches'])
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._facts: list[Fact] = []
        self._met: dict[
            tuple[str, str, Any], Any
        ] = {}  # a sentence asks for the same more than once

    def rows(self, table: str, where: Where | None = None) -> pd.DataFrame:
        """The rows of a table that meet all the conditions."""
        frame: pd.DataFrame = getattr(self.trace, table)
        rows: pd.DataFrame = frame[self._chosen(table, where)]
        return rows

    def count(self, thing: str, table: str, where: Where | None = None, things: str = "") -> str:
        """How many rows: "312 messages"."""
        text = words.count(self._number_of(table, where), thing, things)
        return self._remember(text, table, "", "count", where)

    def times(self, table: str, where: Where | None = None) -> str:
        """How many rows, as how often: "once", "1,204 times"."""
        text = words.times(self._number_of(table, where))
        return self._remember(text, table, "", "count", where)

    def value(
        self, table: str, column: str, where: Where | None = None, how: str = "value", *,
        text: str = "",
    ) -> str:  # fmt: skip
        """A number of a column as people say it: by its name a length of time (``_ms``), a size
        (``_bytes``), money (``_usd``), a moment in seconds from the start (``_at``), or a plain number.

        ``how`` is one of :data:`HOWS`; "value" takes the first row. ``text`` is what stands in the
        sentence instead, where that is written otherwise ("Seven").
        """
        found = self.number(table, column, where, how)
        return self._remember(text or _written(column, how, found), table, column, how, where)

    def number(
        self, table: str, column: str, where: Where | None = None, how: str = "value"
    ) -> float:
        """That number in the unit of its column (moments: seconds), for decisions; NaN of no rows.

        It is not remembered: only what is said needs a proof.
        """
        frame: pd.DataFrame = getattr(self.trace, table)
        needed = ["started_at", "ended_at"] if how == "overlap" else column.split("..")
        rows = frame[needed][self._chosen(table, where)]  # whole rows would be copied for nothing
        if how == "overlap":
            return float(_overlap(rows))
        values = _values(self.trace, rows, column)
        if how == "unique":
            return float(values.nunique())
        numbers = values.dropna().to_numpy(dtype=float)
        return _aggregated(numbers, how) if len(numbers) else float("nan")

    def setting(self, kind: str, name: str, setting: str, unit: str = "") -> str:
        """A setting as the books keep it: "90 s" of a function's ``maximum_event_age``.

        ``kind`` is one of ``trace.wired``'s, or "function". ``unit`` is "s", "bytes" or "".
        """
        value = self._settings(kind, name)[setting]
        text = {"s": words.duration, "bytes": words.size}.get(unit, _plain)(value)
        where = {"kind": kind, "name": name}
        return self._remember(text, WIRED, setting, "value", where)

    def id(self, kind: str, public: str) -> str:
        """The short form of an id: "r2", "b3"."""
        return self._remember(
            short(kind, ordinal(public)), _TABLE_OF[kind][0], _TABLE_OF[kind][1], "value",
            {_TABLE_OF[kind][1]: public},
        )  # fmt: skip

    def why(self, sentence: str) -> Why:
        """The finished sentence, with the facts that it names."""
        return Why.of(sentence, tuple(self._facts))

    def _settings(self, kind: str, name: str) -> Mapping[str, Any]:
        if kind == "function":
            return self.trace.settings(name)
        return self.trace.wired(kind)[name]

    def _number_of(self, table: str, where: Where | None) -> int:
        return int(self._chosen(table, where).sum())

    def _chosen(self, table: str, where: Where | None) -> Any:
        """Which rows of a table meet all the conditions."""
        frame: pd.DataFrame = getattr(self.trace, table)
        chosen = np.ones(len(frame), dtype=bool)
        for column, wanted in (where or {}).items():
            met = self._met.get((table, column, wanted))
            if met is None:
                values = (
                    _sent(frame) if column == SENT_AT and column not in frame else frame[column]
                )
                met = self._met[table, column, wanted] = _meets(values, wanted)
            chosen &= met
        return chosen

    def _remember(self, text: str, table: str, column: str, how: str, where: Where | None) -> str:
        fact = Fact(text, table, column, how, tuple((where or {}).items()))
        self._facts.append(fact)
        return text


_TABLE_OF = {
    "request": ("invocations", "request_id"),
    "environment": ("environments", "environment_id"),
    "batch": ("batches", "batch_id"),
    "message": ("queue_events", "event_id"),
}


def _sent(events: pd.DataFrame) -> pd.Series[Any]:
    """When the event of each row of queue events was sent."""
    sent: pd.Series[Any] = events["at"] - pd.to_timedelta(events["age_ms"], unit="ms").dt.round(
        "us"
    )
    return sent


def _meets(column: pd.Series[Any], wanted: Any) -> Any:
    if isinstance(wanted, tuple):
        operator, value = wanted
        if operator == "in":
            return column.isin(value).to_numpy()
        return np.asarray(OPERATORS[operator](column, value), dtype=bool)
    return np.asarray(column == wanted, dtype=bool)


def _values(trace: Trace, rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    """A column's values; moments as seconds from the start, stretches between two in seconds."""
    if ".." in column:
        first, last = column.split("..")
        return (rows[last] - rows[first]).dt.total_seconds()
    values = rows[column]
    if column == "at" or column.endswith("_at"):
        return (values - trace.start).dt.total_seconds()
    return values


def _aggregated(numbers: Any, how: str) -> float:
    if how == "value":
        return float(numbers[0])
    if how == "per_million":
        return float(np.mean(numbers)) * 1e6
    if how.startswith("p"):
        ordered = np.sort(numbers)
        return float(ordered[max(int(np.ceil(int(how[1:]) / 100 * len(ordered))), 1) - 1])
    return float(getattr(np, how)(numbers))


def _overlap(rows: pd.DataFrame) -> int:
    """How many of the rows ran at the same moment, at most; one that ends makes room for one."""
    # without their zone: as objects they would be slow
    began = rows["started_at"].to_numpy(dtype="datetime64[us]")
    ended = rows["ended_at"].dropna().to_numpy(dtype="datetime64[us]")
    moments = np.concatenate([ended, began])
    change = np.concatenate([np.full(len(ended), -1), np.full(len(began), 1)])
    order = np.lexsort((change, moments))
    return int(np.cumsum(change[order]).max(initial=0))


def _written(column: str, how: str, value: float) -> str:
    """A number as people say it, by the unit that its column's name ends with."""
    if how in {"unique", "overlap"} or np.isnan(value):
        return _plain(value) if value == value else "none"
    if ".." in column or column == "at" or column.endswith("_at"):
        return words.duration(value)
    if column.endswith("_ms"):
        return words.duration(value / 1000)
    if column.endswith("_bytes"):
        return words.size(value)
    if column.endswith("_usd"):
        return words.money(value)
    return _plain(value)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}"
