"""An independent reckoning of failure records: one for each part of a batch that was given up."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.world.reading import need, same

if TYPE_CHECKING:
    from tests.world.shards import Work


class Letters:
    """What was told of the records that one mapping gave up, in one life."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def check(self) -> None:
        """One record for each part that was given up, with all that it is said to hold."""
        run: list[Any] = []
        told: list[tuple[Any, list[Any]]] = []
        for row in self.work.flow.rows:
            if row.action == "dropped" and row.cause != "mapping_deleted":
                if run and run[-1].at != row.at:  # of an earlier moment: nobody was told of those
                    self.silent(run)
                    run = []
                run.append(row)
                continue
            if row.action == "delivered":
                need("a record tells of something", row, bool(run), run, row)
                places = self.places(row.at)
                need("somebody is to be told", row, places != {None}, places, row)
                same("as it begins", row, (row.event_id, row.at), (run[0].event_id, run[0].at))
                one = {(r.at, r.batch_id, self.work.records[r.event_id].shard) for r in run}
                same("of one part", row, len(one), 1)
                told.append((row, run))
                run = []
            elif run:
                self.silent(run)
                run = []
        if run:
            self.silent(run)
        self.arrived(told)

    def silent(self, run: list[Any]) -> None:
        for row in run:
            places = self.places(row.at)
            need("nobody is to be told", row, None in places, places, None)

    def places(self, at: int) -> set[str | None]:
        """Who is to be told; two where the mapping was changed at that very moment."""
        return {self.work.settings(moment)["on_failure"] for moment in (at - 1, at)}

    def arrived(self, told: list[tuple[Any, list[Any]]]) -> None:
        """What lies in the destination says what was given up."""
        letters: dict[int, list[Any]] = defaultdict(list)
        for row in self.work.books.queue_events:
            if row.action == "sent" and row.cause == "destination" and row.kind == "sqs":
                held = self.work.past.held.get(row.event_id)
                if held is not None:
                    letters[row.at].append(json.loads(held.content))
        for row, run in told:
            if row.cause == "delivery_failed":
                continue
            old = row.cause == "record_age_exceeded"
            chain = self.work.chains.get(row.batch_id)
            tries = chain.runs if chain else 0
            records = [self.work.records[r.event_id] for r in run]
            wanted = (
                "RecordAgeExceeded" if old else "RetryAttemptsExhausted", len(run), records[0].shard,
                records[0].held.number, records[-1].held.number,
            )  # fmt: skip
            runs = {max(1, tries), 1} if old else {tries}
            found = [content(letter) for letter in letters[row.at]]
            good = [count for *what, count in found if tuple(what) == wanted]
            need("the failure record is right", row, bool(set(good) & runs), found, (wanted, runs))


def content(letter: dict[str, Any]) -> tuple[Any, ...]:
    """What a failure record says that can be reckoned."""
    context = letter["requestContext"]
    info = letter.get("KinesisBatchInfo") or letter.get("DDBStreamBatchInfo") or {}
    names = ("batchSize", "shardId", "startSequenceNumber", "endSequenceNumber")
    return (
        context["condition"],
        *(info.get(name) for name in names),
        context["approximateInvokeCount"],
    )
