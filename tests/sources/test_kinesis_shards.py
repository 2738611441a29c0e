"""Shards: they hold every hash key once, are split and merged, and lose nothing on the way."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidArgumentException,
    InvalidSetting,
    ProvisionedThroughputExceededException,
    UnknownName,
)
from lambdalab.sources.kinesis.service import Stream
from lambdalab.sources.streams.shard import HASH_KEYS, Budget, Shard, even_ranges, hash_key_of

FIRST, SECOND, THIRD = (f"shardId-00000000000{number}" for number in range(3))


def ranges(stream: Stream) -> list[tuple[int, int]]:
    shards = [shard for shard in stream.shards if shard.state == "open"]
    return sorted((shard.starting_hash_key, shard.ending_hash_key) for shard in shards)


def check_ranges(stream: Stream) -> None:
    """The open shards hold each hash key once."""
    found = ranges(stream)
    assert (found[0][0], found[-1][1]) == (0, HASH_KEYS - 1)
    assert all(one[1] + 1 == next_one[0] for one, next_one in pairwise(found))


@given(st.integers(1, 500))
def test_even_ranges_hold_every_key_once(count: int) -> None:
    found = even_ranges(count)
    assert (found[0][0], found[-1][1], len(found)) == (0, HASH_KEYS - 1, count)
    assert all(one[1] + 1 == two[0] for one, two in pairwise(found))
    widths = [last - first + 1 for first, last in found]
    assert max(widths) - min(widths) < count


def test_three_shards_are_cut_as_on_aws(lab: ll.Lab) -> None:
    """The ranges of a stream of three shards, as describe-stream shows them."""
    clicks = lab.kinesis.create_stream("clicks", shard_count=3)
    assert ranges(clicks) == [
        (0, 113427455640312821154458202477256070484),
        (113427455640312821154458202477256070485, 226854911280625642308916404954512140969),
        (226854911280625642308916404954512140970, 340282366920938463463374607431768211455),
    ]


def test_a_shard_is_split_in_the_middle(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    clicks.put_record("before", "k")
    low, high = clicks.split_shard(FIRST)
    assert (low.shard_id, high.shard_id) == (SECOND, THIRD)
    assert (low.parent_shard_id, high.adjacent_parent_shard_id) == (FIRST, "")
    assert ranges(clicks) == [(0, 2**127 - 1), (2**127, 2**128 - 1)]
    assert [low.holds(key) for key in (0, 2**127 - 1, 2**127)] == [True, True, False]
    assert [high.holds(key) for key in (2**127 - 1, 2**127, 2**128 - 1)] == [False, True, True]
    parent = clicks.shards[0]
    assert (parent.state, len(parent)) == ("closed", 1), "its record stays where it is"
    assert clicks.put_record("after", "k").shard_id in (SECOND, THIRD)
    assert "closed" in repr(clicks.shards)
    assert f"from {FIRST}" in repr(clicks.shards)
    assert "2 open shards" in repr(clicks)


def test_a_shard_is_split_where_one_says(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    clicks.split_shard(clicks.shards[0], "100")
    assert ranges(clicks) == [(0, 99), (100, 2**128 - 1)]


def test_two_shards_are_merged(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", 2)
    child = clicks.merge_shards(FIRST, SECOND)
    assert (child.shard_id, child.parent_shard_id) == (THIRD, FIRST)
    assert child.adjacent_parent_shard_id == SECOND
    assert ranges(clicks) == [(0, 2**128 - 1)]
    assert clicks.put_record("x", "k").shard_id == THIRD


def test_what_cannot_be_split_or_merged(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", 3)
    ends = clicks.shards[0].starting_hash_key, clicks.shards[0].ending_hash_key
    for key in (*ends, ends[0] + 1, ends[1] + 1):
        with pytest.raises(InvalidArgumentException, match="NewStartingHashKey"):
            clicks.split_shard(FIRST, key)
    for bad in (-1, 2**128, "x", 1.5):
        with pytest.raises(InvalidSetting, match="new_starting_hash_key"):
            clicks.split_shard(FIRST, bad)  # type: ignore[arg-type]
    for pair in ((FIRST, THIRD), (SECOND, FIRST), (FIRST, FIRST)):
        with pytest.raises(InvalidArgumentException, match="not an adjacent pair"):
            clicks.merge_shards(*pair)
    with pytest.raises(UnknownName):
        clicks.merge_shards(FIRST, "shardId-000000000009")
    assert len(clicks.shards) == 3
    clicks.split_shard(FIRST)
    with pytest.raises(InvalidArgumentException, match="is closed"):
        clicks.split_shard(FIRST)
    with pytest.raises(InvalidArgumentException, match="went to shardId-000000000003"):
        clicks.merge_shards(FIRST, SECOND)


def test_a_childs_sequence_numbers_come_after_its_parents(lab: ll.Lab) -> None:
    """In the same second, too."""
    clicks = lab.kinesis.create_stream("clicks")
    last = clicks.put_record("parent", "k").sequence_number
    clicks.split_shard(FIRST)
    end = clicks.shards[0].ending_sequence_number
    child = clicks.put_record("child", "k").sequence_number
    assert end is not None
    assert int(last) < int(end) < int(child)


def test_the_sixteenth_shard_too(lab: ll.Lab) -> None:
    """Sequence numbers hold four bits of the shard's number far in front: they begin anew."""
    clicks = lab.kinesis.create_stream("clicks", 16)
    last = clicks.put_record("parent", "k", 2**128 - 1).sequence_number
    clicks.split_shard("shardId-000000000015")
    assert int(clicks.put_record("child", "k", 2**128 - 1).sequence_number) > int(last)


def test_a_child_has_limits_of_its_own() -> None:
    lab = ll.Lab(quotas={"kinesis_shard_records": 1})
    clicks = lab.kinesis.create_stream("clicks")
    clicks.put_record("x", "k")
    clicks.split_shard(FIRST)
    clicks.put_record("x", "k")
    with pytest.raises(ProvisionedThroughputExceededException):
        clicks.put_record("x", "k")


def test_shards_are_a_list_with_a_picture(lab: ll.Lab) -> None:
    shards = lab.kinesis.create_stream("clicks", 12).shards
    assert (len(shards), shards[-1].shard_id, len(shards[:2])) == (12, "shardId-000000000011", 2)
    assert repr(shards).splitlines()[0] == "12 shards in 'clicks'"
    assert repr(shards).splitlines()[-1] == "... and 2 more"
    assert shards._repr_html_().count("<tr>") == 10
    assert repr(shards[0]).startswith("<shardId-000000000000, open: 0 records, hash keys 0 to ")
    assert repr(lab.kinesis["clicks"].records) == "0 records in 'clicks'"


# ---- what no limit lets pass


@given(
    st.integers(1, 5),
    st.integers(10, 100),
    st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 120)), max_size=60),
)
def test_no_second_has_more_than_a_budget(
    items: int, size: int, asked: list[tuple[int, int]]
) -> None:
    budget, now = Budget(items, size), 0
    taken: list[tuple[int, int]] = []
    for wait, wanted in asked:
        now += wait
        lacks = budget.lacks(now, wanted)
        recent = [(at, got) for at, got in taken if at > now - 1_000_000]
        if lacks is None:
            budget.take(now, wanted)
            taken.append((now, wanted))
            assert len(recent) < items
            assert not recent or sum(got for _, got in recent) + wanted <= size
        else:
            assert recent or any(got > size for _, got in taken), "refused for a reason"


# ---- random lives of a stream

KEYS = [f"k{number}" for number in range(12)]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 11), st.integers(1, 40)),
        st.tuples(st.just("wait"), st.integers(0, 900), st.just(0)),
        st.tuples(st.just("split"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("merge"), st.integers(0, 30), st.just(0)),
    ),
    max_size=60,
)


def act(lab: ll.Lab, stream: Stream, step: tuple[str, int, int]) -> list[tuple[str, int]]:
    """Do one step; the keys and numbers of records that were taken."""
    verb, number, size = step
    shards = sorted(stream.store.open_shards, key=lambda shard: shard.starting_hash_key)
    if verb == "put":
        key = KEYS[number]
        try:
            stream.put_record("x" * size, key)
        except ProvisionedThroughputExceededException:
            return []
        return [(key, stream.records[-1].number)]
    if verb == "wait":
        lab.advance(number / 1_000)
    elif verb == "split" and len(shards) < 20:
        stream.split_shard(shards[number % len(shards)])
    elif verb == "merge" and len(shards) > 1:
        place = number % (len(shards) - 1)
        stream.merge_shards(shards[place], shards[place + 1])
    return []


def read_all(lab: ll.Lab, stream: Stream) -> list[int]:
    """The numbers of all records, each shard read after its parents."""
    found: list[int] = []
    done: set[str] = set()
    waiting = list(stream.shards)
    while waiting:
        shard = next(s for s in waiting if {parent.shard_id for parent in s.parents} <= done)
        waiting.remove(shard)
        iterator = stream.get_shard_iterator(shard)
        while iterator is not None:
            lab.advance(1)
            read = stream.get_records(iterator, limit=3)
            found += [record.number for record in read]
            iterator = read.next_shard_iterator if read.records else None
        done.add(shard.shard_id)
    return found


@settings(max_examples=60)
@given(st.integers(1, 4), STEPS)
def test_nothing_is_lost_and_each_key_keeps_its_order(
    count: int, steps: list[tuple[str, int, int]]
) -> None:
    lab = ll.Lab(seed=7, quotas={"kinesis_shard_records": 3, "kinesis_shard_bytes": 60})
    stream = lab.kinesis.create_stream("clicks", shard_count=count)
    taken: list[tuple[str, int]] = []
    for step in steps:
        taken += act(lab, stream, step)
        check_ranges(stream)
    by_shard: dict[Shard, list[int]] = defaultdict(list)
    for record in stream.records:
        assert record.hash_key == hash_key_of(record.partition_key)
        assert record.shard.holds(record.hash_key)
        by_shard[record.shard].append(int(record.sequence_number))
        for parent in record.shard.parents:
            assert int(record.sequence_number) > int(parent.ending_sequence_number or 0)
    for rising in by_shard.values():
        assert sorted(set(rising)) == rising
    check_rates(stream)
    found = read_all(lab, stream)
    assert sorted(found) == [number for _, number in taken], "each once, none lost"
    order = {number: place for place, number in enumerate(found)}
    for key in KEYS:
        places = [order[number] for known, number in taken if known == key]
        assert places == sorted(places)
    throttles = lab.trace.scaling
    puts = sum(verb == "put" for verb, _, _ in steps)
    assert len(taken) + len(throttles) == puts, "refused is written down"
    lab.run(until="25h")
    assert stream.depth == 0
    assert (lab.trace.queue_events.action == "expired").sum() == len(taken)


def check_rates(stream: Stream) -> None:
    """In no second has a shard taken more than 3 records or 60 bytes."""
    for shard in stream.shards:
        mine = [record for record in stream.records if record.shard is shard]
        for record in mine:
            second = [
                other for other in mine
                if record.arrived_at <= other.arrived_at < record.arrived_at + 1_000_000
            ]  # fmt: skip
            assert len(second) <= 3
            assert sum(other.size for other in second) <= 60
