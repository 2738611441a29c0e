"""Modelled durations: numbers, distributions, callables of the event; each from a stream of its own."""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.functions.durations import Percentiles, check, drawer, median
from lambdalab.kernel.random import RandomStreams


def draws(duration: Any, count: int, seed: int = 1) -> list[int]:
    draw = drawer(duration, RandomStreams(seed).stream("test"))
    return [draw({}) for _ in range(count)]


@given(st.floats(0, 900))
def test_a_number_is_always_the_same_and_rounded_once(seconds: float) -> None:
    assert set(draws(seconds, 3)) == {round(seconds * 1_000_000)}


def test_exponential_has_its_mean_and_no_memory() -> None:
    found = draws(ll.Exponential(2.0), 20_000)
    assert statistics.mean(found) / 1e6 == pytest.approx(2.0, rel=0.03)
    assert statistics.median(found) / 1e6 == pytest.approx(ll.Exponential(2.0).median, rel=0.03)
    beyond = [value - 2_000_000 for value in found if value > 2_000_000]
    assert statistics.mean(beyond) / 1e6 == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(("p50", "p99"), [(0.12, 0.8), (2.0, 2.5), (1.0, 1.0)])
def test_lognormal_has_its_percentiles(p50: float, p99: float) -> None:
    found = sorted(draws(ll.LogNormal(p50=p50, p99=p99), 20_000))
    assert found[10_000] / 1e6 == pytest.approx(p50, rel=0.03)
    assert found[19_800] / 1e6 == pytest.approx(p99, rel=0.1)


def test_the_same_stream_gives_the_same_durations() -> None:
    for duration in (ll.Exponential(1), ll.LogNormal(p50=1, p99=2)):
        assert draws(duration, 50) == draws(duration, 50)
        assert draws(duration, 50) != draws(duration, 50, seed=2)


def test_a_callable_gets_the_event_and_returns_seconds(lab: ll.Lab) -> None:
    lab.create_function("f", duration=lambda event: event["rows"] / 1000)
    lab.invoke("f", {"rows": 250})
    assert lab.trace.attempts["duration_ms"].tolist() == [250]


@pytest.mark.parametrize("returned", [-1, float("nan"), None, "x"], ids=repr)
def test_a_callable_that_returns_no_duration(lab: ll.Lab, returned: Any) -> None:
    lab.create_function("f", duration=lambda event: returned)
    reply = lab.invoke("f")
    assert reply.function_error == "Unhandled"
    assert reply.payload["errorType"] == "InvalidSetting"
    assert "duration(event)=" in reply.payload["errorMessage"]


def test_a_callable_that_fails_fails_its_run_and_takes_no_capacity(lab: ll.Lab) -> None:
    lab.create_function("f", duration=lambda event: event["d"], reserved_concurrency=1)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["failed"]
    assert lab.invoke("f", {"d": 1}).function_error is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: ll.Exponential(0),
        lambda: ll.Exponential(-1),
        lambda: ll.Exponential(float("inf")),
        lambda: ll.LogNormal(p50=0, p99=1),
        lambda: ll.LogNormal(p50=2, p99=1),
        lambda: ll.LogNormal(p50=1, p99=float("nan")),
        lambda: check("duration", True),
        lambda: check("duration", "2s"),
        lambda: check("duration", None),
    ],
)
def test_durations_that_cannot_be(make: Any) -> None:
    with pytest.raises(InvalidSetting):
        make()


def test_medians() -> None:
    assert median(3) == 3
    assert median(ll.LogNormal(p50=0.2, p99=1)) == 0.2
    assert median(ll.Exponential(1.0)) == pytest.approx(0.693)
    assert median(lambda event: 1) is None, "only a run can tell"


def test_an_init_may_be_drawn_too(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1, init=ll.Exponential(1.0))
    lab.drive("f", ll.Burst(2))
    lab.run()
    first, second = lab.trace.attempts["init_ms"]
    assert 0 < first != second > 0


# ---------------------------------------------------------------------- published percentiles


LATEST = ll.Rules.as_of("latest").init_percentiles
Z = {0.1: -1.2815515655446004, 0.5: 0.0, 0.9: 1.2815515655446004, 0.99: 2.3263478740408408}


@pytest.mark.parametrize("kind", sorted(LATEST), ids="-".join)
def test_every_runtimes_init_has_its_published_percentiles(kind: tuple[str, str]) -> None:
    """Within the sampling error: so many of 20,000 draws are below each as should be."""
    known, count = LATEST[kind], 20_000
    found = sorted(draws(Percentiles(*known), count))
    for (share, _), value in zip(Z.items(), known, strict=True):
        expected, error = share * count, math.sqrt(share * (1 - share) * count)
        at_most = bisect.bisect_right(found, value * 1000)
        below = bisect.bisect_left(found, value * 1000)
        assert below - 4 * error <= expected <= at_most + 4 * error
    assert found[0] > 0


def test_empirical_draws_what_was_measured() -> None:
    found = sorted(draws(ll.Empirical([0.3, 0.1, 0.1, 0.2]), 9_000))
    assert (found[0], found[-1]) == pytest.approx((100_000, 300_000), abs=300)
    assert found[2_900] == 100_000, "a third lies between the two that are equal"
    assert found[4_500] / 1e6 == pytest.approx(0.15, rel=0.03)
    assert set(draws(ll.Empirical([0.25]), 3)) == {250_000}


def test_empirical_with_shares() -> None:
    """A tenth is a minute, the rest lies between one and ten."""
    made = ll.Empirical([60, 600], shares=[0.1, 1])
    found = draws(made, 9_000)
    assert found.count(60_000_000) / 9_000 == pytest.approx(0.1, abs=0.01)
    assert statistics.median(found) / 1e6 == pytest.approx(made.median, rel=0.03)
    assert made.quantile(0.55) == pytest.approx(330)
    assert (made.quantile(0), made.quantile(1)) == (60, 600)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(InvalidSetting, match="share="):
            made.quantile(share)


@given(st.lists(st.floats(0, 900), min_size=1, max_size=20), st.lists(st.floats(0, 1), max_size=9))
def test_empirical_quantiles_rise_within_what_was_measured(
    values: list[float], shares: list[float]
) -> None:
    made = ll.Empirical(values)
    found = [made.quantile(share) for share in sorted(shares)]
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(found))
    assert all(min(values) <= value <= max(values) for value in found)
    assert made == ll.Empirical(sorted(values, reverse=True))


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ([], []), ([-1], []), ([float("nan"), 1], []), ([1, 2], [1]), ([1, 2], [0.5, 0.9]),
        ([1, 2], [-0.5, 1]), ([1, 2, 3], [0.5, 0.4, 1]), ([2, 1], [0.5, 1]),
    ],
)  # fmt: skip
def test_an_empirical_one_that_cannot_be(values: list[float], shares: list[float]) -> None:
    with pytest.raises(InvalidSetting):
        ll.Empirical(values, shares)


@given(
    st.lists(st.floats(1, 5000), min_size=4, max_size=4).map(sorted),
    st.integers(0, 1000),
)
def test_percentiles_rise_and_repeat(known: list[float], seed: int) -> None:
    made = Percentiles(*known)
    assert draws(made, 20, seed) == draws(made, 20, seed)
    assert all(value > 0 for value in draws(made, 20, seed))
    assert made.median == known[1] / 1000


def test_two_equal_steps_are_a_log_normal() -> None:
    """Where the four lie on one line, it is that line: the same draws."""
    p50, sigma = 100.0, 0.3
    known = [p50 * math.exp(sigma * z) for z in Z.values()]
    as_percentiles = draws(Percentiles(*known), 200)
    as_log_normal = draws(ll.LogNormal(p50=p50 / 1000, p99=known[3] / 1000), 200)
    assert as_percentiles == pytest.approx(as_log_normal, rel=1e-4, abs=2)


@pytest.mark.parametrize(
    "known", [(0, 1, 2, 3), (2, 1, 3, 4), (1, 2, 3, float("nan")), (1, 2, 3, float("inf"))]
)
def test_percentiles_that_cannot_be(known: tuple[float, ...]) -> None:
    with pytest.raises(InvalidSetting):
        Percentiles(*known)


@pytest.mark.parametrize("memory", [128, 512, 10_240])
def test_the_default_init_is_that_of_runtime_and_architecture(memory: int) -> None:
    """And does not depend on the memory: the same draws at 128 MB and at 10 GB."""
    lab = ll.Lab(seed=3)
    lab.create_function(
        "f", duration=1, memory_size=memory, runtime="ruby3.4", architecture="arm64"
    )
    lab.drive("f", ll.Burst(50))
    lab.run()
    stream = RandomStreams(3).stream("functions/f/init")
    draw = drawer(Percentiles(*lab.rules.init_percentiles["ruby3.4", "arm64"]), stream)
    assert lab.trace.attempts["init_ms"].tolist() == [draw(None) / 1000 for _ in range(50)]
