"""Messages, records of streams and events of services as dots: where each row of the books puts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from lambdalab.widgets.flow.books import Books
from lambdalab.widgets.flow.dots import (
    AHEAD,
    DELAYED,
    DONE,
    FAILED,
    HELD,
    HIDDEN,
    INSIDE,
    KEPT,
    LOST,
    RETRY,
    WAITING,
    Dots,
    Stay,
)
from lambdalab.widgets.flow.graph import Graph, push_of

SENDERS = "senders"
"""The node of those whom the books do not name: whoever put a message into a queue from outside."""
_ENDS = {"deleted": DONE, "filtered": LOST, "expired": FAILED, "dropped": FAILED}
_LOST = {"purged", "deleted_by_caller", "filter_mismatch", "mapping_deleted", "pattern_mismatch"}


class Batched:
    """What the books have of batches, by number: mapping, lane, function, when flushed, when over."""

    def __init__(self, books: Books, graph: Graph) -> None:
        wired = books.trace.wired("mapping")
        self.rows = {row.batch: row for row in books.batches}
        self.functions = {
            name: f"function:{settings.get('function', '')}" for name, settings in wired.items()
        }
        for row in books.invocations:
            if row.parent_kind == "batch":
                self.functions.setdefault(row.source, f"function:{row.function}")
        self.of_queue: dict[str, str] = {}
        for row in self.rows.values():
            self.of_queue.setdefault(row.source, row.mapping)
        for name, settings in wired.items():
            self.of_queue.setdefault(str(settings.get("source", "")), name)
        self.graph = graph

    def lane(self, batch: int) -> tuple[object, ...]:
        """The key of the poller, or of the lane of a shard, that a batch is of."""
        row = self.rows.get(batch)
        return (row.mapping, row.shard, row.poller) if row else ()

    def during(
        self, dot: int, batch: int, mapping: str, start: int, until: int, last: int, home: str,
        cause: str, at_rest: str,
    ) -> Iterator[Stay]:  # fmt: skip
        """What befalls a message from when it was received to the ``last`` moment before its next row.

        It is held until its batch is handed over, is inside it until that is over, and is then hidden at
        ``at_rest`` until the queue shows it again or it is deleted.
        """
        node = f"mapping:{mapping}"
        row = self.rows.get(batch)
        if row is None:
            yield Stay(
                dot, node, HELD, start, last, (mapping, "", 1), until, cause=cause, home=home
            )
            return
        key = self.lane(batch)
        flushed = min(row.flushed_at, last)
        yield Stay(dot, node, HELD, start, flushed, key, until, cause=cause, batch=batch, home=home)
        over = row.completed_at if row.completed_at >= 0 else AHEAD
        function = self.functions.get(mapping, node)
        if row.flushed_at < last:
            yield Stay(
                dot, function, INSIDE, row.flushed_at, min(over, last), key, until, str(row.cause),
                batch=batch, home=home,
            )  # fmt: skip
        if over < last:
            yield Stay(dot, at_rest, HIDDEN, over, last, key, until, str(row.outcome), home=home)


def by_event(rows: Any, *kinds: str) -> dict[Any, list[Any]]:
    """The rows of queue events of these kinds, of each event in order."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows.only(np.isin(rows["kind"].astype(str), kinds)) if len(rows) else ():
        found[row.event].append(row)
    return found


def messages(books: Books, graph: Graph, dots: Dots, batched: Batched) -> None:
    """A dot for each message of an SQS queue; it stays the same when it moves to another queue."""
    for number, rows in by_event(books.events, "sqs").items():
        dot = dots.new("message", number)
        stays: list[Stay] = []
        for place in range(len(rows)):
            after = rows[place + 1].at if place + 1 < len(rows) else AHEAD
            stays += _message(books, graph, batched, dot, rows, place, after, not stays)
        dots.add(stays)


def _message(
    books: Books, graph: Graph, batched: Batched, dot: int, rows: list[Any], place: int, after: int,
    first: bool,
) -> Iterator[Stay]:  # fmt: skip
    row = rows[place]
    queue = f"queue:{row.queue}"
    graph.node("queue", row.queue)
    cause, home = str(row.cause), queue
    if row.action == "sent":
        source = sender(books, graph, row) if first else ""
        if source:
            graph.edge(source, queue, "")
        state = DELAYED if row.visible_at > row.at else WAITING
        until = row.visible_at if state == DELAYED else -1
        yield Stay(dot, queue, state, row.at, until=until, cause=cause, source=source, home=home)
    elif row.action == "returned":
        yield Stay(dot, queue, WAITING, row.at, cause=cause, home=home)
    elif row.action == "received" and row.cause == "polled":
        batch = next_batch(rows, place)
        lane = batched.rows.get(batch)
        mapping = lane.mapping if lane else batched.of_queue.get(row.queue, row.queue)
        yield from batched.during(
            dot, batch, mapping, row.at, row.visible_at, after, home, cause, queue
        )
    elif row.action == "received":
        yield Stay(dot, queue, HIDDEN, row.at, until=row.visible_at, cause=cause, home=home)
    elif row.action in _ENDS or (row.action == "dead_lettered" and place + 1 == len(rows)):
        state = LOST if cause in _LOST else _ENDS.get(row.action, FAILED)
        function = batched.functions.get(getattr(batched.rows.get(row.batch), "mapping", ""), queue)
        node = function if state == DONE and row.batch else queue
        yield Stay(dot, node, state, row.at, cause=cause, home=home, batch=row.batch)


def next_batch(rows: list[Any], place: int) -> int:
    """The batch that a receive led to: the next row of the message names it, where there is one."""
    for row in rows[place + 1 :]:
        if row.action in ("received", "sent"):
            return 0
        if row.batch:
            return int(row.batch)
    return 0


def sender(books: Books, graph: Graph, row: Any) -> str:
    """The node that a message or record came from: a function, a service, a queue, or outside."""
    if row.parent:
        ways = books.known.setdefault("ways", _ways(books))
        root = ways.get(row.parent)
        if root:
            return graph.node("push", root)
    if row.request:
        makers = books.known.setdefault("makers", _makers(books))
        function, mapping = makers.get(row.request, ("", ""))
        if mapping and row.cause == "destination":  # the mapping tells of what it gave up
            return f"mapping:{mapping}"
        if function:
            return f"function:{function}"
    return graph.node("caller", SENDERS, "whoever sends")


def _ways(books: Books) -> dict[int, str]:
    """The service that each event is of."""
    events = books.events
    mine = events["kind"] == "push"
    found: dict[int, str] = {}
    for queue, event in zip(events["queue"][mine], events["event"][mine].tolist(), strict=True):
        found.setdefault(event, push_of(books, str(queue)))
    return found


def _makers(books: Books) -> dict[int, tuple[str, str]]:
    """The function of each request, and the mapping that made it."""
    return {
        row.request: (row.function, row.source if row.parent_kind == "batch" else "")
        for row in books.invocations
    }


def records(books: Books, graph: Graph, dots: Dots, batched: Batched) -> None:
    """A dot for each record and each mapping that reads it; one that nobody reads has a dot too."""
    streams: dict[str, dict[int, Any]] = defaultdict(dict)
    read: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for number, rows in by_event(books.events, "stream").items():
        for row in rows:
            if str(row.queue).endswith(" (records)"):
                read[row.queue, number].append(row)
            elif row.action == "sent":
                streams[row.queue][number] = row
            elif number in streams[row.queue]:
                read[row.queue, number].append(row)  # its stream lets it go
    sources = {r.mapping: r.source for r in batched.rows.values()}
    for name, settings in books.trace.wired("mapping").items():
        sources.setdefault(name, str(settings.get("source", "")))
    begun: set[tuple[str, int]] = set()
    for (queue, number), rows in read.items():
        if not queue.endswith(" (records)"):
            continue
        mapping = queue.removesuffix(" (records)")
        stream = sources.get(mapping, "")
        first = (stream, number) not in begun
        begun.add((stream, number))
        sent = streams[stream].get(number)
        stays = [_kept(books, graph, 0, sent)] if sent is not None and first else []
        dot = dots.new("record", number, mapping)
        for stay in stays:
            stay.dot = dot
        for place in range(len(rows)):
            after = rows[place + 1].at if place + 1 < len(rows) else AHEAD
            stays += _record(graph, batched, dot, mapping, stream, rows, place, after)
        dots.add(stays)
    for stream, known in streams.items():
        for number, sent in known.items():
            if (stream, number) not in begun:
                dot = dots.new("record", number, stream)
                gone = read.get((stream, number), [])
                stays = [_kept(books, graph, dot, sent)]
                for row in gone[:1]:
                    stays.append(Stay(dot, stays[0].node, LOST, row.at, cause=str(row.cause)))
                dots.add(stays)


def _kept(books: Books, graph: Graph, dot: int, row: Any) -> Stay:
    node = graph.node("stream", row.queue, "stream")
    source = sender(books, graph, row)
    graph.edge(source, node, "")
    return Stay(dot, node, KEPT, row.at, cause=str(row.cause), source=source, home=node)


def _record(
    graph: Graph, batched: Batched, dot: int, mapping: str, stream: str, rows: list[Any], place: int,
    after: int,
) -> Iterator[Stay]:  # fmt: skip
    row = rows[place]
    node, home, cause = f"mapping:{mapping}", f"records:{mapping}", str(row.cause)
    if row.action == "sent":
        if row.cause == "retention":
            return
        coming = next((later.batch for later in rows[place:] if later.batch), 0)
        key = batched.lane(coming) or (mapping, "", 1)
        yield Stay(dot, node, HELD, row.at, key=key, cause=cause, source=f"stream:{stream}",
                   home=home)  # fmt: skip
    elif row.action == "received":
        yield from batched.during(dot, row.batch, mapping, row.at, -1, after, home, cause, node)
    elif row.action == "returned":
        yield Stay(
            dot, node, HELD, row.at, key=batched.lane(row.batch), cause=cause, home=home
        )  # fmt: skip
    elif row.action in _ENDS:
        state = LOST if cause in _LOST else _ENDS[row.action]
        place_of = batched.functions.get(mapping, node) if row.batch and state == DONE else node
        yield Stay(dot, place_of, state, row.at, cause=cause, home=home, batch=row.batch)


def pushes(books: Books, graph: Graph, dots: Dots) -> None:
    """A dot for each event of a service, and for each of its ways to a target that takes time."""
    for number, all_rows in by_event(books.events, "push").items():
        ways: dict[str, list[Any]] = defaultdict(list)
        for row in all_rows:
            ways[row.queue].append(row)
        for queue, rows in ways.items():
            root = push_of(books, queue)
            if queue != root and rows[0].at == rows[-1].at:
                continue  # handed on in the same moment: what it becomes shows it
            dot = dots.new("event", number, queue)
            source = sender(books, graph, rows[0]) if queue == root else ""
            node = graph.node("push", root)
            if source:
                graph.edge(source, node, "")
            stays = [_pushed(dot, node, row, source if not place else "") for place, row in
                     enumerate(rows)]  # fmt: skip
            dots.add([stay for stay in stays if stay])


def _pushed(dot: int, node: str, row: Any, source: str) -> Stay | None:
    cause = str(row.cause)
    if row.action in _ENDS:
        state = LOST if cause in _LOST else _ENDS[row.action]
        return Stay(dot, node, state, row.at, cause=cause, source=source)
    if row.action == "retry_scheduled":
        return Stay(dot, node, RETRY, row.at, until=row.visible_at, cause=cause)
    if row.action == "sent":
        state = DELAYED if row.visible_at > row.at else WAITING
        until = row.visible_at if state == DELAYED else -1
        return Stay(dot, node, state, row.at, until=until, cause=cause, source=source)
    return None
