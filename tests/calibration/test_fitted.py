"""A fitted function: what it says, what it gives to a lab, and what it does not know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.calibration import FittedFunction
from lambdalab.errors import InvalidSetting, UnknownSetting

START = pd.Timestamp("2025-01-07", tz="UTC")


def table(runs: int = 200, **columns) -> pd.DataFrame:
    """Runs of about 20 ms, one in 200 seconds; the first is cold."""
    chance = np.random.default_rng(3)
    at = START + pd.to_timedelta(np.arange(runs) * 200, unit="s")
    made = {
        "ended_at": at, "duration_ms": chance.lognormal(3, 0.3, runs).round(2),
        "init_ms": np.where(np.arange(runs) % 20 == 0, 700.0, np.nan), "memory_mb": 512,
        "max_memory_mb": 100 + np.arange(runs) % 7,
    }  # fmt: skip
    return pd.DataFrame(made | columns)


def fitted(frame: pd.DataFrame) -> FittedFunction:
    return ll.calibrate(frame, function="f")["f"]


def test_settings_are_what_a_lab_takes() -> None:
    found = fitted(table())
    lab = ll.Lab(seed=7)
    made = found.create(lab)
    assert made.name == "f"
    assert found.create(lab, "g", memory_size=1024, reserved_concurrency=3).name == "g"
    assert found.settings(memory_size=1024)["memory_size"] == 1024
    assert found.settings()["memory_size"] == 512
    assert found.settings()["memory"] == 106, "the highest that any run needed"
    with pytest.raises(UnknownSetting, match="memory_sise"):
        found.create(lab, "h", memory_sise=1)


def test_cold_runs_that_take_longer_have_it_in_their_init() -> None:
    """Lambda's Init Duration is not all that a caller waits for: a first run may load classes."""
    usual = table()
    cold = usual["init_ms"].notna()
    slow = usual.assign(duration_ms=usual["duration_ms"] + 600 * cold)
    found = fitted(slow)
    assert found.cold_duration is not None
    assert found.cold_duration.p50.value == pytest.approx(0.62, abs=0.01)
    assert found.init.p50.value == pytest.approx(0.7)
    assert found.first_init.p50.value == pytest.approx(1.3, abs=0.02)
    lab = ll.Lab(seed=7)
    found.create(lab)
    lab.invoke("f")
    first = lab.trace.attempts.iloc[0]
    assert first["init_ms"] + first["duration_ms"] == pytest.approx(1320, abs=80)
    assert any("in the handler" in note for note in found.notes)
    alike = fitted(usual)
    assert alike.cold_duration is None
    assert alike.first_init is alike.init


def test_what_the_logs_do_not_tell_is_left_out() -> None:
    found = fitted(pd.DataFrame({"duration_ms": [5.0, 7.0, 6.0]}))
    assert set(found.settings()) == {"duration", "timeout"}
    assert (found.init, found.memory, found.memory_size, found.rate) == (None,) * 4
    assert found.idle_expiry is None
    assert (found.cold_share.n, np.isnan(found.cold_share.value)) == (0, True)
    assert "cold" not in repr(found).split("note")[0], "nobody said that they were warm"
    assert any("no column tells which runs were cold" in note for note in found.notes)
    assert any("no arrival rate" in note for note in found.notes)
    assert any("3 runs only" in note for note in found.notes)
    for name in ("arrivals", "replay"):
        with pytest.raises(InvalidSetting, match="these lines have none"):
            getattr(found, name)
    ll.Lab(seed=7).create_function("f", **found.settings())


def test_a_timeout_that_no_line_tells() -> None:
    """Twice the longest run, and a lab's default at least."""
    assert fitted(table()).timeout == 3
    assert fitted(table(duration_ms=4100.0)).timeout == 9
    assert fitted(table(duration_ms=800_000.0)).timeout == 900
    late = table(
        duration_ms=[*[20.0] * 190, *[6000.0] * 10], outcome=["success"] * 190 + ["timeout"] * 10
    )
    assert fitted(late).timeout == 6
    assert fitted(late).timeout_share.value == 0.05
    assert "failure_rate" not in fitted(late).settings(), "its durations time out by themselves"


def test_failures_that_are_no_timeouts() -> None:
    ends = ["error"] * 30 + ["timeout"] * 10 + ["exit"] * 10 + ["success"] * 150
    found = fitted(table(outcome=ends))
    assert found.failure_share.value == 0.25
    assert found.settings()["failure_rate"] == pytest.approx(40 / 190, abs=1e-6), (
        "of those not cut off"
    )


def test_replay_is_what_was_recorded() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("work", duration=ll.LogNormal(0.5, 2), timeout=20)
    lab.drive("work", ll.Poisson(rate=0.02), count=300)
    lab.run()
    recorded = lab.trace.attempts
    found = ll.calibrate(lab.trace)["work"]
    again = ll.Lab(seed=99)
    found.create(again, duration=found.replay.duration)
    again.drive("work", found.replay)
    again.run()
    rows = again.trace.attempts
    assert rows["duration_ms"].to_numpy() == pytest.approx(recorded["duration_ms"].to_numpy())
    assert rows["cold_start"].sum() == recorded["cold_start"].sum()


def test_memory_sizes_change_and_the_last_counts() -> None:
    found = fitted(table(memory_mb=[512] * 100 + [1024] * 100))
    assert found.memory_size == 1024


def test_text_and_html() -> None:
    found = fitted(table())
    text = repr(found)
    assert text.splitlines()[0] == "f"
    for subject in ("runs", "duration", "init", "memory", "cold share", "idle expiry", "timeout"):
        assert f"\n  {subject}" in text
    assert all(len(line) <= 112 for line in text.splitlines()), text
    shown = found._repr_html_()
    assert shown.count("<tr>") == len(found.lines())
    assert "<b>a&lt;b</b>" in ll.calibrate(table(), function="a<b")["a<b"]._repr_html_()


def test_it_cannot_be_changed() -> None:
    found = fitted(table())
    with pytest.raises(AttributeError):
        found.timeout = 5
    with pytest.raises(ValueError, match="read-only"):
        found.duration.values[0] = 3
