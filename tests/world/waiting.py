"""An independent reckoning of the table ``retries``: every wait before another try, from the others."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from tests.world.reading import Books, grouped, same

Waits = Counter[tuple[Any, ...]]


def check(books: Books) -> None:
    """The waits told are those that queues and batches make, no more and no fewer."""
    told: Waits = Counter()
    for row in books.retries:
        told[
            row.lane, row.event_id, row.at, row.attempt, row.planned_us, row.waited_us, row.cause
        ] += 1
    ended = {batch.batch_id: batch.completed_at for batch in books.batches}
    seen: Waits = Counter()
    for (kind, _, event), rows in grouped(books.queue_events, "kind", "queue", "event_id").items():
        own = kind == "asynchronous"
        aside = ("dead_lettered", "delivered") if own else ("delivered",)
        moves = [row for row in rows if row.action not in aside]
        tries = 1
        for row, after in pairwise([*moves, None]):
            tries += row.action == "received"
            until = after.at if after else -1
            if own and row.action in ("retry_scheduled", "throttled"):
                begun, planned = row.at, row.delay_us
            elif not own and row.action == "returned" and row.cause != "delay":
                begun = ended.get(row.batch_id, -1)
                begun = begun if 0 <= begun < row.at else row.at
                planned = (row.visible_at if row.visible_at >= 0 else row.at) - begun
            else:
                continue
            waited = until - begun if after else -1
            seen[
                "service" if own else "source", event, begun, tries, planned, waited, row.cause
            ] += 1
    for rows in grouped(books.requests, "call").values():
        for row, after in pairwise(rows):
            waited = after.sent_at - row.answered_at
            cause = {0: "client_timeout", 429: "throttled"}.get(row.status_code, "server_error")
            seen["client", "", row.answered_at, after.tries, waited, waited, cause] += 1
    same("the waits before another try", "retries", dict(told - seen), dict(seen - told))
