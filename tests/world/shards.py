"""An independent reckoning of the batches of a stream's mapping: size, cause, lane, and what came of each.

A batch that failed leads to batches with the same records or with parts of them, after a wait, or to an
end; all of that follows from its outcome, which follows from what the handler answered.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

from tests.world.contents import length, number_of
from tests.world.letters import Letters
from tests.world.numbers import FAR, S, refused
from tests.world.reading import grouped, need, same
from tests.world.streams import Flow, hashed

COMMA, EMPTY = len(", "), len('{"Records": []}')


class Chain:
    """How a batch came about: retries used up, failures in a row and runs of these very records."""

    def __init__(self, retries: int = 0, failures: int = 0, runs: int = 0) -> None:
        self.retries, self.failures, self.runs = retries, failures, runs


class Work:
    """The batches of one mapping in one life."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.past, self.now, self.books = flow, flow.past, flow.now, flow.books
        self.batches, self.contents = flow.batches, flow.contents
        self.records = flow.stream.records
        self.calls = grouped(self.books.invocations, "parent_id")
        self.rows = grouped(flow.rows, "batch_id")
        self.children = grouped(self.batches, "parent_batch_id")
        self.by_id = {batch.batch_id: batch for batch in self.batches}
        self.chains: dict[str, Chain] = {}
        self.most = self.flow.numbers["stream_retry_backoff_maximum"]

    def check(self) -> None:
        """Every batch; then lanes, and what was told of records that were given up."""
        self.sizes = self.lengths()
        lanes: dict[Any, list[Any]] = defaultdict(list)
        for batch in self.batches:
            line = lanes[batch.shard, batch.poller]
            self.held(batch)
            if batch.parent_batch_id:
                self.comes_of(batch, self.by_id[batch.parent_batch_id])
            else:
                self.chains[batch.batch_id] = Chain()
                self.closed(batch, [b for b in line if not b.parent_batch_id], line)
            if line:
                last = line[-1].completed_at
                need(
                    "a lane has one batch at a time",
                    batch,
                    0 <= last <= batch.flushed_at,
                    last,
                    batch,
                )
            line.append(batch)
            self.answered(batch)
        taken = set(self.contents) - set(self.by_id)
        same("every batch is told", self.flow.name, taken, set())
        self.within()
        self.followed(lanes)
        Letters(self).check()

    def settings(self, at: int) -> dict[str, Any]:
        return self.flow.settings(at)

    def lengths(self) -> dict[str, int]:
        """Bytes of each record in an event, where a handler saw it."""
        found = {}
        for batch in self.batches:
            for call in self.calls.get(batch.batch_id, []):
                event = self.past.saw.get(call.request_id)
                if event is not None:
                    for name, record in zip(
                        self.contents[batch.batch_id], event["Records"], strict=True
                    ):
                        found[name] = length(record)
        return found

    # ------------------------------------------------------------------ what it holds

    def held(self, batch: Any) -> None:
        """Records of one shard in order, as many as it says; its size is what the handler got."""
        records = [self.records[name] for name in self.contents.get(batch.batch_id, [])]
        same("how many records", batch, batch.records, len(records))
        same("of one shard", batch, {r.shard for r in records} - {batch.shard}, set())
        places = [record.place for record in records]
        need("in order", batch, places == sorted(places), places, sorted(places))
        same("of its source", batch, batch.source, self.flow.stream.name)
        settings, at = self.settings(batch.flushed_at), batch.flushed_at
        need("nothing begins while it is off", batch, settings["enabled"], at, settings)
        for row in self.rows.get(batch.batch_id, []):
            if row.action == "received":
                same("records go with their batch", row, row.at, at)
        age, oldest = settings["maximum_record_age"], min((r.arrived for r in records), default=at)
        need("none is too old", batch, age < 0 or oldest >= at - age * S, oldest, at - age * S)
        left = min((r.gone for r in records), default=FAR)
        need("none has been let go", batch, left >= at, left, at)
        lanes = self.flow.lanes(at)
        for record in records:
            own = {hashed(record) % number + 1 for number in lanes}
            need("the lane of its key", batch, batch.poller in own, batch.poller, own)
        limit = self.flow.numbers["mapping_payload"]
        small = batch.size_bytes <= limit or batch.records <= 1
        need("never over the payload", batch, small, batch.size_bytes, limit)
        for call in self.calls.get(batch.batch_id, []):
            same("the size is the payload's", batch, call.payload_bytes, batch.size_bytes)
            event = self.past.saw.get(call.request_id)
            if event is not None:
                same("to the byte", batch, length(event), batch.size_bytes)
                names = [number_of(record) for record in event["Records"]]
                same("the function got these", batch, names, [r.held.number for r in records])

    # ------------------------------------------------------------------ why it closed

    def closed(self, batch: Any, line: list[Any], everything: list[Any]) -> None:
        """The cause of its closing is true, and it closed at that moment."""
        times = {batch.opened_at, batch.flushed_at, *self.times(batch.opened_at, batch.flushed_at)}
        known = [self.settings(at) for at in times]
        sizes = {settings["batch_size"] for settings in known}
        lost = self.lost_at(batch)
        most = max(sizes)
        need("never more records", batch, batch.records <= most, batch.records, most)
        cause = batch.cause
        if not lost:
            full = batch.records in sizes
            need("full ones close", batch, (cause == "batch_size") <= full, batch.records, sizes)
            if len(sizes) == 1:
                same("as many as allowed close it", batch, cause == "batch_size", full)
        windows = {settings["maximum_batching_window"] * S for settings in known}
        if cause == "no_window":
            need("no window", batch, 0 in windows, cause, windows)
            self.due(batch, batch.opened_at)
        elif cause == "batching_window":
            due = {batch.window_opened_at + window for window in windows if window}
            if batch.flushed_at not in due:
                self.due(batch, min(due))
        elif cause == "tumbling_window":
            long = [s["tumbling_window"] for s in known] + [
                self.settings(at)["tumbling_window"] for at in self.times(0, batch.flushed_at)
            ]
            need("a window tumbles", batch, any(long), cause, known)
        else:
            need("a cause of streams", batch, cause in ("batch_size", "payload_size"), cause, "")
        if batch.window_opened_at >= 0:
            self.window(batch, everything, windows)
        else:
            need("without a window", batch, 0 in windows or not batch.records, windows, 0)

    def due(self, batch: Any, at: int) -> None:
        """It goes when it is due; if the mapping was off then, when it is on again."""
        if batch.flushed_at != at:
            back = [t for t in self.times(at, batch.flushed_at) if self.flow.on(t)]
            off = any(not self.flow.on(t) for t in [at, *self.times(at, batch.flushed_at)])
            need("a batch goes when it is due", batch, off and batch.flushed_at in back,
                 batch.flushed_at, at)  # fmt: skip

    def times(self, since: int, until: int) -> list[int]:
        """When its settings changed in between."""
        every = self.past.times("stream_mapping", self.flow.name)
        return [at for at in every if since <= at <= until and self.flow.mine(at)]

    def lost_at(self, batch: Any) -> bool:
        """Whether records ended as it was to be handed over: then it had more."""
        return any(
            row.at == batch.flushed_at and row.action in ("dropped", "expired")
            and self.records[row.event_id].shard == batch.shard
            for row in self.flow.rows
        )  # fmt: skip

    def window(self, batch: Any, line: list[Any], windows: set[int]) -> None:
        """It begins with the first record, or when the lane was done with what it had before."""
        at, opened = batch.window_opened_at, batch.opened_at
        ends = {b.completed_at for b in line}
        ends |= {
            row.at for row in self.flow.rows
            if row.at <= opened and row.action in ("dropped", "expired", "deleted")
            and self.records[row.event_id].shard == batch.shard
        }  # fmt: skip
        # a window's last invocation may be given up between two tries, of which no row tells
        unsure = [b for b in line if not b.records and b.outcome != "success"]
        held = at in ends or any(0 <= b.completed_at < at for b in unsure)
        need("a window begins", batch, at == opened or (held and at < opened), at, opened)
        need("it is no longer over", batch, any(at + w > opened for w in windows if w), at, opened)
        last = max(windows)
        if self.flow.on(at + last):
            back = self.times(at + last, batch.flushed_at)
            need(
                "no window is passed",
                batch,
                batch.flushed_at <= at + last or back,
                batch.flushed_at,
                at,
            )
        if line and self.flow.lanes(opened) == {1} and len(windows) == 1:
            end = max(at for at in ends if at <= opened)
            good = at != opened or end == opened or end + last <= opened
            need("it counts from the lane's last batch", batch, good, at, end)

    def followed(self, lanes: dict[Any, list[Any]]) -> None:
        """What closed for its payload had no room for the next record of its lane."""
        limit = self.flow.numbers["mapping_payload"]
        for line in lanes.values():
            first = [batch for batch in line if not batch.parent_batch_id]
            for batch, after in pairwise(first):
                names = self.contents[after.batch_id]
                if batch.cause == "payload_size" and names and names[0] in self.sizes:
                    if self.lost_at(batch) or self.lost_at(after):
                        continue
                    more = batch.size_bytes + COMMA + self.sizes[names[0]]
                    need("one more would not fit", batch, more > limit, more, limit)

    # ------------------------------------------------------------------ what came of it

    def answered(self, batch: Any) -> None:
        """Its calls: one that ran, and before it those that were refused, ever longer waits between."""
        due, call = batch.flushed_at, None
        calls = self.calls.get(batch.batch_id, [])
        for tries, call in enumerate(calls):
            same("it is handed over when it is due", call, call.requested_at, due)
            need("nothing is tried while it is off", call, self.flow.on(due), due, call)
            if not refused(call):
                break
            due = call.completed_at + self.delay(tries)
        need("a batch has a call", batch, call is not None, calls, batch)
        if call.completed_at < 0:
            same("it is under way", batch, batch.outcome, "in_flight")
        elif not refused(call):
            same("only the last call ran", batch, call, calls[-1])
            self.ran(batch, call)
        elif batch.completed_at >= 0:
            told, old = (batch.outcome, batch.completed_at), self.old(batch, due)
            same("what was refused is let go", batch, told, ("throttled", due))
            hours = self.flow.numbers["kinesis_retention_default"]
            # the last invocation of a window of which the stream keeps no record any more
            old |= not batch.records and due >= hours * 3_600 * S
            need("only when it is off, or too old", batch, old or not self.flow.on(due), due, batch)
            self.leads_to(batch, self.contents[batch.batch_id], due)
        else:
            need("what was refused is tried again", batch, due >= self.now, self.now, due)

    def old(self, batch: Any, at: int) -> bool:
        """Whether some of its records may not be tried then."""
        age = self.settings(at)["maximum_record_age"]
        records = [self.records[name] for name in self.contents[batch.batch_id]]
        return any(r.gone <= at or 0 <= age * S < at - r.arrived for r in records)

    def ran(self, batch: Any, call: Any) -> None:
        """It ended as the call did, and as the handler answered."""
        same("it is over with its call", batch, batch.completed_at, call.completed_at)
        names, settings = self.contents[batch.batch_id], self.settings(batch.completed_at)
        event, first = self.past.saw.get(call.request_id), None
        chain = self.chains[batch.batch_id]
        chain.runs += 1
        if call.status != "succeeded":
            first = -1
        elif event is not None:
            answer = self.past.answers.get(call.request_id)
            first = self.first_failed(batch, answer, settings, "window" in event)
        elif not settings["tumbling_window"] and not settings["function_response_types"]:
            first = len(names)
        if first is not None:
            failed = len(names) if first < 0 else len(names) - first
            outcome = "failure" if first < 0 else "partial" if failed else "success"
            told = batch.outcome, batch.failed_records
            same("it ended as the function said", batch, told, (outcome, failed))
        done = len(names) - batch.failed_records
        rows = [r for r in self.rows.get(batch.batch_id, []) if r.action == "deleted"]
        same("what comes before is done with", batch, [r.event_id for r in rows], names[:done])
        for row in rows:
            same("at once", row, row.at, batch.completed_at)
        if done < len(names) or batch.outcome == "failure":
            self.failed(batch, names[done:], settings)

    def first_failed(self, batch: Any, answer: Any, settings: Any, tumbling: bool) -> int:
        """The place of the first record that failed; -1: all did, for the answer is none."""
        names = self.contents[batch.batch_id]
        if tumbling and not (isinstance(answer, dict) and "state" in answer):
            return -1
        if not settings["function_response_types"] or not answer:
            return len(names)
        if not isinstance(answer, dict):
            return -1
        told = [entry["itemIdentifier"] for entry in answer.get("batchItemFailures") or []]
        numbers = [self.records[name].held.number for name in names]
        if not set(told) <= set(numbers):
            return -1
        return min((numbers.index(number) for number in told), default=len(names))

    # ------------------------------------------------------------------ and then

    def delay(self, times: int) -> int:
        return round(min(0.25 * 2**times, self.most) * S)

    def failed(self, batch: Any, rest: list[str], settings: Any) -> None:
        """Cut in two, tried again, or given up."""
        chain, most = self.chains[batch.batch_id], settings["maximum_retry_attempts"]
        whole = len(rest) == batch.records
        cut = batch.outcome == "failure" and settings["bisect_batch_on_function_error"]
        spent = whole and not (cut and len(rest) > 1) and 0 <= most <= chain.retries and bool(rest)
        gone = [row.event_id for row in self.rows.get(batch.batch_id, [])
                if row.cause == "retries_exhausted" and row.action == "dropped"]  # fmt: skip
        same("given up when its retries are used up", batch, gone, rest if spent else [])
        if not spent:
            self.leads_to(batch, rest, batch.completed_at + self.delay(chain.failures))

    def leads_to(self, batch: Any, rest: list[str], again: int) -> None:
        """All that is left comes back after the wait, at once."""
        rows = self.rows.get(batch.batch_id, [])
        back = [(row.event_id, row.at) for row in rows if row.action == "returned"]
        gone = self.flow.ended < FAR and any(
            row.cause == "mapping_deleted" and row.at <= again for row in self.flow.rows
        )
        late = again >= self.now or gone or again >= self.flow.until
        if back or not late:
            same(
                "what failed comes back after its wait",
                batch,
                back,
                [(name, again) for name in rest],
            )
        cut = self.settings(batch.completed_at)["bisect_batch_on_function_error"]
        middle = (len(rest) + 1) // 2
        halves = cut and batch.outcome == "failure" and len(rest) > 1
        pieces = [rest[:middle], rest[middle:]] if halves else [rest]
        self.pieces(batch, [piece for piece in pieces if piece], again)

    def pieces(self, batch: Any, pieces: list[list[str]], again: int) -> None:
        """Each part is a batch, less what ended before; the second when the first is done with."""
        children = [
            self.contents[child.batch_id] for child in self.children.get(batch.batch_id, [])
        ]
        if self.settings(batch.opened_at)["tumbling_window"]:
            return  # its state counts for the payload, and may cut a batch once more
        need(
            "no more parts than it was cut into",
            batch,
            len(children) <= len(pieces),
            children,
            pieces,
        )
        for child in self.children.get(batch.batch_id, []):
            names = self.contents[child.batch_id]
            [place] = [n for n, piece in enumerate(pieces) if piece[-len(names) :] == names] or [
                None
            ]
            need("a part is a whole half, or all", batch, place is not None, names, pieces)
            before = pieces[place][: -len(names)] + [
                name for piece in pieces[:place] for name in piece
            ]
            ends = [self.flow.over.get(name, FAR) for name in before]
            due = max([again, *ends])
            need("in order", child, max(ends, default=0) <= child.flushed_at, ends, child)
            self.due(child, due)

    def comes_of(self, batch: Any, parent: Any) -> None:
        """What it takes over from the batch that it was part of."""
        chain, whole = self.chains[parent.batch_id], parent.failed_records == parent.records
        if parent.outcome == "throttled":
            made = Chain(chain.retries, 0, chain.runs)
        elif parent.outcome == "partial" and not whole:
            made = Chain()
        elif (
            parent.outcome == "failure" and parent.records > 1
            and self.settings(parent.completed_at)["bisect_batch_on_function_error"]
        ):  # fmt: skip
            made = Chain(chain.retries)
        else:
            made = Chain(chain.retries + 1, chain.failures + 1, chain.runs)
        self.chains[batch.batch_id] = made

    # ------------------------------------------------------------------ all of them

    def within(self) -> None:
        """Never more batches under way than there are lanes."""
        told = [
            row for row in self.books.scaling
            if row.kind == "pollers" and row.subject == self.flow.name and self.flow.mine(row.at)
        ]  # fmt: skip
        shards = len(self.flow.stream.shards)
        for row in told:
            most = shards * max(self.flow.lanes(row.at), default=0)
            need("no more lanes than shards have", row, row.after <= most, row.after, most)
        for batch in self.batches:
            at = batch.flushed_at
            earlier = [
                b for b in self.batches if b.flushed_at <= at and b.batch_id < batch.batch_id
            ]
            running = [b for b in earlier if not 0 <= b.completed_at <= at]
            busy = {batch.batch_id, *(b.batch_id for b in running)}
            before = [row.after for row in told if row.at < at][-1:]
            most = max(
                before + [n for row in told if row.at == at for n in (row.before, row.after)]
            )
            need("no more batches than lanes", batch, len(busy) <= most, len(busy), most)
