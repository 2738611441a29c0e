"""An independent reckoning of FIFO queues: order in each group, nothing sent twice; and of redrive."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.world.numbers import S
from tests.world.reading import Books, grouped, need, same
from tests.world.wiring import LETTERS

KNOWN_FOR = 300 * S  # a deduplication id


def check(books: Books, queue: str, rows: list[Any]) -> None:
    """Of a group with a message in flight nothing is received; the first one sent is received first."""
    places: dict[str, int] = {}
    waiting: dict[str, dict[str, int]] = defaultdict(dict)  # group: message, received at (-1: not)
    for row in rows:
        group, event = waiting[row.message_group], row.event_id
        need("a message of a FIFO queue has a group", row, row.message_group != "", row, "")
        if row.action == "sent":
            places[event] = len(places)
            group[event] = -1
        elif row.action == "received":
            for other, at in group.items():
                before = places[other] < places[event]
                need("none of a group in flight is received", row, at in (-1, row.at), other, at)
                need("in order", row, not before or at == row.at, other, event)
            group[event] = row.at
        elif row.action == "returned":
            group[event] = -1
        else:
            del group[event]
    doubles(books, queue, rows)


def doubles(books: Books, queue: str, rows: list[Any]) -> None:
    """What was sent twice within five minutes is not put in the queue."""
    known: dict[str, int] = {}
    dropped = {(row.event_id, row.at) for row in rows if row.cause == "deduplicated"}
    sent = [row for row in rows if row.action == "sent" and row.cause == "message_sent"]
    for at, came in grouped(sent, "at").items():
        names = books.past.sends.get((queue, at), [])
        for row, name in zip(came, names if len(names) == len(came) else [], strict=False):
            again = (row.event_id, row.at) in dropped
            twice = name in known and at - known[name] < KNOWN_FOR
            same("what was sent before is not sent again", row, again, twice)
            if not again:
                known[name] = at


def moved(books: Books, rows: list[Any]) -> None:
    """What a redrive takes out arrives, so many a second; dead letters arrive, too."""
    left: Counter[Any] = Counter()
    come: Counter[Any] = Counter()
    letters: Counter[Any] = Counter()
    arrived: Counter[Any] = Counter()
    tasks: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.cause == "redrive":
            (left if row.action == "deleted" else come)[row.at, row.message_group] += 1
            if row.action == "deleted":
                tasks[row.queue].append(row.at)
        elif row.action == "dead_lettered":
            place = books.past.of("queue", row.queue, row.at).get("dead_letter_queue")
            letters[row.at, row.event_id, place] += 1
        elif (
            row.action == "sent"
            and row.cause == "dead_letter"
            and not row.request_id
            and row.queue != LETTERS
        ):
            arrived[row.at, row.event_id, row.queue] += 1
    same("what is moved back arrives", "queue_events", left, come)
    same("dead letters arrive", "queue_events", letters, arrived)
    for queue, times in tasks.items():
        begun = [task for task in books.past.redrives if task[0] == queue]
        for at in times:
            of = [task for task in begun if task[1] <= at][-1:]
            need("somebody asked for it", queue, bool(of), at, begun)
            _, since, rate, _ = of[0]
            most = (at - since + 1) * rate // S + 1
            count = sum(since <= other <= at for other in times)
            need("so many a second", queue, count <= most, count, most)
