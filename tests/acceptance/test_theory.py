"""Queueing theory: what a lab measures agrees with the formulas, within three standard errors.

Each figure is measured in ten labs that differ in their seed only; the standard error is that of their
mean, from how much the ten differ. Cold starts take no time here (no set-up, no init, and environments
that stay), because the formulas know of none, and what happened before the system was in its stride is
left out. With the first ten seeds and no other choice, chance alone would fail a figure one time in 66
(Student's t, nine degrees of freedom).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import lambdalab as ll

SEEDS = range(10)
NO_COLD_STARTS = {"init": 0, "idle_expiry": 1e6, "timeout": 900}
Floats = npt.NDArray[np.float64]


def lab_of(seed: int, **settings: Any) -> ll.Lab:
    """A lab with one function that starts in no time."""
    lab = ll.Lab(seed=seed, quotas={"environment_setup": 0})
    lab.create_function("served", **NO_COLD_STARTS, **settings)
    return lab


def distance(measured: Floats, theory: float) -> float:
    """By how many standard errors the mean of the runs differs from the theory."""
    error = measured.std(ddof=1) / math.sqrt(len(measured))
    return abs(float(measured.mean()) - theory) / float(error)


def in_ten_labs(measure: Callable[[int], float]) -> Floats:
    return np.array([measure(seed) for seed in SEEDS])


def elapsed(lab: ll.Lab, times: pd.Series[Any]) -> Floats:
    """Times as seconds since the lab's start."""
    seconds: Floats = (times - lab.trace.start).dt.total_seconds().to_numpy()
    return seconds


# ---- Erlang B: who finds no environment free is turned away

RATE, ARRIVALS, WARM_UP = 2.0, 15_000, 200


def erlang_b(servers: int, load: float) -> float:
    """The share that is turned away: ``load`` in erlangs, arrivals a second times mean seconds.

    >>> round(erlang_b(5, 4.0), 4)
    0.1991
    """
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def share_throttled(seed: int, servers: int, duration: object) -> float:
    lab = lab_of(seed, duration=duration, reserved_concurrency=servers)
    lab.drive("served", ll.Poisson(RATE), count=ARRIVALS)
    lab.run()
    calls = lab.trace.invocations
    settled = calls[elapsed(lab, calls["requested_at"]) > WARM_UP]
    assert set(settled["status"].unique()) == {"succeeded", "throttled"}
    assert set(settled.loc[settled["status"] == "throttled", "cause"]) == {"throttled_reserved"}
    return float((settled["status"] == "throttled").mean())


@pytest.mark.parametrize(
    ("servers", "mean", "duration"),
    [
        (5, 2.0, ll.Exponential(2.0)),
        (5, 2.0, 2.0),
        (10, 4.0, ll.Exponential(4.0)),
        (10, 4.0, 4.0),
    ],
    ids=["5-exponential", "5-constant", "10-exponential", "10-constant"],
)
def test_the_share_throttled_is_erlangs(servers: int, mean: float, duration: object) -> None:
    """Whatever the distribution of the durations: only their mean matters."""
    measured = in_ten_labs(lambda seed: share_throttled(seed, servers, duration))
    theory = erlang_b(servers, RATE * mean)
    print(f"throttled {measured.mean():.4f}, Erlang B {theory:.4f}")
    assert distance(measured, theory) < 3
    one_more = erlang_b(servers + 1, RATE * mean)
    assert distance(measured, one_more) > 10, "it would tell a server more"


# ---- Little: how many are at work

SPAN = 4_000.0


def mean_running(lab: ll.Lab, begin: float, end: float) -> float:
    """The mean number of attempts under way between two moments."""
    attempts = lab.trace.attempts
    starts, ends = (elapsed(lab, attempts[name]) for name in ("started_at", "ended_at"))
    inside = np.clip(ends, begin, end) - np.clip(starts, begin, end)
    return float(inside.sum() / (end - begin))


@pytest.mark.parametrize(
    ("duration", "mean"),
    [(ll.Exponential(3.0), 3.0), (3.0, 3.0), (ll.LogNormal(p50=2.0, p99=9.0), None)],
    ids=["exponential", "constant", "lognormal"],
)
def test_environments_running_follow_littles_law(duration: object, mean: float | None) -> None:
    """Their mean number is the rate of arrivals times the mean time each is busy."""
    if mean is None:  # exp(mu + sigma² / 2), from the median and the 99th percentile
        mean = 2.0 * math.exp((math.log(9.0 / 2.0) / 2.3263478740408408) ** 2 / 2)

    def measure(seed: int) -> float:
        lab = lab_of(seed, duration=duration)
        lab.drive("served", ll.Poisson(RATE), duration=SPAN)
        lab.run()
        return mean_running(lab, WARM_UP, SPAN)

    measured = in_ten_labs(measure)
    print(f"running {measured.mean():.4f}, Little {RATE * mean:.4f}")
    assert distance(measured, RATE * mean) < 3
    assert distance(measured, RATE * mean * 1.1) > 3, "it would tell a tenth more"


def test_littles_law_holds_in_each_run_to_the_second() -> None:
    """From empty to empty it is no matter of chance: the area under the curve is the time spent."""
    lab = lab_of(1, duration=ll.Exponential(3.0))
    lab.drive("served", ll.Poisson(RATE), duration=500)
    lab.run()
    homes, calls = lab.trace.environments, len(lab.trace.attempts)
    busy = homes["busy_ms"].sum() / 1000
    rate, mean = calls / lab.elapsed, busy / calls
    assert mean_running(lab, 0, lab.elapsed) == pytest.approx(rate * mean, rel=1e-9)


# ---- one server and a queue: the wait behind it

SERVICE, BUSY = 1.0, 0.7
LINE, SETTLED = 15_000, 1_500


def mean_wait(seed: int, duration: object, callers: int = 1) -> float:
    """The mean seconds for which a call waits with its caller until it may be made."""
    lab = lab_of(seed, duration=duration)
    lab.drive("served", ll.Poisson(BUSY / SERVICE), count=LINE, concurrency=callers)
    lab.run()
    both = lab.trace.requests.merge(lab.trace.invocations, on="request_id")
    assert len(both) == LINE
    waited = (both["latency_ms_x"] - both["latency_ms_y"]).to_numpy() / 1000
    return float(waited[SETTLED:].mean())


@pytest.mark.parametrize(
    ("duration", "variability"),
    [(SERVICE, 0.0), (ll.Exponential(SERVICE), 1.0)],
    ids=["M/D/1", "M/M/1"],
)
def test_the_wait_behind_one_server_is_pollaczeks(duration: object, variability: float) -> None:
    """busy * service * (1 + squared variation of the service) / 2 / (1 - busy)."""
    theory = BUSY * SERVICE * (1 + variability) / 2 / (1 - BUSY)
    measured = in_ten_labs(lambda seed: mean_wait(seed, duration))
    print(f"waited {measured.mean():.4f} s, Pollaczek-Khinchine {theory:.4f} s")
    assert distance(measured, theory) < 3
    other = BUSY * SERVICE * (2 - variability) / 2 / (1 - BUSY)
    assert distance(measured, other) > 5, "it tells constant durations from exponential ones"


def test_two_at_a_time_wait_as_erlang_c_says() -> None:
    """With two calls under way the load is the same, the wait is not (M/M/2)."""
    load, servers = BUSY * 2, 2
    blocked = erlang_b(servers, load)
    queued = blocked / (1 - load / servers * (1 - blocked))
    theory = queued * (2 * SERVICE) / (servers - load)
    measured = in_ten_labs(lambda seed: mean_wait(seed, ll.Exponential(2 * SERVICE), servers))
    print(f"waited {measured.mean():.4f} s, Erlang C {theory:.4f} s")
    assert distance(measured, theory) < 3
