"""Streams: making them, putting records in, what is refused, how long records stay, a second run."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidSetting,
    LabClosed,
    LimitExceededException,
    ProvisionedThroughputExceededException,
    ResourceInUseException,
    UnknownName,
    UnknownSetting,
)

MIB = 1024 * 1024
DAY = 24 * 3600


def told(lab: ll.Lab, stream: str = "clicks") -> list[tuple[str, str, int]]:
    rows = lab.trace.queue_events
    rows = rows[rows.queue == stream]
    return list(zip(rows.action, rows.cause, rows.depth, strict=True))


# ---- putting


def test_a_record_is_put_and_seen(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    shard_id, number = clicks.put_record({"page": 1, "who": "Zoë"}, "ann")
    [record] = clicks.records
    assert shard_id == "shardId-000000000000" == record.shard.shard_id
    assert number == record.sequence_number
    assert record.data == '{"page": 1, "who": "Zoë"}'.encode()
    assert record.json() == {"page": 1, "who": "Zoë"}
    assert (repr(record), record.partition_key, clicks.depth) == ("m1", "ann", 1)
    assert told(lab) == [("sent", "message_sent", 1)]
    row = lab.trace.queue_events.iloc[0]
    assert (row.kind, row.event_id) == ("stream", f"00000001{row.event_id[8:]}")


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"raw"), b"raw"),
        ("text", b"text"),
        ("", b""),
        (b"", b""),
        ([1, None], b"[1, null]"),
        (1.5, b"1.5"),
    ],
)
def test_data_of_any_kind(lab: ll.Lab, data: object, kept: bytes) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    clicks.put_record(data, "k")
    assert clicks.records[0].data == kept


def test_records_and_messages_are_numbered_together(lab: ll.Lab) -> None:
    orders, clicks = lab.sqs.create_queue("orders"), lab.kinesis.create_stream("clicks")
    assert repr(orders.send("a")) == "m1"
    clicks.put_record("b", "k")
    assert repr(clicks.records[0]) == "m2"
    assert repr(orders.send("c")) == "m3"


def test_sequence_numbers_are_like_the_services(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=3)
    puts = []
    for number in range(60):
        puts.append(clicks.put_record(number, f"k{number}"))
        lab.advance(0.25)
    for shard in clicks.shards:
        mine = [put.sequence_number for put in puts if put.shard_id == shard.shard_id]
        assert len(mine) > 5
        assert all(len(number) == 56 and number.startswith("496") for number in mine)
        assert sorted(set(mine)) == mine
        assert all(int(number) > int(shard.starting_sequence_number) for number in mine)


def test_the_partition_keys_md5_decides_the_shard(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=4)
    for key in ("ann", "bob", "Zoë", "x" * 256):
        number = int(hashlib.md5(key.encode()).hexdigest(), 16)
        assert clicks.put_record("x", key).shard_id == f"shardId-{number * 4 >> 128:012d}"


@pytest.mark.parametrize(
    ("key", "index"), [(0, 0), ("0", 0), (2**127 - 1, 0), (2**127, 1), (str(2**128 - 1), 1)]
)
def test_an_explicit_hash_key_decides_instead(lab: ll.Lab, key: int | str, index: int) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=2)
    assert clicks.put_record("x", "same", key).shard_id == clicks.shards[index].shard_id


NESTED: list[Any] = []
for _ in range(100_000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (({1, 2}, "k"), "data"),
        (("\ud800", "k"), "data"),
        ((NESTED, "k"), "data"),
        (("x", ""), "partition_key"),
        (("x", "k" * 257), "partition_key"),
        (("x", 5), "partition_key"),
        (("x", "\ud800"), "partition_key"),
        (("x", "k", -1), "explicit_hash_key"),
        (("x", "k", 2**128), "explicit_hash_key"),
        (("x", "k", "01"), "explicit_hash_key"),
        (("x", "k", True), "explicit_hash_key"),
        (("x" * MIB, "k"), "record"),
    ],
)
def test_what_is_refused_is_not_put(lab: ll.Lab, arguments: tuple[Any, ...], word: str) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    with pytest.raises(InvalidSetting, match=word):
        clicks.put_record(*arguments)
    with pytest.raises(InvalidSetting, match=word):
        clicks.put_records([("fine", "k"), arguments])
    assert clicks.depth == 0
    clicks.put_record("next", "k")
    assert repr(clicks.records[0]) == "m1", "and no number is used up"


def test_the_largest_record_counts_its_partition_key(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    clicks.put_record(b"x" * (MIB - 2), "kk")
    assert clicks.records[0].size == MIB
    with pytest.raises(InvalidSetting, match=r"1,048,577 bytes.*1,048,576"):
        clicks.put_record(b"x" * (MIB - 2), "kkk")


def test_larger_records_by_later_rules() -> None:
    early = ll.Lab()
    with pytest.raises(InvalidSetting, match="max_record_size"):
        early.kinesis.create_stream("clicks", max_record_size=10_240)
    late = ll.Lab(rules="2025-10-27")
    clicks = late.kinesis.create_stream("clicks")
    with pytest.raises(InvalidSetting, match="1,048,576"):
        clicks.put_record(b"x" * (2 * MIB), "k")
    clicks.update_max_record_size(10_240)
    clicks.put_record(b"x" * (4 * MIB), "k")
    late.advance(3.9)
    with pytest.raises(ProvisionedThroughputExceededException):
        clicks.put_record("small", "k")
    late.advance("4s")
    clicks.put_record("small", "k")


# ---- limits of a shard


def test_a_thousand_records_a_second_and_no_more(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    for number in range(1_000):
        clicks.put_record(number, "k")
    with pytest.raises(ProvisionedThroughputExceededException) as caught:
        clicks.put_record("one more", "k")
    assert caught.value.status_code == 400
    assert caught.value.code == "ProvisionedThroughputExceededException"
    assert caught.value.message == (
        "Rate exceeded for shard shardId-000000000000 in stream clicks under account 123456789012."
    )
    [row] = lab.trace.scaling.itertuples()
    assert (row.subject, row.kind) == ("clicks/shardId-000000000000", "throttle")
    assert (row.before, row.cause) == (1_000, "throttled_shard")
    lab.advance(0.999999)
    with pytest.raises(ProvisionedThroughputExceededException):
        clicks.put_record("one more", "k")
    lab.advance(0.000001)
    clicks.put_record("one more", "k")
    assert clicks.depth == 1_001


def test_a_mebibyte_a_second_and_each_shard_has_its_own(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=2)
    half = b"x" * (MIB // 2 - 1)
    for _ in range(2):
        clicks.put_record(half, "k", 0)
    with pytest.raises(ProvisionedThroughputExceededException, match="000000000000"):
        clicks.put_record("", "k", 0)
    assert lab.trace.scaling.before.tolist() == [MIB]
    clicks.put_record(half, "k", 2**127)


def test_put_records_succeed_and_fail_one_by_one(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    half = b"x" * (MIB // 2 - 1)
    results = clicks.put_records(
        [(half, "a"), [half, "b", None], {"Data": "late", "PartitionKey": "c"}, ("", "d")]
    )
    assert [result.error_code for result in results] == [
        None, None, *["ProvisionedThroughputExceededException"] * 2,
    ]  # fmt: skip
    assert results.failed_record_count == 2
    assert repr(results) == "<2 records put, 2 failed>"
    assert results[2].shard_id is None
    assert str(results[2].error_message).startswith("Rate exceeded for shard shardId-")
    assert [record.partition_key for record in clicks.records] == ["a", "b"]
    assert len(lab.trace.scaling) == 2


@pytest.mark.parametrize(
    "records",
    [
        [],
        [("x", "k")] * 501,
        "text",
        {"Data": "x", "PartitionKey": "k"},
        5,
        ["xk"],
        [("x",)],
        [{"Data": "x"}],
        [{"Data": "x", "PartitionKey": "k", "Key": 1}],
        [(b"x" * (MIB - 1), "k")] * 5 + [("x", "k")],
    ],
)
def test_put_records_that_cannot_be(lab: ll.Lab, records: Any) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    with pytest.raises(InvalidSetting, match="records"):
        clicks.put_records(records)
    assert clicks.depth == 0
    assert not len(lab.trace.scaling)


def test_put_records_takes_the_names_of_put_record_too(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    results = clicks.put_records([
        {"data": "a", "partition_key": "k"},
        {"data": "b", "partition_key": "k", "explicit_hash_key": "0"},
        {"Data": "c", "PartitionKey": "k"},
    ])  # fmt: skip
    assert results.failed_record_count == 0
    assert [record.data for record in clicks.records] == [b"a", b"b", b"c"]
    with pytest.raises(InvalidSetting, match="partition_key"):
        clicks.put_records([{"data": "a", "Data": "b", "PartitionKey": "k"}])


def test_the_most_that_put_records_takes(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=5)
    assert clicks.put_records([("x", "k")] * 500).failed_record_count == 0
    lab.advance(1)
    big = [(b"x" * (MIB - 1), "k", 2**128 // 5 * number + 1) for number in range(5)]
    assert clicks.put_records(big).failed_record_count == 0


def test_limits_can_be_changed() -> None:
    lab = ll.Lab(quotas={"kinesis_shard_records": 2, "kinesis_put_records": 3})
    clicks = lab.kinesis.create_stream("clicks")
    assert clicks.put_records([("x", "k")] * 3).failed_record_count == 1


# ---- handlers


def test_a_handler_puts_records_and_meets_the_limit() -> None:
    lab = ll.Lab(seed=7, quotas={"kinesis_shard_records": 1})
    clicks = lab.kinesis.create_stream("clicks")

    @lab.function
    def click(event: Any, context: Any) -> str:
        clicks.put_record(event, "k")
        try:
            clicks.put_record(event, "k")
        except ProvisionedThroughputExceededException as error:
            return error.code
        return "both"

    reply = lab.invoke(click, {"n": 1})
    assert reply.payload == "ProvisionedThroughputExceededException"
    [row] = lab.trace.queue_events.itertuples()
    assert row.request_id == reply.request_id


# ---- retention


def test_a_record_stays_for_a_day(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=2)
    clicks.put_record("a", "k")
    lab.advance(60)
    clicks.put_record("b", "j")
    lab.run(until=DAY - 0.000001)
    assert clicks.depth == 2
    lab.run(until=DAY)
    assert [record.data for record in clicks.records] == [b"b"]
    lab.run(until=DAY + 60)
    assert clicks.depth == 0
    assert told(lab)[2:] == [("expired", "retention", 1), ("expired", "retention", 0)]
    assert lab.trace.queue_events.age_ms.tolist()[2:] == [DAY * 1000.0] * 2
    assert sum(map(len, clicks.shards)) == 0


def test_records_keep_no_run_alive(lab: ll.Lab) -> None:
    lab.kinesis.create_stream("clicks").put_record("a", "k")
    lab.run()
    assert lab.elapsed == 0


def test_another_retention(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    clicks.put_record("a", "k")
    assert clicks.update_retention(48) is clicks
    lab.run(until="47h")
    clicks.put_record("b", "k")
    assert clicks.depth == 2
    clicks.update_retention(24)
    assert [record.data for record in clicks.records] == [b"b"]
    clicks.update_retention(8_760)
    assert clicks.depth == 1, "what is gone stays gone"
    for hours in (23, 8_761, 24.5, "24", True):
        with pytest.raises(InvalidSetting, match="retention_hours"):
            clicks.update_retention(hours)  # type: ignore[arg-type]
    assert clicks.retention_hours == 8_760
    assert "kept 8,760 h" in repr(clicks)


def test_many_records_come_and_go() -> None:
    """Places and sequence numbers hold when a shard's list has been cut."""
    lab = ll.Lab(quotas={"kinesis_shard_records": 10_000})
    clicks = lab.kinesis.create_stream("clicks")
    for number in range(3_000):
        clicks.put_record(number, "k")
    lab.advance("1h")
    late = [clicks.put_record(number, "k") for number in range(200)]
    lab.run(until="24h")
    assert clicks.depth == 200 == len(clicks.shards[0])
    after = clicks.get_shard_iterator(
        "shardId-000000000000",
        "AFTER_SEQUENCE_NUMBER",
        starting_sequence_number=late[149].sequence_number,
    )
    assert [record.json() for record in clicks.get_records(after)] == list(range(150, 200))
    assert clicks.put_record("new", "k").sequence_number > late[-1].sequence_number


# ---- the service


def test_streams_are_found_by_name(lab: ll.Lab) -> None:
    assert repr(lab.kinesis) == "<kinesis: no streams>"
    clicks = lab.kinesis.create_stream("clicks", 2)
    assert lab.kinesis["clicks"] is clicks
    assert (list(lab.kinesis), len(lab.kinesis)) == (["clicks"], 1)
    assert "clicks" in lab.kinesis
    assert clicks in lab.kinesis
    assert ll.Lab().kinesis.create_stream("clicks") not in lab.kinesis
    assert clicks.arn == "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
    with pytest.raises(UnknownName, match="did you mean 'clicks'"):
        lab.kinesis["click"]
    assert repr(clicks) == "<stream clicks: 0 records in 2 open shards, kept 24 h>"
    assert repr(clicks) in repr(lab.kinesis)
    assert repr(clicks) in repr(lab)
    assert "<pre>" in lab.kinesis._repr_html_()
    assert clicks._repr_html_().count("shardId-") == 2


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "é", 5, None])
def test_names_that_cannot_be(lab: ll.Lab, name: Any) -> None:
    with pytest.raises(InvalidSetting, match="name"):
        lab.kinesis.create_stream(name)
    assert len(lab.kinesis) == 0


@pytest.mark.parametrize("count", [0, -1, 501, 1.0, True, "2", None])
def test_shard_counts_that_cannot_be(lab: ll.Lab, count: Any) -> None:
    with pytest.raises(InvalidSetting, match="shard_count"):
        lab.kinesis.create_stream("clicks", shard_count=count)
    assert len(lab.kinesis) == 0


def test_a_name_is_given_once(lab: ll.Lab) -> None:
    lab.kinesis.create_stream("clicks")
    with pytest.raises(ResourceInUseException, match="already exists") as caught:
        lab.kinesis.create_stream("clicks")
    assert caught.value.status_code == 400


def test_a_wrong_keyword_suggests_the_right_one(lab: ll.Lab) -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'shard_count'"):
        lab.kinesis.create_stream("clicks", shards=2)


def test_the_accounts_shards_are_counted() -> None:
    lab = ll.Lab(quotas={"kinesis_shards": 3})
    lab.kinesis.create_stream("a", 2)
    with pytest.raises(LimitExceededException, match="Current shard count for the account: 2"):
        lab.kinesis.create_stream("b", 2)
    b = lab.kinesis.create_stream("b")
    with pytest.raises(LimitExceededException):
        b.split_shard("shardId-000000000000")
    assert len(b.shards) == 1


def test_a_closed_lab(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    iterator = clicks.get_shard_iterator("shardId-000000000000")
    lab.close()
    for act in (
        lambda: clicks.put_record("x", "k"),
        lambda: clicks.put_records([("x", "k")]),
        lambda: clicks.get_records(iterator),
        lambda: clicks.get_shard_iterator("shardId-000000000000"),
        lambda: clicks.split_shard("shardId-000000000000"),
        lambda: clicks.merge_shards("a", "b"),
        lambda: clicks.update_retention(25),
        lambda: clicks.update_max_record_size(1_024),
        lambda: lab.kinesis.create_stream("more"),
    ):
        with pytest.raises(LabClosed):
            act()


# ---- another run


def story(lab: ll.Lab) -> str:
    clicks = lab.kinesis["clicks"]
    for number in range(30):
        clicks.put_record(number, f"k{number}")
    lab.advance(10)
    clicks.split_shard("shardId-000000000001")
    clicks.put_records([(number, f"k{number}") for number in range(30)])
    lab.run(until="25h")
    return str(lab.trace.digest())


def test_reset_empties_a_stream_and_keeps_its_settings(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=2).update_retention(30)
    old = clicks.shards[0]
    first = story(lab)
    assert (clicks.depth, len(clicks.shards)) == (60, 4)
    lab.reset()
    assert (clicks.depth, clicks.retention_hours) == (0, 30)
    assert [shard.shard_id for shard in clicks.shards] == [
        "shardId-000000000000", "shardId-000000000001",
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="in this run"):
        clicks.get_shard_iterator(old)
    assert story(lab) == first
    assert repr(clicks.records[0]) == "m1"


def test_the_same_seed_gives_the_same_books() -> None:
    digests = set()
    for _ in range(2):
        lab = ll.Lab(seed=3)
        lab.kinesis.create_stream("clicks", shard_count=2)
        digests.add(story(lab))
    assert len(digests) == 1


def test_the_wiring_is_in_the_books(lab: ll.Lab) -> None:
    lab.kinesis.create_stream("clicks", shard_count=2)
    assert lab._books.wiring["kinesis"]["clicks"] == {
        "shard_count": 2, "retention_hours": 24, "max_record_size": 1024,
    }  # fmt: skip
