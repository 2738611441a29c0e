"""The explorers: one for each scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.errors import UnknownName
from lambdalab.plots import backoff, batching, sync_vs_async, words
from lambdalab.plots.batching import MOST_BATCHES
from lambdalab.plots.figures import key_figures
from lambdalab.plots.waits import history, most_interesting
from lambdalab.rules import Rules
from lambdalab.scenarios import Backoff, Batching, SyncVsAsync
from lambdalab.scenarios.backoff import KINDS
from lambdalab.widgets import why
from lambdalab.widgets.controls import Control, choice, magnitude, number, switch, whole
from lambdalab.widgets.explorer import Explorer

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_KB = 1024


def _kilobytes(size: float) -> float:
    return round(size / _KB, 4)


def _bytes(kilobytes: float) -> int:
    return round(kilobytes * _KB)


class SyncAsyncExplorer(Explorer):
    """Who waits? The same order sent synchronously and as an event, below each other.

    Cures: "202 means done", "Lambda tries synchronous calls again", "an event is faster".
    """

    name = "sync_vs_async"
    heading = "Who waits? One order, sent synchronously and as an event"
    scenario = SyncVsAsync
    tall = 4.4
    presets: ClassVar = {
        "getOrder": {},
        "times out": {"duration": 5.0},
        "failing": {"failing": True},
        "slow init": {"duration": 0.5, "init": 5.0},
        "300 KB": {"payload_bytes": 300 * _KB},
    }

    def controls(self) -> list[Control]:
        """Duration, timeout, init, payload, failing."""
        init = _RULES.init_percentiles[(_RULES.runtime_default, "x86_64")][1] / 1000
        return [
            number("duration", "handler works (s)", 0.0, 30.0, 0.1),
            whole("timeout", "timeout (s)", _RULES.timeout_minimum, 30),
            number(
                "init", "init in a cold start (s)", 0.0, 10.0, 0.01,
                shown=lambda value: init if value is None else value,
            ),
            magnitude("payload_bytes", "payload (KB)", -1.5, 3.85, ".2f", shown=_kilobytes, meant=_bytes),
            switch("failing", "the function raises"),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Both journeys on one time axis."""
        return sync_vs_async(trace, ax=ax, beside=other)

    def explain(self, trace: Trace) -> str:
        """Who waited for how long."""
        return why.sync_vs_async(trace)

    def figures(self, trace: Trace) -> dict[str, str]:
        """What each caller waited, what ran and what it cost."""
        waits = {
            kind: trace.requests.loc[trace.requests["request_id"].isin(own), "latency_ms"]
            for kind, own in (
                (
                    kind,
                    trace.invocations.loc[
                        trace.invocations["invocation_type"] == kind, "request_id"
                    ],
                )
                for kind in ("RequestResponse", "Event")
            )
        }
        told = {
            f"{kind}: client waits": words.duration(wait.iloc[0] / 1000) if len(wait) else "–"
            for kind, wait in waits.items()
        }
        found = key_figures(trace)
        return {
            **told,
            "runs": f"{found['runs']:.0f}",
            "cold starts": f"{found['cold starts']:.0f}",
            "billed": _seconds(found["billed s"]),
        }


class BackoffExplorer(Explorer):
    """When is it retried? One event whose function fails, or has no room for it.

    Cures: "throttles use up retries", "nothing is ever lost".
    """

    name = "backoff"
    heading = "When is it retried? One event, and the waits between its tries"
    scenario = Backoff
    presets: ClassVar = {
        "default": {},
        "90 s age": {"maximum_event_age": 90},
        "throttled for 6 h": {"kind": "throttle"},
        "healed in time": {"failing_for": 100.0},
        "free again in time": {"kind": "throttle", "failing_for": 300.0},
        "nothing kept": {"maximum_retry_attempts": 0, "dead_letter_queue": False},
    }

    def controls(self) -> list[Control]:
        """Kind, retries, maximum age, when it heals, dead-letter queue."""
        return [
            choice("kind", "what goes wrong", KINDS),
            whole("maximum_retry_attempts", "retry attempts", 0, _RULES.maximum_retry_attempts),
            whole(
                "maximum_event_age", "maximum event age (s)",
                _RULES.event_age_minimum, _RULES.event_age_maximum, 30,
            ),
            number(
                "failing_for", "fails for (s; 0: always)", 0.0, 3600.0, 5.0,
                shown=lambda value: value or 0.0, meant=lambda value: value or None,
            ),
            switch("dead_letter_queue", "with a dead-letter queue"),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """The event that waited most often."""
        return backoff(trace, ax=ax)

    def explain(self, trace: Trace) -> str:
        """What ended the series."""
        return why.backoff(trace)

    def figures(self, trace: Trace) -> dict[str, str]:
        """Tries, throttles, the longest wait, the age at the end."""
        row = most_interesting(trace, None)
        if row is None:
            return {}
        found = history(trace, row)
        longest = float(found.lengths.max()) if len(found.lengths) else 0.0
        return {
            "attempts": f"{len(found.attempts):,}",
            "throttles": f"{found.throttles:,}",
            "longest wait": words.duration(longest) if longest else "–",
            "age at the end": words.duration(found.ended_at),
            "ended as": found.fate,
        }


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
            "rate": 35.0, "record_size": 100 * _KB, "batch_size": 10_000, "window": 20, "seconds": 8.0,
        },
        "quiet queue": {"rate": 0.2, "window": 20, "seconds": 300.0},
        "slow function": {"duration": 8.0},
    }  # fmt: skip

    def controls(self) -> list[Control]:
        """Rate, record size, batch size, window, duration, length of the run."""
        most = _RULES.sqs_message_size / _KB
        return [
            number("rate", "rate (messages/s)", 0.1, 50.0, 0.1),
            magnitude(
                "record_size", "record size (KB)", -2, 2.4082, ".2f",
                shown=_kilobytes, meant=lambda size: max(_bytes(min(size, most)), 1),
            ),
            magnitude("batch_size", "batch size (records)", 0, 4, "d", meant=round),
            whole("window", "batching window (s)", 0, 60),
            number("duration", "function works (s)", 0.0, 30.0, 0.1),
            number("seconds", "messages come for (s)", 5.0, 300.0, 5.0),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Batches one by one where they are few, in both runs alike."""
        runs = [trace, *([other] if other is not None else [])]
        return batching(trace, ax=ax, each=all(len(run.batches) <= MOST_BATCHES for run in runs))

    def explain(self, trace: Trace) -> str:
        """Why a telling batch was handed over."""
        return why.batching(trace)

    def figures(self, trace: Trace) -> dict[str, str]:
        """Batches, their mean size, how old messages grew, and the cost."""
        found = key_figures(trace)
        return {
            "messages": f"{int((trace.queue_events['action'] == 'sent').sum()):,}",
            "batches": f"{len(trace.batches):,}",
            "records in a batch, mean": f"{found['records in a batch, mean']:.3g}",
            "dealt with after, p95": _seconds(found["message dealt with after, p95 s"]),
            "billed": _seconds(found["billed s"]),
        }


EXPLORERS: dict[str, type[Explorer]] = {
    explorer.name: explorer for explorer in (BackoffExplorer, BatchingExplorer, SyncAsyncExplorer)
}


class ExplorerList:
    """The explorers there are, as a cell shows them."""

    def __repr__(self) -> str:
        width = max(map(len, EXPLORERS))
        return "\n".join(
            f"explore({n!r}){' ' * (width - len(n))}  {e.heading}" for n, e in EXPLORERS.items()
        )

    def __iter__(self) -> Any:
        return iter(EXPLORERS)

    def __len__(self) -> int:
        return len(EXPLORERS)


def explore(name: str | None = None, **settings: Any) -> Explorer | ExplorerList:
    """The explorer of that name; without a name, the list of them.

    Parameters
    ----------
    name
        ``"sync_vs_async"``, ``"backoff"`` or ``"batching"``.
    settings
        Settings of its scenario to begin with.

    Raises :class:`~lambdalab.errors.UnknownName` for any other, with the nearest.
    """
    if name is None:
        return ExplorerList()
    if name not in EXPLORERS:
        raise UnknownName("explorer", name, EXPLORERS)
    return EXPLORERS[name](**settings)


def _seconds(value: float) -> str:
    return "–" if value != value else words.duration(value)
