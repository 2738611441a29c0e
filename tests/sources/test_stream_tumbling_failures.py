"""Tumbling windows when invocations fail: what is tried, what is given up, where the state goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.streams import (
    REPORT,
    add,
    connect,
    ends,
    flushed,
    make,
    numbers,
    outcomes,
    put,
    report,
    summing,
    told,
)


@pytest.mark.parametrize("answer", [None, [], "state", {"sum": 3}, {"batchItemFailures": []}])
def test_an_answer_without_a_state_fails(answer: Any) -> None:
    lab, clicks = make()
    failed = lab.sqs.create_queue("failed")
    summing(lab, lambda event, found: answer if found else add(event, found))
    mapping = connect(
        lab, clicks, "count", tumbling_window=10, maximum_retry_attempts=1, on_failure=failed
    )
    put(clicks, 1, 2)
    lab.run(until=60)
    assert outcomes(lab) == [(2, "failure")] * 2
    assert mapping.last_processing_result == "PROBLEM: Function call failed"
    [message] = failed.messages
    assert message.body["responseContext"]["functionError"] is None
    assert message.body["requestContext"]["approximateInvokeCount"] == 2
    lab.run()
    assert outcomes(lab)[2:] == [(0, "success")], "the window ends all the same"


def test_the_last_invocation_holds_everything_up_until_it_succeeds() -> None:
    lab, clicks = make()
    tries: list[int] = []

    def stubborn(event: Any, found: list[int]) -> Any:
        if event["isFinalInvokeForWindow"] and len(tries) < 4:
            tries.append(1)
            raise RuntimeError("not yet")
        return add(event, found)

    events = summing(lab, stubborn)
    connect(lab, clicks, "count", tumbling_window=10, maximum_retry_attempts=0)
    put(clicks, 1)
    lab.advance(12)
    put(clicks, 2)
    lab.run(until=100)
    first = [("00:00:00", [], {"sum": 1}, True)] * 5
    assert told(events) == [
        ("00:00:00", [1], {}, False), *first, ("00:00:10", [2], {}, False),
    ]  # fmt: skip
    assert flushed(lab) == [0, 12, 12.25, 12.75, 13.75, 15.75, 15.75]
    assert outcomes(lab)[1:5] == [(0, "failure")] * 4
    lab.run()


@pytest.mark.parametrize("reserved", [None, 0])
def test_a_last_invocation_that_never_succeeds_ends_with_its_records(reserved: int | None) -> None:
    """In vain for a day, as long as the stream keeps records; else a run would have no end."""
    lab, clicks = make()

    def forgetful(event: Any, found: list[int]) -> Any:
        return {} if event["isFinalInvokeForWindow"] else add(event, found)

    events = summing(lab, forgetful)
    mapping = connect(lab, clicks, "count", tumbling_window=10)
    put(clicks, 1)
    lab.run(until=5)
    lab.put_function_concurrency("count", reserved)
    lab.run()
    assert 86_410 <= lab.elapsed <= 86_470
    assert (mapping.state, mapping.behind) == ("Enabled", 0)
    lab.put_function_concurrency("count", None)
    put(clicks, 2)
    lab.run(until=lab.elapsed + 5)
    assert told(events)[-1][1:] == ([2], {}, False), "then the next window begins"
    lab.run()


def test_its_records_are_given_up_and_it_goes_on_without_them() -> None:
    lab, clicks = make()
    failed = lab.sqs.create_queue("failed")

    def answer(event: Any, found: list[int]) -> Any:
        if 2 in found:
            raise ValueError("poison")
        return add(event, found)

    events = summing(lab, answer)
    connect(
        lab, clicks, "count", tumbling_window=10, maximum_batching_window=300, on_failure=failed,
        maximum_retry_attempts=1,
    )  # fmt: skip
    put(clicks, 1, 2)
    lab.run()
    assert told(events) == [
        ("00:00:00", [1, 2], {}, True), ("00:00:00", [1, 2], {}, True), ("00:00:00", [], {}, True),
    ]  # fmt: skip
    assert ends(lab) == {("dropped", "retries_exhausted"): 2}
    assert len(failed.messages) == 1


def test_what_grew_too_old_is_given_up_and_the_window_ends() -> None:
    lab, clicks = make()
    events = summing(lab, lambda event, found: add(event, found) if not found else None)
    connect(lab, clicks, "count", tumbling_window=10, maximum_record_age=60)
    put(clicks, 1)
    lab.run()
    assert [numbers(event) for event in events] == [[1]] * 8 + [[]]
    assert ends(lab) == {("dropped", "record_age_exceeded"): 1}


def test_the_state_goes_from_half_to_half() -> None:
    lab, clicks = make()
    runs: list[int] = []

    def answer(event: Any, found: list[int]) -> Any:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("once")
        return add(event, found)

    events = summing(lab, answer)
    connect(
        lab, clicks, "count", tumbling_window=10, bisect_batch_on_function_error=True,
        maximum_batching_window=300,
    )  # fmt: skip
    put(clicks, 1, 2, 3)
    lab.run()
    assert told(events) == [
        ("00:00:00", [1, 2, 3], {}, True),
        ("00:00:00", [1, 2], {}, False),
        ("00:00:00", [3], {"sum": 3}, True),
    ]


def test_a_state_comes_with_the_records_that_failed() -> None:
    lab, clicks = make()
    runs: list[int] = []

    def answer(event: Any, found: list[int]) -> Any:
        runs.append(1)
        if len(runs) == 1:
            return add(event, [n for n in found if n < 3]) | report(event, 3)
        if len(runs) == 2:
            return {"state": {"sum": -1}} | report(event, 3)  # nothing done: nothing to keep
        return add(event, found)

    events = summing(lab, answer)
    connect(lab, clicks, "count", tumbling_window=10, function_response_types=REPORT)
    put(clicks, 1, 2, 3, 4)
    lab.run()
    assert told(events) == [
        ("00:00:00", [1, 2, 3, 4], {}, False),
        ("00:00:00", [3, 4], {"sum": 3}, False),
        ("00:00:00", [3, 4], {"sum": 3}, False),
        ("00:00:00", [], {"sum": 10}, True),
    ]
    assert outcomes(lab) == [(4, "partial"), (2, "partial"), (2, "success"), (0, "success")]
