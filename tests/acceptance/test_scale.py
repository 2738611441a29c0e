"""Thousands of events at once: what waits, what is refused and by which limit, and that none is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.functions.cpu import compute

EVENTS = 5_000
Floats = npt.NDArray[np.float64]


def seconds(trace: Any, times: pd.Series[Any]) -> Floats:
    since: Floats = (times - trace.start).dt.total_seconds().to_numpy()
    return since


def most_at_once(trace: Any) -> int:
    """The most attempts under way at once, one that ends making room for one that begins."""
    starts, ends = (seconds(trace, trace.attempts[name]) for name in ("started_at", "ended_at"))
    at = np.concatenate([starts, ends])
    change = np.repeat([1, -1], len(starts))
    return int(np.cumsum(change[np.lexsort((change, at))]).max())


def burst(**settings: Any) -> Any:
    """The books of 5,000 events sent at once, after all is over."""
    quotas = settings.pop("quotas", None)
    lab = ll.Lab(seed=7, quotas=quotas)
    lab.create_function("bill", **settings)
    lab.drive("bill", ll.Burst(EVENTS), invocation_type="Event")
    lab.run()
    return lab.trace


# ---- reserved concurrency 10, one second each


@pytest.fixture(scope="module")
def reserved() -> Any:
    return burst(duration=1.0, reserved_concurrency=10)


def test_all_succeed_in_the_end_and_none_grows_too_old(reserved: Any) -> None:
    calls = reserved.invocations
    assert len(calls) == EVENTS
    assert (calls["status"] == "succeeded").all()
    assert (calls["attempts"] == 1).all(), "a throttle uses up no retry"
    hours = calls["latency_ms"].max() / 3_600_000
    assert hours > EVENTS / 10 / 3600, "no sooner than ten at a time can"
    assert hours < 3, "well within the six hours that an event may wait"
    reserved.audit()


def test_never_more_than_ten_run(reserved: Any) -> None:
    assert most_at_once(reserved) == 10
    assert len(reserved.environments) == 10
    assert (reserved.environments["invocations"] > 100).all()


def test_every_throttle_is_in_all_tables(reserved: Any) -> None:
    throttles = reserved.scaling[reserved.scaling["kind"] == "throttle"]
    assert 50_000 < len(throttles) < 90_000
    assert set(throttles["cause"]) == {"throttled_reserved"}
    assert (throttles["after"] == 10).all(), "the limit that bound"
    events, waits = reserved.queue_events, reserved.retries
    assert (events["action"] == "throttled").sum() == len(throttles) == len(waits)
    counts = events["action"].value_counts()
    assert [counts[name] for name in ("sent", "received", "deleted")] == [EVENTS] * 3
    assert (waits["lane"] == "service").all()
    assert waits["planned_ms"].between(1_000, 330_000).all(), "1, 2, 4 ... 300 s and a little more"


def test_each_wait_is_twice_the_one_before_up_to_five_minutes(reserved: Any) -> None:
    waits = reserved.retries.copy()
    waits["nth"] = waits.groupby("request_id").cumcount()
    shortest = waits.groupby("nth")["planned_ms"].min() / 1000
    doubled = np.minimum(2.0 ** shortest.index.to_numpy(), 300)
    assert len(doubled) > 12
    assert (shortest >= np.where(doubled < 300, doubled, 270)).all()
    assert (shortest <= 1.1 * doubled).all()


# ---- sixty seconds each on an idle account


@pytest.fixture(scope="module")
def wide() -> Any:
    """An account that may run all of them: only the scaling rate holds back."""
    return burst(duration=60.0, timeout=100, quotas={"account_concurrency": EVENTS})


@pytest.fixture(scope="module")
def usual() -> Any:
    """The default account."""
    return burst(duration=60.0, timeout=100)


def test_a_thousand_environments_at_once_and_then_a_hundred_a_second(wide: Any) -> None:
    rules = ll.Rules.as_of("2025-01-07")
    born = seconds(wide, wide.environments["started_at"])
    assert (born == born[0]).sum() == rules.scaling_burst == 1_000
    # whichever stretch of time is taken: no more than the burst, and the rate for as long as it was
    ahead = np.arange(len(born)) - rules.scaling_rate * born
    assert (ahead - np.minimum.accumulate(ahead)).max() <= rules.scaling_burst - 1 + 1e-6
    assert len(born) > 3_000, "it went on growing"


def test_each_throttle_was_one_of_the_scaling_rate(wide: Any) -> None:
    """The bucket, reckoned anew from the births of environments, was empty; and none stood idle."""
    rules = ll.Rules.as_of("2025-01-07")
    throttles = wide.scaling[wide.scaling["kind"] == "throttle"]
    assert set(throttles["cause"]) == {"throttled_scaling"}
    assert set(throttles["after"]) == {rules.scaling_burst}
    moments = [(at, 0) for at in seconds(wide, wide.environments["started_at"])]
    moments += [(at, 1) for at in np.unique(seconds(wide, throttles["at"]))]
    level, before = float(rules.scaling_burst), 0.0
    for at, throttled in sorted(moments):
        level = min(level + rules.scaling_rate * (at - before), rules.scaling_burst)
        before = at
        if throttled:
            assert level < 1 + 1e-6
        else:
            level -= 1
            assert level > -1e-6


@pytest.mark.parametrize("payload", [None, lambda number: {"n": number}], ids=["fast", "long way"])
def test_environments_that_are_there_need_no_growth(payload: Any) -> None:
    """Of fifteen calls, ten find a warm environment, and the rate lets five more begin."""
    lab = ll.Lab(seed=7, quotas={"scaling_burst": 10, "scaling_rate": 5, "environment_setup": 0})
    lab.create_function("bill", duration=0.5, init=0)
    lab.drive("bill", ll.Burst(12), payload=payload)
    lab.drive("bill", ll.Burst(16, at=1.0), payload=payload)
    lab.run()
    first, second = lab.trace.invocations[:12], lab.trace.invocations[12:]
    assert first["status"].tolist() == ["succeeded"] * 10 + ["throttled"] * 2
    assert second["status"].tolist() == ["succeeded"] * 15 + ["throttled"]
    assert set(lab.trace.scaling.query("kind == 'throttle'")["cause"]) == {"throttled_scaling"}


def test_with_the_default_account_its_limit_binds(usual: Any) -> None:
    throttles = usual.scaling[usual.scaling["kind"] == "throttle"]
    assert set(throttles["cause"]) == {"throttled_account"}
    assert set(throttles["before"]) == set(throttles["after"]) == {1_000}
    assert most_at_once(usual) == len(usual.environments) == 1_000


def test_all_succeed_either_way(wide: Any, usual: Any) -> None:
    for trace in (wide, usual):
        assert (trace.invocations["status"] == "succeeded").all()
        trace.audit()
    ends = [trace.invocations["latency_ms"].max() for trace in (wide, usual)]
    assert ends[0] < ends[1], "the wider account is done sooner"


def test_the_picture_shows_which_limit_binds(wide: Any, usual: Any, tmp_path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    told = {}
    for name, trace in (("wide", wide), ("usual", usual)):
        ax = trace.plot.concurrency()
        ax.figure.savefig(tmp_path / f"{name}.png")
        (line,) = (line for line in ax.lines if line.get_gid() == "limit:account")
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        names = [text.get_text() for text in ax.texts]
        told[name] = (float(line.get_ydata()[0]), names, legend[-1].partition(": ")[2])
        plt.close(ax.figure)
    assert told["wide"][0] == EVENTS
    assert told["wide"][2] == "scaling rate"
    assert {"account limit 5,000", "+1,000"} <= set(told["wide"][1])
    assert told["usual"][0] == 1_000
    assert told["usual"][2] == "account limit"
    assert {"account limit 1,000", "+1,000"} <= set(told["usual"][1])


# ---- one second of a whole vCPU


@pytest.mark.parametrize(
    ("memory", "threads", "seconds"),
    [(128, 1, 13.8), (512, 1, 3.5), (1_769, 1, 1.0), (10_240, 1, 1.0), (3_538, 2, 0.5)],
)
def test_a_second_of_a_vcpu_takes_what_the_memory_says(
    lab: ll.Lab, memory: int, threads: int, seconds: float
) -> None:
    """A second core helps work on two threads only."""

    @lab.function(memory_size=memory, timeout=60)
    def work(event: object, context: object) -> None:
        compute(1.0, threads=threads)

    lab.invoke(work)
    (attempt,) = lab.trace.attempts.itertuples()
    assert attempt.duration_ms / 1000 == pytest.approx(seconds, abs=0.05)
    assert attempt.duration_ms / 1000 == pytest.approx(max(1_769 / memory, 1 / threads), abs=1e-5)
