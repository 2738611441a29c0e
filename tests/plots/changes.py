"""Which cells of which tables show in which picture: what the read-back alters, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Change(NamedTuple):
    """One column of a table whose every cell, of the rows ``among``, shows in the picture."""

    table: str
    column: str
    to: Callable[[Any], Any]
    among: Callable[[Any, pd.DataFrame], Any] = lambda trace, table: np.ones(len(table), bool)
    shown: int = 0


def later(seconds: float) -> Callable[[Any], Any]:
    return lambda cell: cell + pd.Timedelta(seconds=seconds)


def more(by: float) -> Callable[[Any], Any]:
    return lambda cell: cell + by


def either(one: Any, other: Any) -> Callable[[Any], Any]:
    return lambda cell: other if cell == one else one


def where(**values: Any) -> Callable[[Any, pd.DataFrame], Any]:
    """Rows that have these values (one, or one of a tuple) in these columns."""

    def rows(trace: Any, table: pd.DataFrame) -> Any:
        chosen = np.ones(len(table), bool)
        for name, value in values.items():
            chosen &= table[name].isin(value if isinstance(value, tuple) else (value,)).to_numpy()
        return chosen

    return rows


def of_request(number: int, column: str = "request_id") -> Callable[[Any, pd.DataFrame], Any]:
    return lambda trace, table: table[column].str.startswith(f"{number:08d}-").to_numpy()


def queued(number: int) -> Callable[[Any, pd.DataFrame], Any]:
    """The rows in which an event enters Lambda's queue and leaves it."""
    mine, moves = of_request(number, "event_id"), where(action=("sent", "received"))
    return lambda trace, table: mine(trace, table) & moves(trace, table)


def closing(queue: str) -> Callable[[Any, pd.DataFrame], Any]:
    """The last row of each moment of a queue: what the picture shows until the next one."""

    def rows(trace: Any, table: pd.DataFrame) -> Any:
        own = (table["queue"] == queue).to_numpy()
        mine = table.index[own]
        last = ~table.loc[own, "at"].duplicated(keep="last").to_numpy()
        gap = table.loc[own, "at"].diff(-1).dt.total_seconds().abs().to_numpy() > 1e-4
        chosen = np.zeros(len(table), bool)
        chosen[mine[last & gap]] = True
        return chosen

    return rows


def last_of_batch(trace: Any, table: pd.DataFrame) -> Any:
    """The last record of each batch: how old it is, is the age of the batch."""
    taken = (table["queue"] == "clicks->count (records)") & (table["action"] == "received")
    return (taken & ~table["batch_id"].where(taken).duplicated(keep="last")).to_numpy()


def first_failures(trace: Any, table: pd.DataFrame) -> Any:
    """The failed batch with which a message group began to wait."""
    failed = (table["outcome"] == "failure").to_numpy()
    return failed & (np.cumsum(failed) == 1)


def answered_well(trace: Any, table: pd.DataFrame) -> Any:
    """Calls that nothing went wrong with."""
    broken = trace.invocations.loc[trace.invocations["function_error"] != "", "request_id"]
    good = table["status_code"].isin((200, 202)) & ~table["request_id"].isin(set(broken))
    return good.to_numpy()


def last_received(trace: Any, table: pd.DataFrame) -> Any:
    """The last message that was received at a moment: it tells how long those are invisible."""
    taken = (table["queue"] == "orders") & (table["action"] == "received")
    return (taken & ~table["at"].where(taken).duplicated(keep="last")).to_numpy()


def of_story(trace: Any, table: pd.DataFrame) -> Any:
    """What happened, in its queue, to the message that is told of by default."""
    waited = trace.retries[trace.retries["lane"] == "source"]["event_id"].value_counts()
    mine = (table["event_id"] == waited.index[0]) & (table["action"] == "received")
    return (mine & (table["queue"] == "orders")).to_numpy()


CHANGES: dict[str, list[Change]] = {
    "timeline": [
        Change("attempts", "started_at", later(-0.5)),
        Change("attempts", "ended_at", later(0.7)),
        Change("attempts", "outcome", either("success", "error")),
        Change("attempts", "setup_ms", more(40.0), where(cold_start=True)),
        Change("attempts", "init_ms", more(300.0), where(cold_start=True)),
        Change(
            "attempts",
            "environment_id",
            lambda cell: "00000003-1" if cell[7] == "1" else "00000001-1",
        ),
        Change("attempts", "cold_start", lambda cell: not cell),
        Change("attempts", "started_at", later(0.5), where(attempt=2), shown=1),
        Change("attempts", "function", either("mail", "quote"), shown=2),
    ],
    "backoff": [
        Change("retries", "at", later(3)),
        Change("retries", "waited_ms", more(1500.0)),
        Change("retries", "cause", either("timeout", "function_error")),
        Change("attempts", "ended_at", later(0.4)),
        Change("attempts", "outcome", either("timeout", "error")),
        Change("invocations", "completed_at", later(5)),
        Change("retries", "waited_ms", more(1500.0), shown=1),
        Change("retries", "at", later(0.7), shown=1),
    ],
    "batching": [
        *(
            Change("batches", f"{what}_at", later(0.3), shown=shown)
            for shown in (0, 1)
            for what in ("opened", "flushed", "completed")
        ),
        Change("batches", "window_opened_at", later(-0.2)),
        Change("batches", "cause", either("batch_size", "batching_window")),
        Change("batches", "outcome", either("success", "failure")),
        Change("batches", "records", more(1)),
        Change("batches", "size_bytes", more(70_000), shown=1),
        Change("batches", "poller", lambda cell: 3 - cell, where(cause="batch_size")),
        Change("queue_events", "at", later(0.1), where(action="sent")),
        Change("batches", "flushed_at", later(0.25), shown=2),
        Change("batches", "records", more(1), shown=2),
        Change("batches", "cause", either("batch_size", "long_poll"), shown=2),
        Change("batches", "flushed_at", later(0.25), shown=3),
        Change("batches", "poller", lambda cell: cell % 4 + 1, shown=3),
        Change("batches", "outcome", either("success", "failure"), shown=4),
        Change("batches", "records", more(1), shown=4),
    ],
    "concurrency": [
        Change("attempts", "started_at", later(-0.4)),
        Change("attempts", "ended_at", later(0.4)),
        Change("attempts", "init_type", either("provisioned", "on_demand")),
        Change("environments", "started_at", later(-20)),
        Change("scaling", "after", more(3), where(kind=("limit", "provisioned"))),
        Change("scaling", "cause", lambda cell: "throttled_account", where(kind="throttle")),
        Change("scaling", "kind", lambda cell: "environments", where(kind="throttle")),
    ],
    "queue_depth": [
        *(
            Change("queue_events", name, more(4), closing("orders"))
            for name in ("visible", "in_flight", "delayed")
        ),
        Change("queue_events", "depth", more(300), where(queue="orders")),
        Change("queue_events", "at", later(0.31), closing("orders")),
        Change(
            "queue_events",
            "action",
            lambda cell: "dropped",
            where(queue="orders", action="dead_lettered"),
        ),
    ],
    "receives": [
        Change(
            "queue_events",
            "receive_count",
            lambda cell: cell % 3 + 1,
            where(queue="tasks", action="received"),
        ),
        Change(
            "queue_events", "action", lambda cell: "dropped", where(queue="tasks", action="deleted")
        ),
        Change(
            "queue_events",
            "action",
            lambda cell: "deleted",
            where(queue="tasks", action="dead_lettered"),
        ),
        Change("batches", "flushed_at", later(-9), where(outcome="success")),
        Change("batches", "completed_at", later(-9), where(outcome="success")),
        Change("attempts", "started_at", later(-7)),
        Change("attempts", "ended_at", later(7)),
    ],
    "request_anatomy": [
        Change("requests", "sent_at", later(-1)),
        Change("requests", "answered_at", later(1)),
        Change("attempts", "started_at", later(-0.1)),
        Change("attempts", "ended_at", later(2)),
        Change("attempts", "outcome", lambda cell: "timeout"),
        Change("requests", "answered_at", later(0.2), where(call=1), shown=1),
        Change("attempts", "ended_at", later(0.2), of_request(2), shown=1),
    ],
    "sync_vs_async": [
        Change("attempts", "started_at", later(-0.05), of_request(1)),
        Change("attempts", "ended_at", later(0.2), of_request(4)),
        Change("attempts", "init_ms", more(30.0), of_request(1)),
        Change("queue_events", "at", later(0.2), queued(4)),
        Change("requests", "answered_at", later(0.2), of_request(1)),
        Change("attempts", "outcome", either("error", "timeout"), shown=1),
        Change("attempts", "ended_at", later(2), shown=1),
        Change("queue_events", "at", later(3), where(kind="asynchronous"), shown=1),
    ],
    "latency": [
        Change("requests", "latency_ms", more(150.0), where(status_code=200)),
        Change("requests", "latency_ms", more(25.0), where(status_code=202)),
        Change("requests", "status_code", lambda cell: 502, answered_well),
        Change("requests", "function", either("mail", "quote"), where(status_code=200)),
        Change(
            "invocations",
            "function_error",
            either("", "Unhandled"),
            where(invocation_type="RequestResponse"),
        ),
    ],
    "cold_starts": [
        Change("attempts", "started_at", later(2), where(cold_start=True)),
        Change("attempts", "init_ms", more(90.0), where(cold_start=True)),
        Change("attempts", "setup_ms", more(90.0), where(cold_start=True)),
        Change("attempts", "cold_start", lambda cell: not cell),
        Change("attempts", "function", either("quote", "report"), where(cold_start=True)),
        Change("attempts", "ended_at", later(14), where(function="report")),
        Change("environments", "started_at", later(-30)),
        Change("environments", "ended_at", later(-30)),
    ],
    "cost": [
        Change("attempts", "cost_usd", more(5e-7)),
        Change("attempts", "ended_at", later(9)),
        Change("attempts", "function", either("mail", "quote")),
        Change("attempts", "cost_usd", more(5e-7), shown=1),
        Change("attempts", "duration_ms", more(40.0), shown=1),
        Change("attempts", "memory_mb", either(256, 512), shown=1),
    ],
    "shards": [
        Change("batches", "flushed_at", later(0.3)),
        Change("batches", "completed_at", later(9), where(outcome="failure")),
        Change(
            "batches",
            "parent_batch_id",
            lambda cell: "",
            lambda trace, table: table["parent_batch_id"] != "",
        ),
        Change("batches", "shard", lambda cell: f"shardId-{1 - int(cell[-1]):012d}"),
        Change("queue_events", "age_ms", more(700.0), last_of_batch),
        Change(
            "queue_events",
            "action",
            lambda cell: "deleted",
            where(queue="clicks->count (records)", action="dropped"),
        ),
        Change(
            "queue_events",
            "age_ms",
            more(700.0),
            where(queue="bookings.fifo", action="received"),
            shown=2,
        ),
        Change(
            "queue_events",
            "at",
            later(4),
            where(queue="bookings.fifo", action=("received", "dead_lettered")),
            shown=2,
        ),
        Change(
            "queue_events",
            "message_group",
            either("bob", "carla"),
            where(queue="bookings.fifo", action="received"),
            shown=2,
        ),
        Change("batches", "completed_at", later(-3), first_failures, shown=2),
    ],
    "story": [
        Change("attempts", "started_at", later(-0.1)),
        Change("attempts", "ended_at", later(3)),
        Change("attempts", "outcome", lambda cell: "timeout"),
        Change("attempts", "init_ms", more(80.0), where(cold_start=True)),
        Change(
            "queue_events",
            "at",
            later(2),
            where(
                action=("retry_scheduled", "received"),
                kind="asynchronous",
                cause=("function_error", "retry_after_error"),
            ),
        ),
        Change("queue_events", "at", later(2), of_story, shown=1),
    ],
    "visibility": [
        Change("batches", "opened_at", later(-0.2)),
        Change("batches", "flushed_at", later(0.2)),
        Change("batches", "completed_at", later(3)),
        Change("batches", "outcome", either("success", "failure")),
        Change("queue_events", "delay_ms", more(4000.0), last_received),
        Change("batches", "completed_at", later(0.5), shown=1),
        Change("batches", "opened_at", later(-0.5), shown=1),
        Change("batches", "outcome", either("success", "failure"), shown=1),
    ],
}
