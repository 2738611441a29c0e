"""There and back: a lab's own logs give back what made them, and the model behaves as the function did."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.calibration import FittedFunction

SETTINGS = {
    "duration": ll.LogNormal(p50=0.12, p99=0.8),
    "init": ll.LogNormal(p50=0.4, p99=0.9),
    "idle_expiry": 420,
    "memory": 61,
    "memory_size": 256,
    "timeout": 30,
    "failure_rate": 0.08,
}


def logs(log_format: str = "JSON", calls: int = 3000, **changes) -> pd.DataFrame:
    lab = ll.Lab(seed=11)
    lab.create_function("bill", **SETTINGS | changes, log_format=log_format)
    lab.drive("bill", ll.Poisson(rate=1 / 180), count=calls)
    lab.run()
    return lab.trace.logs


@pytest.fixture(scope="module")
def fitted() -> FittedFunction:
    """What the logs of a model say of it."""
    return ll.calibrate(logs())["bill"]


def test_what_made_them_comes_back(fitted: FittedFunction) -> None:
    found = fitted.settings()
    assert found["duration"].p50 == pytest.approx(0.12, rel=0.03)
    assert found["duration"].p99 == pytest.approx(0.8, rel=0.1)
    assert found["init"].p50 == pytest.approx(0.4, rel=0.05)
    assert found["init"].p99 == pytest.approx(0.9, rel=0.15)
    assert found["failure_rate"] == pytest.approx(0.08, abs=0.015)
    assert found["idle_expiry"] == pytest.approx(420, abs=2)
    assert (found["memory"], found["memory_size"]) == (61, 256)
    assert fitted.arrivals.rate == pytest.approx(1 / 180, rel=0.05)
    assert fitted.unevenness == pytest.approx(1, abs=0.05)


def test_intervals_contain_what_made_them(fitted: FittedFunction) -> None:
    truth = {"p50": 0.12, "p99": 0.8}
    for name, value in truth.items():
        figure = getattr(fitted.duration, name)
        assert figure.low <= value <= figure.high
    for figure, value in ((fitted.failure_share, 0.08), (fitted.rate, 1 / 180)):
        assert figure.low <= value <= figure.high
    assert fitted.idle_expiry.low <= 420 <= fitted.idle_expiry.high
    assert fitted.cold_share.low <= math.exp(-420 / 180) <= fitted.cold_share.high, "of short runs"


def test_the_model_behaves_as_the_function_did(fitted: FittedFunction) -> None:
    """The model of the model: the same figures, on traffic of its own."""
    lab = ll.Lab(seed=12)
    fitted.create(lab, "again", log_format="JSON")
    lab.drive("again", fitted.arrivals, count=3000)
    lab.run()
    again = ll.calibrate(lab.trace.logs)["again"]
    for name in ("p50", "p95", "p99"):
        one, other = getattr(fitted.duration, name), getattr(again.duration, name)
        assert one.low < other.high
        assert other.low < one.high
    assert again.cold_share.value == pytest.approx(fitted.cold_share.value, abs=0.03)
    assert again.failure_share.value == pytest.approx(fitted.failure_share.value, abs=0.03)
    assert again.idle_expiry.model == pytest.approx(fitted.idle_expiry.model, abs=2)


@settings(max_examples=12)
@given(
    st.floats(0.01, 3), st.floats(1.1, 8), st.floats(0.05, 2), st.integers(60, 1800),
    st.sampled_from(["Text", "JSON"]), st.integers(0, 1000),
)  # fmt: skip
def test_any_model_comes_back(
    p50: float, spread: float, init: float, expiry: int, log_format: str, seed: int
) -> None:
    """Whatever the function, its traffic and its log's format."""
    lab = ll.Lab(seed=seed)
    lab.create_function(
        "f", duration=ll.LogNormal(p50, p50 * spread), init=init, idle_expiry=expiry,
        log_format=log_format, timeout=120,
    )  # fmt: skip
    lab.drive("f", ll.Poisson(rate=2 / expiry), count=400)
    lab.run()
    found = ll.calibrate(lab.trace.logs)["f"]
    assert found.cold_starts == lab.trace.attempts["cold_start"].sum()
    assert found.settings()["init"] == pytest.approx(init, abs=1e-4)
    assert found.duration.p50.value == pytest.approx(p50, rel=0.6)
    assert found.idle_expiry.contradictions == 0
    assert found.idle_expiry.low <= expiry <= found.idle_expiry.high + 0.2


def test_text_does_not_tell_of_exceptions_and_says_so() -> None:
    found = ll.calibrate(logs("Text", 300))["bill"]
    assert not found.failures_are_told
    assert "failure_rate" not in found.settings()
    assert any("exception" in note for note in found.notes)
    assert "cut off" in repr(found)


def test_timeouts_come_back_as_timeouts() -> None:
    """A model whose long runs are cut off: so are as many of the fitted model's."""
    found = ll.calibrate(
        logs(duration=ll.LogNormal(p50=0.5, p99=6), timeout=2, failure_rate=0)
    )["bill"]  # fmt: skip
    assert found.timeout == 2
    assert found.timeout_share.value > 0.05
    lab = ll.Lab(seed=12)
    found.create(lab)
    lab.drive("bill", found.arrivals, count=3000)
    lab.run()
    late = (lab.trace.attempts["outcome"] == "timeout").mean()
    assert late == pytest.approx(found.timeout_share.value, abs=0.02)
    assert found.settings()["timeout"] == 2


def test_the_same_lines_give_the_same_fit() -> None:
    rows = logs(calls=200)
    one, other = ll.calibrate(rows), ll.calibrate(rows.sample(frac=1, random_state=1))
    assert repr(one) == repr(ll.calibrate(rows))
    assert one["bill"].settings() == other["bill"].settings(), "in whatever order they come"


def test_names() -> None:
    lines = logs(calls=30)["message"].tolist()
    assert list(ll.calibrate(lines)) == ["bill"], "JSON tells it"
    assert list(ll.calibrate(lines, function="mine")) == ["mine"]


def test_nothing_is_kept_of_what_was_given() -> None:
    """The caller's table stays as it is."""
    rows = logs(calls=30)
    before = rows.copy()
    ll.calibrate(rows, function="mine")
    pd.testing.assert_frame_equal(rows, before)
    table = pd.DataFrame({"duration_ms": [5.0, 6.0], "function": ["f", "f"]})
    ll.calibrate(table, function="mine")
    assert table["function"].tolist() == ["f", "f"]
    assert np.isfinite(table["duration_ms"]).all()
