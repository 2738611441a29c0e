"""The part of the audit that looks at queues, asynchronous events and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lambdalab.trace.codes import (
    Action,
    BatchOutcome,
    Cause,
    InvocationStatus,
    InvocationType,
    ParentKind,
    QueueKind,
)
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.differences import Difference, previous, wrong
from lambdalab.trace.retries import asynchronous, histories
from lambdalab.trace.tables import Tables

_ENDS = (Action.DELETED, Action.FILTERED, Action.EXPIRED, Action.DROPPED)
_WAITS = (Action.RETRY_SCHEDULED, Action.THROTTLED)
_SIDEWAYS = (Action.DEAD_LETTERED, Action.DELIVERED)
_NOT_QUEUED = (InvocationStatus.REFUSED, InvocationStatus.THROTTLED, InvocationStatus.DRY_RUN)
_END_OF_STATUS = {
    InvocationStatus.SUCCEEDED: (Action.DELETED,),
    InvocationStatus.FAILED: (Action.DROPPED, Action.EXPIRED),
    InvocationStatus.EXPIRED: (Action.EXPIRED,),
    InvocationStatus.DROPPED: (Action.DROPPED,),
    InvocationStatus.IN_FLIGHT: (),
}


def _changes(tables: Tables, rows: Rows) -> Numbers:
    """By how much each row changes the depth of its queue."""
    ends = np.isin(rows["action"], _ENDS)
    ends |= (rows["action"] == Action.DEAD_LETTERED) & ~asynchronous(tables, rows["queue"])
    change: Numbers = (rows["action"] == Action.SENT).astype(np.int64) - ends
    return change


def _depths(tables: Tables) -> Iterator[Difference]:
    """In each queue, what was sent less what ended is its depth, after each event."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    undeclared = ~np.isin(rows["queue"], list(tables.recorder.queue_kinds))
    yield from wrong("an event in a queue that was never declared", undeclared)
    order = np.argsort(rows["queue"], kind="stable")
    rows = rows[order]
    off = rows["depth"] != _running(_changes(tables, rows), rows["queue"])
    for code in np.unique(rows["queue"][off]).tolist():
        at = off & (rows["queue"] == code)
        yield from wrong(f"the depth of {names[code]!r} is not sent less ended", at, "", order)
    hidden = rows["in_flight"].astype(np.int64) + rows["delayed"]
    bad = (rows["in_flight"] < 0) | (rows["delayed"] < 0) | (hidden > rows["depth"])
    yield from wrong("more in flight and delayed than in the queue", bad, "", order)


def _running(change: Numbers, queues: Numbers) -> Numbers:
    """Sums of changes so far, queue by queue; the rows are sorted by queue."""
    first = previous(queues)
    total = np.cumsum(change)
    before = (total - change)[first]
    return total - np.repeat(before, np.diff(np.append(np.flatnonzero(first), len(total))))


def _standings(tables: Tables) -> Iterator[Difference]:
    """In flight and delayed are as many as have been received, or hidden, and not come back."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    sideways = np.isin(rows["action"], _SIDEWAYS) & asynchronous(tables, rows["queue"])
    sideways |= rows["action"] == Action.DELIVERED
    places = np.flatnonzero(~sideways)
    rows = rows[places]
    order = np.lexsort((rows["event"], rows["queue"]))
    first = (previous(rows["queue"][order]) | previous(rows["event"][order]))[np.argsort(order)]
    waits = np.isin(rows["action"], _WAITS) | (
        (rows["action"] == Action.SENT) & (rows["delay_us"] > 0)
    )
    by_queue = np.argsort(rows["queue"], kind="stable")
    hidden = np.zeros(len(rows), dtype=bool)
    for told, after in (("in_flight", rows["action"] == Action.RECEIVED), ("delayed", waits)):
        before = np.empty(len(rows), dtype=bool)
        before[order] = np.roll(after[order], 1)
        before &= ~first
        hidden |= before
        again = after & before & (rows["action"] == Action.RECEIVED)
        again &= rows["cause"] != Cause.DUPLICATE
        yield from wrong("an event was received while in flight", again, "", places)
        change = after.astype(np.int64) - before
        count = _running(change[by_queue], rows["queue"][by_queue])
        off = rows[told][by_queue] != count
        for code in np.unique(rows["queue"][by_queue][off]).tolist():
            at = off & (rows["queue"][by_queue] == code)
            what = f"{told} of {names[code]!r} is not what went in less what came out"
            yield from wrong(what, at, "", places[by_queue])
    back = (rows["action"] == Action.RETURNED) & ~hidden
    yield from wrong("an event came back that had not been away", back, "", places)


def _conservation(tables: Tables) -> Iterator[Difference]:
    """Each event is sent before anything else, and ends at most once for each time it was sent."""
    rows = histories(tables)
    first = previous(rows["queue"]) | previous(rows["event"])
    change = _changes(tables, rows)
    running = np.cumsum(change)
    start = np.flatnonzero(first)
    base = np.repeat((running - change)[first], np.diff(np.append(start, len(rows))))
    inside = running - base
    lengths = np.arange(len(rows)) - np.repeat(start, np.diff(np.append(start, len(rows))))
    table = np.where(asynchronous(tables, rows["queue"]), "invocations", "messages")
    for kind in ("invocations", "messages"):
        own, events = table == kind, rows["event"] - 1
        sent = own & (lengths == 0) & (rows["action"] != Action.SENT)
        yield from wrong("an event was in a queue before it was sent", sent, kind, events)
        twice = own & ((inside > 1) | (inside < 0))
        yield from wrong("an event ended twice, or was sent twice", twice, kind, events)
        ghost = own & (change == 0) & (inside == 0) & (lengths > 0)
        yield from wrong("something happened to an event after its end", ghost, kind, events)
        back = own & ~first & (rows["at"] < np.roll(rows["at"], 1))
        yield from wrong("an event goes back in time", back, kind, events)


def _asynchronous(tables: Tables) -> Iterator[Difference]:
    """Each accepted event has one way through Lambda's own queue, and ends as its row says."""
    calls, rows = tables.rows("invocations"), tables.rows("queue_events")
    own = rows[asynchronous(tables, rows["queue"])]
    count = len(calls)
    misplaced = (own["event"] < 1) | (own["event"] > count) | (own["event"] != own["request"])
    yield from wrong("an event of Lambda's own queue is no request", misplaced)
    if misplaced.any():
        return
    event = calls["invocation_type"] == InvocationType.EVENT
    queued = event & ~np.isin(calls["status"], _NOT_QUEUED)
    sent = _count(own, own["action"] == Action.SENT, count)
    yield from wrong("an accepted event was not queued once", queued & (sent != 1), "invocations")
    yield from wrong("a request that is no event was queued", ~queued & (sent > 0), "invocations")
    ended = {action: _count(own, own["action"] == action, count) for action in _ENDS}
    total = sum(ended.values(), start=np.zeros(count, dtype=np.int64))
    for status, allowed in _END_OF_STATUS.items():
        right = sum((ended[action] for action in allowed), start=np.zeros(count, dtype=np.int64))
        bad = queued & (calls["status"] == status) & ((right != bool(allowed)) | (total != right))
        yield from wrong(
            f"an event is {InvocationStatus.names[status]} and did not end so in its queue",
            bad,
            "invocations",
        )
    tries = _count(own, own["action"] == Action.RECEIVED, count)
    ran = np.bincount(tables.rows("attempts")["request"] - 1, minlength=count)
    yield from wrong(
        "an event was not taken from its queue once per attempt",
        queued & (tries != ran),
        "invocations",
    )
    yield from _deliveries(own, calls, queued)


def _count(rows: Rows, chosen: npt.NDArray[np.bool_], count: int) -> Numbers:
    return np.bincount(rows["event"][chosen] - 1, minlength=count).astype(np.int64)


def _deliveries(own: Rows, calls: Rows, queued: npt.NDArray[np.bool_]) -> Iterator[Difference]:
    """A failed event has none, one or two deliveries; one that succeeded at most a record."""
    count = len(calls)
    letters = _count(own, own["action"] == Action.DEAD_LETTERED, count)
    records = _count(own, own["action"] == Action.DELIVERED, count)
    status = calls["status"]
    failed = queued & ~np.isin(status, (InvocationStatus.IN_FLIGHT, InvocationStatus.SUCCEEDED))
    yield from wrong("an event has two dead letters", letters > 1, "invocations")
    yield from wrong("an event has two records delivered", records > 1, "invocations")
    yield from wrong(
        "an event that has not failed has a dead letter", (letters > 0) & ~failed, "invocations"
    )
    early = (records > 0) & (status == InvocationStatus.IN_FLIGHT)
    yield from wrong("an event in flight has a record delivered", early, "invocations")
    sideways = own[np.isin(own["action"], _SIDEWAYS)]
    event = sideways["event"] - 1
    other = sideways["cause"] != calls["cause"][event]
    other &= sideways["cause"] != Cause.DELIVERY_FAILED
    yield from wrong(
        "a delivery has another cause than its event's end", other, "invocations", event
    )


def _dead_letters(tables: Tables) -> Iterator[Difference]:
    """Every dead letter that left arrived in an SQS queue, and none came from nowhere."""
    rows, kinds = tables.rows("queue_events"), tables.recorder.queue_kinds
    left = (rows["action"] == Action.DEAD_LETTERED) & (rows["cause"] != Cause.DELIVERY_FAILED)
    arrived = (rows["action"] == Action.SENT) & (rows["cause"] == Cause.DEAD_LETTER)
    gone, come = int(left.sum()), int(arrived.sum())
    if gone != come and QueueKind.SQS in kinds.values():
        yield f"{gone:,} dead letters left and {come:,} arrived"


def _records(tables: Tables) -> Iterator[Difference]:
    """Every record that left for a destination arrived: as a message, or as another function's event.

    Of a function's events one leaves for each, of a stream's mapping one for each part of a batch that
    was given up; both are of the request that came last (0: none did).
    """
    rows, calls = tables.rows("queue_events"), tables.rows("invocations")
    own, count = asynchronous(tables, rows["queue"]), len(calls) + 1
    left = (rows["action"] == Action.DELIVERED) & (rows["cause"] != Cause.DELIVERY_FAILED)
    arrived = (rows["action"] == Action.SENT) & (rows["cause"] == Cause.DESTINATION)
    parents = np.append(0, calls["parent"])[rows["event"][arrived & own]]
    gone = np.bincount(np.where(own, rows["event"], rows["request"])[left], minlength=count)
    come = np.bincount(rows["request"][arrived & ~own], minlength=count)
    come += np.bincount(parents, minlength=count)
    if len(come) > count or come[0] > gone[0]:
        yield "a record arrived that is of no request"
        return
    lost = gone != come
    yield from wrong("not as many records of an event arrived as left", lost[1:], "invocations")
    if lost[0]:
        yield "not as many records of events that never ran arrived as left"


def _receives(tables: Tables) -> Iterator[Difference]:
    """The receive count of a message rises by one when it is received, and only then.

    One that is sent once more (a record, to a mapping made anew) may begin again; one that comes back to
    its queue from that queue's dead-letter queue, as a dead letter, was received there meanwhile.
    """
    rows = histories(tables)
    rows = rows[~asynchronous(tables, rows["queue"])]
    first = previous(rows["queue"]) | previous(rows["event"])
    received = rows["action"] == Action.RECEIVED
    rising = rows["receive_count"] == np.roll(rows["receive_count"], 1) + received
    fresh = (rows["receive_count"] == 0) | (rows["cause"] == Cause.DEAD_LETTER)
    again = (rows["action"] == Action.SENT) & fresh
    bad = ~first & ~rising & ~again
    yield from wrong("a receive count does not rise by one", bad, "messages", rows["event"] - 1)


def _batches(tables: Tables) -> Iterator[Difference]:
    """A batch holds as many records as it says, each a message of its source."""
    rows, held = tables.rows("batches"), tables.rows("batch_records")
    numbers = held["batch"] - 1
    counts = np.bincount(numbers, minlength=len(rows))
    yield from wrong(
        "a batch holds another number of records", counts != rows["records"], "batches"
    )
    streams = _of_kind(tables, rows["source"], QueueKind.STREAM)
    events = tables.rows("queue_events")
    sent = (events["action"] == Action.SENT) & _of_kind(tables, events["queue"], QueueKind.STREAM)
    events = events[(events["action"] == Action.RECEIVED) | sent]
    known = _pairs(events["queue"], events["event"])
    foreign = ~np.isin(_pairs(rows["source"][numbers], held["message"]), known)
    yield from wrong("a batch holds what its source never gave", foreign, "batches", numbers)
    over = rows["completed_at"] >= 0
    unsure = over == (rows["outcome"] == BatchOutcome.IN_FLIGHT)
    yield from wrong("a batch is over and in flight at once", unsure, "batches")
    failed = rows["failed_records"]
    bad = (failed < 0) | (failed > rows["records"])
    bad |= (rows["outcome"] == BatchOutcome.SUCCESS) & (failed != 0)
    yield from wrong("a batch has the wrong number of failed records", bad, "batches")
    yield from _done_with(tables, rows, held)
    yield from _of_streams(tables, rows, held, streams)
    yield from _calls_of_batches(tables, rows)


def _of_kind(tables: Tables, queues: Numbers, kind: int) -> npt.NDArray[np.bool_]:
    """Which of these queues (name numbers) are of a kind."""
    kinds = tables.recorder.queue_kinds
    return np.isin(queues, [code for code, own in kinds.items() if own == kind])


def _done_with(tables: Tables, rows: Rows, held: Rows) -> Iterator[Difference]:
    """What a batch of an SQS queue dealt with has left that queue.

    Of a FIFO queue it may have come back before the function was done: its receive was over, then.
    """
    sqs = _of_kind(tables, rows["source"], QueueKind.SQS)
    dealt = sqs & np.isin(rows["outcome"], (BatchOutcome.SUCCESS, BatchOutcome.PARTIAL))
    events, numbers = tables.rows("queue_events"), held["batch"] - 1
    grouped = np.isin(events["event"], list(tables.recorder.message_groups))
    back = (events["action"] == Action.RETURNED) & grouped
    events = events[back | (_changes(tables, events) < 0)]
    gone = np.isin(
        _pairs(rows["source"][numbers], held["message"]), _pairs(events["queue"], events["event"])
    )
    left = np.bincount(numbers[gone], minlength=len(rows))
    few = dealt & (left < rows["records"] - rows["failed_records"])
    yield from wrong("a record was dealt with and is still in its queue", few, "batches")


def _of_streams(
    tables: Tables, rows: Rows, held: Rows, streams: npt.NDArray[np.bool_]
) -> Iterator[Difference]:
    """What a batch of a stream holds, its mapping has taken from its own queue for this batch; and what
    it dealt with, and nothing else, was deleted there because of it."""
    events, queues = tables.rows("queue_events"), _ledgers(tables)
    ledger = queues[rows["mapping"]]
    numbers = held["batch"] - 1
    taken = events[events["action"] == Action.RECEIVED]
    known = np.isin(_pairs(held["batch"], held["message"]), _pairs(taken["batch"], taken["event"]))
    yield from wrong(
        "a batch holds what its mapping did not take for it", streams[numbers] & ~known, "batches",
        numbers,
    )  # fmt: skip
    mine = events[(events["batch"] > 0) & np.isin(events["queue"], ledger[streams])]
    other = mine["queue"] != ledger[mine["batch"] - 1]
    yield from wrong("a batch took records of another mapping", other, "batches", mine["batch"] - 1)
    done = mine["batch"][mine["action"] == Action.DELETED] - 1
    dealt = np.isin(rows["outcome"], (BatchOutcome.SUCCESS, BatchOutcome.PARTIAL))
    right = np.where(dealt, rows["records"] - rows["failed_records"], 0)
    off = streams & (np.bincount(done, minlength=len(rows)) != right)
    yield from wrong("a batch did not delete just what it dealt with", off, "batches")


def _ledgers(tables: Tables) -> Numbers:
    """For each name, as a number, that of the queue in which a mapping of this name keeps its records."""
    names = tables.recorder.names
    places = {name: number for number, name in enumerate(names)}
    return np.array([places.get(f"{name} (records)", 0) for name in names], dtype=np.int64)


def _calls_of_batches(tables: Tables, rows: Rows) -> Iterator[Difference]:
    calls = tables.rows("invocations")
    own = calls["parent_kind"] == ParentKind.BATCH
    dangling = own & ((calls["parent"] < 1) | (calls["parent"] > len(rows)))
    yield from wrong("an invocation's batch is not in the books", dangling, "invocations")
    if dangling.any():
        return
    batch = np.where(own, calls["parent"] - 1, 0)
    if len(rows):
        other = own & (calls["source"] != rows["mapping"][batch])
        early = own & (calls["requested_at"] < rows["flushed_at"][batch])
        yield from wrong("an invocation's batch is another mapping's", other, "invocations")
        yield from wrong("an invocation comes before its batch", early, "invocations")
    last = rows["request"]
    parents = np.append(0, np.where(own, calls["parent"], 0))[last]
    mine = parents == np.arange(1, len(rows) + 1)
    yield from wrong("a batch names another's invocation", (last > 0) & ~mine, "batches")


def _pushes(tables: Tables) -> Iterator[Difference]:
    """Each invocation that an event led to has that event on its way to a target, and no other has.

    What a target took by being invoked names the invocation, and the invocation names it.
    """
    rows, calls = tables.rows("queue_events"), tables.rows("invocations")
    rows = rows[_of_kind(tables, rows["queue"], QueueKind.PUSH)]
    own = calls["parent_kind"] == ParentKind.EVENT
    unknown = own & ~np.isin(calls["parent"], rows["event"])
    yield from wrong("an invocation names an event that was never sent", unknown, "invocations")
    taken = (rows["action"] == Action.DELETED) & (rows["cause"] == Cause.ACCEPTED)
    parents = np.append(0, np.where(own, calls["parent"], 0))[rows["request"]]
    origin = tables.rows("origins")
    strange = ~np.isin(origin["message"], tables.rows("queue_events")["event"])
    strange |= (origin["event"] < 1) | (origin["event"] >= origin["message"])
    yield from wrong("a message came of what was not there before it", strange)
    other = taken & (parents != rows["event"])
    yield from wrong(
        "an event was taken by another's invocation", other, "messages", rows["event"] - 1
    )


def _pairs(queues: Numbers, events: Numbers) -> Numbers:
    return (queues.astype(np.int64) << 32) | events.astype(np.int64)


QUEUE_CHECKS: tuple[Callable[[Tables], Iterator[Difference]], ...] = (
    _depths,
    _standings,
    _conservation,
    _asynchronous,
    _dead_letters,
    _records,
    _receives,
    _batches,
    _pushes,
)
