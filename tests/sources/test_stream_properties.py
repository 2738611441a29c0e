"""Whatever happens to a mapping of a stream: no record is lost, none is done with twice, order is kept
per lane and key, and no batch is over its size, its window or its payload.

Handlers fail, time out, name failures and are throttled at random; shards are split and merged; the
mapping is switched off and on.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from tests.sources.streams import QUICK, REPORT, connect

TIMEOUT, MANY = 3, 60
ENDS = ("deleted", "dropped", "expired", "filtered")

SETTINGS = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([5, 100, 2, 1]),
        "maximum_batching_window": st.sampled_from([3, 0]),
        "parallelization_factor": st.sampled_from([1, 3]),
        "maximum_retry_attempts": st.sampled_from([2, -1, 0]),
        "maximum_record_age": st.sampled_from([-1, 60]),
        "bisect_batch_on_function_error": st.booleans(),
        "function_response_types": st.sampled_from([REPORT, REPORT, ()]),
    }
)

STORIES = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["kinesis", "kinesis", "dynamodb"]),
        "shards": st.integers(1, 3),
        "payload": st.sampled_from([6 * 1024 * 1024, 6 * 1024 * 1024, 1_500]),
        "chance": st.integers(0, 2**32),
        "settings": SETTINGS,
        "acts": st.lists(
            st.one_of(
                st.tuples(st.just("put"), st.integers(4, 12)),
                st.tuples(st.just("put"), st.integers(1, 3)),
                st.tuples(st.just("wait"), st.integers(300, 6_000)),
                st.tuples(st.just("split"), st.integers(0, 9)),
                st.tuples(st.just("merge"), st.integers(0, 9)),
                st.tuples(st.just("switch"), st.just(0)),
                st.tuples(st.just("reserve"), st.integers(0, 2)),
            ),
            min_size=6,
            max_size=20,
        ),
    }
)


class Story:
    """A stream, its mapping and a function that does everything; ``runs``: what it got and dealt with."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told, self.chance = told, random.Random(told["chance"])
        self.lab = lab = ll.Lab(seed=7, quotas=QUICK | {"mapping_payload": told["payload"]})
        self.streams = told["source"] == "kinesis"
        self.source: Any = (
            lab.kinesis.create_stream("clicks", shard_count=told["shards"])
            if self.streams
            else lab.dynamodb.create_table(
                "clicks", stream_view_type="NEW_IMAGE", shards=told["shards"]
            )
        )
        self.runs: list[tuple[list[str], list[str]]] = []
        self.key_of: dict[str, str] = {}  # by sequence number, in the order in which they came
        self.reports = bool(told["settings"]["function_response_types"])
        lab.create_function("count", self.count, init=0, timeout=TIMEOUT)
        self.mapping = connect(lab, self.source, "count", **told["settings"])

    def count(self, event: Any, context: Any) -> Any:
        names = [self.name_of(record) for record in event["Records"]]
        done: list[str] = []
        self.runs.append((names, done))
        how = self.chance.random() if len(self.runs) < MANY else 1.0  # it comes to an end
        time.sleep(self.chance.choice([0, 0.2, 1.5]))
        if how < 0.15:
            raise RuntimeError("flaky")
        if how < 0.2:
            time.sleep(100)
        failed = names[self.chance.randrange(len(names)) :] if how < 0.5 and self.reports else []
        done += names[: len(names) - len(failed)]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed[::-1]]}

    def name_of(self, record: Any) -> str:
        if self.streams:
            return str(record["kinesis"]["sequenceNumber"])
        return str(record["dynamodb"]["SequenceNumber"])

    def play(self) -> None:
        """All acts; then everything comes to its end."""
        for verb, number in [("put", 9), *self.told["acts"]]:
            self.act(verb, number)
        if not self.mapping.enabled:
            self.mapping.enable()
        self.lab.put_function_concurrency("count", 100)
        self.lab.run()

    def act(self, verb: str, number: int) -> None:
        if verb == "put":
            for _ in range(number):
                self.put(f"k{len(self.key_of) % 5}")
        elif verb == "wait":
            self.lab.advance(number / 1_000)
        elif verb == "switch":
            self.mapping.update(enabled=not self.mapping.enabled)
        elif verb == "reserve":
            self.lab.put_function_concurrency("count", number)
        elif self.streams:
            shards = sorted(
                (shard for shard in self.source.shards if shard.state == "open"),
                key=lambda shard: shard.starting_hash_key,
            )
            place = number % len(shards)
            if verb == "split" and len(shards) < 5:
                self.source.split_shard(shards[place])
            elif verb == "merge" and place + 1 < len(shards):
                self.source.merge_shards(shards[place], shards[place + 1])

    def put(self, key: str) -> None:
        number, note = len(self.key_of), "x" * self.chance.randrange(300)
        if self.streams:
            name = self.source.put_record({"n": number, "note": note}, key).sequence_number
        else:
            self.source.put_item({"id": key, "n": number, "note": note})
            name = self.source.stream.records[-1].sequence_number
        self.key_of[name] = key

    def names(self) -> dict[str, str]:
        """Sequence numbers of records by what the books call them."""
        rows = self.lab.trace.queue_events
        came = rows[(rows.queue == "clicks") & (rows.action == "sent")].event_id
        return dict(zip(came, self.key_of, strict=True))

    def rows(self) -> pd.DataFrame:
        """What happened to the records that the mapping read."""
        rows = self.lab.trace.queue_events
        return rows[rows.queue == f"{self.mapping.name} (records)"]


# ---------------------------------------------------------------------- the properties


def no_record_is_lost(story: Story) -> None:
    """Each was read once and ended once; those that were dealt with were so by an answer."""
    rows, number = story.rows(), len(story.key_of)
    assert story.mapping.behind == 0
    assert (rows.action == "sent").sum() == rows.event_id.nunique() == number
    ends = rows[rows.action.isin(ENDS)]
    assert len(ends) == ends.event_id.nunique() == number
    done = {name for _, dealt_with in story.runs for name in dealt_with}
    assert (rows.action == "deleted").sum() == len(done)
    given = story.told["settings"]
    if given["maximum_retry_attempts"] == given["maximum_record_age"] == -1:
        assert done == set(story.key_of), "and nothing is given up"


def none_is_done_with_twice(story: Story) -> None:
    """What an answer has dealt with never comes again."""
    done: set[str] = set()
    for names, dealt_with in story.runs:
        assert len(set(names)) == len(names)
        assert not done & set(names)
        done.update(dealt_with)
    deleted = story.rows().query("action == 'deleted'").event_id
    assert deleted.is_unique


def order_is_kept(story: Story) -> None:
    """A key's records are handed over in order, each when those before it are done with or go with it;
    a lane has one batch at a time."""
    key = {event: story.key_of[name] for event, name in story.names().items()}
    line: dict[str, list[str]] = defaultdict(list)  # read and not ended, by key
    batch: dict[str, str] = {}
    for row in story.rows().itertuples():
        waiting = line[key[row.event_id]]
        if row.action == "sent":
            waiting.append(row.event_id)
        elif row.action == "received":
            batch[row.event_id] = row.batch_id
            before = waiting[: waiting.index(row.event_id)]
            assert all(batch.get(other) == row.batch_id for other in before)
        elif row.action in ENDS:
            waiting.remove(row.event_id)
    for names, _ in story.runs:
        for own in {story.key_of[name] for name in names}:
            together = [name for name in names if story.key_of[name] == own]
            assert together == sorted(together, key=list(story.key_of).index)
    for _, batches in story.lab.trace.batches.groupby(["shard", "poller"], observed=True):
        assert (batches.flushed_at.to_numpy()[1:] >= batches.completed_at.to_numpy()[:-1]).all()


def no_batch_is_over(story: Story) -> None:
    """Its size, its window, its payload; and the function got just so many bytes."""
    batches, given = story.lab.trace.batches, story.told["settings"]
    assert (batches.records <= given["batch_size"]).all()
    assert ((batches.size_bytes <= story.told["payload"]) | (batches.records == 1)).all()
    calls = story.lab.trace.invocations
    sizes = dict(zip(batches.batch_id, batches.size_bytes, strict=True))
    for batch, size in zip(calls.parent_id, calls.payload_bytes, strict=True):
        assert sizes[batch] == size
    first = batches[batches.parent_batch_id == ""]
    window = pd.Timedelta(seconds=given["maximum_batching_window"])
    since = first.window_opened_at.fillna(first.opened_at)
    if not any(verb == "switch" for verb, _ in story.told["acts"]):
        assert (first.flushed_at - since <= window).all()
    full = first[first.cause == "batch_size"]
    assert (full.records == given["batch_size"]).all()


PROPERTIES = (no_record_is_lost, none_is_done_with_twice, order_is_kept, no_batch_is_over)


@settings(max_examples=60)
@given(STORIES)
def test_records_are_neither_lost_nor_disordered(told: dict[str, Any]) -> None:
    story = Story(told)
    story.play()
    for holds in PROPERTIES:
        holds(story)
