"""S3: objects, who is told of them, and failures that are kept in a bucket."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import S3Model, S3SqsEventNotificationModel
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    BucketNotEmpty,
    EntityTooLarge,
    EntityTooSmall,
    InvalidArgument,
    InvalidBucketName,
    InvalidSetting,
    KeyTooLongError,
    NoSuchBucket,
    NoSuchKey,
    UnknownName,
    UnknownSetting,
)


def heard(lab: ll.Lab, name: str = "hear") -> list[dict[str, Any]]:
    """A function of this name, and the events that it gets."""
    events: list[dict[str, Any]] = []
    lab.function(name=name)(lambda event, context: events.append(event))
    return events


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What happened to which key, by sequencer."""
    records = [event["Records"][0] for event in events]
    records.sort(key=lambda record: record["s3"]["object"]["sequencer"])
    return [(record["eventName"], record["s3"]["object"]["key"]) for record in records]


def actions(lab: ll.Lab, queue: str) -> list[tuple[str, str]]:
    rows = lab.trace.queue_events
    rows = rows[rows["queue"] == queue]
    return list(zip(map(str, rows["action"]), map(str, rows["cause"]), strict=True))


# ---- objects


def test_objects_are_kept_read_listed_and_deleted(lab: ll.Lab) -> None:
    bucket = lab.s3.create_bucket("photos")
    made = bucket.put_object("in/b", b"abc", content_type="text/plain", metadata={"who": "me"})
    assert made.etag == hashlib.md5(b"abc").hexdigest()
    assert (made.size, made.content_type, made.metadata) == (3, "text/plain", {"who": "me"})
    bucket.put_object("in/a", {"n": 1})
    bucket.put_object("out/c", "text")
    bucket.put_object("file", io.BytesIO(b"file"))
    assert bucket.get_object("in/a").json() == {"n": 1}
    assert bucket.head_object("out/c").text == "text"
    assert [found.key for found in bucket.list_objects("in/")] == ["in/a", "in/b"]
    assert [found.key for found in bucket.objects] == list(bucket)
    assert len(bucket) == 4
    bucket.put_object("in/b", b"")
    assert bucket.get_object("in/b").size == 0
    assert made.body == b"abc", "what was read stays as it was"
    bucket.delete_object("in/b")
    bucket.delete_object("in/b")
    assert "in/b" not in bucket
    with pytest.raises(NoSuchKey, match="did you mean 'in/a'"):
        bucket.get_object("in/b")
    assert repr(bucket) == "<bucket photos: 3 objects, 16 bytes>"


def test_a_copy_comes_from_anywhere(lab: ll.Lab) -> None:
    one, other = lab.s3.create_bucket("one"), lab.s3.create_bucket("other")
    source = one.put_object("a/b", b"x", content_type="image/png")
    made = other.copy_object("c", "one/a/b")
    assert (made.body, made.content_type, made.etag) == (b"x", "image/png", source.etag)
    assert other.copy_object("d", source).body == b"x"
    with pytest.raises(NoSuchKey):
        other.copy_object("e", "one/missing")
    with pytest.raises(UnknownName, match="no bucket 'two'"):
        other.copy_object("e", "two/a")
    with pytest.raises(InvalidSetting, match="copy_source"):
        other.copy_object("e", 5)
    assert list(other) == ["c", "d"]


def test_limits_are_s3s_errors_and_nothing_is_written() -> None:
    quotas = {"s3_object_size": 10, "s3_part_size_minimum": 4, "s3_multipart_size": 15}
    lab = ll.Lab(quotas=quotas)
    bucket = lab.s3.create_bucket("photos")
    with pytest.raises(EntityTooLarge, match="s3_object_size = 10 bytes") as caught:
        bucket.put_object("k", b"x" * 11)
    assert (caught.value.code, caught.value.status_code) == ("EntityTooLarge", 400)
    with pytest.raises(KeyTooLongError):
        bucket.put_object("é" * 513)
    with pytest.raises(EntityTooSmall, match="part 1"):
        bucket.upload_parts("k", [b"x", b"x"])
    with pytest.raises(EntityTooLarge):
        bucket.upload_parts("k", [b"x" * 8, b"x" * 8])
    for bad in (b"x", [], None):
        with pytest.raises(InvalidSetting, match="parts"):
            bucket.upload_parts("k", bad)
    with pytest.raises(InvalidSetting, match="metadata"):
        bucket.put_object("k", metadata={"a": "x" * 2048})
    with pytest.raises(InvalidSetting, match="metadata"):
        bucket.put_object("k", metadata={"a": 1})  # type: ignore[dict-item]
    for key in ("", None, "\ud800"):
        with pytest.raises(InvalidSetting, match="key"):
            bucket.put_object(key)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="body"):
        bucket.put_object("k", object())
    assert not len(bucket)
    assert lab.trace.queue_events.empty
    made = bucket.upload_parts("k", [b"aaaa", b"b"])
    digests = hashlib.md5(b"aaaa").digest() + hashlib.md5(b"b").digest()
    assert made.etag == hashlib.md5(digests).hexdigest() + "-2"
    assert bucket.upload_parts("m", [b"x" * 9, b"x" * 6]).size == 15


def test_one_put_takes_5_gb() -> None:
    assert ll.Rules.as_of().s3_object_size == 5 * 1024**3


@pytest.mark.parametrize(
    "name",
    ["ab", "Photos", "a_b", "-ab", "ab-", "a..b", "10.0.0.1", "xn--ab", "a-s3alias", "x" * 64, "", 5],
)  # fmt: skip
def test_names_no_bucket_can_have(lab: ll.Lab, name: Any) -> None:
    with pytest.raises(InvalidBucketName, match="The specified bucket is not valid"):
        lab.s3.create_bucket(name)


def test_buckets_are_found_by_name(lab: ll.Lab) -> None:
    bucket = lab.s3.create_bucket("my.photos-1")
    assert lab.s3.create_bucket("my.photos-1") is bucket
    assert lab.s3["my.photos-1"] is bucket
    assert bucket.arn == "arn:aws:s3:::my.photos-1"
    with pytest.raises(UnknownName, match=r"did you mean 'my\.photos-1'"):
        lab.s3["my.photos"]
    assert not {"deliver", "begin", "arrive"} & set(dir(bucket))


# ---- notifications


def test_a_function_gets_one_record_of_awss_shape(lab: ll.Lab) -> None:
    events = heard(lab)
    bucket = lab.s3.create_bucket("photos")
    notification = bucket.notify("hear", name="new")
    made = bucket.put_object("in/a b+ü.jpg", b"abc")
    lab.run()
    (event,) = events
    (record,) = event["Records"]
    assert set(record) == {
        "eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "userIdentity",
        "requestParameters", "responseElements", "s3",
    }  # fmt: skip
    assert (record["eventSource"], record["eventVersion"]) == ("aws:s3", "2.1")
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["eventTime"] == "2025-01-07T00:00:00.000Z"
    s3 = record["s3"]
    assert s3["configurationId"] == notification.name == "new"
    assert s3["bucket"]["name"] == "photos"
    assert s3["bucket"]["arn"] == bucket.arn
    assert s3["object"]["key"] == "in/a+b%2B%C3%BC.jpg"
    assert (s3["object"]["size"], s3["object"]["eTag"]) == (3, made.etag)
    parsed = S3Model.model_validate(event)
    assert parsed.Records[0].s3.object.size == 3
    assert actions(lab, "photos->hear (new)") == [("sent", "published"), ("deleted", "accepted")]
    rows = lab.trace.queue_events
    sent, taken = rows[rows["queue"] == "photos->hear (new)"]["at"]
    assert (taken - sent).total_seconds() == 1


def test_each_way_of_writing_is_an_event_of_its_own(lab: ll.Lab) -> None:
    events = heard(lab)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("hear", ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"])
    bucket.put_object("a")
    bucket.post_object("b")
    bucket.copy_object("c", "photos/a")
    bucket.upload_parts("d", [b"x"])
    bucket.delete_object("a")
    bucket.delete_object("never was")
    lab.run()
    assert told(events) == [
        ("ObjectCreated:Put", "a"), ("ObjectCreated:Post", "b"), ("ObjectCreated:Copy", "c"),
        ("ObjectCreated:CompleteMultipartUpload", "d"), ("ObjectRemoved:Delete", "a"),
    ]  # fmt: skip
    for event in events:
        S3Model.model_validate(event)
        if event["Records"][0]["eventName"] == "ObjectRemoved:Delete":
            assert set(event["Records"][0]["s3"]["object"]) == {"key", "sequencer"}


def test_prefix_suffix_and_event_decide_and_the_rest_is_filtered(lab: ll.Lab) -> None:
    events = heard(lab)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("hear", "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg")
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg", "in/"):
        bucket.put_object(key)
    bucket.post_object("in/b.jpg")
    bucket.delete_object("in/a.jpg")
    lab.run()
    assert told(events) == [("ObjectCreated:Put", "in/a.jpg")]
    assert actions(lab, "photos->hear").count(("filtered", "pattern_mismatch")) == 5
    assert actions(lab, "photos")[-1] == ("filtered", "pattern_mismatch"), "nobody heard of it"


@given(
    st.lists(st.tuples(*[st.text("ab", max_size=2)] * 2), min_size=2, max_size=2, unique=True),
    st.text("ab", min_size=1, max_size=5),
)
def test_what_may_stand_side_by_side_never_tells_twice(
    filters: list[tuple[str, str]], key: str
) -> None:
    lab = ll.Lab()
    lab.create_function("one", duration=0.1)
    lab.create_function("two", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("one", prefix=filters[0][0], suffix=filters[0][1])
    try:
        bucket.notify("two", prefix=filters[1][0], suffix=filters[1][1])
    except InvalidArgument:
        return
    bucket.put_object(key)
    lab.run()
    assert len(lab.trace.invocations) <= 1


def test_overlapping_notifications_are_refused_in_s3s_words(lab: ll.Lab) -> None:
    lab.create_function("one", duration=0.1)
    lab.create_function("two", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    first = bucket.notify("one")
    with pytest.raises(InvalidArgument, match="cannot share a common event type") as caught:
        bucket.notify("two", "s3:ObjectCreated:Copy")
    assert "bucket.remove_notification('one')" in str(caught.value)
    with pytest.raises(InvalidArgument, match="Configuration is ambiguously defined"):
        bucket.notify("two", suffix=".jpg")
    bucket.notify("two", "s3:ObjectRemoved:*")
    assert bucket.notify("one") is first
    bucket.notify("one", prefix="in/", suffix=".jpg", name="one")
    bucket.notify("two", prefix="in/", suffix=".png")
    assert [each.name for each in bucket.notifications] == ["one", "two", "two-2"]
    assert lab.get_policy("two")["Statement"][0]["Condition"] == {
        "ArnLike": {"AWS:SourceArn": bucket.arn}
    }
    bucket.remove_notification("two")
    with pytest.raises(UnknownName, match="there is no notification 'two'"):
        bucket.remove_notification("two")


def test_queues_and_topics_hear_too_beginning_with_the_test_event(lab: ll.Lab) -> None:
    events = heard(lab)
    queue, topic = lab.sqs.create_queue("q"), lab.sns.create_topic("t")
    topic.subscribe("hear")
    bucket = lab.s3.create_bucket("photos")
    bucket.notify(queue, "s3:ObjectCreated:*")
    bucket.notify(topic, "s3:ObjectRemoved:*")
    (first,) = queue.receive()
    assert first.json()["Event"] == "s3:TestEvent"
    queue.delete(first)
    bucket.put_object("a")
    bucket.delete_object("a")
    lab.run()
    (second,) = queue.messages
    assert second.body["Records"][0]["eventName"] == "ObjectCreated:Put"
    notes = [event["Records"][0]["Sns"] for event in events]
    assert {note["Subject"] for note in notes} == {"Amazon S3 Notification"}
    inside = sorted(json.loads(note["Message"]).get("Event", "") for note in notes)
    assert inside == ["", "s3:TestEvent"]


def test_every_run_begins_with_the_test_event(lab: ll.Lab) -> None:
    queue, bucket = lab.sqs.create_queue("heard"), lab.s3.create_bucket("pictures")
    bucket.notify(queue)
    digests = []
    for _ in range(2):
        bucket.put_object("a")
        lab.run()
        assert queue.messages[0].body["Event"] == "s3:TestEvent"
        digests.append(lab.trace.digest())
        lab.reset()
    assert digests[0] == digests[1]


def test_the_test_event_is_a_rule_and_queue_events_parse() -> None:
    lab = ll.Lab(quotas={"s3_test_event": False})
    events = heard(lab)
    queue, bucket = lab.sqs.create_queue("q"), lab.s3.create_bucket("photos")
    lab.create_event_source_mapping(queue, "hear")
    bucket.notify(queue)
    bucket.put_object("a")
    lab.run()
    parsed = S3SqsEventNotificationModel.model_validate(events[0])
    assert parsed.Records[0].body.Records[0].s3.bucket.name == "photos"


def test_refusals_are_tried_again_with_waits_that_double_for_some_hours() -> None:
    lab = ll.Lab(quotas={"s3_retry_wait_maximum": 8, "s3_retry_age": 60})
    lab.create_function("bill", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("bill")
    lab.faults.service_error("bill")
    bucket.put_object("a")
    lab.run()
    waits = lab.trace.requests["sent_at"].diff().dt.total_seconds().tolist()[1:]
    assert waits == [1, 2, 4, 8, 8, 8, 8, 8, 8]
    assert actions(lab, "photos->bill")[-1] == ("expired", "event_age_exceeded")


def test_without_permission_nothing_is_tried_again(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("bill")
    lab.remove_permission("bill")
    bucket.put_object("a")
    lab.run()
    assert lab.trace.requests["status_code"].tolist() == [403]
    assert actions(lab, "photos->bill")[-1] == ("dropped", "permission_denied")


@pytest.mark.parametrize(("rules", "stopped"), [("2024-10-08", False), ("2024-10-09", True)])
def test_a_bucket_that_feeds_its_own_function_is_stopped_by_date(rules: str, stopped: bool) -> None:
    lab = ll.Lab(rules=rules)

    @lab.function
    def resize(event: Any, context: Any) -> None:
        lab.s3["photos"].put_object("again", b"x")

    bucket = lab.s3.create_bucket("photos")
    bucket.notify(resize)
    bucket.put_object("first")
    lab.run(until=60)
    calls = lab.trace.invocations
    assert (str(calls["cause"].iloc[-1]) == "recursive_loop") is stopped
    assert (len(calls) == 17) is stopped
    ran = calls[calls["parent_kind"] == "event"]
    assert len(ran) == len(calls)


def test_bad_notifications_make_nothing(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    with pytest.raises(
        InvalidArgument, match=r"not supported.*did you mean 's3:ObjectCreated:Put'"
    ):
        bucket.notify("bill", "s3:ObjectCreated:Putt")
    with pytest.raises(InvalidSetting, match="others are not simulated"):
        bucket.notify("bill", ("s3:ObjectRestore:Post",))
    for events in ((), 5, {"s3:ObjectCreated:*"}):
        with pytest.raises(InvalidSetting, match="events"):
            bucket.notify("bill", events)
    with pytest.raises(UnknownSetting, match="'suffix'"):
        bucket.notify("bill", sufix=".jpg")
    with pytest.raises(InvalidSetting, match="prefix"):
        bucket.notify("bill", prefix=None)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="did you mean 'bill'"):
        bucket.notify("bil")
    with pytest.raises(InvalidSetting, match="one takes records of failures alone"):
        bucket.notify(bucket)
    with pytest.raises(InvalidSetting, match="FIFO"):
        bucket.notify(lab.sqs.create_queue("q.fifo"))
    assert not bucket.notifications
    assert lab.get_policy("bill")["Statement"] == []
    small = ll.Lab(quotas={"s3_notifications": 1})
    small.create_function("bill", duration=0.1)
    bucket = small.s3.create_bucket("photos")
    bucket.notify("bill", prefix="a")
    with pytest.raises(InvalidSetting, match="at most 1"):
        bucket.notify("bill", prefix="b")


def test_a_bucket_can_be_driven(lab: ll.Lab) -> None:
    events = heard(lab)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("hear")
    lab.drive(bucket, ll.Every(1), count=2)
    lab.drive(bucket, ll.Every(3), count=1, payload=lambda n: (f"in/{n}.jpg", b"x"))
    lab.run()
    assert sorted(key for _, key in told(events)) == ["in/0.jpg", "object-0", "object-1"]
    assert bucket.get_object("object-1").json() == {"n": 1}
    with pytest.raises(KeyTooLongError):
        lab.drive(bucket, ll.Every(1), count=1, payload=("x" * 1025, b""))


def test_a_reset_empties_the_buckets_and_keeps_the_wiring(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("bill")

    def run() -> object:
        bucket.put_object("a")
        lab.run()
        return lab.trace.queue_events.to_dict()

    first = run()
    lab.reset()
    assert not len(bucket)
    assert run() == first
    bucket.put_object("on its way")
    lab.reset()
    lab.run()
    assert lab.trace.invocations.empty


# ---- failures


def test_a_bucket_keeps_records_of_failed_events(lab: ll.Lab) -> None:
    events = heard(lab)
    bucket = lab.s3.create_bucket("failed")
    bucket.notify("hear")
    lab.create_function(
        "bill", duration=0.1, failure_rate=1, maximum_retry_attempts=0, on_failure=bucket
    )
    lab.create_function(
        "pay", duration=0.1, failure_rate=1, maximum_retry_attempts=0, on_failure=bucket.arn
    )
    lab.invoke("bill", {"n": 1}, invocation_type="Event")
    lab.invoke("pay", {"n": 2}, invocation_type="Event")
    lab.run()
    one, other = bucket.objects
    assert one.key.startswith("aws/lambda/async/bill/2025/01/07/2025-01-07T00.00.")
    assert other.key.startswith("aws/lambda/async/pay/")
    assert len(one.key.rpartition("T")[2]) == len("00.00.00-") + 36
    assert one.json()["requestPayload"] == {"n": 1}
    assert one.json()["requestContext"]["condition"] == "RetriesExhausted"
    assert {name for name, _ in told(events)} == {"ObjectCreated:Put"}


@pytest.mark.parametrize("service", ["kinesis", "dynamodb"])
def test_a_bucket_keeps_stream_records_that_were_given_up(lab: ll.Lab, service: str) -> None:
    bucket = lab.s3.create_bucket("failed")
    lab.create_function("count", duration=0.1, failure_rate=1)
    source: Any
    if service == "kinesis":
        source = lab.kinesis.create_stream("clicks")
    else:
        source = lab.dynamodb.create_table("t", stream_view_type="NEW_IMAGE")
    mapping = lab.create_event_source_mapping(
        source, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=0,
        on_failure="failed",
    )  # fmt: skip
    if service == "kinesis":
        source.put_record({"n": 1}, partition_key="a")
    else:
        source.put_item({"id": "a"})
    lab.run(until=30)
    (kept,) = bucket.objects
    start, shard, *rest = kept.key.removeprefix("aws/lambda/").split("/")
    assert start == mapping.uuid
    assert shard.startswith("shardId-")
    assert rest[:3] == ["2025", "01", "07"]
    record = kept.json()
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    (inside,) = record["payload"]["Records"]
    assert inside["eventSource"] == f"aws:{service}"


@pytest.mark.parametrize("of", ["function", "configuration", "mapping"])
def test_before_its_day_no_bucket_is_a_destination(of: str) -> None:
    lab = ll.Lab(rules="2024-11-21")
    bucket = lab.s3.create_bucket("failed")
    lab.create_function("bill", duration=0.1)
    stream = lab.kinesis.create_stream("clicks")
    make: dict[str, Callable[[], object]] = {
        "function": lambda: lab.create_function("pay", duration=0.1, on_failure=bucket),
        "configuration": lambda: lab.put_function_event_invoke_config(
            "bill", on_failure=bucket.arn
        ),
        "mapping": lambda: lab.create_event_source_mapping(
            stream, "bill", starting_position="LATEST", on_failure=bucket
        ),
    }
    with pytest.raises(InvalidSetting, match="since 2024-11-22"):
        make[of]()


def test_a_bucket_takes_failures_alone(lab: ll.Lab) -> None:
    bucket = lab.s3.create_bucket("failed")
    with pytest.raises(InvalidSetting, match="on_failure"):
        lab.create_function("bill", duration=0.1, on_success=bucket)
    with pytest.raises(InvalidSetting):
        lab.create_function("bill", duration=0.1, dead_letter_queue=bucket)
    with pytest.raises(InvalidSetting):
        lab.create_function("bill", duration=0.1, dead_letter_queue=bucket.arn)


def test_the_wiring_is_in_the_books(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("bill", suffix=".jpg")
    wired = lab._books.wiring["bucket"]["photos"]["notifications"]["bill"]
    assert (wired["target"], wired["suffix"]) == ("bill", ".jpg")
    assert wired["events"] == ["s3:ObjectCreated:*"]
    assert "<bucket photos: 0 objects, 0 bytes, notifies bill>" in repr(lab)


def test_notifying_again_lets_the_bucket_in_again(lab: ll.Lab) -> None:
    events, photos = heard(lab), lab.s3.create_bucket("photos")
    photos.notify("hear")
    for _ in range(2):  # as a cell that is run twice
        lab.remove_permission("hear", "s3-photos")
        photos.notify("hear")
    photos.put_object("cat", b"")
    lab.run()
    assert told(events) == [("ObjectCreated:Put", "cat")]


def test_more_input_that_makes_nothing(lab: ll.Lab) -> None:
    heard(lab)
    photos = lab.s3.create_bucket("photos")
    for setting, value in (
        ("body", "\ud800"),
        ("metadata", {"a": "\ud800"}),
        ("content_type", None),
    ):
        with pytest.raises(InvalidSetting, match=setting):
            photos.put_object("cat", **{setting: value})  # type: ignore[arg-type]
    for name in (5, "", "\ud800"):
        with pytest.raises(InvalidSetting, match="name"):
            photos.notify("hear", name=name)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="prefix"):
        photos.list_objects(None)  # type: ignore[arg-type]
    with pytest.raises(NoSuchKey):
        photos.get_object([])  # type: ignore[arg-type]
    with pytest.raises(UnknownName):
        photos.remove_notification([])  # type: ignore[arg-type]
    assert [] not in photos
    assert not photos.objects
    assert not photos.notifications


def test_looking_for_what_is_not_there_costs_nothing(
    lab: ll.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = lab.s3.create_bucket("photos")
    photos.put_object("cat", b"")
    with pytest.raises(NoSuchKey, match="did you mean 'cat'"):
        photos.get_object("cats")
    for number in range(100):
        photos.put_object(str(number), b"")
    monkeypatch.setattr("lambdalab.triggers.s3.bucket.suggestion", None)  # nobody looks
    with pytest.raises(NoSuchKey, match=r"'cats' in 'photos', of 101 keys"):
        photos.get_object("cats")


@pytest.mark.parametrize("way", ["function", "topic"])
def test_failures_that_only_make_failures_come_to_an_end(way: str) -> None:
    lab = ll.Lab(seed=1, quotas={"recursion_limit": 4, "s3_test_event": False})
    photos, topic = lab.s3.create_bucket("photos"), lab.sns.create_topic("orders")
    lab.create_function(
        "bill", duration=0.1, failure_rate=1, maximum_retry_attempts=0, on_failure=photos
    )
    topic.subscribe("bill")
    photos.notify("bill" if way == "function" else topic)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    ends = lab.trace.invocations["status"].astype(str).value_counts().to_dict()
    assert ends == {"failed": 4, "dropped": 5}
    assert len(photos) == 8  # of the four that ran, and of as many that were stopped
    lab.audit()


# ---- deleting


def test_an_empty_bucket_is_deleted_with_whom_it_tells(lab: ll.Lab) -> None:
    events = heard(lab)
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("hear", events=("s3:ObjectCreated:*", "s3:ObjectRemoved:*"))
    bucket.put_object("a", b"1")
    with pytest.raises(BucketNotEmpty, match=r"not empty \(1 object in 'photos'\)"):
        lab.s3.delete_bucket("photos")
    bucket.delete_object("a")
    lab.s3.delete_bucket(bucket)
    assert "photos" not in lab.s3
    lab.run()
    assert len(events) == 2  # what was on its way arrives
    for use in (
        lambda: bucket.put_object("a"),
        lambda: bucket.get_object("a"),
        bucket.list_objects,
    ):
        with pytest.raises(NoSuchBucket, match="The specified bucket does not exist"):
            use()
    for gone in ("photos", bucket):
        with pytest.raises(UnknownName):
            lab.s3.delete_bucket(gone)
    anew = lab.s3.create_bucket("photos")
    anew.put_object("a", b"1")
    lab.run()
    assert (len(events), anew.notifications) == (2, [])
    lab.reset()
    assert len(lab.s3["photos"]) == 0


def test_a_failure_record_for_a_bucket_that_is_gone_is_not_delivered() -> None:
    lab = ll.Lab(rules="latest")
    lab.s3.create_bucket("failures")

    @lab.function(maximum_retry_attempts=0, on_failure="arn:aws:s3:::failures")
    def bad(event: Any, context: Any) -> None:
        raise ValueError("no")

    lab.s3.delete_bucket("failures")
    lab.invoke(bad, {}, invocation_type="Event")
    lab.run()
    assert "delivery_failed" in set(map(str, lab.trace.queue_events["cause"]))
