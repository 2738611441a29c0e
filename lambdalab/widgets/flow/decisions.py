"""Decisions: what was settled when, each as a sentence with its cause. They are what ``step`` goes by.

A sentence is a pattern and the numbers for it, so that thousands of them take little room; the browser
and :meth:`Decision.sentence` fill the same patterns. In a pattern ``{r}`` is the next number as a request,
``{m}`` message, ``{b}`` batch, ``{e}`` environment, ``{n}`` a number, ``{s}`` one of the texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambdalab.plots.words import count, duration, plain
from lambdalab.trace.codes import AttemptOutcome, BatchCause, BatchOutcome, Cause, EnvironmentEnd
from lambdalab.trace.words import shard_name
from lambdalab.widgets.flow.books import Books
from lambdalab.widgets.flow.graph import push_of
from lambdalab.widgets.flow.queued import Batched

#: The kinds, in the order in which those of one moment are told: what ends before what begins.
DECISIONS = (
    "attempt ended", "attempt failed", "batch over", "returned", "dead letter", "given up", "retry",
    "throttle", "delivery", "answer", "scaling", "batch fired", "cold start", "environment ended",
)  # fmt: skip
#: Those that are drawn as marks of their own on the seek bar, above the others.
FAILURES = ("attempt failed", "dead letter", "given up", "throttle")
_FIELD = re.compile(r"\{([rmbetns])\}")


@dataclass(frozen=True, slots=True)
class Decision:
    """One of them: ``at`` in microseconds, ``kind`` a place in :data:`DECISIONS`, about the dot ``about``
    (its letter and number) at a node."""

    at: int
    kind: int
    pattern: str
    values: tuple[int | str, ...]
    about: str
    node: str

    def sentence(self) -> str:
        """The whole sentence."""
        return filled(self.pattern, self.values)


def filled(pattern: str, values: tuple[int | str, ...]) -> str:
    """A pattern with its values.

    >>> filled("{r} waits {s} for try {n}.", (2, "66.2 s", 3))
    'r2 waits 66.2 s for try 3.'
    """
    rest = iter(values)

    def put(match: re.Match[str]) -> str:
        value, kind = next(rest), match[1]
        if kind == "s":
            return str(value)
        return f"{value:,}" if kind == "n" else f"{kind}{value}"

    return _FIELD.sub(put, pattern)


def decisions(books: Books, batched: Batched, start: int, end: int) -> list[Decision]:
    """All of them from ``start`` to ``end`` (microseconds), in order."""
    found = [*_attempts(books), *_batches(books), *_events(books), *_calls(books), *_callers(books),
             *_capacity(books)]  # fmt: skip
    found = [one for one in found if start <= one.at <= end]
    return sorted(found, key=lambda one: (one.at, one.kind))  # stable: else in the books' order


def _made(at: int, kind: str, pattern: str, *values: int | str, about: str, node: str) -> Decision:
    return Decision(int(at), DECISIONS.index(kind), pattern, values, about, node)


def _why(cause: object) -> str:
    return Cause.meanings.get(str(cause), plain(str(cause)))


def _attempts(books: Books) -> Iterator[Decision]:
    carried = {row.request: row.parent for row in books.invocations if row.parent_kind == "batch"}
    for row in books.attempts:
        node, batch = f"function:{row.function}", carried.get(row.request, 0)
        about = f"b{batch}" if batch else f"r{row.request}"
        if row.cold_start:
            yield _made(
                row.started_at, "cold start", "{e} is made for {r}: {s}.", row.environment,
                row.request, _why("cold_start"), about=about, node=node,
            )  # fmt: skip
        if row.ended_at < 0:
            continue
        took = duration(row.duration / 1e6)
        values = (row.request, row.attempt)
        billed = row.billed // 1000
        if row.outcome == "success":
            pattern = "{r}: attempt {n} succeeds in {e} after {s}, billed {n} ms."
            yield _made(
                row.ended_at, "attempt ended", pattern, *values, row.environment, took, billed,
                about=about, node=node,
            )  # fmt: skip
        else:
            why = AttemptOutcome.meanings[row.outcome]
            why = f"{why} ({row.error_type})" if row.error_type else why
            pattern = "{r}: attempt {n} fails in {e} after {s}: {s}. Billed {n} ms."
            yield _made(
                row.ended_at, "attempt failed", pattern, *values, row.environment, took, why, billed,
                about=about, node=node,
            )  # fmt: skip


def lane_name(mapping: str, shard: str, poller: int) -> str:
    """A poller of a queue's mapping, or a lane of a stream's shard, as people say it."""
    if not shard:
        return f"poller {poller} of {mapping}"
    return f"{shard_name(shard)}, lane {poller}, of {mapping}"


def _batches(books: Books) -> Iterator[Decision]:
    for row in books.batches:
        node, about = f"mapping:{row.mapping}", f"b{row.batch}"
        what, lane = count(row.records, "record"), lane_name(row.mapping, row.shard, row.poller)
        if row.parent_batch:
            yield _made(
                row.flushed_at, "batch fired", "{b} goes to the function with {s} of {b}, which failed.",
                row.batch, what, row.parent_batch, about=about, node=node,
            )  # fmt: skip
        else:
            yield _made(
                row.flushed_at, "batch fired", "{b} leaves {s} with {s}: {s}.", row.batch, lane, what,
                BatchCause.meanings[row.cause], about=about, node=node,
            )  # fmt: skip
        if row.completed_at >= 0 and row.outcome != "success":
            failed = (
                f"{row.failed_records:,} of {row.records:,} failed" if row.failed_records else what
            )
            yield _made(
                row.completed_at, "batch over", "{b} is over: {s} ({s}).", row.batch,
                BatchOutcome.meanings[row.outcome], failed, about=about, node=node,
            )  # fmt: skip


def _events(books: Books) -> Iterator[Decision]:
    for row in books.events:
        asynchronous = row.kind == "asynchronous"
        letter = "r" if asynchronous else "m"
        role = {"asynchronous": "events", "sqs": "queue"}.get(row.kind, "")
        node = f"{role}:{row.queue}" if role else _other(books, row)
        found = _event(row, letter, "{" + letter + "}")
        if found:
            kind, pattern, values = found
            yield _made(row.at, kind, pattern, *values, about=f"{letter}{row.event}", node=node)


def _other(books: Books, row: Any) -> str:
    if row.kind == "push":
        return f"push:{push_of(books, row.queue)}"
    queue = str(row.queue)
    mapping = queue.removesuffix(" (records)")
    return f"stream:{queue}" if mapping == queue else f"mapping:{mapping}"


def _event(row: Any, letter: str, who: str) -> tuple[str, str, tuple[int | str, ...]] | None:
    """Kind, pattern and values of a row of queue events; None for those that decide nothing."""
    why, wait, queue = _why(row.cause), duration(row.delay / 1e6), str(row.queue)
    failed = row.cause == "delivery_failed"
    match row.action:
        case "retry_scheduled":
            return "retry", who + " waits {s} for its next try: {s}.", (row.event, wait, why)
        case "throttled":
            return "throttle", who + " waits {s} to try again: {s}.", (row.event, wait, why)
        case "returned" if row.cause not in ("delay",):
            return "returned", who + " is back in {s}: {s}.", (row.event, queue, why)
        case "dead_lettered":
            goes = "could not be sent" if failed else "goes"
            return (
                "dead letter",
                who + " {s} to the dead-letter queue: {s}.",
                (row.event, goes, why),
            )
        case "delivered":
            goes = "could not be delivered" if failed else "goes"
            return (
                "delivery", "A record of " + who + " {s} to its destination: {s}.",
                (row.event, goes, why),
            )  # fmt: skip
        case "expired" | "dropped":
            return "given up", who + " is given up in {s}: {s}.", (row.event, queue, why)
        case _:
            return None


def _calls(books: Books) -> Iterator[Decision]:
    """Refusals: an Invoke call that found no concurrency."""
    for row in books.invocations:
        if row.status != "throttled" or row.completed_at < 0:
            continue
        if row.parent_kind == "batch":
            yield _made(
                row.completed_at, "throttle", "{b} finds no concurrency, as {r}: {s}.", row.parent,
                row.request, _why(row.cause), about=f"b{row.parent}", node=f"function:{row.function}",
            )  # fmt: skip
        else:
            yield _made(
                row.completed_at, "throttle", "{r} is refused with 429: {s}.", row.request,
                _why(row.cause), about=f"r{row.request}", node=f"function:{row.function}",
            )  # fmt: skip


def _callers(books: Books) -> Iterator[Decision]:
    """Answers that are no success, and callers who wait no longer."""
    for row in books.requests:
        if row.answered_at < 0 or 200 <= row.status_code < 400 or row.status_code == 429:
            continue
        waited = duration((row.answered_at - row.sent_at) / 1e6)
        about = f"r{row.request}" if row.request else f"t{row.call}"
        node, who = f"caller:{row.caller}", str(row.caller)
        if row.status_code:
            pattern, values = "{s} hears {n} after {s}: {s}.", (who, row.status_code, waited)
        else:
            pattern, values = "{s} waits no longer after {s}: {s}.", (who, waited)  # type: ignore[assignment]
        yield _made(
            row.answered_at, "answer", pattern, *values, _why(row.cause), about=about, node=node
        )


def _capacity(books: Books) -> Iterator[Decision]:
    """Pollers that come and go, and environments that end."""
    for row in books.scaling:
        if row.kind == "pollers" and row.before:
            yield _made(
                row.at, "scaling", "The pollers of {s} go from {n} to {n}: {s}.", row.subject,
                row.before, row.after, _why(row.cause), about="", node=f"mapping:{row.subject}",
            )  # fmt: skip
    for row in books.environments:
        if row.ended_at >= 0:
            why = EnvironmentEnd.meanings.get(str(row.ended_because), "")
            yield _made(
                row.ended_at, "environment ended", "{e} ends: {s}.", row.environment, why,
                about=f"e{row.environment}", node=f"function:{row.function}",
            )  # fmt: skip
