"""Back-off: AWS's five formulas, within their bounds and the same for the same seed."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.kernel.random import RandomStream
from lambdalab.traffic.backoff import STRATEGIES

SETTINGS = {"base": 0.005, "cap": 2.0}


def waits(strategy: str, n: int = 12, seed: object = 1, **settings: float) -> list[int]:
    stream = RandomStream(seed, "test")
    backoff = ll.Backoff(strategy, **{**SETTINGS, **settings})
    return list(islice(backoff.waits(stream.uniform), n))


def temps(n: int = 12, base: int = 5_000, cap: int = 2_000_000) -> list[int]:
    return [min(cap, base * 2**i) for i in range(n)]


def test_the_formulas_at_their_middle() -> None:
    def drawn(strategy: str) -> list[int]:
        return list(islice(ll.Backoff(strategy, **SETTINGS).waits(lambda: 0.5), 4))

    assert drawn("none") == [0, 0, 0, 0]
    assert drawn("exponential") == [5_000, 10_000, 20_000, 40_000]
    assert drawn("equal") == [3_750, 7_500, 15_000, 30_000]
    assert drawn("full") == [2_500, 5_000, 10_000, 20_000]
    assert drawn("decorrelated") == [10_000, 17_500, 28_750, 45_625]


@given(st.integers(0, 10_000))
def test_every_wait_is_within_its_bounds(seed: int) -> None:
    for wait, temp in zip(waits("full", seed=seed), temps(), strict=True):
        assert 0 <= wait <= temp
    for wait, temp in zip(waits("equal", seed=seed), temps(), strict=True):
        assert temp / 2 - 1 <= wait <= temp
    before = 5_000
    for wait in waits("decorrelated", seed=seed):
        assert 5_000 <= wait <= min(2_000_000, 3 * before) + 1
        before = wait


@given(st.sampled_from(STRATEGIES), st.floats(1e-5, 100), st.floats(1, 1000), st.integers(0, 99))
def test_never_longer_than_the_cap_however_often(
    strategy: str, base: float, factor: float, seed: int
) -> None:
    found = waits(strategy, 200, seed, base=base, cap=base * factor)
    assert 0 <= min(found) <= max(found) <= round(base * factor * 1e6) + 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_gives_the_same_waits(strategy: str) -> None:
    assert waits(strategy, seed=5) == waits(strategy, seed=5)
    random = strategy not in ("none", "exponential")
    assert (waits(strategy, seed=5) != waits(strategy, seed=6)) == random


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"strategy": "jitter"}, "one of none, exponential, equal, full, decorrelated"),
        ({"base": 0}, "more than 0 seconds"),
        ({"base": -1}, "base=-1"),
        ({"base": 2, "cap": 1}, "at least base"),
    ],
)
def test_what_is_no_backoff_is_refused_when_made(settings: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        ll.Backoff(**settings)  # type: ignore[arg-type]


def test_it_is_a_value() -> None:
    assert ll.Backoff("full", base=1, cap=2) == ll.Backoff("full", base=1, cap=2)
    assert ll.Backoff().cap == ll.Rules.as_of().sdk_backoff_maximum
