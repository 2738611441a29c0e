"""Why did this batch fire? A queue, its mapping, and the batches that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lambdalab.plots import batching, words
from lambdalab.plots.batching import MOST_BATCHES
from lambdalab.rules import Rules
from lambdalab.scenarios import Batching
from lambdalab.trace.figures import key_figures
from lambdalab.widgets.controls import Control, magnitude, number, to_bytes, to_kilobytes, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_KB = 1024
_FELT_MS = 10
_NOTHING, _FEW = "nothing, as no message comes", 3
_CAUSES = {
    "batch_size": "it is full",
    "batching_window": "its window is over before it is full",
    "payload_size": "one more record would pass the payload limit",
    "no_window": "it is not full, but there is no window to wait for more",
}
"""What closes a batch of a queue, as options of the question."""
_OTHERS = {
    "batch_size": "were full",
    "batching_window": "left when their window was over",
    "no_window": "had no window to wait for",
}
"""What closed most batches, where the payload limit closed fewer."""


class BatchingExplorer(Explorer):
    """Why did this batch fire? A queue, its mapping, and the batches that come of it.

    Cures: "the batch size is a promise", "6 MB never matters".
    """

    name = "batching"
    heading = "Why did this batch fire? Messages, windows and what closes a batch"
    scenario = Batching
    presets: ClassVar = {
        "window 5 s": {},
        "window 0": {"window": 0},
        "100 KB × 10,000": {
            "rate": 20.0, "record_size": 100 * _KB, "batch_size": 10_000, "window": 20, "seconds": 8.0,
        },
        "quiet queue": {"rate": 0.2, "window": 20, "seconds": 60.0},
        "five pollers": {
            "rate": 6.0, "window": 0, "duration": 5.0, "seconds": 20.0, "maximum_concurrency": 5,
        },
        "slow function": {"duration": 8.0},
    }  # fmt: skip

    def controls(self) -> list[Control]:
        """Rate, record size, batch size, window, duration, pollers, length of the run."""
        most = to_kilobytes(_RULES.sqs_message_size)
        return [
            number("rate", "rate (messages/s)", 0.1, 20.0, 0.1),
            magnitude(
                "record_size", "record size (KB)", -2, 2.4082, ".2f",
                shown=to_kilobytes, meant=lambda size: max(to_bytes(min(size, most)), 1),
            ),
            magnitude("batch_size", "batch size (records)", 0, 4, "d", meant=round),
            whole("window", "batching window (s)", 0, 60),
            number("duration", "function works (s)", 0.0, 30.0, 0.1),
            whole(
                "maximum_concurrency", "max concurrency (0: any)", 0, 20,
                shown=lambda most: most or 0,
                meant=lambda most: max(most, _RULES.mapping_concurrency_minimum) if most else None,
            ),
            number("seconds", "messages come for (s)", 5.0, 60.0, 5.0),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Batches one by one where they are few, in both runs alike."""
        runs = [trace, *([other] if other is not None else [])]
        return batching(trace, ax=ax, each=all(len(run.batches) <= MOST_BATCHES for run in runs))

    def drawing(self) -> str:
        """The plot of batches."""
        return "trace.plot.batching()"

    def figures(self, trace: Trace) -> dict[str, str]:
        """Messages, batches, their mean size, runs at once, how old messages grew, what is billed."""
        found = key_figures(trace)
        mean = found["records in a batch, mean"]
        at_once = Telling(trace).number("attempts", "", how="overlap")
        return {
            "messages": f"{int((trace.queue_events['action'] == 'sent').sum()):,}",
            "batches": f"{len(trace.batches):,}",
            "records in a batch, mean": f"{mean:.3g}" if mean == mean else "–",
            "runs at once": f"{at_once:.0f}",
            "dealt with after, p95": words.known(found["message dealt with after, p95 s"]),
            "billed": words.known(found["billed s"]),
        }

    def explain(self, trace: Trace) -> Why:
        """Why a telling batch was handed over when it was, and how many went the same way."""
        tell = Telling(trace)
        if not len(trace.batches):
            return tell.why("No message came, so there was nothing to hand over.")
        cause = _telling_cause(trace)
        batch = _telling_batch(tell, cause)
        one = {"batch_id": batch["batch_id"]}
        records = tell.value("batches", "records", one)
        said = (
            f"Batch {tell.id('batch', batch['batch_id'])} closed with {records} "
            f"{'record' if records == '1' else 'records'}: {_reason(tell, cause, one)}."
        )
        if len(trace.batches) == 1:
            return tell.why(said)
        every = tell.count("batch", "batches", things="batches")
        same = tell.value("batches", "batch_id", {"cause": cause}, "unique")
        all_of_them = len(tell.rows("batches", {"cause": cause})) == len(trace.batches)
        share = f"all {every}" if all_of_them else f"{same} of {every}"
        return tell.why(f"{said} That closed {share}{_most_others(tell, cause)}.")

    def ask(self, trace: Trace) -> Question:
        """What closes most batches; the first of them, where no cause has the most."""
        causes = trace.batches["cause"].astype(str)
        most = causes.mode()
        which = "most of the batches" if len(most) == 1 else "the first batch"
        cause = most.iloc[0] if len(most) == 1 else next(iter(causes), "")
        options = tuple(_CAUSES.values())
        if (trace.queue_events["action"] == "sent").sum() <= _FEW:  # there might have been none
            options = (*options, _NOTHING)
        return Question(f"What will close {which}?", options, _CAUSES.get(cause, _NOTHING))


def _telling_cause(trace: Trace) -> str:
    """The payload limit where it closed a batch, else what closed most."""
    limited = (trace.batches["cause"] == "payload_size").any()
    return "payload_size" if limited else _usual_cause(trace)


def _usual_cause(trace: Trace) -> str:
    """What closed most batches."""
    causes, counts = np.unique(trace.batches["cause"].astype(str), return_counts=True)
    return str(causes[np.argmax(counts)])


def _most_others(tell: Telling, cause: str) -> str:
    """What closed more batches than the cause that is told, where something did."""
    causes = tell.trace.batches["cause"]
    usual = _usual_cause(tell.trace)
    if (causes == usual).sum() <= (causes == cause).sum():
        return ""
    number = tell.value("batches", "batch_id", {"cause": usual}, "unique")
    return f"; {number} others {_OTHERS[usual]}"


def _telling_batch(tell: Telling, cause: str) -> pd.Series[Any]:
    """The first that closed for this cause; of those that no window held back the largest."""
    rows = tell.rows("batches", {"cause": cause})
    return rows.iloc[int(rows["records"].to_numpy().argmax()) if cause == "no_window" else 0]


def _reason(tell: Telling, cause: str, one: dict[str, str]) -> str:
    if cause == "payload_size":
        limit = tell.setting("account", "payload", "mapping", "bytes")
        size = tell.value("batches", "size_bytes", one)
        return f"one more would have passed {limit} (it is {size} of JSON)"
    if cause == "batch_size":
        gathered = tell.value("batches", "gathering_ms", one)
        after = f", after {gathered}" if tell.number("batches", "gathering_ms", one) else ""
        return f"that is as many as the mapping allows{after}"
    if cause == "no_window":
        at_once = "without a window, what a poll brings is handed over at once"
        return at_once + _waited(tell, one)
    if cause == "batching_window":
        window = tell.value("batches", "window_opened_at..flushed_at", one)
        return f"its window of {window} was over"
    return words.plain(cause)


def _waited(tell: Telling, one: dict[str, str]) -> str:
    """How long its messages had waited for a poller, where that can be felt."""
    taken = {"action": "received", "at": tell.rows("batches", one)["opened_at"].iloc[0]}
    if tell.number("queue_events", "age_ms", taken, "max") < _FELT_MS:
        return ""
    waited = tell.value("queue_events", "age_ms", taken, "max")
    return f"; the oldest had waited {waited} for a free poller"
