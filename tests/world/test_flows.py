"""The reckoner of streams, FIFO queues, filters and pollers can fail: each tampered table is seen."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lambdalab import Lab
from tests.world import flows
from tests.world.contents import admits
from tests.world.reading import TABLES, Books, Difference, Past
from tests.world.reckoner import check
from tests.world.test_world import Change, drop, row_of, shift, swap, twice
from tests.world.worlds import START

FILTERS = {"Filters": [{"Pattern": '{"data": {"kind": ["a"]}}'}]}
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("queue", "told"): {},
    ("queue", "r.fifo"): {"visibility_timeout": 9, "content_based_deduplication": True},
    ("queue", "many"): {},
    ("stream", "s"): {},
    ("stream", "p"): {},
    ("function", "work"): {"init": 0, "timeout": 3},
    ("function", "slow"): {"duration": 2.9, "init": 0, "timeout": 3},
    ("mapping", "r.fifo->work"): {"batch_size": 2},
    ("mapping", "many->slow"): {"batch_size": 1, "maximum_concurrency": 9},
    ("stream_mapping", "s->work"): {
        "starting_position": "TRIM_HORIZON", "batch_size": 4, "maximum_retry_attempts": 1,
        "bisect_batch_on_function_error": True, "filter_criteria": FILTERS, "on_failure": "told",
        "function_response_types": ["ReportBatchItemFailures"], "maximum_batching_window": 2,
    },
    ("stream_mapping", "p->work"): {
        "starting_position": "LATEST", "parallelization_factor": 2, "maximum_record_age": 60,
        "on_failure": "told",
    },
}  # fmt: skip
NOW = 200


class Told:
    """A lab with something of everything, its tables, and what was noted of it."""

    def __init__(self) -> None:
        self.lab = lab = Lab(seed=5, quotas={"environment_setup": 0.0})
        self.past = past = Past({"environment_setup": 0.0}, "2025-01-07")
        self.streams, self.tables, self.fifos, self.told = ["s", "p"], [], ["r.fifo"], ["told"]
        for (kind, name), settings in SETTINGS.items():
            past.note(kind, name, 0, settings)
            if kind == "function":
                past.note("created", name, 0, {})
                lab.create_function(name, self.work if name == "work" else None, **settings)
            elif kind == "queue":
                lab.sqs.create_queue(name, **settings)
            elif kind == "stream":
                lab.kinesis.create_stream(name)
            else:
                source, function = name.split("->")
                thing: Any = source if kind == "mapping" else lab.kinesis[source]
                lab.create_event_source_mapping(thing, function, **settings)
        self.play()
        self.books = {name: getattr(lab.trace, name) for name in TABLES}

    def play(self) -> None:
        lab, stream = self.lab, self.lab.kinesis["s"]
        for n in range(12):
            stream.put_record({"n": n, "kind": "b" if n == 2 else "a"}, f"k{n % 3}")
        for n, group in enumerate("xxyxyyx"):
            lab.sqs["r.fifo"].send({"n": 100 + n}, message_group_id=group)
        lab.sqs["r.fifo"].send({"n": 100}, message_group_id="x")
        self.past.sends["r.fifo", 0] = [str(n) for n in (*range(7), 0)]
        for n in range(20):
            flows.note(self, lab.sqs["many"].send({"n": 200 + n}))  # type: ignore[arg-type]
        lab.advance(5)
        stream.split_shard(stream.shards[0])
        for n in range(12, 16):
            stream.put_record({"n": n, "kind": "a"}, f"k{n % 3}")
        lab.advance(0.5)
        for n in range(4):
            lab.kinesis["p"].put_record({"n": 300 + n}, f"k{n % 3}")
        flows.look(self)  # type: ignore[arg-type]
        lab.advance(NOW - lab.elapsed)
        flows.look(self)  # type: ignore[arg-type]

    def work(self, event: Any, context: Any) -> Any:
        self.past.saw[context.aws_request_id] = event
        numbers = [content(record) for record in event["Records"]]
        names = [record.get("kinesis", {}).get("sequenceNumber") for record in event["Records"]]
        answer = None
        if {5, 301} & set(numbers) or 103 in numbers:
            raise ValueError("no")
        if 9 in numbers:
            answer = {"batchItemFailures": [{"itemIdentifier": names[numbers.index(9)]}]}
        self.past.answers[context.aws_request_id] = answer
        return answer

    def reckon(self, **tampered: pd.DataFrame) -> None:
        tables = SimpleNamespace(**(self.books | tampered))
        check(Books(tables, START, NOW * 1_000_000, self.past))


def content(record: Any) -> int:
    held = base64.b64decode(record["kinesis"]["data"]) if "kinesis" in record else record["body"]
    return int(json.loads(held)["n"])


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


def test_what_the_lab_tells_is_right(told: Told) -> None:
    told.reckon()
    batches = told.books["batches"]
    assert {"partial", "failure", "success"} <= set(batches.outcome), "something of everything"
    assert {"filtered", "dropped", "delivered"} <= set(told.books["queue_events"].action)
    assert (told.books["scaling"].cause == "backlog").any()


S, P = "s->work (records)", "p->work (records)"
EVENTS, SENT, GOT = (
    "queue_events",
    {"queue": S, "action": "sent"},
    {"queue": S, "action": "received"},
)


def exchanged(column: str, first: dict[str, Any], second: dict[str, Any]) -> Change:
    """Two rows with each other's value."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame, (one, other) = frame.copy(), (row_of(frame, **first), row_of(frame, **second))
        values = frame.loc[one, column], frame.loc[other, column]
        frame.loc[other, column], frame.loc[one, column] = values
        return frame

    return change


TAMPERED: dict[str, tuple[str, Change]] = {
    "a record that was never read": (EVENTS, drop(**SENT)),
    "a record that was read twice": (EVENTS, twice(**SENT)),
    "records read in another order": (
        EVENTS,
        exchanged("event_id", SENT, {"queue": S, "action": "filtered"}),
    ),
    "a record that never ended": (EVENTS, drop(queue=S, action="deleted")),
    "a record done with twice": (EVENTS, twice(queue=S, action="deleted")),
    "a record that should have been filtered": (EVENTS, drop(queue=S, action="filtered")),
    "a record filtered for nothing": (
        EVENTS,
        swap("action", "filtered", queue=S, action="deleted"),
    ),
    "a record of no batch": (EVENTS, drop(**GOT)),
    "a record that never came back": (EVENTS, drop(queue=S, action="returned")),
    "a record back too early": (EVENTS, shift("at age_ms", -1, queue=S, action="returned")),
    "a record given up that was not": (EVENTS, drop(queue=S, action="dropped")),
    "given up for another cause": (
        EVENTS,
        swap("cause", "record_age_exceeded", queue=S, action="dropped"),
    ),
    "too old for no reason": (EVENTS, swap("cause", "retries_exhausted", queue=P, action="dropped")),
    "a failure record that is gone": (EVENTS, drop(queue=S, action="delivered")),
    "a failure record that never arrived": (EVENTS, drop(queue="told", action="sent")),
    "a stream's record that is gone": (EVENTS, drop(queue="s", action="sent")),
    "a batch of a stream that is gone": ("batches", drop(mapping="s->work")),
    "a batch with a record more": ("batches", shift("records", 1, mapping="s->work")),
    "a batch a byte larger": ("batches", shift("size_bytes", 1, mapping="s->work")),
    "a batch of another shard": ("batches", swap("shard", "shardId-000000000002", mapping="s->work")),
    "a batch of another lane": ("batches", swap("poller", 3, mapping="p->work")),
    "two batches of a lane at once": (
        "batches",
        shift("completed_at", 60_000, mapping="s->work", outcome="success"),
    ),
    "a full batch told as a window": (
        "batches",
        swap("cause", "batching_window", mapping="s->work", cause="batch_size"),
    ),
    "a window of another length": (
        "batches",
        shift("window_opened_at", -1, mapping="s->work", cause="batching_window"),
    ),
    "a partial failure told as a success": (
        "batches",
        swap("outcome", "success", mapping="s->work", outcome="partial"),
    ),
    "another checkpoint": (
        "batches",
        shift("failed_records", -1, mapping="s->work", outcome="partial"),
    ),
    "a message of a group too early": (
        EVENTS,
        exchanged("event_id", {"queue": "r.fifo", "action": "received"},
                  {"queue": "r.fifo", "action": "received", "message_group": "y"}),
    ),
    "a group of which two are in flight": (EVENTS, drop(queue="r.fifo", action="returned")),
    "a duplicate in the queue": (EVENTS, drop(cause="deduplicated")),
    "a poller more": ("scaling", shift("after", 1, kind="pollers", subject="many->slow")),
    "pollers that grew too fast": ("scaling", shift("after", 2, cause="backlog")),
    "growth for another reason": ("scaling", swap("cause", "recovered", cause="backlog")),
    "growth that is gone": ("scaling", drop(cause="backlog")),
    "pollers gone too early": ("scaling", shift("at", -30_000, cause="backlog_gone")),
    "a batch of a poller that is busy": ("batches", swap("poller", 1, mapping="many->slow", poller=3)),
    "fewer lanes than batches": ("scaling", swap("after", 0, subject="p->work", kind="pollers")),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_the_reckoner_sees(what: str, told: Told) -> None:
    table, change = TAMPERED[what]
    changed = change(told.books[table])
    with pytest.raises(Difference):
        told.reckon(**{table: changed})


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("s->work", "batch_size", 3),
        ("s->work", "maximum_batching_window", 1),
        ("s->work", "maximum_retry_attempts", 2),
        ("s->work", "bisect_batch_on_function_error", False),
        ("s->work", "filter_criteria", None),
        ("s->work", "function_response_types", []),
        ("s->work", "on_failure", None),
        ("s->work", "enabled", False),
        ("p->work", "parallelization_factor", 1),
        ("p->work", "maximum_record_age", -1),
        ("many->slow", "maximum_concurrency", 6),
        ("many->slow", "maximum_concurrency", None),
    ],
)
def test_other_settings_would_have_led_elsewhere(
    told: Told, name: str, setting: str, value: Any
) -> None:
    kept = dict(told.past.changes)
    kind = "mapping" if ("mapping", name) in SETTINGS else "stream_mapping"
    told.past.changes[kind, name] = [(0, SETTINGS[kind, name] | {setting: value})]
    try:
        with pytest.raises(Difference):
            told.reckon()
    finally:
        told.past.changes.update(kept)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ({"kind": ["a", "b"]}, {"kind": "b"}, {"kind": "c"}),
        ({"kind": [{"anything-but": ["a"]}]}, {"kind": "b"}, {}),
        ({"price": [{"numeric": [">", 10, "<=", 50]}]}, {"price": 50}, {"price": 10}),
        ({"price": [{"numeric": [">", 10]}]}, {"price": 11}, {"price": "11"}),
        ({"note": [{"exists": False}]}, {}, {"note": ""}),
        ({"who": {"name": [{"prefix": "an"}]}}, {"who": {"name": "ann"}}, {"who": "ann"}),
        ({"who": {"name": [{"suffix": "b"}]}}, {"who": {"name": "bob"}}, {"who": {"name": "ann"}}),
    ],
)
def test_its_matcher(pattern: Any, good: Any, bad: Any) -> None:
    given = {"Filters": [{"Pattern": json.dumps({"body": pattern})}]}
    assert admits(given, "queue", json.dumps(good))
    assert not admits(given, "queue", json.dumps(bad))
    assert not admits(given, "queue", "plain")
