"""Idle expiry from gaps: by hand, against labs whose truth is known, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.calibration.idle import fit, isotonic, steps, threshold


def gaps(rows: list[tuple[float, float, bool, str]]):
    """(started, ended, cold, environment) of runs; the gaps that were found."""
    started, ended, cold, names = zip(*rows, strict=True)
    found = fit(np.array(started), np.array(ended), np.array(cold), names)
    return (
        None if found is None else list(zip(found.gaps.tolist(), found.gone.tolist(), strict=True))
    )


def blind(rows):
    return gaps([(*row[:3], "") for row in rows])


def test_one_environment_lives_and_ends() -> None:
    rows = [(0, 1, True, "a"), (11, 12, False, "a"), (700, 701, True, "b")]
    assert gaps(rows) == blind(rows) == [(10, False), (688, True)]


def test_a_second_environment_says_nothing_of_the_busy_one() -> None:
    rows = [(0, 10, True, "a"), (5, 6, True, "b"), (20, 21, False, "a")]
    assert gaps(rows) == blind(rows) == [(10, False)]


def test_of_one_that_is_passed_over_nothing_is_known() -> None:
    """b became idle last, and yet a is taken: as a provisioned one would be. A cold start tells more."""
    rows = [(0, 10, True, "a"), (5, 20, True, "b"), (100, 101, False, "a")]
    assert gaps(rows) == [(90, False)]
    assert gaps([*rows, (900, 901, True, "c")]) == [(90, False), (799, True), (880, True)]


def test_provisioned_environments_do_not_end_the_others() -> None:
    """Those on demand stand idle beside them for as long as ever: no gap tells of an end."""
    lab = ll.Lab(seed=1)
    lab.create_function("f", duration=0.3)
    version = lab.publish_version("f")
    lab.put_provisioned_concurrency("f", version, 2)
    lab.run()
    lab.drive(version, ll.Poisson(rate=8), count=300)
    lab.run()
    found = ll.calibrate(lab.trace.logs)["f"]
    assert found.cold_starts > 3
    assert found.idle_expiry.ended == 0


def test_a_cold_start_beside_a_living_one_tells_nothing() -> None:
    """a lives on: whatever made c start cold, it was not the end of what stood idle."""
    rows = [(0, 1, True, "a"), (50, 51, True, "c"), (60, 61, False, "a"), (60, 62, False, "c")]
    assert gaps(rows) == [(9, False), (59, False)]


def test_what_became_idle_while_a_cold_start_began_was_not_there_for_it() -> None:
    """A cold start takes longer than its lines tell, by its environment's set-up."""
    rows = [(0, 10, True, "a"), (10.2, 11, True, "b"), (20, 21, False, "b")]
    assert gaps(rows) == [(9, False)]
    assert blind([*rows[:2], (10.5, 12, False, "")]) == [(0.5, False)]


def test_all_that_stood_idle_ended() -> None:
    rows = [(0, 10, True, "a"), (5, 20, True, "b"), (900, 901, True, "c")]
    assert gaps(rows) == blind(rows) == [(880, True), (890, True)]


def test_a_log_that_begins_in_the_middle() -> None:
    """The first warm run is of an environment that nobody has seen before."""
    rows = [(0, 1, False, "a"), (31, 32, False, "a")]
    assert gaps(rows) == blind(rows) == [(30, False)]
    assert gaps(rows[:1]) is None


def told(rows: list[tuple[float, bool]]):
    """A fit of gaps that are just these: one environment after the other."""
    runs, now = [(0.0, 1.0, True, "e0")], 1.0
    for number, (gap, gone) in enumerate(rows):
        name = f"e{number + 1}" if gone else runs[-1][3]
        runs.append((now + gap, now + gap + 1, gone, name))
        now += gap + 1
    started, ended, cold, names = zip(*runs, strict=True)
    return fit(np.array(started), np.array(ended), np.array(cold), names)


def test_where_gaps_agree_it_is_the_middle() -> None:
    found = told([(500, False), (620, True), (580, False), (9, False)])
    assert (found.low, found.high, found.model, found.contradictions) == (580, 620, 600, 0)
    assert found.told() == "600.0 s (580.0 to 620.0 s); 0 of 4 gaps speak against it"
    assert found.ended == 1


def test_where_no_gap_was_near_nobody_knows() -> None:
    found = told([(50, False), (5000, True)])
    assert (found.low, found.high, found.model) == (50, 5000, None)
    assert "unknown; between 50 and 5,000 s no gap was put to the test" in found.told()
    beyond = told([(700, False), (5000, True)])
    assert beyond.model == pytest.approx(math.sqrt(700 * 5000), abs=0.001), "not the rules' own"


def test_where_none_ended_there_is_no_upper_bound() -> None:
    assert told([(50, False)]).model is None
    assert "more than 50 s" in told([(50, False)]).told()
    assert told([(4000, False)]).model == 4000, "longer than the rules' own"
    assert math.isinf(told([(4000, False)]).high)


def test_where_gaps_disagree_it_is_a_distribution() -> None:
    rows = [
        (100, True),
        (200, False),
        (300, True),
        (400, False),
        (500, True),
        (600, False),
        (700, True),
    ]
    found = told(rows)
    assert isinstance(found.model, ll.Empirical)
    assert found.contradictions == 3
    assert "no single number fits: 3 gaps" in found.told()
    assert found.model.quantile(1) == 700


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=14))
def test_the_threshold_is_the_best_there_is(rows: list[tuple[int, bool]]) -> None:
    """No other idle time has fewer gaps against it, tried one by one."""
    rows = sorted(rows)
    at, gone = np.array([float(g) for g, _ in rows]), np.array([g for _, g in rows])

    def against(limit: float) -> int:
        return int(((at < limit) & gone).sum() + ((at >= limit) & ~gone).sum())

    low, high, best = threshold(at, gone)
    tried = min(against(limit) for limit in [*np.arange(0.5, 62, 0.5)])
    assert best <= tried
    if len({gap for gap, _ in rows}) == len(rows):
        assert best == tried
        agree = [limit for limit in np.arange(0.5, 61.5, 0.5) if against(limit) == best]
        assert low <= min(agree) <= max(agree) <= high


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_pooling_finds_the_likeliest_shares_that_never_fall(gone: list[bool]) -> None:
    """Against the maximum of minima of means, which is the same by another way."""
    at = np.arange(1.0, len(gone) + 1)
    levels = isotonic(at, np.array(gone))
    found = [share for first, upto, share in levels for _ in range(int(upto - first) + 1)]
    truth = [
        max(
            min(float(np.mean(gone[a : b + 1])) for b in range(i, len(gone)))
            for a in range(i + 1)
        )
        for i in range(len(gone))
    ]  # fmt: skip
    assert found == pytest.approx(truth)
    assert found == sorted(found)
    made = steps(at, np.array(gone))
    assert made.values[-1] == len(gone)


@settings(max_examples=25)
@given(
    st.integers(60, 3000),
    st.floats(0.2, 3),
    st.integers(0, 10_000),
    st.booleans(),
)
def test_the_truth_lies_within_the_bounds(
    expiry: int, calls: float, seed: int, streams: bool
) -> None:
    """Of any lab with one idle time, whatever its traffic: no gap speaks against it."""
    lab = ll.Lab(seed=seed)
    lab.create_function("f", duration=ll.LogNormal(2, 9), timeout=60, idle_expiry=expiry)
    lab.drive("f", ll.Poisson(rate=calls / expiry), count=120)
    lab.run()
    table = lab.trace.attempts
    if not streams:
        table = table.drop(columns="environment_id")
    found = ll.calibrate(table)["f"].idle_expiry
    if found is None:
        return
    assert found.known == streams
    assert found.contradictions == 0
    assert found.low <= expiry <= found.high + 0.2, "set-up is in no line"


def test_a_distribution_comes_back() -> None:
    """Drawn anew for each spell, from 5 to 20 minutes: so are the quartiles that are found."""
    truth = ll.Empirical([300, 1200])
    lab = ll.Lab(seed=5)
    lab.create_function("f", duration=0.5, idle_expiry=truth)
    lab.drive("f", ll.Poisson(rate=1 / 600), count=4000)
    lab.run()
    found = ll.calibrate(lab.trace.logs)["f"].idle_expiry
    assert isinstance(found.model, ll.Empirical)
    for part in (0.25, 0.5, 0.75):
        assert found.model.quantile(part) == pytest.approx(truth.quantile(part), rel=0.12)
