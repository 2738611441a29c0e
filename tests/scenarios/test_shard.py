"""A bad record: what waits behind it in a shard or a message group, and what ends that."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import Shard

LEDGER = "clicks->count (records)"


def ends(trace, queue: str = LEDGER) -> dict[str, int]:
    """How what came out of a source ended."""
    rows = trace.queue_events[trace.queue_events["queue"] == queue]
    rows = rows[rows["action"].isin(("deleted", "dropped", "expired", "dead_lettered"))]
    return rows["action"].astype(str).value_counts().to_dict()


def given_up(trace) -> set[int]:
    """The ordinals of the records that were given up."""
    rows = trace.queue_events.query("action == 'dropped'")
    return {trace.ids.parse(event)[1] for event in rows["event_id"]}


def test_without_a_limit_everything_behind_it_waits_for_a_day_and_is_lost() -> None:
    trace = Shard().run()
    assert ends(trace) == {"deleted": 50, "expired": 150}
    assert (trace.queue_events["at"].max() - trace.start).total_seconds() >= 86_400
    failed = trace.batches[trace.batches["outcome"] == "failure"]
    assert set(failed["records"]) == {10}, "the same batch, again and again"


def test_when_its_retries_are_used_up_the_whole_batch_is_given_up() -> None:
    trace = Shard(maximum_retry_attempts=3).run()
    assert given_up(trace) == set(range(51, 61))
    assert ends(trace) == {"deleted": 190, "dropped": 10}


def test_cut_in_two_only_the_bad_one_is_given_up() -> None:
    trace = Shard(maximum_retry_attempts=3, bisect=True, on_failure=True).run()
    assert given_up(trace) == {57}
    told = trace.queue_events[trace.queue_events["queue"] == "failed"]
    assert told["cause"].tolist() == ["destination"]


def test_a_partial_response_goes_on_at_the_bad_record() -> None:
    trace = Shard(maximum_retry_attempts=3, partial=True).run()
    assert given_up(trace) == {57, 58, 59, 60}
    assert set(trace.attempts["outcome"]) == {"success"}


def test_too_old_for_the_mapping() -> None:
    trace = Shard(maximum_record_age=60).run()
    dropped = trace.queue_events.query("action == 'dropped'")
    assert set(dropped["cause"]) == {"record_age_exceeded"}
    assert 57 in given_up(trace)
    assert dropped["age_ms"].min() >= 60_000


def test_another_shard_goes_on() -> None:
    trace = Shard(shards=3, maximum_record_age=60).run()
    mine = trace.batches[trace.batches["outcome"] == "failure"]["shard"].unique()
    assert len(mine) == 1
    others = trace.batches[trace.batches["shard"] != mine[0]]
    assert (others["completed_at"] - trace.start).dt.total_seconds().max() < 40


def test_in_a_fifo_queue_its_group_waits_and_no_other() -> None:
    trace = Shard(kind="fifo", shards=3, maximum_retry_attempts=2, on_failure=True).run()
    rows = trace.queue_events[trace.queue_events["queue"] == "orders.fifo"]
    assert ends(trace, "orders.fifo") == {"deleted": 199, "dead_lettered": 1}
    oldest = rows.query("action == 'received'").groupby("message_group")["age_ms"].max() / 1000
    assert oldest["g3"] > 2 * 360
    assert oldest.drop("g3").max() < 5


def test_a_fifo_queue_without_a_dead_letter_queue_keeps_it_as_long_as_it_keeps_anything() -> None:
    trace = Shard(kind="fifo", records=30, poison=7, batch_size=1, shards=2).run()
    rows = trace.queue_events.query("action == 'expired'")
    assert set(rows["message_group"]) == {"g1"}, "and what waited behind it is as old by then"
    assert trace.ids.parse(rows["event_id"].iloc[0])[1] == 7
    assert (rows["age_ms"] >= 86_400_000).all()


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        Shard,
        kind=st.sampled_from(["stream", "fifo"]),
        shards=st.integers(1, 4),
        parallelization_factor=st.integers(1, 4),
        records=st.integers(20, 80),
        rate=st.sampled_from([1.0, 7.0, 40.0]),
        poison=st.integers(1, 20),
        batch_size=st.sampled_from([1, 5, 10, 100]),
        duration=st.sampled_from([0.0, 0.1, 1.5]),
        maximum_retry_attempts=st.integers(0, 6),
        maximum_record_age=st.sampled_from([-1, 60, 300]),
        bisect=st.booleans(),
        partial=st.booleans(),
        on_failure=st.just(True),
    ),
    st.integers(0, 9),
)
def test_the_code_makes_the_same_trace_and_the_books_balance(chosen, seed) -> None:
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    trace = chosen.run(seed)
    assert space["trace"].digest() == trace.digest()
    trace.audit()
    found = ends(trace, LEDGER if chosen.kind == "stream" else "orders.fifo")
    assert sum(found.values()) == chosen.records
    assert found["deleted"] < chosen.records, "the bad one never succeeds"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "table"}, {"shards": 0}, {"parallelization_factor": 11}, {"records": 1},
        {"rate": 0}, {"poison": 201}, {"batch_size": 0}, {"duration": 60},
        {"maximum_retry_attempts": -2}, {"maximum_record_age": 59}, {"bisect": 1}, {"partial": None},
        {"on_failure": "failed"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        Shard(**wrong)
