"""The figures of a run, held against the tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lambdalab as ll
from lambdalab import scenarios
from lambdalab.trace.figures import LABELS, figures, key_figures


def rank(values, share: float) -> float:
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def test_figures_are_those_of_the_tables() -> None:
    trace = scenarios.batching(rate=20, window=1)
    found = figures(trace)
    assert found["invocations"] == len(trace.invocations)
    assert found["attempts"] == len(trace.attempts)
    assert found["batches"] == len(trace.batches)
    assert found["batch_mean"] == pytest.approx(trace.batches["records"].mean())
    assert found["billed_s"] == pytest.approx(trace.attempts["billed_ms"].sum() / 1000)
    assert found["cost_usd"] == pytest.approx(trace.attempts["cost_usd"].sum())
    events = trace.queue_events
    ages = (events["age_ms"][events["action"] == "deleted"] / 1000).tolist()
    for name, share in {"p50": 0.5, "p95": 0.95, "p99": 0.99}.items():
        assert found[f"age_{name}_s"] == pytest.approx(rank(ages, share))
    assert np.isnan(found["latency_p50_s"])


def test_throttles_and_dead_letters_are_counted_wherever_they_are() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function(
        "bill", duration=5, timeout=10, reserved_concurrency=1, dead_letter_queue="failed",
        maximum_event_age=60, failure_rate=1.0, maximum_retry_attempts=0,
    )  # fmt: skip
    for _ in range(4):
        lab.invoke("bill", {}, invocation_type="Event")
    lab.drive("bill", ll.Every(2), count=4)
    lab.run()
    trace, found = lab.trace, figures(lab.trace)
    refused = (trace.invocations["status"] == "throttled").sum()
    waited = (trace.queue_events["action"] == "throttled").sum()
    assert refused > 0
    assert waited > 0
    assert found["throttles"] == refused + waited
    assert found["dead_letters"] == len(lab.sqs["failed"].messages) == 4


def test_ages_are_of_events_and_records_where_there_is_no_queue() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=2, timeout=10)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    (age,) = lab.trace.queue_events.query("action == 'deleted'")["age_ms"]
    assert figures(lab.trace)["age_p50_s"] == age / 1000


def test_provisioned_concurrency_is_in_the_cost() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=1)
    lab.publish_version("bill")
    lab.put_provisioned_concurrency("bill", "1", 5)
    lab.run(until=3_600)
    assert not len(lab.trace.attempts)
    assert figures(lab.trace)["cost_usd"] == pytest.approx(lab.trace.summary()["cost_usd"].sum())
    assert figures(lab.trace)["cost_usd"] > 0


def test_of_nothing_counts_are_zero_and_the_rest_is_not_told() -> None:
    found = figures(ll.Lab().trace)
    unknown = {name for name, value in found.items() if value != value}
    assert unknown == {n for n in found if n.startswith(("latency_", "age_"))} | {"batch_mean"}
    assert not any(value for name, value in found.items() if name not in unknown)
    assert key_figures(ll.Lab().trace).dropna().tolist() == [0] * 7


def test_key_figures_are_the_same_figures_in_words() -> None:
    trace = scenarios.batching()
    found, told = figures(trace), key_figures(trace)
    assert list(told.index) == [label for label, _ in LABELS.values()]
    for name, (label, scale) in LABELS.items():
        assert told[label] == pytest.approx(found[name] * scale, nan_ok=True)
