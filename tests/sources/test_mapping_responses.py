"""Every form of a partial batch response that the reference lists, read and acted upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdalab.sources.mappings.responses import failed_items

if TYPE_CHECKING:
    from conftest import Bench

IDS = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', ["b"]),
        (b'{"batchItemFailures": [{"itemIdentifier": "c"}, {"itemIdentifier": "a"}]}', ["c", "a"]),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}]}', ["b"]),
        (b'{"batchItemFailures": [{"itemIdentifier": "b", "more": 1}], "more": 2}', ["b"]),
        # everything succeeded
        (b"{}", []),
        (b"null", []),
        (b"", []),
        (b'""', []),
        (b"[]", []),
        (b'{"batchItemFailures": []}', []),
        (b'{"batchItemFailures": null}', []),
        (b'{"ok": true}', []),
        # everything failed
        (b"{not json", None),
        (b'"text"', None),
        (b"[1]", None),
        (b"true", None),
        (b"0", None),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', None),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', None),
        (b'{"batchItemFailures": [{"itemIdentifier": 1}]}', None),
        (b'{"batchItemFailures": [{"foo": "b"}]}', None),
        (b'{"batchItemFailures": [{"foo": null}]}', None),
        (b'{"batchItemFailures": ["b"]}', None),
        (b'{"batchItemFailures": "b"}', None),
        (b'{"batchItemFailures": {"itemIdentifier": "b"}}', None),
        (b'{"batchItemFailures": [{"itemIdentifier": "d"}]}', None),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "d"}]}', None),
    ],
)
def test_reading_an_answer(response: bytes, failed: list[str] | None) -> None:
    assert failed_items(response, IDS) == failed


def reporting(bench: Bench, answer: Any, *, on: bool = True) -> Any:
    """One batch of three through a function with that answer; the batch's row."""
    orders = bench.queue(visibility_timeout=30)
    types = ("ReportBatchItemFailures",) if on else ()
    bench.map(orders, bench.function(answer=answer), function_response_types=types)
    orders.send_batch(["a", "b", "c"])
    bench.run(until=5)
    [batch] = bench.batches()
    return batch


def second(event: Any) -> Any:
    return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}


def test_only_the_named_ones_stay(bench: Bench) -> None:
    batch = reporting(bench, second)
    assert (batch.outcome, batch.failed_records) == ("partial", 1)
    assert [m.body for m in bench.sqs["orders"].messages] == ["b"]
    deleted = bench.events(action="deleted")
    assert [(r.event, r.cause, r.batch, r.request) for r in deleted] == [
        (1, "partial_batch_failure", 1, 1),
        (3, "partial_batch_failure", 1, 1),
    ]
    bench.run(until=30)
    [returned] = bench.events(action="returned")
    assert (returned.event, returned.cause, returned.batch, returned.request) == (
        2, "partial_batch_failure", 1, 1
    )  # fmt: skip


def test_all_may_be_named(bench: Bench) -> None:
    def every(event: Any) -> Any:
        names = [record["messageId"] for record in event["Records"]]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}

    batch = reporting(bench, every)
    assert (batch.outcome, batch.failed_records) == ("partial", 3)
    assert bench.sqs["orders"].depth == 3


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, "", b""]
)
def test_an_empty_answer_is_success(bench: Bench, answer: Any) -> None:
    batch = reporting(bench, answer)
    assert (batch.outcome, batch.failed_records) == ("success", 0)
    assert bench.sqs["orders"].depth == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"{not json",
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"foo": "notvalid"}]},
        {"batchItemFailures": [{"foo": None}]},
    ],
)
def test_a_wrong_answer_fails_the_whole_batch(bench: Bench, answer: Any) -> None:
    batch = reporting(bench, answer)
    assert (batch.outcome, batch.failed_records) == ("failure", 3)
    assert bench.sqs["orders"].depth == 3


def test_the_answer_is_ignored_unless_the_mapping_asks_for_it(bench: Bench) -> None:
    batch = reporting(bench, second, on=False)
    assert (batch.outcome, batch.failed_records) == ("success", 0)
    assert bench.sqs["orders"].depth == 0


def test_an_error_fails_the_whole_batch_all_the_same(bench: Bench) -> None:
    batch = reporting(bench, lambda _: 1 / 0)
    assert (batch.outcome, batch.failed_records) == ("failure", 3)
