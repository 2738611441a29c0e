"""Firehose: when a buffer is handed over, what the answer does to each record, and what fails."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import KinesisFirehoseModel
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab import Lab
from lambdalab.errors import (
    InvalidArgumentException,
    InvalidSetting,
    ResourceInUseException,
    ResourceNotFoundException,
    UnknownName,
)


def ok(event: Any, context: Any) -> Any:
    return {"records": [{**record, "result": "Ok"} for record in event["records"]]}


def of(lab: Lab, stream: str) -> Any:
    events = lab.trace.short.queue_events
    return events[events["queue"] == stream]


def test_a_buffer_is_handed_over_when_it_is_old(lab: Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def shout(event: Any, context: Any) -> Any:
        seen.append(event)
        data = [base64.b64decode(record["data"]).upper() for record in event["records"]]
        return {
            "records": [
                {"recordId": record["recordId"], "result": "Ok",
                 "data": base64.b64encode(text).decode()}
                for record, text in zip(event["records"], data, strict=True)
            ]
        }  # fmt: skip

    stream = lab.firehose.create_delivery_stream("clicks", shout)
    first = stream.put_record("one ")
    lab.advance(59)
    stream.put_record({"n": 2})
    text = "<delivery stream clicks -> shout -> kept here: 1 MB or 60 s"
    assert repr(stream) == f"{text} · 2 on the way>"
    lab.run()
    assert repr(stream) == f"{text}>"
    assert stream.delivered == [b'ONE {"N": 2}']
    event = KinesisFirehoseModel.model_validate(seen[0])
    assert event.records[0].recordId == first
    assert event.records[0].approximateArrivalTimestamp == 1_736_208_000_000
    rows = of(lab, "clicks")
    assert list(rows.action) == ["sent", "sent", "received", "received", "deleted", "deleted"]
    assert list(rows.cause) == [
        "published", "published", "buffer_interval", "buffer_interval", "delivered", "delivered"
    ]  # fmt: skip
    assert list(rows.t_s)[2] == 60
    assert list(lab.trace.invocations.invocation_type) == ["RequestResponse"]


def test_a_buffer_is_handed_over_when_it_is_full(lab: Lab) -> None:
    shout = lab.create_function("shout", ok)
    stream = lab.firehose.create_delivery_stream("clicks", shout, buffer_size=0.2)
    for _ in range(5):
        stream.put_record(b"x" * 60_000)
    lab.run()
    assert [len(each) for each in stream.delivered] == [180_000, 120_000]
    received = of(lab, "clicks").query("action == 'received'")
    assert list(received.cause) == ["buffer_size"] * 3 + ["buffer_interval"] * 2


def test_small_records_do_not_make_a_request_too_large() -> None:
    lab = Lab(quotas={"synchronous_payload": 200_000})
    sizes: list[int] = []
    lab.create_function("shout", lambda event, context: sizes.append(len(json.dumps(event))))
    stream = lab.firehose.create_delivery_stream("clicks", "shout", buffer_size=3, retries=0)
    for _ in range(4):
        stream.put_record_batch(["x"] * 500)
    lab.run()
    assert len(sizes) == 2
    assert 150_000 < max(sizes) <= 200_000


def test_each_record_has_its_own_result(lab: Lab) -> None:
    @lab.function
    def judge(event: Any, context: Any) -> Any:
        words = ["Ok", "Dropped", "ProcessingFailed", "Fine", "Ok"]
        answers = [
            {"recordId": record["recordId"], "result": word, "data": record["data"]}
            for record, word in zip(event["records"], words, strict=False)
        ]
        answers[4]["data"] = "no base64!"
        return {"records": [*answers, answers[0] | {"recordId": event["records"][6]["recordId"]}] * 1
                + [{"recordId": event["records"][6]["recordId"]}]}  # fmt: skip

    stream = lab.firehose.create_delivery_stream("clicks", judge)
    stream.put_record_batch(["a", "b", "c", "d", "e", "f", "g"])
    lab.run()
    assert stream.delivered == [b"a"]
    failed = {base64.b64decode(each["rawData"]): each for each in stream.processing_failed}
    assert {data: each["errorCode"] for data, each in failed.items()} == {
        b"c": "Lambda.ProcessingFailedStatus",
        b"d": "Lambda.FunctionError",
        b"e": "Lambda.FunctionError",
        b"f": "Lambda.MissingRecordId",
        b"g": "Lambda.DuplicatedRecordId",
    }
    assert failed[b"c"]["attemptsMade"] == 1
    assert failed[b"c"]["lambdaArn"].endswith(":function:judge:$LATEST")
    ends = of(lab, "clicks").query("action in ['deleted', 'filtered', 'dropped']")
    assert sorted(ends.action) == ["deleted", "dropped", "dropped", "dropped", "dropped", "dropped",
                                   "filtered"]  # fmt: skip


def test_three_retries_and_the_batch_is_skipped(lab: Lab) -> None:
    shout = lab.create_function("shout", ok, reserved_concurrency=0)
    stream = lab.firehose.create_delivery_stream("clicks", shout)
    stream.put_record("x")
    lab.run()
    assert len(lab.trace.invocations) == 4
    (failed,) = stream.processing_failed
    assert (failed["attemptsMade"], failed["errorCode"]) == (4, "Lambda.InvokeLimitExceeded")
    rows = of(lab, "clicks")
    assert list(rows.action) == [
        "sent",
        *["received", "retry_scheduled"] * 3,
        "received",
        "dropped",
    ]
    assert list(rows.cause)[-1] == "retries_exhausted"
    assert lab.elapsed == 63
    tries = lab.trace.requests  # what Firehose saw, who is the caller here
    assert list(zip(tries.caller, tries.call, tries.tries, strict=True)) == [
        ("clicks", 1, number) for number in (1, 2, 3, 4)
    ]
    assert list(tries.status_code) == [429] * 4
    assert list(tries.request_id) == list(lab.trace.invocations.request_id)
    assert list(lab.trace.retries.lane) == ["client"] * 3


def test_an_answer_that_takes_five_minutes(lab: Lab) -> None:
    @lab.function(timeout=900)
    def slow(event: Any, context: Any) -> Any:
        time.sleep(400)
        return ok(event, context)

    stream = lab.firehose.create_delivery_stream("clicks", slow, buffer_interval=0, retries=1)
    stream.put_record("x")
    lab.run()
    assert stream.delivered == []
    (failed,) = stream.processing_failed
    assert failed["errorCode"] == "Lambda.FunctionTimedOut"
    assert failed["attemptEndingTimestamp"] - failed["arrivalTimestamp"] == 601_000
    assert list(lab.trace.invocations.status) == ["succeeded"] * 2
    tries = lab.trace.requests
    assert list(tries.gave_up) == [True, True]
    assert list(tries.cause) == ["integration_timeout"] * 2
    assert list(tries.latency_ms) == [300_000, 300_000]


def test_what_fails_goes_to_the_bucket_too(lab: Lab) -> None:
    @lab.function
    def first_only(event: Any, context: Any) -> Any:
        first = event["records"][0]
        return {"records": [{**first, "result": "Ok"}]}

    bucket = lab.s3.create_bucket("lake")
    stream = lab.firehose.create_delivery_stream("clicks", first_only, bucket)
    stream.put_record_batch(["good", "lost"])
    lab.run()
    keys = sorted(bucket)
    assert keys[0].startswith("2025/01/07/00/clicks-1-2025-01-07-00-01-0")
    assert keys[1].startswith("processing-failed/2025/01/07/00/clicks-1-")
    assert bucket.get_object(keys[0]).body == b"good"


def test_a_function_that_fails_or_answers_nonsense(lab: Lab) -> None:
    @lab.function
    def broken(event: Any, context: Any) -> Any:
        raise ValueError("no")

    lab.create_function("empty", lambda event, context: {"ok": True})
    one = lab.firehose.create_delivery_stream("one", broken, retries=0)
    two = lab.firehose.create_delivery_stream("two", "empty")
    one.put_record("x")
    two.put_record("x")
    lab.run()
    assert one.processing_failed[0]["errorCode"] == "Lambda.FunctionError"
    assert "it returned an error result. no" in one.processing_failed[0]["errorMessage"]
    assert two.processing_failed[0]["errorCode"] == "Lambda.JsonProcessingException"


def test_drive_and_reset(lab: Lab) -> None:
    shout = lab.create_function("shout", ok)
    stream = lab.firehose.create_delivery_stream("clicks", shout, buffer_interval=10)
    lab.drive(stream, ll.Every(1), count=25, payload=lambda n: {"n": n})
    lab.run()
    assert b"".join(stream.delivered).count(b"n") == 25
    assert len(lab.trace.invocations) == 3
    stream.put_record("left")
    lab.reset()
    assert stream.delivered == []
    lab.run()
    assert len(lab.trace.queue_events) == 0


def test_bad_input(lab: Lab) -> None:
    shout = lab.create_function("shout", ok)
    make = lab.firehose.create_delivery_stream
    with pytest.raises(InvalidSetting, match=r"0\.2 to 3"):
        make("clicks", shout, buffer_size=5)
    with pytest.raises(InvalidSetting, match="0 to 900"):
        make("clicks", shout, buffer_interval=901)
    with pytest.raises(UnknownName, match="bucket 'lake'"):
        make("clicks", shout, "lake")
    with pytest.raises(InvalidSetting, match="bucket"):
        make("clicks", shout, 7)
    stream = make("clicks", shout)
    assert make("clicks", shout) is stream
    with pytest.raises(ResourceInUseException, match="delete_delivery_stream"):
        make("clicks", shout, buffer_size=3)
    with pytest.raises(InvalidArgumentException, match="1024000"):
        stream.put_record(b"x" * 1_024_001)
    with pytest.raises(InvalidSetting, match="500"):
        stream.put_record_batch(["x"] * 501)
    with pytest.raises(InvalidSetting, match="4,194,304"):
        stream.put_record_batch([b"x" * 1_000_000] * 5)
    assert len(lab.trace.queue_events) == 0
    lab.firehose.delete_delivery_stream("clicks")
    assert "clicks" not in lab.firehose


@settings(max_examples=25)
@given(st.lists(st.integers(1, 150_000), min_size=1, max_size=12), st.integers(0, 9))
def test_every_record_arrives_once(sizes: list[int], interval: int) -> None:
    lab = Lab(seed=3)
    shout = lab.create_function("shout", ok)
    stream = lab.firehose.create_delivery_stream(
        "clicks", shout, buffer_size=0.2, buffer_interval=interval
    )
    for number, size in enumerate(sizes):
        stream.put_record(bytes([number]) * size)
        lab.advance(1)
    lab.run()
    whole = b"".join(stream.delivered)
    assert [whole.count(bytes([number])) for number in range(len(sizes))] == sizes
    lab.close()


def test_a_stream_that_is_deleted_takes_nothing(lab: Lab) -> None:
    @lab.function
    def slow(event: Any, context: Any) -> Any:
        time.sleep(1)
        return ok(event, context)

    old = lab.firehose.create_delivery_stream("clicks", slow)
    lab.drive(old, ll.Every(0.5), count=4, payload="d")
    lab.run(until=1.2)
    lab.firehose.delete_delivery_stream("clicks")
    with pytest.raises(ResourceNotFoundException, match="Firehose clicks under account"):
        old.put_record("c")
    new = lab.firehose.create_delivery_stream("clicks", slow)
    new.put_record("b")
    lab.run()  # both are one queue of the books, which balance
    assert old.delivered == [b"ddd"]
    assert new.delivered == [b"b"]


def test_what_is_no_record(lab: Lab) -> None:
    lab.function(ok)
    stream = lab.firehose.create_delivery_stream("clicks", "ok")
    for records in (None, 3, "abc", b"abc", {"a": 1}):
        with pytest.raises(InvalidSetting, match="a list of records"):
            stream.put_record_batch(records)
    for data in ({1, 2}, object()):
        with pytest.raises(InvalidSetting, match="data"):
            stream.put_record(data)
    with pytest.raises(InvalidSetting, match="a whole number"):
        lab.firehose.create_delivery_stream("other", "ok", retries=1.5)
    with pytest.raises(InvalidSetting, match="a text that matches"):
        lab.firehose.create_delivery_stream("my clicks", "ok")
    stream.put_record("\ud800")
    lab.run()
    assert stream.delivered == [b"\\ud800"]


def test_the_story_of_a_record(lab: Lab) -> None:
    lab.function(ok)
    lab.firehose.create_delivery_stream("clicks", "ok").put_record("a")
    lab.run()
    story = str(lab.trace.story("m1"))
    assert "'clicks' hands it to its function" in story
    assert "gives it up" not in story
