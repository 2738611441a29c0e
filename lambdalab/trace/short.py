"""``trace.short``: the views people read.

Each is a table of at most nine columns and 100 characters, with seconds from the lab's start
(``t_s``), short ids (r2, e1, b3, m12) and the cause. Names that would make a line too long are cut
with "…". Floats are rounded to milliseconds (durations in ms to microseconds), so that printing
them is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.trace import schema
from lambdalab.trace.answers import answer_causes
from lambdalab.trace.codes import Cause, ClosedList
from lambdalab.trace.columns import Columns, Numbers, ms, plain, text
from lambdalab.trace.ids import LETTERS
from lambdalab.trace.retries import asynchronous, waits
from lambdalab.trace.sources import poller_names
from lambdalab.trace.tables import TABLES, Tables
from lambdalab.trace.words import no_attribute

WIDTH = 100
_MOST_COLUMNS = 9
_SHORTEST_NAME, _SHORTEST_CAUSE = 6, 12
_TYPES = np.array(["sync", "async", "dry run"], dtype=object)
_PARENTS = np.array(["", LETTERS["request"], LETTERS["batch"], LETTERS["message"], ""])


class View(pd.DataFrame):
    """A table that prints whole: no column is left out or broken off, whatever the screen.

    More rows than pandas would print (``display.max_rows``) are cut in the middle, with a line that
    tells how many there are. What is made of a view (``view.head()``, ``view.query(...)``) is one
    too; with more columns than a view has, it prints as any DataFrame.
    """

    @property
    def _constructor(self) -> type[View]:
        return View

    def __repr__(self) -> str:
        if len(self.columns) > _MOST_COLUMNS:
            return super().__repr__()
        most, least = pd.get_option("display.max_rows"), pd.get_option("display.min_rows")
        cut = bool(most) and len(self) > most
        return self.to_string(max_rows=most or None, min_rows=least, show_dimensions=cut)


class Short:
    """The short views of a trace: one attribute per table."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def _view(self, name: str) -> pd.DataFrame:
        return self._tables.keep(f"short {name}", lambda: VIEWS[name](self._tables))

    @property
    def invocations(self) -> pd.DataFrame:
        """When, what, from where (a batch b3, a request r1, a source), how long, how it ended."""
        return self._view("invocations")

    @property
    def attempts(self) -> pd.DataFrame:
        """Each try: where it ran, how long, what was billed, how it ended, and why it ran."""
        return self._view("attempts")

    @property
    def retries(self) -> pd.DataFrame:
        """Each wait before another try: planned, waited, why, and what came of it."""
        return self._view("retries")

    @property
    def queue_events(self) -> pd.DataFrame:
        """What happened to each event in each queue, and how many were in the queue then."""
        return self._view("queue_events")

    @property
    def batches(self) -> pd.DataFrame:
        """Each batch: when it was handed over and why then, whose it is, what it held, how it ended.

        ``poller`` is its number or the shard ("s0", its second lane "s0.2"). What came of a failed batch
        has no ``gathering_s``: its records had been gathered before.
        """
        return self._view("batches")

    @property
    def environments(self) -> pd.DataFrame:
        """Each execution environment: when it began, what it did, why it ended."""
        return self._view("environments")

    @property
    def requests(self) -> pd.DataFrame:
        """What each caller outside saw."""
        return self._view("requests")

    @property
    def scaling(self) -> pd.DataFrame:
        """Each change of capacity."""
        return self._view("scaling")

    @property
    def logs(self) -> pd.DataFrame:
        """Each log line, cut to the width of the page."""
        return self._view("logs")

    @property
    def faults(self) -> pd.DataFrame:
        """Each time that ``lab.faults`` struck: what it did, and to whom."""
        return self._view("faults")

    if not TYPE_CHECKING:  # a type checker shall go on finding wrong names by itself

        def __getattr__(self, name: str) -> NoReturn:
            if name in dir(Short):  # it is there and failed: its own error tells why
                object.__getattribute__(self, name)
            raise no_attribute("trace.short", name, TABLES)

    def __repr__(self) -> str:
        return f"short views: {', '.join(TABLES)}"


def seconds(us: npt.ArrayLike, known: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
    """Microseconds as seconds rounded to milliseconds; NaN where not ``known``."""
    out = np.round(np.asarray(us) / 1e6, 3)
    if known is not None:
        out[~np.asarray(known)] = np.nan
    return out


def ids(kind: str, numbers: Numbers) -> list[str]:
    """Short ids; "" where there is none."""
    letter = LETTERS[kind]
    return [f"{letter}{number}" if number else "" for number in numbers.tolist()]


def spelt(codes: Numbers, closed: type[ClosedList]) -> list[str]:
    """Words of a closed list as plain strings."""
    names = closed.names
    return [names[code] for code in codes.tolist()]


def fit(columns: Columns, names: Sequence[str], width: int = WIDTH) -> pd.DataFrame:
    """A DataFrame no wider than ``width``: ``names``, and then ``cause``, are cut if needed.

    The widest of them is cut first, and none below six characters (a cause: twelve).
    """
    widths = {
        name: max(map(len, values), default=0)
        for name, values in columns.items()
        if isinstance(values, list)
    }
    lowest = {name: max(_SHORTEST_NAME, len(name)) for name in names}
    excess = _narrow(widths, lowest, _printed(columns) - width)
    _narrow(widths, {"cause": _SHORTEST_CAUSE} if "cause" in widths else {}, excess)
    for name, most in widths.items():
        columns[name] = text([v if len(v) <= most else f"{v[: most - 1]}…" for v in columns[name]])
    return View(columns, copy=False)


def _narrow(widths: dict[str, int], lowest: dict[str, int], excess: int) -> int:
    """Take ``excess`` characters off the widest columns; returns what is left of it."""
    while excess > 0:
        name = max(lowest, key=lambda n: widths[n] - lowest[n], default=None)
        if name is None or widths[name] <= lowest[name]:
            break
        widths[name] -= 1
        excess -= 1
    return excess


def _printed(columns: Columns) -> int:
    """How wide the table would be: pandas prints one row made of each column's widest value."""
    count = max((len(values) for values in columns.values()), default=0)
    if not count:
        return 0
    widest = {name: [_widest(values)] for name, values in columns.items()}
    return max(map(len, pd.DataFrame(widest, index=[count - 1]).to_string().split("\n")))


def _widest(values: object) -> object:
    """The value of a column that takes the most room."""
    if isinstance(values, list):
        return max(values, key=len)
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return int(array.max())
    known = array[np.isfinite(array)]
    return int(known.max(initial=0)) + 0.999


def _names(tables: Tables, codes: Numbers) -> list[str]:
    names = tables.recorder.names
    return [names[code] for code in codes.tolist()]


def _origins(tables: Tables, rows: npt.NDArray[np.void]) -> list[str]:
    """Where an invocation came from: the short id of its parent, or the name of its source."""
    letters = _PARENTS[rows["parent_kind"]].tolist()
    parents, sources = rows["parent"].tolist(), _names(tables, rows["source"])
    return [
        f"{letter}{parent}" if letter else source
        for letter, parent, source in zip(letters, parents, sources, strict=True)
    ]


def _invocations(tables: Tables) -> pd.DataFrame:
    rows = tables.rows("invocations")
    over = rows["completed_at"] >= 0
    columns: Columns = {
        "request": ids("request", np.arange(1, len(rows) + 1)),
        "t_s": seconds(rows["requested_at"]),
        "function": _names(tables, rows["function"]),
        "type": _TYPES[rows["invocation_type"]].tolist(),
        "from": _origins(tables, rows),
        "tries": plain(rows["attempts"]),
        "latency_s": seconds(rows["completed_at"] - rows["requested_at"], over),
        "status": spelt(rows["status"], schema.InvocationStatus),
        "cause": spelt(rows["cause"], Cause),
    }
    return fit(columns, ["function", "from"])


def _attempts(tables: Tables) -> pd.DataFrame:
    rows, errors = tables.rows("attempts"), tables.recorder.errors
    over = rows["ended_at"] >= 0
    outcomes = spelt(rows["outcome"], schema.AttemptOutcome)
    for row, (kind, _, _) in errors.items():
        if outcomes[row] == "error":
            outcomes[row] = kind  # KeyError tells more than "error"
    columns: Columns = {
        "t_s": seconds(rows["started_at"]),
        "request": ids("request", rows["request"]),
        "attempt": plain(rows["attempt"]),
        "env": ids("environment", rows["environment"]),
        "start": np.where(rows["cold_start"] != 0, "cold", "warm").tolist(),
        "duration_ms": np.round(ms(rows["duration_us"], over), 3),
        "billed_ms": plain(rows["billed_ms"]),
        "outcome": outcomes,
        "cause": spelt(rows["cause"], Cause),
    }
    return fit(columns, ["outcome"])


def _events(tables: Tables, own: npt.NDArray[np.bool_], events: Numbers) -> list[str]:
    letters = np.where(own, LETTERS["request"], LETTERS["message"]).tolist()
    return [f"{x}{n}" if n else "" for x, n in zip(letters, events.tolist(), strict=True)]


def _retries(tables: Tables) -> pd.DataFrame:
    rows = tables.keep("waits", lambda: waits(tables))
    source = rows["lane"] == schema.Lane.SOURCE
    columns: Columns = {
        "t_s": seconds(rows["at"]),
        "event": _events(tables, ~source, np.where(source, rows["event"], rows["request"])),
        "attempt": plain(rows["attempt"]),
        "lane": spelt(rows["lane"], schema.Lane),
        "queue": _names(tables, rows["queue"]),
        "planned_s": seconds(rows["planned"], rows["planned"] >= 0),
        "waited_s": seconds(rows["until"] - rows["at"], rows["until"] >= 0),
        "ended_as": spelt(rows["ended_as"], schema.RetryEnd),
        "cause": spelt(rows["cause"], Cause),
    }
    return fit(columns, ["queue"])


def _queue_events(tables: Tables) -> pd.DataFrame:
    rows = tables.rows("queue_events")
    own = asynchronous(tables, rows["queue"])
    columns: Columns = {
        "t_s": seconds(rows["at"]),
        "queue": _names(tables, rows["queue"]),
        "event": _events(tables, own, rows["event"]),
        "action": spelt(rows["action"], schema.Action),
        "depth": plain(rows["depth"]),
        "age_s": seconds(rows["age_us"]),
        "delay_s": seconds(rows["delay_us"]),
        "batch": ids("batch", rows["batch"]),
        "cause": spelt(rows["cause"], Cause),
    }
    return fit(columns, ["queue"])


def _batches(tables: Tables) -> pd.DataFrame:
    rows = tables.rows("batches")
    gathered = (rows["opened_at"] >= 0) & (rows["parent_batch"] == 0)
    columns: Columns = {
        "batch": ids("batch", np.arange(1, len(rows) + 1)),
        "t_s": seconds(rows["flushed_at"]),
        "mapping": _names(tables, rows["mapping"]),
        "poller": poller_names(tables, rows),
        "records": plain(rows["records"]),
        "gathering_s": seconds(rows["flushed_at"] - rows["opened_at"], gathered),
        "outcome": spelt(rows["outcome"], schema.BatchOutcome),
        "failed": plain(rows["failed_records"]),
        "cause": spelt(rows["cause"], schema.BatchCause),
    }
    return fit(columns, ["mapping"])


def _environments(tables: Tables) -> pd.DataFrame:
    rows, full = tables.rows("environments"), tables.frame("environments")
    columns: Columns = {
        "env": ids("environment", np.arange(1, len(rows) + 1)),
        "t_s": seconds(rows["started_at"]),
        "function": _names(tables, rows["function"]),
        "kind": spelt(rows["kind"], schema.EnvironmentKind),
        "init_ms": np.round(full["init_ms"].to_numpy(), 3),
        "invocations": full["invocations"].to_numpy(),
        "busy_s": np.round(full["busy_ms"].to_numpy() / 1000, 3),
        "ended_s": seconds(rows["ended_at"], rows["ended_at"] >= 0),
        "ended_because": spelt(rows["because"], schema.EnvironmentEnd),
    }
    return fit(columns, ["function"])


def _requests(tables: Tables) -> pd.DataFrame:
    rows = tables.rows("requests")
    functions = _names(tables, tables.functions_of_requests()[rows["request"]])
    fronts = _names(tables, rows["front"])
    columns: Columns = {
        "t_s": seconds(rows["sent_at"]),
        "caller": _names(tables, rows["caller"]),
        "asked": [front or function for front, function in zip(fronts, functions, strict=True)],
        "call": plain(rows["call"]),
        "tries": plain(rows["try_number"]),
        "latency_s": seconds(rows["answered_at"] - rows["sent_at"], rows["answered_at"] >= 0),
        "status": plain(rows["status_code"]),
        "request": ids("request", rows["request"]),
        "cause": spelt(answer_causes(tables), Cause),
    }
    return fit(columns, ["caller", "asked"])


def _scaling(tables: Tables) -> pd.DataFrame:
    rows = tables.rows("scaling")
    columns: Columns = {
        "t_s": seconds(rows["at"]),
        "subject": _names(tables, rows["subject"]),
        "kind": spelt(rows["kind"], schema.ScalingKind),
        "before": plain(rows["before"]),
        "after": plain(rows["after"]),
        "cause": spelt(rows["cause"], Cause),
    }
    return fit(columns, ["subject"])


def _logs(tables: Tables) -> pd.DataFrame:
    full = tables.frame("logs")
    parse, seen = tables.ids.parse, {"": ""}
    for column in ("environment_id", "request_id"):
        for long in full[column].unique():
            if long:
                kind, number = parse(long)
                seen[long] = f"{LETTERS[kind]}{number}"
    start = pd.Timestamp(tables.recorder.start_us, unit="us", tz="UTC")
    since = (full["at"] - start).dt.total_seconds().to_numpy()
    messages = [m.replace("\t", " ").replace("\n", " ") for m in full["message"].tolist()]
    columns: Columns = {
        "t_s": np.round(since, 3),
        "function": full["function"].tolist(),
        "env": [seen[long] for long in full["environment_id"]],
        "request": [seen[long] for long in full["request_id"]],
        "message": [m.replace(long, seen[long]) if long else m
                    for m, long in zip(messages, full["request_id"], strict=True)],
    }  # fmt: skip
    return fit(columns, ["message", "function"])


def _faults(tables: Tables) -> pd.DataFrame:
    rows = tables.rows("faults")
    columns: Columns = {
        "t_s": seconds(rows["at"]),
        "kind": spelt(rows["kind"], schema.FaultKind),
        "subject": _names(tables, rows["subject"]),
        "request": ids("request", rows["request"]),
        "message": ids("message", rows["message"]),
    }
    return fit(columns, ["subject"])


#: How each short view is made.
VIEWS: dict[str, Callable[[Tables], pd.DataFrame]] = {
    "invocations": _invocations,
    "attempts": _attempts,
    "retries": _retries,
    "queue_events": _queue_events,
    "batches": _batches,
    "environments": _environments,
    "requests": _requests,
    "scaling": _scaling,
    "logs": _logs,
    "faults": _faults,
}
