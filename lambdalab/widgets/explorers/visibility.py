"""How long must a message be invisible? Runs that last too long, runs that fail, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lambdalab.plots import visibility, words
from lambdalab.plots.visibility import Visits, visits
from lambdalab.scenarios import Visibility
from lambdalab.scenarios.visibility import DEAD_LETTERS, FUNCTION, QUEUE
from lambdalab.widgets.controls import Control, number, switch, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_QUICK = {"p50": 2.0, "p99": 5.0, "messages": 10}
_SENT = {"queue": QUEUE, "action": "sent", "cause": "message_sent"}
_ENDS = (
    "each goes to the function once",
    "some go to the function again, while the first run still has them",
    "some die, though every run of them succeeds",
    "Lambda stops a run when its messages become visible",
)


class VisibilityExplorer(Explorer):
    """How long must a message be invisible? Runs that last too long, runs that fail, what comes back.

    Cures: "SQS with Lambda is exactly once", "one bad message fails alone".
    """

    name = "visibility"
    heading = "Exactly once? What comes back when a run lasts too long, or fails"
    scenario = Visibility
    tall = 4.2
    presets: ClassVar = {
        "too short": {},
        "long enough": {"visibility_timeout": 120},
        "a window cures it": {"window": 5},
        "dead, and done": {"visibility_timeout": 5},
        "one bad of ten": {**_QUICK, "bad": 1},
        "partial response": {**_QUICK, "bad": 1, "partial_failures": True},
        "redrive": {**_QUICK, "bad": 1, "redrive": True},
    }

    def controls(self) -> list[Control]:
        """Visibility timeout, durations, window, receives, bad messages, partial failures, redrive."""
        return [
            whole("visibility_timeout", "visibility timeout (s)", 1, 120),
            whole("max_receive_count", "max receive count", 1, 10),
            number("p50", "run takes, median (s)", 0.5, 60.0, 0.5),
            number("p99", "run takes, p99 (s)", 0.5, 60.0, 0.5),
            whole("window", "batching window (s)", 0, 20),
            whole("messages", "messages", 1, 60),
            whole("bad", "of them always fail", 0, 10),
            switch("partial_failures", "the function names what failed"),
            switch("redrive", "mend it, and send dead letters back"),
        ]

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Batches within the time for which their messages are invisible."""
        return visibility(trace, ax=ax)

    def drawing(self) -> str:
        """The plot."""
        return "trace.plot.visibility()"

    def figures(self, trace: Trace) -> dict[str, str]:
        """Messages, those that came again, runs, the longest one, for how long they were invisible."""
        found, tell = visits(trace, QUEUE), Telling(trace)
        longest = tell.number("attempts", "duration_ms", how="max") / 1000
        hidden = tell.number("queue_events", "delay_ms", {"action": "received"}, "max") / 1000
        return {
            "messages": f"{len(tell.rows('queue_events', _SENT)):,}",
            "to the function again": f"{found.repeated:,}",
            "runs": f"{len(trace.attempts):,}",
            "longest run": words.known(longest),
            "invisible for": words.known(hidden),
            "dead letters": f"{found.letters:,}",
        }

    def explain(self, trace: Trace) -> Why:
        """What happened to one telling message, and to how many besides."""
        tell, found = Telling(trace), visits(trace, QUEUE)
        if not len(found.table):
            return tell.why("No message has been received yet.")
        told = _dead_and_done(tell, found) or _late(tell, found) or _failed(tell, found)
        return tell.why(f"{told or _in_time(tell)}{_redriven(tell)}")

    def ask(self, trace: Trace) -> Question:
        """How many die where a run fails; else what is the worst that happens."""
        found = visits(trace, QUEUE)
        if {"failure", "partial"} & set(found.outcomes):
            tell = Telling(trace)
            sent, died = (
                len(tell.rows("queue_events", _SENT)),
                tell.rows("queue_events", _died_of(tell)),
            )
            text = f"How many messages will go to `{DEAD_LETTERS}`?"
            alone = self.settings.bad or 1
            return numbered(text, len(died), (0, alone, min(sent, 10), sent), "message")
        worst = 2 if found.letters else 1 if found.repeated else 0
        return Question("What is the worst that will happen to messages?", _ENDS, _ENDS[worst])


def _dead_and_done(tell: Telling, found: Visits) -> str:
    """A dead letter of which every run succeeded."""
    died = _died_of(tell)
    held, others = tell.trace.batch_records, np.array(found.outcomes) != "success"
    others = set(found.table.loc[others, "batch_id"])
    failed = set(held.loc[held["batch_id"].isin(others), "event_id"])
    letters = tell.rows("queue_events", died)["event_id"]
    message = next((str(one) for one in letters if one not in failed), None)
    if message is None:
        return ""
    letter, first = {**died, "event_id": message}, _batches_of(tell, message)[0]
    receives = tell.value("queue_events", "receive_count", letter)
    taken = {"event_id": message, "action": "received"}
    hidden = tell.value("queue_events", "delay_ms", taken)
    at = tell.value("queue_events", "at", letter)
    done = tell.value("batches", "completed_at", {"batch_id": first})
    return (
        f"{tell.id('message', message)} died at {at}, after {_times(receives, 'receive')} of {hidden} "
        f"each. {tell.id('batch', first)} still had it, and succeeded at {done}: dead, and done. In all, "
        f"{tell.count('message', 'queue_events', died)} went to `{DEAD_LETTERS}`."
    )


def _late(tell: Telling, found: Visits) -> str:
    """A message that came back while its run was at work."""
    late = [(one, then) for one, then in found.again.tolist() if found.late[one]]
    if not late:
        return ""
    sent = set(tell.rows("queue_events", _SENT)["event_id"])
    shared = ((one, message) for one, then in late for message in _of_both(tell, found, one, then))
    at_first = next(((one, message) for one, message in shared if message in sent), None)
    place, message = at_first or (late[0][0], _of_both(tell, found, *late[0])[0])
    batches = _batches_of(tell, message)
    nth = batches.index(found.table["batch_id"].iloc[place]) + 1
    back = {"event_id": message, "action": "returned", "receive_count": nth}
    came = tell.value("queue_events", "at", back)
    lasted = tell.value("batches", "completed_at", {"batch_id": batches[nth - 1]})
    held = {"event_id": message}
    times = tell.value(
        "batch_records", "batch_id", held, "unique", text=words.times(len(batches))
    )  # fmt: skip
    well = set(tell.rows("batches", {"batch_id": ("in", tuple(batches))})["outcome"]) == {"success"}
    run = "its first run" if nth == 1 else "a run"
    said = (
        f"{tell.id('message', message)} came back at {came} while {run} lasted to {lasted}: "
        f"{'processed' if well else 'given to the function'} {times}."
    )
    if not at_first:
        return f"{said}{_died(tell)}"
    late_ones = found.table.loc[found.late, "batch_id"].tolist()
    so = {"event_id": ("in", tuple(sorted(sent))), "batch_id": ("in", tuple(late_ones))}
    many = tell.value("batch_records", "event_id", so, "unique")
    return f"{said} {many} of {tell.count('message', 'queue_events', _SENT)} came back so.{_died(tell)}"


def _failed(tell: Telling, found: Visits) -> str:
    """A batch that failed, whole or in part."""
    places = [n for n, one in enumerate(found.outcomes) if one in ("failure", "partial")]
    if not places:
        return ""
    one = {"batch_id": found.table["batch_id"].iloc[places[0]]}
    batch, records = tell.id("batch", one["batch_id"]), tell.value("batches", "records", one)
    returned = {"action": "returned", **one}
    first = tell.rows("queue_events", returned)
    if not len(first):
        return f"{batch} failed.{_died(tell)}"
    back = tell.value("queue_events", "visible_at", returned)
    if found.outcomes[places[0]] == "failure":
        error = _error(tell, one)
        many = f"all {records} messages" if records != "1" else "its only message"
        return (
            f"{error} failed {many} of {batch}, which stayed invisible until {back}.{_died(tell)}"
        )
    named = tell.value("batches", "failed_records", one)
    gone = {"action": "deleted", **one}
    if not len(tell.rows("queue_events", gone)):
        every = "its only message" if named == "1" else f"all {named} of its messages"
        return f"{batch} named {every}, invisible until {back}.{_died(tell)}"
    done = tell.value("queue_events", "event_id", gone, "unique")
    which = tell.id("message", first["event_id"].iloc[0]) if named == "1" else "the rest"
    return (
        f"{batch} named {named} of its {records} messages: {done} {_was(done)} deleted at once, and "
        f"only {which} stayed, invisible until {back}.{_died(tell)}"
    )


def _error(tell: Telling, one: dict[str, Any]) -> str:
    """What went wrong with a batch, quoted."""
    request = {"request_id": tell.rows("batches", one)["request_id"].iloc[0]}
    row = tell.rows("attempts", request).iloc[-1]
    if str(row["outcome"]) == "timeout":
        limit = tell.setting("function", FUNCTION, "timeout", "s")
        return f"The function's timeout of {limit}"
    return f"One exception (`{row['error_message']}`)"


def _in_time(tell: Telling) -> str:
    """Nothing came back."""
    longest = tell.value("attempts", "duration_ms", how="max")
    hidden = tell.value("queue_events", "delay_ms", {"action": "received"})
    kept = tell.setting("sqs", QUEUE, "visibility_timeout", "s")
    said = f"No message came back: the longest run took {longest}, and they were invisible for {hidden}"
    if hidden == kept:
        return f"{said}."
    return f"{said}, not the {kept} of the queue: with a window Lambda makes it longer itself."


def _died(tell: Telling) -> str:
    """How many messages went to the dead-letter queue, and after how many receives."""
    letters = _died_of(tell)
    if not len(tell.rows("queue_events", letters)):
        return ""
    many = tell.count("message", "queue_events", letters)
    most = tell.setting("sqs", QUEUE, "max_receive_count")
    alone = " alone" if _one(many) else ""
    return f" After {_times(most, 'receive')}, {many} died{alone}."


def _redriven(tell: Telling) -> str:
    """What became of the dead letters that were sent back."""
    since = _redriven_at(tell)
    if since is None:
        return ""
    sent = {"queue": QUEUE, "action": "sent", "cause": "redrive"}
    many = tell.count("dead letter", "queue_events", sent)
    at = tell.value("queue_events", "at", sent, "min")
    done = {"queue": QUEUE, "action": "deleted", "at": (">", since)}
    told = tell.count("message", "queue_events", done)
    again = {"queue": QUEUE, "action": "dead_lettered", "at": (">", since)}
    died = ""
    if len(tell.rows("queue_events", again)):
        died = f", and {tell.value('queue_events', 'event_id', again, 'unique')} died again"
    return (
        f" {many} {_was(many)} sent back at {at}, with {'a new id' if _one(many) else 'new ids'} and all "
        f"chances anew: {told} {_was(told)} dealt with{died}."
    )


def _redriven_at(tell: Telling) -> Any:
    """When the first dead letter was sent back; None where none was."""
    sent = tell.rows("queue_events", {"queue": QUEUE, "action": "sent", "cause": "redrive"})
    return sent["at"].min() if len(sent) else None


def _died_of(tell: Telling) -> dict[str, Any]:
    """The rows of messages that died, before any was sent back: those that die again are the same."""
    letters, since = {"queue": QUEUE, "action": "dead_lettered"}, _redriven_at(tell)
    return letters if since is None else {**letters, "at": ("<=", since)}


def _times(number: str, thing: str) -> str:
    return f"{number} {thing}{'' if number == '1' else 's'}"


def _was(number: str) -> str:
    return "was" if _one(number) else "were"


def _one(number: str) -> bool:
    return number.partition(" ")[0] == "1"


def _of_both(tell: Telling, found: Visits, *places: int) -> Sequence[str]:
    """The messages that all these batches had."""
    batches = [{"batch_id": found.table["batch_id"].iloc[place]} for place in places]
    first, *rest = (list(tell.rows("batch_records", one)["event_id"]) for one in batches)
    return [str(event) for event in first if all(event in other for other in rest)]


def _batches_of(tell: Telling, message: str) -> list[str]:
    """The batches that had a message, in their order."""
    return [str(one) for one in tell.rows("batch_records", {"event_id": message})["batch_id"]]
