"""Making and changing event source mappings: settings, conflicts, enabling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    UnknownName,
    UnknownSetting,
)

if TYPE_CHECKING:
    from conftest import Bench


def test_defaults(bench: Bench) -> None:
    mapping = bench.map(bench.queue(), bench.function())
    assert mapping.settings.as_dict() == {
        "batch_size": 10,
        "maximum_batching_window": 0,
        "function_response_types": (),
        "filter_criteria": None,
        "maximum_concurrency": None,
        "provisioned_poller_config": None,
        "enabled": True,
    }
    assert mapping.enabled
    assert mapping.name == "orders->bill"
    assert repr(mapping) == "<mapping orders->bill: batch size 10, batching window 0 s>"
    assert mapping._repr_html_().startswith("<code>&lt;mapping orders-&gt;bill")


@pytest.mark.parametrize("good", [
    {"batch_size": 1}, {"batch_size": 10}, {"batch_size": 11, "maximum_batching_window": 1},
    {"batch_size": 10_000, "maximum_batching_window": 300},
    {"function_response_types": ["ReportBatchItemFailures"]}, {"function_response_types": []},
    {"maximum_concurrency": 2}, {"maximum_concurrency": 1_000}, {"maximum_concurrency": None},
])  # fmt: skip
def test_what_can_be(bench: Bench, good: dict[str, Any]) -> None:
    bench.map(bench.queue(), bench.function(), **good)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"batch_size": 0}, "1 to 10,000 records"), ({"batch_size": 10_001}, "1 to 10,000 records"),
    ({"batch_size": 2.5}, "batch_size"), ({"batch_size": True}, "batch_size"),
    ({"maximum_batching_window": 301}, "0 to 300 s"), ({"maximum_batching_window": -1}, "0 to"),
    ({"maximum_batching_window": 0.5}, "whole number"), ({"enabled": "yes"}, "True or False"),
    ({"function_response_types": ("Other",)}, "ReportBatchItemFailures"),
    ({"function_response_types": "ReportBatchItemFailures"}, "ReportBatchItemFailures"),
    ({"function_response_types": 3}, "ReportBatchItemFailures"),
    ({"maximum_concurrency": 1}, "2 to 1,000 concurrent invokes .botocore ScalingConfig"),
    ({"maximum_concurrency": 1_001}, "2 to 1,000"), ({"maximum_concurrency": 2.0}, "2 to 1,000"),
    ({"maximum_concurrency": True}, "2 to 1,000"),
])  # fmt: skip
def test_what_cannot_be(bench: Bench, wrong: dict[str, Any], words: str) -> None:
    orders, bill = bench.queue(), bench.function()
    with pytest.raises(InvalidSetting, match=words):
        bench.map(orders, bill, **wrong)
    assert len(bench.mappings) == 0
    mapping = bench.map(orders, bill)
    with pytest.raises(InvalidSetting, match=words):
        mapping.update(**wrong)
    assert mapping.settings.batch_size == 10


def test_a_large_batch_needs_a_window(bench: Bench) -> None:
    orders, bill = bench.queue(), bench.function()
    words = (
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        r"than 10 \(batch_size=11"
    )
    with pytest.raises(InvalidParameterValueException, match=words):
        bench.map(orders, bill, batch_size=11)
    mapping = bench.map(orders, bill, batch_size=11, maximum_batching_window=1)
    with pytest.raises(InvalidParameterValueException):
        mapping.update(maximum_batching_window=0)
    assert mapping.settings.maximum_batching_window == 1


@pytest.mark.parametrize(
    ("wrong", "suggested"),
    [("batching_window", "maximum_batching_window"), ("batchsize", "batch_size")],
)
def test_a_wrong_keyword_suggests_the_right_one(bench: Bench, wrong: str, suggested: str) -> None:
    with pytest.raises(UnknownSetting, match=f"did you mean '{suggested}'"):
        bench.map(bench.queue(), bench.function(), **{wrong: 1})


def test_a_queue_has_no_starting_position(bench: Bench) -> None:
    with pytest.raises(InvalidParameterValueException, match="not valid for SQS event sources"):
        bench.map(bench.queue(), bench.function(), starting_position="LATEST")


@pytest.mark.parametrize("other", ["tumbling_window", "parallelization_factor"])
def test_settings_of_streams(bench: Bench, other: str) -> None:
    with pytest.raises(
        InvalidSetting, match=f"{other}=1: must be left out: it is for mappings of stre"
    ):
        bench.map(bench.queue(), bench.function(), **{other: 1})


def test_maximum_concurrency_is_told(bench: Bench) -> None:
    mapping = bench.map(bench.queue(), bench.function(), maximum_concurrency=4)
    assert "maximum concurrency 4" in repr(mapping)
    assert bench.books.wiring["mapping"]["orders->bill"]["maximum_concurrency"] == 4
    mapping.update(maximum_concurrency=None)
    assert mapping.settings.maximum_concurrency is None
    assert "concurrency" not in repr(mapping)


def test_the_function_must_end_before_its_messages_come_back(bench: Bench) -> None:
    orders, bill = bench.queue(visibility_timeout=30), bench.function(timeout=31)
    words = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
    with pytest.raises(InvalidParameterValueException, match=words):
        bench.map(orders, bill)
    orders.update(visibility_timeout=31)
    mapping = bench.map(orders, bill)
    orders.update(visibility_timeout=30)
    with pytest.raises(InvalidParameterValueException, match=words):
        mapping.update(batch_size=5)
    assert mapping.settings.batch_size == 10


def test_two_are_connected_once(bench: Bench) -> None:
    orders, bill = bench.queue(), bench.function()
    mapping = bench.map(orders, bill)
    assert mapping.uuid.startswith("00000001-")
    with pytest.raises(ResourceConflictException) as caught:
        bench.map(orders, bill, batch_size=5)
    assert caught.value.message == (
        'An event source mapping with SQS arn (" arn:aws:sqs:us-east-1:123456789012:orders ") and '
        'function (" bill ") already exists. '
        f"Please update or delete the existing mapping with UUID {mapping.uuid}"
    )
    assert "update(" in str(caught.value)
    bench.map(orders, bench.function("other"))
    bench.map(bench.queue("others"), bill)
    assert [m.name for m in bench.mappings] == ["orders->bill", "orders->other", "others->bill"]
    assert bench.mappings["orders->bill"] is mapping
    assert "orders->bill" in bench.mappings
    with pytest.raises(UnknownName):
        bench.mappings["orders"]


def test_disabled_and_enabled(bench: Bench) -> None:
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(duration=1), enabled=False)
    assert (mapping.state, mapping.enabled) == ("Disabled", False)
    assert repr(mapping).endswith("disabled>")
    orders.send("x")
    bench.run()
    assert (orders.depth, bench.batches()) == (1, [])
    mapping.update(enabled=True)
    assert (mapping.state, mapping.enabled) == ("Enabled", True)
    assert bench.run() == 1
    assert orders.depth == 0
    mapping.update(enabled=False)
    orders.send("y")
    bench.run(until=10)
    assert orders.depth == 1
    rows = bench.rows("scaling")
    pollers = [(r.before, r.after, r.cause) for r in rows if r.kind == "pollers"]
    assert pollers == [(0, 5, "configured"), (5, 0, "configured")]


def test_what_was_received_goes_its_way_when_disabled(bench: Bench) -> None:
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(), maximum_batching_window=10)
    orders.send("in the open batch")
    bench.at(5, lambda: (mapping.update(enabled=False), orders.send("too late")))
    assert bench.run() == 11
    assert [m.body for m in orders.messages] == ["too late"]


def test_an_update_holds_for_the_next_batch(bench: Bench) -> None:
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(duration=0.1), maximum_batching_window=10)
    orders.send("x")
    bench.at(1, lambda: mapping.update(batch_size=1, maximum_batching_window=0))
    bench.at(2, lambda: orders.send("y"))
    bench.at(20, lambda: orders.send_batch(["a", "b"]))
    bench.run()
    rows = [(b.flushed_at, b.records, b.cause) for b in bench.batches()]
    assert rows == [
        (10_000_000, 2, "batching_window"),
        (20_000_000, 1, "batch_size"),
        (20_000_000, 1, "batch_size"),
    ]


def test_a_reset_begins_again(bench: Bench) -> None:
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(duration=1), maximum_batching_window=5)

    def story() -> list[tuple[int, ...]]:
        orders.send_batch(range(3))
        bench.at(2, lambda: orders.send("late"))
        bench.run()
        return [(b.poller, b.records, b.opened_at, b.flushed_at) for b in bench.batches()]

    before = story()
    bench.reset()
    assert bench.batches() == []
    assert story() == before
    bench.reset()
    mapping.update(maximum_batching_window=0)
    assert len(story()) == 2


def test_the_wiring_is_in_the_books(bench: Bench) -> None:
    mapping = bench.map(bench.queue(), bench.function(), batch_size=5)
    known = bench.books.wiring["mapping"]["orders->bill"]
    assert known["source"] == "orders"
    assert known["function"] == "bill"
    assert known["batch_size"] == 5
    mapping.update(batch_size=6)
    assert bench.books.wiring["mapping"]["orders->bill"]["batch_size"] == 6
    assert bench.books.wiring["sqs"]["orders"]["visibility_timeout"] == 30
