"""Whatever happens to a mapping of a stream: no record is lost, and order is kept."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.streams import REPORT, connect, ends, make, numbers, report

SETTINGS = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([1, 2, 5, 100]),
        "maximum_batching_window": st.sampled_from([0, 3]),
        "parallelization_factor": st.sampled_from([1, 3]),
        "tumbling_window": st.sampled_from([0, 0, 5]),
        "maximum_retry_attempts": st.sampled_from([0, 2, -1]),
        "maximum_record_age": st.sampled_from([-1, 60]),
        "bisect_batch_on_function_error": st.booleans(),
        "function_response_types": st.sampled_from([(), REPORT]),
    }
)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 8)),
        st.tuples(st.just("wait"), st.integers(0, 4_000)),
        st.tuples(st.just("split"), st.integers(0, 9)),
        st.tuples(st.just("merge"), st.integers(0, 9)),
        st.tuples(st.just("switch"), st.just(0)),
        st.tuples(st.just("reserve"), st.integers(0, 2)),
    ),
    max_size=20,
)


@settings(max_examples=50)
@given(SETTINGS, ACTS, st.sets(st.integers(0, 40), max_size=4), st.integers(0, 2))
def test_no_record_is_lost_and_order_is_kept(
    given_settings: dict[str, Any], acts: list[tuple[str, int]], poison: set[int], flaky: int
) -> None:
    lab, clicks = make()
    runs: list[list[int]] = []
    sums: list[int] = []
    windows = bool(given_settings["tumbling_window"])
    if windows:
        given_settings = given_settings | {"parallelization_factor": 1}
    if given_settings["maximum_retry_attempts"] == given_settings["maximum_record_age"] == -1:
        poison = set()  # it would hold the others up until their stream lets them go

    def count(event: Any, context: Any) -> Any:
        found = numbers(event)
        runs.append(found)
        bad = [n for n in found if n in poison]
        if len(runs) % 3 < flaky and len(runs) < 30:
            raise RuntimeError("flaky")
        named = bool(bad and given_settings["function_response_types"])
        if bad and not named:
            raise ValueError("poison")
        answer = report(event, min(bad)) if named else {}
        if windows:
            done = sum(number < min(bad, default=number + 1) for number in found)
            answer["state"] = {"done": event["state"].get("done", 0) + done}
            if event["isFinalInvokeForWindow"] and not named:
                sums.append(answer["state"]["done"])
        return answer

    lab.create_function("count", count, init=0)
    mapping = connect(lab, clicks, "count", **given_settings)
    keys: dict[int, str] = {}
    for verb, number in acts:
        shards = clicks.store.open_shards
        if verb == "put":
            for _ in range(number):
                key = f"k{len(keys) % 5}"
                clicks.put_record(len(keys), key)
                keys[len(keys)] = key
        elif verb == "wait":
            lab.advance(number / 1_000)
        elif verb == "split" and len(shards) < 5:
            clicks.split_shard(shards[number % len(shards)])
        elif verb == "merge" and len(shards) > 1:
            place = number % (len(shards) - 1)
            clicks.merge_shards(shards[place], shards[place + 1])
        elif verb == "switch":
            mapping.update(enabled=not mapping.enabled)
        elif verb == "reserve":
            lab.put_function_concurrency("count", number)
    mapping.update(enabled=True)
    lab.put_function_concurrency("count", 100)
    lab.run()
    assert mapping.behind == 0
    assert sum(ends(lab).values()) == len(keys), "each record ends once"
    assert (lab.trace.batches.records <= given_settings["batch_size"]).all()
    if windows:
        done = sum(count for (action, _), count in ends(lab).items() if action == "deleted")
        assert sum(sums) == done, "each window's last state has all that was done in it"
    first: dict[int, int] = {}
    for place, numbers_seen in enumerate(runs):
        assert numbers_seen == sorted(numbers_seen)
        for number in numbers_seen:
            first.setdefault(number, place)
    for key in set(keys.values()):
        places = [first[number] for number in keys if keys[number] == key and number in first]
        assert places == sorted(places), "a key's records are begun in order"
    never = given_settings["maximum_record_age"] == -1
    assert not never or sorted(first) == sorted(keys), "and each is tried"
