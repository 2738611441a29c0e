"""Requests, the batches that mappings hand over, and callers' tries that became no invocation, as dots."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lambdalab.widgets.flow.books import Books
from lambdalab.widgets.flow.dots import (
    AHEAD,
    DONE,
    FAILED,
    FRONT,
    LOST,
    RETRY,
    RUNNING,
    THROTTLED,
    WAITING,
    Dots,
    Stay,
)
from lambdalab.widgets.flow.graph import Graph, push_of
from lambdalab.widgets.flow.queued import Batched, by_event

_REFUSED = ("throttled", "refused", "dry_run")


class Calls:
    """Requests, with their attempts, what their callers saw, and what Lambda's own queues did to them."""

    def __init__(self, books: Books, graph: Graph, dots: Dots, batched: Batched) -> None:
        self.books, self.graph, self.dots, self.batched = books, graph, dots, batched
        self.attempts: dict[int, list[Any]] = defaultdict(list)
        for row in books.attempts:
            self.attempts[row.request].append(row)
        self.queued = by_event(books.events, "asynchronous")
        self.asked = {row.request: row for row in books.requests if row.request}
        self.by_number = {row.request: row for row in books.invocations}
        routes = books.trace.wired("route")
        self.fronts = {name: str(route.get("api", name)) for name, route in routes.items()}

    def all(self) -> None:
        """Every dot of this kind."""
        for row in self.books.invocations:
            if row.parent_kind == "batch":
                continue
            if row.request in self.queued:
                self._event(row)
            else:
                self._call(row)
        for row in self.books.requests:
            if not row.request and not push_of(self.books, row.caller):
                self._try(row)
        self._batches()

    # ---- where a request comes from -----------------------------------------------------------

    def _caller(self, name: str) -> str:
        root = push_of(self.books, name)
        return self.graph.node("push", root) if root else self.graph.node("caller", name, "caller")

    def _front(self, name: str) -> str:
        return self.graph.node("front", self.fronts.get(name, name)) if name else ""

    def _source(self, row: Any) -> tuple[str, tuple[str, ...]]:
        """The node that an invocation comes from, and the front that it passes."""
        asked = self.asked.get(row.request)
        if asked is not None:
            front = self._front(asked.front)
            return self._caller(asked.caller), (front,) if front else ()
        if row.parent_kind == "request":
            parent = self.by_number.get(row.parent)
            return (f"function:{parent.function}" if parent else self._caller(row.source)), ()
        return self._caller(row.source), ()

    def _link(self, nodes: list[str], label: str) -> None:
        for start, end in itertools.pairwise(nodes):
            self.graph.edge(start, end, label if end == nodes[-1] else "")

    # ---- asynchronous ---------------------------------------------------------------------------

    def _event(self, row: Any) -> None:
        queue = self.graph.node("events", f"{row.function} (events)", "Lambda's own event queue")
        function = f"function:{row.function}"
        source, front = self._source(row)
        self._link([source, *front, queue], "Event: 202")
        dot = self.dots.new("request", row.request, row.function)
        tries = list(self.attempts[row.request])
        stays: list[Stay] = []
        for event in self.queued[row.request]:
            stays += self._queue_row(dot, event, queue, function, tries)
        if stays:
            stays[0].source, stays[0].via = source, front
            stays[0].start = stays[0].start
        self.dots.add(self._through(stays, front))

    def _through(self, stays: list[Stay], front: tuple[str, ...]) -> list[Stay]:
        """The same stays, with a passage through the front before the first."""
        if not stays or not front:
            return stays
        first = stays[0]
        ahead = Stay(first.dot, front[0], FRONT, first.start, first.start, source=first.source)
        first.source = ""
        return [ahead, *stays]

    def _queue_row(
        self, dot: int, row: Any, queue: str, function: str, tries: list[Any]
    ) -> Iterator[Stay]:
        cause, until = str(row.cause), row.visible_at
        match row.action:
            case "sent":
                yield Stay(dot, queue, WAITING, row.at, cause=cause, home=queue)
            case "received":
                key = (tries.pop(0).environment,) if tries else ()
                yield Stay(dot, function, RUNNING, row.at, key=key, cause=cause, home=queue)
            case "retry_scheduled":
                yield Stay(dot, queue, RETRY, row.at, until=until, cause=cause, home=queue)
            case "throttled":
                yield Stay(dot, queue, THROTTLED, row.at, until=until, cause=cause, home=queue)
            case "deleted":
                yield Stay(dot, function, DONE, row.at, cause=cause, home=queue)
            case "dropped" | "expired" | "filtered":
                yield Stay(dot, queue, FAILED, row.at, cause=cause, home=queue)

    # ---- synchronous ----------------------------------------------------------------------------

    def _call(self, row: Any) -> None:
        source, front = self._source(row)
        function = f"function:{row.function}"
        if function not in self.graph.nodes:
            self.graph.node("function", row.function)
        self._link([source, *front, function], "invoke")
        dot = self.dots.new("request", row.request, row.function)
        asked = self.asked.get(row.request)
        sent = asked.sent_at if asked is not None else row.requested_at
        stays = (
            [Stay(dot, front[0], FRONT, sent, row.requested_at, cause="called")] if front else []
        )
        cause = str(row.cause)
        refused = row.status in _REFUSED
        if refused or not self.attempts[row.request]:
            end = row.completed_at if row.completed_at >= 0 else AHEAD
            stays.append(Stay(dot, function, WAITING, row.requested_at, end, cause=cause))
        for place, attempt in enumerate(self.attempts[row.request]):
            if not place and attempt.started_at > row.requested_at:
                stays.append(Stay(dot, function, WAITING, row.requested_at, cause="network"))
            end = attempt.ended_at if attempt.ended_at >= 0 else AHEAD
            key = (attempt.environment,)
            stays.append(
                Stay(dot, function, RUNNING, attempt.started_at, end, key, cause=str(attempt.cause))
            )
        if stays:
            stays[0].source = source
        if row.completed_at >= 0:
            gone = asked is not None and 0 <= asked.answered_at < row.completed_at
            node = function if gone else source
            state = DONE if row.status == "succeeded" else FAILED
            stays.append(Stay(dot, node, state, row.completed_at, cause=cause))
        self.dots.add(stays)

    def _try(self, row: Any) -> None:
        """A caller's try that led to no invocation: it turns round at the front or at the function."""
        dot = self.dots.new("try", row.call, row.caller)
        caller = self._caller(row.caller)
        front = self._front(row.front)
        function = f"function:{row.function}" if row.function else ""
        node = front or (function if function in self.graph.nodes else caller)
        if node != caller:
            self.graph.edge(caller, node, "")
        over = row.answered_at if row.answered_at >= 0 else AHEAD
        stays = [Stay(dot, node, FRONT, row.sent_at, over, cause=str(row.cause), source=caller)]
        if row.answered_at >= 0:
            state = DONE if 200 <= row.status_code < 400 else FAILED
            stays.append(Stay(dot, caller, state, row.answered_at, cause=str(row.cause)))
        self.dots.add(stays)

    # ---- batches ----------------------------------------------------------------------------------

    def _batches(self) -> None:
        calls: dict[int, list[Any]] = defaultdict(list)
        for row in self.books.invocations:
            if row.parent_kind == "batch":
                calls[row.parent].append(row)
        for number, row in self.batched.rows.items():
            self._batch(number, row, calls[number])

    def _batch(self, number: int, row: Any, calls: list[Any]) -> None:
        mapping = f"mapping:{row.mapping}"
        function = self.batched.functions.get(row.mapping, mapping)
        self.graph.node("mapping", row.mapping)
        dot = self.dots.new("batch", number, str(row.records))
        key = self.batched.lane(number)
        stays = [
            Stay(dot, mapping, WAITING, row.flushed_at, key=key, cause=str(row.cause), batch=number)
        ]
        for place, call in enumerate(calls):
            if call.status == "throttled":
                after = calls[place + 1].requested_at if place + 1 < len(calls) else -1
                stays.append(
                    Stay(dot, mapping, THROTTLED, call.requested_at, key=key, until=after,
                         cause=str(call.cause), batch=number)
                )  # fmt: skip
            for attempt in self.attempts[call.request]:
                end = attempt.ended_at if attempt.ended_at >= 0 else AHEAD
                stays.append(
                    Stay(dot, function, RUNNING, attempt.started_at, end, (attempt.environment,),
                         cause=str(attempt.cause), batch=number)
                )  # fmt: skip
        if row.completed_at >= 0:
            state = {"success": DONE, "partial": FAILED, "failure": FAILED}.get(row.outcome, LOST)
            node = stays[-1].node if state != DONE else function
            stays.append(Stay(dot, node, state, row.completed_at, cause=str(row.outcome)))
        stays.sort(key=lambda stay: stay.start)
        self.dots.add(stays)
