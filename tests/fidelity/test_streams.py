"""Kinesis streams and their mappings: lanes, retries, what is given up, and who hears of it.

Numbers are those that were recorded of the service, or that AWS documents.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import lambdalab as ll

REPORT = {"function_response_types": ["ReportBatchItemFailures"]}
START = 1_736_208_000


def text_of(record: Any) -> str:
    return base64.b64decode(record["kinesis"]["data"]).decode()


def number_of(record: Any) -> str:
    return str(record["kinesis"]["sequenceNumber"])


class Site:
    """A lab with a stream of one shard, a function, a queue for failures, and their mapping."""

    def __init__(
        self, answer: Any = None, *, shards: int = 1, function: Any = None, quotas: Any = None,
        puts: Any = (), **mapping: Any,
    ) -> None:  # fmt: skip
        self.lab = ll.Lab(seed=7, quotas=quotas or {})
        self.answer = answer
        self.events: list[Any] = []
        self.lab.create_function("count", self.count, init=0, **function or {})
        self.clicks = self.lab.kinesis.create_stream("clicks", shards)
        self.failed = self.lab.sqs.create_queue("failed")
        self.put(*puts)
        given = {"starting_position": "TRIM_HORIZON"} | mapping
        self.mapping = self.lab.create_event_source_mapping(self.clicks, "count", **given)

    def count(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        return self.answer(event["Records"]) if callable(self.answer) else self.answer

    def put(self, *data: Any, key: str = "k") -> Site:
        for each in data:
            self.clicks.put_record(str(each), key)
        return self

    def run(self, until: float | None = None) -> Site:
        self.lab.run(until=until)
        return self

    @property
    def seen(self) -> list[list[str]]:
        return [[text_of(record) for record in event["Records"]] for event in self.events]

    @property
    def letters(self) -> list[Any]:
        return [message.body for message in self.failed.messages]

    def ends(self) -> dict[tuple[str, str], int]:
        """How what the mapping has read ended; what the stream lets go is a matter of its own."""
        rows = self.lab.trace.queue_events
        rows = rows[
            rows.queue.astype(str).str.startswith("clicks->")
            & rows.action.isin(["deleted", "dropped", "expired"])
        ]
        return {
            (str(action), str(cause)): len(part)
            for (action, cause), part in rows.groupby(["action", "cause"], observed=True)
        }


def fail(records: Any) -> None:
    raise ValueError("no")


def failing(*bad: Any) -> Callable[[Any], None]:
    def answer(records: Any) -> None:
        if {text_of(record) for record in records} & set(map(str, bad)):
            raise ValueError("bad")

    return answer


def naming(*bad: Any) -> Callable[[Any], Any]:
    """A handler that reports its bad records."""

    def answer(records: Any) -> Any:
        named = [number_of(record) for record in records if text_of(record) in set(map(str, bad))]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in named]}

    return answer


# ------------------------------------------------------------------ polling, lanes and order


def test_the_event() -> None:
    site = Site()
    site.lab.advance(0.123)
    shard, number = site.clicks.put_record("hi", "p")
    site.run()
    assert site.events == [
        {
            "Records": [
                {
                    "kinesis": {
                        "kinesisSchemaVersion": "1.0",
                        "partitionKey": "p",
                        "sequenceNumber": number,
                        "data": "aGk=",
                        "approximateArrivalTimestamp": START + 0.123,
                    },
                    "eventSource": "aws:kinesis",
                    "eventVersion": "1.0",
                    "eventID": f"{shard}:{number}",
                    "eventName": "aws:kinesis:record",
                    "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
                    "awsRegion": "us-east-1",
                    "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
                }
            ]
        }
    ]


def test_a_shard_is_polled_once_a_second() -> None:
    site = Site()
    for number in range(20):
        site.put(number)
        site.lab.advance(0.25)
    site.run()
    calls = site.lab.trace.invocations.requested_at
    gaps = (calls - site.lab.trace.start).dt.total_seconds()
    assert (gaps % 1 == 0).all()
    assert gaps.is_unique


@pytest.mark.parametrize(("shards", "factor"), [(1, 1), (2, 1), (1, 3), (2, 3)])
def test_as_many_at_a_time_as_shards_and_lanes(shards: int, factor: int) -> None:
    site = Site(
        lambda records: time.sleep(2), shards=shards, parallelization_factor=factor, batch_size=1,
        function={"timeout": 10}, enabled=False,
    )  # fmt: skip
    for number in range(60):
        site.clicks.put_record("x", f"key {number}")
    site.mapping.enable()
    site.run()
    starts, ends = site.lab.trace.attempts.started_at, site.lab.trace.attempts.ended_at
    assert max(int(((starts <= at) & (ends > at)).sum()) for at in starts) == shards * factor


def test_order_holds_in_a_shard_and_with_lanes_for_each_key_only() -> None:
    def work(records: Any) -> None:
        time.sleep(3 if records[0]["kinesis"]["partitionKey"] == "slow" else 1)

    def order(factor: int) -> list[str]:
        site = Site(
            work,
            parallelization_factor=factor,
            batch_size=1,
            function={"timeout": 9},
            enabled=False,
        )
        for number in range(8):
            site.put(number, key="slow" if number % 2 == 0 else "a")
        site.mapping.enable()
        site.run()
        return [text for texts in site.seen for text in texts]

    assert order(1) == list("01234567")
    both = order(10)
    assert [text for text in both if int(text) % 2 == 0] == list("0246")
    assert [text for text in both if int(text) % 2] == list("1357")
    assert both != order(1)


def test_a_batch_never_mixes_shards() -> None:
    site = Site(shards=4, enabled=False)
    for number in range(40):
        site.clicks.put_record(number, f"key {number}")
    site.mapping.enable()
    site.run()
    shards = [{r["eventID"].split(":")[0] for r in event["Records"]} for event in site.events]
    assert all(len(found) == 1 for found in shards)
    assert len(shards) == 4


def test_children_come_after_their_parent() -> None:
    site = Site(lambda records: time.sleep(2), batch_size=1, function={"timeout": 9}, enabled=False)
    site.put(1, 2)
    site.clicks.split_shard(site.clicks.shards[0])
    site.put(3, 4)
    site.mapping.enable()
    site.run()
    assert site.seen == [["1"], ["2"], ["3"], ["4"]]


def test_disabled_it_goes_on_where_it_was() -> None:
    site = Site(puts=(1, 2)).run()
    site.mapping.disable()
    site.put(3).lab.advance(100)
    assert site.seen == [["1", "2"]]
    site.mapping.enable()
    site.run()
    assert site.seen == [["1", "2"], ["3"]]


# ------------------------------------------------------------------ retries


@pytest.mark.parametrize("attempts", [0, 1, 2, 3])
def test_so_many_attempts_are_one_more_invocation(attempts: int) -> None:
    """Recorded: 1 is told as 2, 2 as 3, 3 as 4."""
    site = Site(fail, maximum_retry_attempts=attempts, on_failure="failed", puts=("x",)).run()
    assert len(site.events) == attempts + 1
    [letter] = site.letters
    assert letter["requestContext"]["approximateInvokeCount"] == attempts + 1
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_failing_record_runs_about_eight_times_in_its_first_minute() -> None:
    """Recorded: growing gaps, about eight invocations in 60 s."""
    site = Site(fail, maximum_record_age=60, on_failure="failed", puts=("x",)).run()
    at = (site.lab.trace.invocations.requested_at - site.lab.trace.start).dt.total_seconds()
    assert 7 <= len(at) <= 9
    gaps = at.diff().dropna()
    assert (gaps.diff().dropna() > 0).all()
    assert [letter["requestContext"]["condition"] for letter in site.letters] == [
        "RecordAgeExceeded"
    ]


def test_a_failing_batch_holds_its_shard_up_until_its_records_expire() -> None:
    day = 86_400
    site = Site(failing(0), batch_size=2, puts=(0, 1)).run(until=60)
    site.put(2, 3).run(until=day - 1)
    assert set(map(tuple, site.seen)) == {("0", "1")}
    site.run()
    assert site.seen[-1] == ["2", "3"]
    assert site.lab.elapsed == pytest.approx(day, abs=61)
    assert site.ends() == {("expired", "retention"): 2, ("deleted", "batch_succeeded"): 2}


def test_the_next_batch_follows_when_one_was_given_up() -> None:
    site = Site(failing(0), batch_size=2, maximum_retry_attempts=1, puts=(0, 1, 2, 3)).run()
    assert site.seen == [["0", "1"], ["0", "1"], ["2", "3"]]
    assert site.ends() == {("dropped", "retries_exhausted"): 2, ("deleted", "batch_succeeded"): 2}


def test_throttles_are_no_retry_attempts() -> None:
    site = Site(maximum_retry_attempts=0, function={"reserved_concurrency": 0}, puts=("x",))
    site.run(until=30)
    assert len(site.lab.trace.invocations) > 2
    site.lab.put_function_concurrency("count", 1)
    site.run()
    assert site.seen == [["x"]]
    assert site.ends() == {("deleted", "batch_succeeded"): 1}


def test_a_batch_is_cut_in_two_and_cutting_is_no_retry() -> None:
    site = Site(
        failing(5), batch_size=8, maximum_retry_attempts=1, bisect_batch_on_function_error=True,
        on_failure="failed", puts=range(8),
    ).run()  # fmt: skip
    assert site.seen[:4] == [
        list("01234567"), list("0123"), list("4567"), list("45"),
    ]  # fmt: skip
    assert site.seen.count(["5"]) == 2, "alone, it is tried once more"
    assert site.ends()[("deleted", "batch_succeeded")] == 7
    [letter] = site.letters
    assert letter["KinesisBatchInfo"]["batchSize"] == 1


def test_with_an_answer_the_cut_is_where_the_first_failure_was() -> None:
    site = Site(
        batch_size=8, maximum_retry_attempts=5, bisect_batch_on_function_error=True,
        puts=range(8), **REPORT,
    )  # fmt: skip
    site.answer = lambda records: naming(3)(records) if len(site.events) == 1 else None
    site.run()
    assert site.seen == [list("01234567"), list("34567")]


# ------------------------------------------------------------------ age


def test_too_old_after_tries() -> None:
    site = Site(fail, maximum_record_age=60, on_failure="failed", puts=("x",)).run()
    [letter] = site.letters
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in letter


def test_too_old_before_any_try() -> None:
    """Recorded: the count is 1 all the same."""
    site = Site(maximum_record_age=60, on_failure="failed", enabled=False, puts=("x",))
    site.lab.advance(120)
    site.mapping.enable()
    site.run()
    assert site.events == []
    [letter] = site.letters
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"
    assert letter["requestContext"]["approximateInvokeCount"] == 1
    assert "responseContext" not in letter


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize("answer", [
    [], None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None},
])  # fmt: skip
def test_answers_that_are_success(answer: Any) -> None:
    site = Site(answer, puts=(1, 2), **REPORT).run()
    assert site.seen == [["1", "2"]]
    assert site.ends() == {("deleted", "batch_succeeded"): 2}


@pytest.mark.parametrize("answer", [
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"foo": "bar"}]}, {"batchItemFailures": [{"foo": None}]},
    {"batchItemFailures": [{"itemIdentifier": "nobody"}]}, fail,
])  # fmt: skip
def test_answers_that_fail_the_whole_batch(answer: Any) -> None:
    site = Site(answer, puts=(1, 2), maximum_retry_attempts=1, on_failure="failed", **REPORT).run()
    assert site.seen == [["1", "2"]] * 2
    assert site.letters[0]["KinesisBatchInfo"]["batchSize"] == 2


def test_the_lowest_number_is_the_checkpoint() -> None:
    site = Site(puts=range(5), **REPORT)
    site.answer = lambda records: naming(4, 2)(records) if len(site.events) == 1 else None
    site.run()
    assert site.seen == [list("01234"), list("234")]
    assert site.ends() == {
        ("deleted", "batch_succeeded"): 3, ("deleted", "partial_batch_failure"): 2,
    }  # fmt: skip


def test_a_shortened_batch_has_all_its_retries() -> None:
    """Recorded: of six records the last fails, three attempts: once among six, four times alone."""
    site = Site(
        naming(6), maximum_retry_attempts=3, on_failure="failed", puts=range(1, 7), **REPORT
    ).run()
    assert site.seen == [list("123456"), *[["6"]] * 4]
    [letter] = site.letters
    assert letter["requestContext"]["approximateInvokeCount"] == 4
    assert letter["responseContext"]["functionError"] is None


# ------------------------------------------------------------------ who hears of it


def test_the_record_of_a_failure() -> None:
    site = Site(fail, maximum_retry_attempts=1, on_failure="failed", enabled=False)
    first = site.clicks.put_record("a", "k")
    site.lab.advance(0.5)
    last = site.clicks.put_record("b", "k")
    site.mapping.enable()
    site.run()
    [letter] = site.letters
    requests = site.lab.trace.invocations.request_id
    assert json.dumps(letter) == json.dumps(
        {
            "requestContext": {
                "requestId": letter["requestContext"]["requestId"],
                "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:count",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 2,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": letter["timestamp"],
            "KinesisBatchInfo": {
                "shardId": "shardId-000000000000",
                "startSequenceNumber": first.sequence_number,
                "endSequenceNumber": last.sequence_number,
                "approximateArrivalOfFirstRecord": "2025-01-07T00:00:00.000Z",
                "approximateArrivalOfLastRecord": "2025-01-07T00:00:00.500Z",
                "batchSize": 2,
                "streamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            },
        }
    )
    assert letter["requestContext"]["requestId"] in set(requests)


@pytest.mark.parametrize("qualifier", ["", ":1", ":live"])
def test_the_record_names_the_function_as_the_mapping_does(qualifier: str) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("count", duration=0.1, failure_rate=1)
    lab.publish_version("count")
    lab.create_alias("count", "live", 1)
    failed, clicks = lab.sqs.create_queue("failed"), lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(
        clicks, f"count{qualifier}", starting_position="TRIM_HORIZON", maximum_retry_attempts=0,
        on_failure=failed,
    )  # fmt: skip
    clicks.put_record("x", "k")
    lab.run()
    [letter] = [message.body for message in failed.messages]
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:count{qualifier}"
    assert letter["requestContext"]["functionArn"] == arn


def test_each_part_of_a_batch_that_is_given_up_is_one_record() -> None:
    site = Site(
        failing(0, 3), batch_size=4, maximum_retry_attempts=0, bisect_batch_on_function_error=True,
        on_failure="failed", puts=range(4),
    ).run()  # fmt: skip
    assert [letter["KinesisBatchInfo"]["batchSize"] for letter in site.letters] == [1, 1]


def test_without_a_destination_it_is_given_up_all_the_same() -> None:
    site = Site(fail, maximum_retry_attempts=0, puts=("x",)).run()
    assert site.letters == []
    assert site.ends() == {("dropped", "retries_exhausted"): 1}


# ------------------------------------------------------------------ tumbling windows


class Sums(Site):
    """A function that adds the numbers of a window of 60 s."""

    def __init__(self, **mapping: Any) -> None:
        super().__init__(tumbling_window=60, **mapping)

    def count(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        if callable(self.answer):
            return self.answer(event)
        if event["isFinalInvokeForWindow"]:
            return {"state": {}}
        total = event["state"].get("sum", 0) + sum(int(text_of(r)) for r in event["Records"])
        return {"state": {"sum": total}}


def test_a_state_goes_from_invocation_to_invocation_and_ends_with_its_window() -> None:
    site = Sums()
    for second in range(0, 100, 20):
        site.run(until=second)
        site.put(second)
    site.run()
    first, *_ = site.events
    assert set(first) == {
        "Records", "window", "state", "shardId", "eventSourceARN", "isFinalInvokeForWindow",
        "isWindowTerminatedEarly",
    }  # fmt: skip
    assert first["window"] == {"start": "2025-01-07T00:00:00Z", "end": "2025-01-07T00:01:00Z"}
    assert first["state"] == {}
    assert first["isWindowTerminatedEarly"] is False
    finals = [event for event in site.events if event["isFinalInvokeForWindow"]]
    assert [event["state"] for event in finals] == [{"sum": 60}, {"sum": 140}]
    assert [event["window"]["end"] for event in finals] == [
        "2025-01-07T00:01:00Z", "2025-01-07T00:02:00Z",
    ]  # fmt: skip


def test_an_answer_without_a_state_is_a_failure() -> None:
    site = Sums(maximum_retry_attempts=1)
    site.answer = lambda event: {"sum": 1} if not event["isFinalInvokeForWindow"] else {"state": {}}
    site.put(1).run()
    tried = [event for event in site.events if not event["isFinalInvokeForWindow"]]
    assert len(tried) == 2
    assert site.ends() == {("dropped", "retries_exhausted"): 1}


def test_a_state_over_a_megabyte_ends_its_window_early() -> None:
    site = Sums(batch_size=1)
    site.answer = lambda event: {"state": "x" * 1_100_000}
    site.put(1).run(until=50)
    assert [event["isWindowTerminatedEarly"] for event in site.events[-1:]] == [True]
    assert site.events[-1]["isFinalInvokeForWindow"] is True


def test_windows_and_answers_go_together() -> None:
    site = Sums(**REPORT)
    fails = iter([True])

    def answer(event: Any) -> Any:
        state = {"state": {"n": event["state"].get("n", 0) + 1}}
        if not event["isFinalInvokeForWindow"] and next(fails, False):
            last = number_of(event["Records"][-1])
            return state | {"batchItemFailures": [{"itemIdentifier": last}]}
        return state

    site.answer = answer
    site.put(1, 2, 3).run()
    tried = [seen for seen, event in zip(site.seen, site.events, strict=True) if seen]
    assert tried == [["1", "2", "3"], ["3"]]
    assert site.events[1]["state"] == {"n": 1}


# ------------------------------------------------------------------ metrics


def test_iterator_age_is_that_of_the_last_record() -> None:
    site = Site(enabled=False)
    site.put(1)
    site.lab.advance(10)
    site.put(2)
    site.lab.advance(30)
    site.mapping.enable()
    site.run()
    figures = site.lab.trace.metrics(period=86_400)
    age = figures[figures["metric"] == "IteratorAge"]
    assert age["maximum"].iloc[0] == pytest.approx(30_000, abs=1_500)
