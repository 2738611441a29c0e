"""What a function's answer does to its batch of stream records, and what a mapping tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.streams import (
    REPORT,
    connect,
    counting,
    ends,
    fail_at,
    make,
    numbers,
    outcomes,
    put,
    report,
    reporting,
)


def test_a_checkpoint_as_recorded() -> None:
    """Six records of which the last fails, three retries: 1 to 6, and 6 four times more."""
    lab, clicks = make()
    seen = reporting(lab, 6)
    failed = lab.sqs.create_queue("failed")
    connect(
        lab, clicks, "count", maximum_retry_attempts=3, function_response_types=REPORT,
        on_failure="failed",
    )  # fmt: skip
    put(clicks, *range(1, 7))
    lab.run()
    assert seen == [[1, 2, 3, 4, 5, 6]] + [[6]] * 4
    [message] = failed.messages
    assert message.body["requestContext"]["approximateInvokeCount"] == 4
    assert message.body["responseContext"]["functionError"] is None
    assert message.body["KinesisBatchInfo"]["batchSize"] == 1
    assert outcomes(lab) == [(6, "partial")] + [(1, "partial")] * 4
    assert ends(lab) == {
        ("deleted", "partial_batch_failure"): 5, ("dropped", "retries_exhausted"): 1,
    }  # fmt: skip


def test_a_shortened_batch_has_all_its_retries() -> None:
    lab, clicks = make()
    seen: list[list[int]] = []

    @lab.function(init=0)
    def count(event: Any, context: Any) -> Any:
        seen.append(numbers(event))
        if len(seen) == 1:
            raise ValueError("once")
        return report(event, 3)

    connect(
        lab, clicks, "count", maximum_retry_attempts=1, function_response_types=REPORT,
    )  # fmt: skip
    put(clicks, 1, 2, 3, 4)
    lab.run()
    assert seen == [[1, 2, 3, 4], [1, 2, 3, 4], [3, 4], [3, 4]], "from the lowest that is named"


@pytest.mark.parametrize(
    "answer", ["", None, {}, [], {"batchItemFailures": []}, {"batchItemFailures": None}]
)
def test_answers_that_mean_success(answer: Any) -> None:
    lab, clicks = make()
    seen = counting(lab, lambda found: answer)
    connect(lab, clicks, "count", function_response_types=REPORT)
    put(clicks, 0, 1)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0, 1]], [(2, "success")])


@pytest.mark.parametrize(
    "entries",
    [
        [{"itemIdentifier": ""}],
        [{"itemIdentifier": None}],
        [{"foo": "bar"}],
        [{"foo": None}],
        [{"itemIdentifier": "4959"}],
    ],
)
def test_answers_that_fail_the_whole_batch(entries: Any) -> None:
    lab, clicks = make()
    seen = counting(lab, lambda found: {"batchItemFailures": entries})
    connect(lab, clicks, "count", function_response_types=REPORT, maximum_retry_attempts=1)
    put(clicks, 0, 1)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0, 1]] * 2, [(2, "failure")] * 2)


def test_without_the_feature_the_answer_says_nothing() -> None:
    lab, clicks = make()
    seen = counting(lab, lambda found: {"batchItemFailures": [{"itemIdentifier": ""}]})
    connect(lab, clicks, "count")
    put(clicks, 0)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0]], [(1, "success")])


def test_the_cut_is_where_the_answer_says_with_bisecting_too() -> None:
    lab, clicks = make()
    seen = reporting(lab, 5)
    connect(
        lab, clicks, "count", maximum_retry_attempts=1, function_response_types=REPORT,
        bisect_batch_on_function_error=True,
    )  # fmt: skip
    put(clicks, *range(8))
    lab.run()
    assert seen == [[0, 1, 2, 3, 4, 5, 6, 7], [5, 6, 7], [5, 6, 7]]
    assert ends(lab) == {
        ("deleted", "partial_batch_failure"): 5, ("dropped", "retries_exhausted"): 3,
    }  # fmt: skip


# ---- what a mapping tells of it


def test_the_last_processing_result() -> None:
    lab, clicks = make()
    counting(lab, fail_at(1))
    mapping = connect(lab, clicks, "count", batch_size=1, maximum_retry_attempts=0)
    assert mapping.last_processing_result == "No records processed"
    put(clicks, 0)
    lab.run()
    assert mapping.last_processing_result == "OK"
    put(clicks, 1)
    lab.run()
    assert mapping.last_processing_result == "PROBLEM: Function call failed"
    put(clicks, 2)
    lab.run()
    assert mapping.last_processing_result == "OK"
    lab.reset()
    assert mapping.last_processing_result == "No records processed"


def test_a_throttle_is_a_call_that_failed() -> None:
    lab, clicks = make()
    counting(lab, reserved_concurrency=0)
    mapping = connect(lab, clicks, "count")
    put(clicks, 0)
    lab.run(until=1)
    assert mapping.last_processing_result == "PROBLEM: Function call failed"
    lab.put_function_concurrency("count", 1)
    lab.run()
    assert mapping.last_processing_result == "OK"


@pytest.mark.parametrize(
    ("named", "result"), [(True, "OK"), (False, "PROBLEM: Function call failed")]
)
def test_an_answer_that_names_records_is_a_call_that_did_not_fail(named: bool, result: str) -> None:
    lab, clicks = make()
    answer = {"batchItemFailures": [{"itemIdentifier": "4959"}]}

    def count(event: Any, context: Any) -> Any:
        return report(event, 1) if named else answer

    lab.create_function("count", count)
    mapping = connect(
        lab, clicks, "count", function_response_types=REPORT, maximum_retry_attempts=0
    )
    put(clicks, 0, 1)
    lab.run(until=1)
    assert mapping.last_processing_result == result
