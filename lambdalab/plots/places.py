"""One thing's life as spans on lanes: where a request, a message, a batch or an environment was, when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.plots import words
from lambdalab.plots.frames import end_of, ordinal, start_of
from lambdalab.plots.journey import Span
from lambdalab.trace.words import duration

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_MOST_CALLED = 4  # calls, letters, followers with a lane of their own
_NAME = 18  # letters of a name beside a lane
#: What a span of a queue is after each action; the others are ends, or change nothing.
_AFTER = {
    "sent": "queued", "received": "received", "returned": "queued", "retry_scheduled": "hidden",
    "throttled": "hidden",
}  # fmt: skip
_SIDEWAYS = ("delivered",)
_READ = " (records)"  # the queue of what a mapping has read of a stream


@dataclass(slots=True)
class Life:
    """The ``lanes`` by name, in seconds since the lab's start; ``end`` is that of the books."""

    trace: Trace
    lanes: dict[str, list[Span]] = field(default_factory=dict)

    @property
    def end(self) -> float:
        """The last moment in the books."""
        return end_of(self.trace)

    def at(self, time: Any) -> float | None:
        """A time of a table; None: not yet."""
        return None if pd.isna(time) else float((time - start_of(self.trace)).total_seconds())

    def add(self, lane: str, what: str, start: float, end: float | None, text: str = "") -> None:
        """A span; one without an end goes on to the end of the books."""
        until = max(self.end, start) if end is None else end
        self.lanes.setdefault(lane, []).append(Span(what, start, until, text))

    # ---- what several kinds share

    def runs(self, requests: Iterable[str]) -> None:
        """The attempts of these requests, each on the lane of its environment."""
        table = self.trace.attempts
        own = table[table["request_id"].isin(set(requests))]
        for run in own.to_dict("records"):
            start, over = self.at(run["started_at"]), self.at(run["ended_at"])
            assert start is not None
            lane = (
                f"{words.shortened(str(run['function']), _NAME)} e{ordinal(run['environment_id'])}"
            )
            cold = 0.0 if over is None else (run["setup_ms"] + run["init_ms"]) / 1000
            if cold:
                self.add(lane, "init", start, start + cold, f"init {told(cold)}")
            until = self.end if over is None else over
            text = f"{words.plain(str(run['outcome']))} {told(until - start - cold)}"
            self.add(lane, str(run["outcome"]), start + cold, over, text)

    def queue(self, rows: pd.DataFrame, lane: str) -> None:
        """What one event did in one queue, from each row to the next."""
        rows = rows[~rows["action"].isin(_SIDEWAYS)]
        if (rows["kind"] == "asynchronous").any():
            rows = rows[rows["action"] != "dead_lettered"]
        times = [self.at(at) for at in rows["at"]]
        columns = (rows[name].astype(str).tolist() for name in ("action", "cause"))
        delays = rows["delay_ms"].tolist()
        own = (rows["kind"] == "asynchronous").any()
        kept = (rows["kind"] == "stream").any() and not str(rows["queue"].iloc[0]).endswith(_READ)
        for number, (action, cause, delay) in enumerate(zip(*columns, delays, strict=True)):
            what = _AFTER.get(action)
            start = times[number]
            if what is None or start is None or (own and action == "received"):
                continue
            if action == "sent" and delay > 0:
                what = "hidden"
            what = "kept" if kept else what
            end = times[number + 1] if number + 1 < len(times) else None
            until = self.end if end is None else end
            self.add(lane, what, start, end, _said(what, cause, until - start))

    def letters(self, request: str) -> None:
        """Where dead letters and records of a request went, and how long they have been there."""
        events = self.trace.queue_events
        came = events[(events["request_id"] == request) & (events["action"] == "sent")]
        came = came[came["cause"].isin(("dead_letter", "destination"))]
        for row in came.head(_MOST_CALLED).to_dict("records"):
            start = self.at(row["at"])
            assert start is not None
            text = f"m{ordinal(row['event_id'])} ({words.plain(str(row['cause']))})"
            if row["kind"] == "asynchronous":
                text = f"r{ordinal(row['event_id'])} ({words.plain(str(row['cause']))})"
            self.add(words.shortened(str(row["queue"]), _NAME), "letter", start, None, text)

    def held(self, batches: list[str]) -> None:
        """Batches: gathering, then held by their poller until the run is over; and the runs."""
        table = self.trace.batches
        own = table[table["batch_id"].isin(batches)]
        for row in own.to_dict("records"):
            name = f"b{ordinal(row['batch_id'])}"
            lane = words.shortened(str(row["mapping"]), _NAME)
            opened, flushed = self.at(row["opened_at"]), self.at(row["flushed_at"])
            over = self.at(row["completed_at"])
            assert flushed is not None
            if opened is not None and not row["parent_batch_id"] and flushed > opened:
                text = f"gathers {told(flushed - opened)}"
                self.add(lane, "gathers", opened, flushed, text)
            until = self.end if over is None else over
            text = f"{name}: {words.plain(str(row['outcome']))} {told(until - flushed)}"
            self.add(lane, "batch", flushed, over, text)
        calls = self.trace.invocations
        self.runs(calls.loc[calls["parent_id"].isin(batches), "request_id"])


def told(seconds: float) -> str:
    """A length of time in the words of ``trace.story``."""
    return duration(round(seconds * 1e6))


def _said(what: str, cause: str, length: float) -> str:
    """What is written at a span of a queue."""
    long = told(length)
    if what in ("queued", "kept"):
        return f"{'kept' if what == 'kept' else 'waits'} {long}"
    return f"waits {long} ({words.plain(cause)})" if what == "hidden" else f"received, {long}"


def _request(life: Life, number: int) -> None:
    call = life.trace.invocations.iloc[number - 1]
    name, started = str(call["request_id"]), life.at(call["requested_at"])
    over = life.at(call["completed_at"])
    assert started is not None
    _callers(life, call, started, over)
    events = life.trace.queue_events
    own = events[(events["event_id"] == name) & (events["kind"] == "asynchronous").to_numpy()]
    if len(own):
        life.queue(own, "Lambda's queue")
    life.runs([name])
    _called(life, name)
    life.letters(name)


def _callers(life: Life, call: pd.Series[Any], started: float, over: float | None) -> None:
    """Who asked, and how long they waited."""
    table = life.trace.requests
    asked = table[(table["request_id"] == call["request_id"]).to_numpy()]
    for row in asked.to_dict("records"):
        sent, answered = life.at(row["sent_at"]), life.at(row["answered_at"])
        assert sent is not None
        status = f"{row['status_code']}" if row["status_code"] else "no answer"
        until = life.end if answered is None else answered
        text = f"{status} after {told(until - sent)}" if until > sent else f"{status} at once"
        text = "still waits" if answered is None else text
        life.add(
            f"caller {words.shortened(str(row['caller']), 12)}", "caller", sent, answered, text
        )
        front = life.at(row["front_answered_at"])
        if row["front"] and front is not None:
            text = f"{row['front_status_code']}: nobody listens"
            life.add(words.shortened(str(row["front"]), _NAME), "caller", sent, front, text)
    if not len(asked):
        source = words.shortened(str(call["source"]), _NAME)
        sync = str(call["invocation_type"]) == "RequestResponse"
        until = life.end if over is None else over
        text = f"waits {told(until - started)}" if sync else "goes on at once"
        life.add(f"by {source}", "caller", started, over if sync else started, text)


def _called(life: Life, name: str) -> None:
    """What the request called in its turn."""
    calls = life.trace.invocations
    children = calls[(calls["parent_id"] == name).to_numpy()]
    children = children[(children["parent_kind"] == "request").to_numpy()]
    for row in children.head(_MOST_CALLED).to_dict("records"):
        begun, over = life.at(row["requested_at"]), life.at(row["completed_at"])
        assert begun is not None
        until = life.end if over is None else over
        text = f"{words.plain(str(row['status']))} {told(until - begun)}"
        lane = f"{words.shortened(str(row['function']), _NAME)} r{ordinal(row['request_id'])}"
        life.add(lane, "called", begun, over, text)
    if len(children) > _MOST_CALLED:
        begun = life.at(children["requested_at"].iloc[_MOST_CALLED])
        assert begun is not None
        text = f"{len(children) - _MOST_CALLED:,} more calls"
        life.add("others", "called", begun, begun, text)


def _message(life: Life, number: int) -> None:
    events = life.trace.queue_events
    name = life.trace.ids.message(number)
    rows = events[((events["event_id"] == name) & (events["kind"] != "asynchronous")).to_numpy()]
    for queue in dict.fromkeys(rows["queue"].tolist()):
        life.queue(rows[(rows["queue"] == queue).to_numpy()], words.shortened(str(queue), _NAME))
    life.held([batch for batch in dict.fromkeys(rows["batch_id"].tolist()) if batch])
    calls = life.trace.invocations
    own = calls[(calls["parent_id"] == name).to_numpy()]
    life.runs(own["request_id"])
    children = events[(events["parent_id"] == name).to_numpy()]
    for child in list(dict.fromkeys(children["event_id"].tolist()))[:_MOST_CALLED]:
        mine = children[(children["event_id"] == child).to_numpy()]
        lane = f"{words.shortened(str(mine['queue'].iloc[0]), _NAME)} m{ordinal(str(child))}"
        life.queue(mine[mine["queue"] == mine["queue"].iloc[0]], lane)


def _batch(life: Life, number: int) -> None:
    name = life.trace.ids.batch(number)
    life.held([name])
    table = life.trace.batches
    followers = table[(table["parent_batch_id"] == name).to_numpy()]
    for row in followers.head(_MOST_CALLED).to_dict("records"):
        begun, over = life.at(row["flushed_at"]), life.at(row["completed_at"])
        assert begun is not None
        text = f"{words.count(row['records'], 'record')}, {words.plain(str(row['outcome']))}"
        life.add(f"b{ordinal(row['batch_id'])} follows", "batch", begun, over, text)


def _environment(life: Life, number: int) -> None:
    row = life.trace.environments.iloc[number - 1]
    started, ended = life.at(row["started_at"]), life.at(row["ended_at"])
    assert started is not None
    text = f"alive, {told((life.end if ended is None else ended) - started)}"
    life.add("alive", "alive", started, ended, text)
    table = life.trace.attempts
    own = table[(table["environment_id"] == row["environment_id"]).to_numpy()]
    life.runs(own["request_id"])
    lane = f"{words.shortened(str(row['function']), _NAME)} e{number}"
    life.lanes = {name: spans for name, spans in life.lanes.items() if name in ("alive", lane)}


_TELLERS: dict[str, Callable[[Life, int], None]] = {
    "request": _request,
    "message": _message,
    "batch": _batch,
    "environment": _environment,
}


def life(trace: Trace, name: str) -> Life:
    """The life of what a short id (``"r2"``, ``"m12"``, ``"b3"``, ``"e1"``) names."""
    kind, number = trace.ids.parse(name)
    found = Life(trace)
    _TELLERS[kind](found, number)
    return found


def most_telling(trace: Trace) -> str | None:
    """The short id of what to tell where nothing is asked for.

    The event that waited most often in Lambda's queue; else the message or record that did in its own;
    else the invocation that took longest; else the first message. None where there is nothing.
    """
    retries = trace.retries
    for lane, letter, column in (("service", "r", "request_id"), ("source", "m", "event_id")):
        own = retries.loc[(retries["lane"] == lane).to_numpy(), column]
        if len(own):
            codes, names = pd.factorize(own)
            return f"{letter}{ordinal(str(names[int(np.bincount(codes).argmax())]))}"
    calls = trace.invocations
    if len(calls):
        took = calls["latency_ms"].to_numpy(dtype=float)
        return f"r{1 if np.isnan(took).all() else int(np.nanargmax(took)) + 1}"
    events = trace.queue_events
    sent = events.loc[(events["kind"] != "asynchronous").to_numpy(), "event_id"]
    return f"m{ordinal(str(sent.iloc[0]))}" if len(sent) else None
