from __future__ import annotations

import statistics
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.kernel.random import (
    RandomStream,
    RandomStreams,
    normal_quantile,
    python_random,
)


def test_the_first_draws_of_a_seed_never_change() -> None:
    stream = RandomStreams(7).stream("x")
    assert [stream.uniform() for _ in range(3)] == [
        0.5430979588381235,
        0.4345215515095985,
        0.7536078544120445,
    ]
    assert python_random(7, "x").random() == 0.9398226598815458


def test_another_process_with_another_hash_seed_draws_the_same() -> None:
    program = (
        "from lambdalab.kernel import RandomStreams as R; s = R('a').stream('b');"
        "print([s.uniform() for _ in range(5000)][-1], s.normal(), s.integer(10))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_streams_do_not_disturb_each_other() -> None:
    alone = RandomStreams(1).stream("a")
    expected = [alone.uniform() for _ in range(100)]
    streams = RandomStreams(1)
    drawn = []
    for _ in range(100):
        drawn.append(streams.stream("a").uniform())
        streams.stream("b").uniform()
    assert drawn == expected
    assert streams.stream("a") is not streams.stream("b")
    assert RandomStream(1, "b").uniform() != RandomStream(1, "a").uniform()
    assert RandomStream(2, "a").uniform() != expected[0]


def test_the_variates_have_their_moments() -> None:
    stream = RandomStreams(3).stream("moments")
    n = 40_000
    uniform = [stream.uniform() for _ in range(n)]
    assert min(uniform) >= 0
    assert max(uniform) < 1
    assert statistics.fmean(uniform) == pytest.approx(0.5, abs=0.01)
    assert statistics.fmean(stream.exponential(3.0) for _ in range(n)) == pytest.approx(3, rel=0.03)
    normal = [stream.normal() for _ in range(n)]
    assert statistics.fmean(normal) == pytest.approx(0, abs=0.02)
    assert statistics.pstdev(normal) == pytest.approx(1, abs=0.02)
    median = statistics.median(stream.lognormal(1.0, 0.5) for _ in range(n))
    assert median == pytest.approx(2.718, rel=0.03)
    counts = [0] * 5
    for _ in range(n):
        counts[stream.integer(5)] += 1
    assert min(counts) > 0.95 * n / 5
    assert {stream.choice("abc") for _ in range(100)} == set("abc")


@given(st.floats(1e-300, 1 - 1e-16))
def test_the_normal_quantile_is_the_textbook_one(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(statistics.NormalDist().inv_cdf(p), rel=1e-13)


def test_integer_wants_a_positive_bound() -> None:
    with pytest.raises(ValueError, match="n=0"):
        RandomStream(1, "x").integer(0)
