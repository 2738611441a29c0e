"""Which runs each plot of the gallery is drawn of, and why they are telling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gallery_runs as runs

from lambdalab.trace import Trace


class Large(Protocol):
    """A run with as many rows as are asked for, which is kept until ``cache_clear``."""

    def __call__(self, rows: int) -> Trace: ...

    def cache_clear(self) -> None: ...


@dataclass(frozen=True)
class Shown:
    """A run that a picture is drawn of: how to make it, ``why`` it is telling, and the plot's options."""

    run: Callable[[], Trace]
    why: str
    how: dict[str, Any] = field(default_factory=dict)


TELLING: dict[str, tuple[Shown, ...]] = {
    "backoff": (
        Shown(runs.errors, "two retries after errors, then the dead-letter queue"),
        Shown(runs.throttled, "throttles use up no retry: six hours of waits"),
    ),
    "batching": (
        Shown(runs.batches, "a batch of ten or five seconds, what comes first"),
        Shown(runs.large_records, "records of 100 KB: 6 MB are reached long before 10,000 records"),
        Shown(runs.many_batches, "hundreds of batches: each as high as it is large"),
        Shown(runs.many_batches, "the same by poller", {"by": "poller"}),
        Shown(runs.poisoned, "a stream: a bad record halves its batch again and again"),
    ),
    "cold_starts": (Shown(runs.mornings, "busy spells with pauses longer than environments live idle"),),
    "concurrency": (
        Shown(runs.burst, "a burst above provisioned and reserved concurrency"),
        Shown(runs.scaling, "2,500 events at once: 1,000 environments, then as the scaling rate allows"),
    ),
    "cost": (
        Shown(runs.shop, "what a shop costs, and of what"),
        Shown(runs.memory_sizes, "the same work at seven memory sizes"),
    ),
    "latency": (Shown(runs.shop, "callers of a shop, and what they waited for"),),
    "queue_depth": (
        Shown(runs.failing_queue, "half of the batches fail", {"queue": "orders", "age": True}),
        Shown(runs.trap, "the throttle trap", {"queue": "tasks"}),
    ),
    "receives": (
        Shown(runs.trap, "no run fails, and the messages die all the same"),
        Shown(runs.failing_queue, "half of the batches fail"),
    ),
    "request_anatomy": (
        Shown(runs.api_timeout, "the API gives up after 29 s, the function runs on"),
        Shown(runs.client_retries, "a client tries again: the function runs once for each try"),
    ),
    "shards": (
        Shown(runs.poisoned, "one bad record; its batch is halved until it stands alone"),
        Shown(runs.blocked, "whole batches are tried again: the shard stands still"),
        Shown(runs.fifo, "a failing message of a FIFO queue holds up its group"),
    ),
    "story": (
        Shown(runs.errors, "an event that fails three times"),
        Shown(runs.failing_queue, "a message that comes back"),
    ),
    "sync_vs_async": (
        Shown(runs.day, "the same function called both ways"),
        Shown(runs.sync_fails, "a function that fails: one caller hears of it, the other never"),
    ),
    "timeline": (
        Shown(runs.shop, "environments, failures, retries"),
        Shown(runs.shop, "the same by request", {"lanes": "request"}),
        Shown(runs.shop, "the same by function", {"lanes": "function"}),
    ),
    "visibility": (
        Shown(runs.too_short, "30 s of invisibility, and work that often lasts longer"),
        Shown(runs.failing_queue, "half of the batches fail"),
    ),
}  # fmt: skip

#: Runs with one row of what the plot is about, where that is not a call.
ONE: dict[str, Callable[[], Trace]] = {
    "backoff": runs.one_event, "batching": runs.one_message, "queue_depth": runs.one_message,
    "receives": runs.one_message, "shards": runs.one_record, "visibility": runs.one_message,
}  # fmt: skip

#: Runs with a million rows of what the plot is about, where that is not calls.
MANY: dict[str, Large] = {
    "batching": runs.million_batches, "queue_depth": runs.million_messages,
    "receives": runs.million_messages, "visibility": runs.million_messages,
    "shards": runs.million_records,
}  # fmt: skip


class NoTellingRun(LookupError):
    """A plot has no run that shows what it is for."""


def telling(plot: str) -> tuple[Shown, ...]:
    """The runs that show what a plot is for.

    Raises :class:`NoTellingRun` for a plot that has none.
    """
    if plot not in TELLING:
        raise NoTellingRun(
            f"the plot {plot!r} has no telling run: add one to TELLING in tools/gallery_shown.py"
        )
    return TELLING[plot]


def one_row(plot: str) -> Trace:
    """A run with one row of what the plot is about."""
    return ONE.get(plot, runs.one_call)()


def large_run(plot: str) -> Large:
    """What makes the run with very many rows of what the plot is about."""
    return MANY.get(plot, runs.million_calls)


def many_rows(plot: str, rows: int = runs.MILLION) -> Trace:
    """A run with so many rows of what the plot is about."""
    return large_run(plot)(rows)
