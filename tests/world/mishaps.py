"""An independent reckoning of ``lab.faults``: each strike was asked for, and left its mark, no more."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.world.reading import Books, grouped, need, same


def check(books: Books) -> None:
    """Strikes within what was asked for, and one mark for each."""
    struck: Counter[Any] = Counter()
    calls = {row.request_id: row for row in books.invocations}
    runs = grouped(books.attempts, "request_id")
    for row in books.faults:
        times = [row.at]  # a run's fate is drawn when it begins, a delivery's when it is accepted
        if row.kind in ("fail", "slow", "kill"):
            times = [run.started_at for run in runs[row.request_id]]
        elif row.kind == "duplicate" and not row.message_id:
            times = [calls[row.request_id].requested_at]
        same_kind = [fault for fault in books.past.faults if fault[:2] == (row.kind, row.subject)]
        good = any(fault[2] <= at < fault[3] for at in times for fault in same_kind)
        need("a fault was asked for", row, good, times, same_kind)
        if row.kind == "duplicate" and not row.message_id:
            struck["duplicate run", row.request_id, row.at] += 1
        elif row.kind == "kill":
            struck["kill", row.request_id] += 1
        elif row.kind == "fail":
            struck["fail", row.request_id, row.at] += 1
        elif row.kind in ("throttle", "service_error"):
            struck[row.kind, row.subject, row.at] += 1
        elif row.kind == "duplicate" and row.at < books.now:
            struck["message", row.message_id, row.at] += 1
    more, less = marks(books, struck)
    doubled = {target for kind, target, _, _ in books.past.faults if kind == "duplicate"}
    for mark in [mark for mark in less if mark[0] == "service_error" and mark[1] in doubled]:
        del less[mark]  # a second delivery was refused: it does not come, and has no row
    same("the marks of faults", "faults", (more, less), ({}, {}))


def marks(books: Books, struck: Counter[Any]) -> tuple[dict[Any, int], dict[Any, int]]:
    """What the tables show more than was struck, and less."""
    seen: Counter[Any] = Counter()
    for row in books.attempts:
        if row.outcome == "killed":
            seen["kill", row.request_id] += 1
        if row.error_type == "InjectedFault":
            seen["fail", row.request_id, row.ended_at] += 1
        if row.cause == "duplicate":
            seen["duplicate run", row.request_id, row.started_at] += 1
    for row in books.scaling:
        if row.cause == "injected":
            seen["throttle", row.subject, row.at] += 1
    for row in books.queue_events:
        if row.action == "retry_scheduled" and row.cause == "service_error":
            seen["service_error", row.queue.removesuffix(" (events)"), row.at] += 1
        if (
            row.kind == "sqs"
            and row.action == "sent"
            and row.cause == "duplicate"
            and row.at < books.now
        ):
            seen["message", row.event_id, row.at] += 1
    for row in books.invocations:
        if row.cause == "service_error" and row.status == "refused":
            seen["service_error", row.function, row.completed_at] += 1
    return dict(seen - struck), dict(struck - seen)
