"""Two traces that should be the same, and the first row in which they are not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lambdalab.testing.books import fail, tables_of, trace_of
from lambdalab.trace.ids import LETTERS
from lambdalab.trace.tables import TABLES

if TYPE_CHECKING:
    from lambdalab.testing.books import Books

_ID = re.compile(r"0*(\d+)-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}")
_STREAM = re.compile(r"(\[[^\]]+\])[0-9a-f]{32}")
_COMPARED = (*TABLES, "batch_records")


class _Difference(NamedTuple):
    """The first row in which two tables differ: when it was, where, and what differs."""

    at: float
    table: str
    row: int
    lines: list[str]


def assert_same_trace(one: Books, other: Books) -> None:
    """Two runs are the same, to the byte: their rows, and what lies beside them (payloads, settings).

    Parameters: two labs or traces; a trace taken before ``lab.reset()`` stays as it was.

    Raises AssertionError that tells the first row that differs, in order of time, and how.

    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> made = lab.create_function("bill", duration=0.1)
    >>> reply = lab.invoke("bill", {})
    >>> before = lab.trace
    >>> lab.reset()
    >>> reply = lab.invoke("bill", {})
    >>> assert_same_trace(before, lab)
    """
    __tracebackhide__ = True
    first, second = trace_of(one), trace_of(other)
    if first.digest() == second.digest():
        return
    found = [d for name in _COMPARED if (d := _compare(one, other, name)) is not None]
    seeds = [tables_of(books).recorder.seed for books in (one, other)]
    told = f" (their seeds are {seeds[0]!r} and {seeds[1]!r})" if seeds[0] != seeds[1] else ""
    if not found:
        fail(f"the traces have the same rows and differ in {_beside(one, other)}{told}")
    difference = min(found, key=lambda d: d.at)
    when = f", at {difference.at:,.6g} s" if difference.at < np.inf else ""
    others = [f"{d.table} in row {d.row}" for d in found if d is not difference]
    more = [f"They differ too: {', '.join(others)}."] if others else []
    fail(
        f"the traces differ first in {difference.table}, row {difference.row}{when}{told}",
        *difference.lines,
        *more,
    )


def _compare(one: Books, other: Books, name: str) -> _Difference | None:
    """The first row in which a table of two traces differs; None where they are the same."""
    frames = [getattr(trace_of(books), name) for books in (one, other)]
    if list(frames[0].columns) != list(frames[1].columns):
        lines = [f"  columns: {', '.join(frame.columns)}" for frame in frames]
        return _Difference(-1, name, 0, lines)
    both = min(map(len, frames))
    texts = [frame.iloc[:both].astype(object).map(lambda v: _number_of(str(v))) for frame in frames]
    unlike = (texts[0].to_numpy(dtype=object) != texts[1].to_numpy(dtype=object)).any(axis=1)
    place = int(np.argmax(unlike)) if unlike.any() else both
    if place == both and len(frames[0]) == len(frames[1]):
        return None
    rows = [_row(frame, place) for frame in frames]
    if not all(rows):
        which, row = ("first", rows[0]) if rows[0] else ("second", rows[1])
        said = ", ".join(f"{column}={value}" for column, value in row.items() if value)
        lines, unlike_columns = [f"  only the {which} has it: {said}"], []
    else:
        unlike_columns = [column for column in rows[0] if rows[0][column] != rows[1][column]]
        lines = [f"  {column}: {rows[0][column]} | {rows[1][column]}" for column in unlike_columns]
    at = min(
        _seconds(frame, place, unlike_columns, books)
        for frame, books in zip(frames, (one, other), strict=True)
    )
    return _Difference(at, name, place, lines)


def _row(frame: pd.DataFrame, place: int) -> dict[str, str]:
    if place >= len(frame):
        return {}
    return {
        name: _number_of(str(value))
        for name, value in zip(frame.columns, frame.iloc[place], strict=True)
    }


def _number_of(text: str) -> str:
    """Ids, and names of log streams, without the part that comes of the seed."""
    return _STREAM.sub(r"\1", _ID.sub(r"#\1", text))


def _seconds(frame: pd.DataFrame, place: int, unlike: list[str], books: Books) -> float:
    """Since when a row differs, in seconds from its trace's start; infinite where nothing tells.

    That is the first time in it that differs; else its last, for what has no time is known at the end.
    """
    if place >= len(frame):
        return np.inf
    times = [str(n) for n in frame.columns if isinstance(frame[n].dtype, pd.DatetimeTZDtype)]
    told = [n for n in times if n in unlike][:1] or times[-1:]
    at = frame[told[0]].iloc[place] if told else pd.NaT
    return np.inf if pd.isna(at) else float((at - trace_of(books).start).total_seconds())


def _beside(one: Books, other: Books) -> str:
    """What lies beside the rows and differs."""
    recorders = [tables_of(books).recorder for books in (one, other)]
    for word, kept in (("payload", "payloads"), ("response", "responses")):
        first, second = (getattr(recorder, kept) for recorder in recorders)
        ids = [n for n in sorted(first.keys() | second.keys()) if first.get(n) != second.get(n)]
        if ids:
            return f"the {word} of {LETTERS['request']}{ids[0]}"
    return "their seed, their start or their settings"
