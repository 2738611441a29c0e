"""One call from outside as stretches on lanes: its caller, what it asked, Lambda's queue, the function."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.errors import UnknownName
from lambdalab.plots import words
from lambdalab.plots.frames import end_of, ordinal, request_number, start_of
from lambdalab.plots.journey import Journey

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_MOST_LANES = 12  # of functions; runs of further tries share the last one
_NAME, _IN_TITLE = 18, 32
_MOST_FRONTS = 4
Row = dict[Hashable, Any]
_LIMITS = ("integration_timeout", "client_timeout")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one lane, in seconds since the first try: ``what`` it is, and what is said of it."""

    what: str
    start: float
    end: float
    text: str = ""


@dataclass(slots=True)
class Anatomy:
    """The ``lanes`` by name; who stopped waiting when (``gave_up``, in order); and the ``title``."""

    lanes: dict[str, list[Stretch]] = field(default_factory=dict)
    gave_up: list[tuple[float, str]] = field(default_factory=list)
    title: str = ""

    @property
    def length(self) -> float:
        """Seconds to the end of the last stretch."""
        return max((s.end for stretches in self.lanes.values() for s in stretches), default=0.0)

    @classmethod
    def of(cls, trace: Trace, call: int | str | None) -> Anatomy | None:
        """The anatomy of a call; None where there is none to choose from."""
        rows = _tries(trace, call)
        if rows is None:
            return None
        made = cls()
        zero = (rows["sent_at"].iloc[0] - start_of(trace)).total_seconds()
        last = end_of(trace) - zero
        made._callers(trace, rows, zero, last)
        runs = [_run(trace, row, zero) for row in rows.to_dict("records") if row["request_id"]]
        made._functions(runs)
        made.title = _title(trace, made, rows, runs)
        return made

    def _callers(self, trace: Trace, rows: pd.DataFrame, zero: float, last: float) -> None:
        """The lane of the caller, and that of the service in front where there is one."""
        caller, front = str(rows["caller"].iloc[0]), str(rows["front"].iloc[0])
        name = f"caller\n{words.shortened(caller, _NAME)}"
        asked = self.lanes.setdefault(name, [])
        for row in rows.to_dict("records"):
            sent = _since(trace, row["sent_at"], zero)
            answered = _at(trace, row["answered_at"], zero)
            if asked and sent > asked[-1].end:
                wait = sent - asked[-1].end
                asked.append(Stretch("away", asked[-1].end, sent, f"waits {words.duration(wait)}"))
            end = last if answered is None else answered
            text = _answer(row, answered is not None)
            asked.append(Stretch("asked", sent, end, text))
            if row["gave_up"] or row["cause"] == "client_timeout":
                self.gave_up.append((end, caller))
            if front:
                late = _at(trace, row["front_answered_at"], zero)
                status = row["status_code"] if late is None else row["front_status_code"]
                told = end if late is None else late
                open_ended = late is None and not row["status_code"]
                until = last if open_ended else told
                heard = "" if late is None else ", nobody listens"
                stretch = Stretch("front", sent, until, "" if open_ended else f"{status}{heard}")
                self._front(words.shortened(front, _NAME), stretch)
                if row["cause"] == "integration_timeout":
                    self.gave_up.append((until, front))
        self.gave_up.sort()

    def _front(self, name: str, stretch: Stretch) -> None:
        """Into the first lane of the service in front where nothing else goes on at that time."""
        for number in range(1, _MOST_FRONTS + 1):
            again = f" {number}" if number > 1 else ""
            lane = self.lanes.setdefault(f"front{again}\n{name}", [])
            if not lane or lane[-1].end <= stretch.start or number == _MOST_FRONTS:
                lane.append(stretch)
                return

    def _functions(self, runs: list[Run]) -> None:
        """A lane for each invocation: its wait in Lambda's queue, its attempts, what ran on."""
        for number, run in enumerate(runs):
            shown = f" r{run.request}" if len(runs) > 1 and len(runs) <= _MOST_LANES else ""
            key = min(number, _MOST_LANES - 1)
            name = f"function\n{words.shortened(run.function, _NAME)}{shown}"
            if len(runs) > _MOST_LANES and key == _MOST_LANES - 1:
                name = "function\nfurther tries"
            if run.queued:
                queue = "event queue" + (f" r{run.request}" if len(runs) > 1 else "")
                self.lanes.setdefault(queue, []).extend(run.queued)
            if run.stretches:
                self.lanes.setdefault(name, []).extend(run.stretches)


@dataclass(frozen=True, slots=True)
class Run:
    """What one try led to in Lambda; ``ran_on``: seconds for which nobody waited any more."""

    request: int
    function: str
    queued: list[Stretch]
    stretches: list[Stretch]
    ran_on: float
    billed_ms: int


def _tries(trace: Trace, call: int | str | None) -> pd.DataFrame | None:
    """The rows of one call, in order of its tries."""
    table = trace.requests
    if isinstance(call, str):
        number = request_number(trace, call)
        mine = table["request_id"].map(ordinal) == number
        if not mine.any():
            known = [f"r{ordinal(i)}" for i in table["request_id"] if i][:20]
            raise UnknownName("call from outside that led to", call, known)
        chosen = table["call"][mine].iloc[0]
    elif call is not None:
        if call not in set(table["call"]):
            raise UnknownName("call in this trace", call, map(str, table["call"].unique()[:20]))
        chosen = call
    elif not len(table):
        return None
    else:
        unhappy = table["gave_up"] | table["cause"].isin(_LIMITS)
        again = table["tries"] > 1
        chosen = table["call"][
            unhappy if unhappy.any() else again if again.any() else table.index >= 0
        ].iloc[0]
    rows: pd.DataFrame = table[table["call"] == chosen].sort_values("tries", kind="stable")
    return rows


def _since(trace: Trace, time: Any, zero: float) -> float:
    """Seconds since the first try."""
    return float((time - start_of(trace)).total_seconds() - zero)


def _at(trace: Trace, time: Any, zero: float) -> float | None:
    """The same; None where there is no such time."""
    return None if pd.isna(time) else _since(trace, time, zero)


def _answer(row: Row, over: bool) -> str:
    if not over:
        return "still waiting"
    if not row["status_code"]:
        return f"gave up after {words.duration(row['latency_ms'] / 1000)}"
    cause = str(row["cause"])
    why = "" if cause in ("completed", "accepted") else f": {words.plain(cause)}"
    return f"{row['status_code']}{why}"


def _run(trace: Trace, row: Row, zero: float) -> Run:
    """What a try led to, from the tables of Lambda."""
    number = ordinal(row["request_id"])
    call = trace.invocations.iloc[number - 1]
    kind = str(call["invocation_type"])
    journey = Journey.of(trace, number - 1, kind)
    shift = (call["requested_at"] - start_of(trace)).total_seconds() - zero
    answered = _at(trace, row["answered_at"], zero)
    queued = [
        Stretch("queue", s.start + shift, s.end + shift, s.text)
        for s in journey.lanes.get("event queue", []) if s.end > s.start
    ]  # fmt: skip
    stretches: list[Stretch] = []
    ran_on = 0.0
    left = np.inf if answered is None or kind == "Event" else answered
    for s in journey.lanes.get("function", []):
        start, end = s.start + shift, s.end + shift
        if s.what == "init" or end <= left:
            stretches.append(Stretch(s.what, start, end, s.text))
            continue
        if start < left:
            stretches.append(Stretch(s.what, start, left, s.text))
        stretches.append(Stretch("ran_on", max(start, left), end))
        ran_on += end - max(start, left)
    own = trace.attempts[["billed_ms", "ended_at"]]
    own = own[trace.attempts["request_id"] == row["request_id"]]
    billed = own["billed_ms"].sum()
    if ran_on:
        last = stretches[-1]
        text = f"ran on {words.duration(ran_on)}, {_bill(billed)} billed"
        if own["ended_at"].isna().any():
            text = f"runs on, for {words.duration(ran_on)} so far"
        stretches[-1] = Stretch(last.what, last.start, last.end, text)
    return Run(number, str(call["function"]), queued, stretches, ran_on, int(billed))


def _bill(billed_ms: float) -> str:
    """
    >>> _bill(2), _bill(35_000)
    ('2 ms', '35.0 s')
    """
    return f"{billed_ms / 1000:,.1f} s" if billed_ms >= 1000 else f"{billed_ms:.0f} ms"


def _title(trace: Trace, anatomy: Anatomy, rows: pd.DataFrame, runs: list[Run]) -> str:
    """Who gave up first, and what it cost."""
    last = rows.iloc[-1]
    ran_on = sum(run.ran_on for run in runs)
    tries = f" in {len(rows)} tries" if len(rows) > 1 else ""
    if anatomy.gave_up:
        at, name = anatomy.gave_up[0]
        after = f"; the function ran on for {words.duration(ran_on)}" if ran_on else ""
        return (
            f"{words.shortened(name, _IN_TITLE)} gave up first, after {words.duration(at)}{after}"
        )
    if pd.isna(last["answered_at"]):
        return "Nobody has given up yet"
    took = (last["answered_at"] - rows["sent_at"].iloc[0]).total_seconds()
    status = int(last["status_code"])
    if status == 202 and runs:
        event = trace.invocations.iloc[runs[-1].request - 1]
        then = words.plain(str(event["status"]))
        when = f"after {words.duration(took)}{tries}" if took else "at once"
        return f"Accepted {when}; the event itself: {then}"
    if status >= 400:
        return f"The last answer was {status}, after {words.duration(took)}{tries}"
    return f"Nobody gave up: the answer came after {words.duration(took)}{tries}"
