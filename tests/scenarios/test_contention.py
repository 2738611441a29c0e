"""AWS's experiment on optimistic locking: what jitter does for clients that hinder each other."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.kernel.random import RandomStream
from lambdalab.scenarios import Contention, contention
from lambdalab.traffic.backoff import STRATEGIES


def test_what_aws_states_of_a_hundred_clients() -> None:
    table = Contention().run()
    assert table.columns.tolist() == ["strategy", "calls", "time_s"]
    assert table["strategy"].tolist() == list(STRATEGIES)
    calls, time = (dict(zip(STRATEGIES, table[name], strict=True)) for name in ("calls", "time_s"))
    for jitter in ("equal", "full", "decorrelated"):
        assert 0.4 < calls[jitter] / calls["exponential"] < 0.6, "about half of the calls"
        assert time[jitter] < time["exponential"] / 5
    assert time["full"] < 0.85 * time["equal"], "full jitter finishes sooner than equal"
    assert calls["full"] < calls["equal"], "with slightly less work"
    assert time["decorrelated"] < time["full"], "decorrelated takes slightly less time"
    assert calls["full"] < 0.95 * calls["decorrelated"], "and more work"
    assert calls["none"] > 1.2 * calls["exponential"], "no back-off at all is the most work"


def test_one_client_needs_one_write_and_four_ways() -> None:
    table = contention(clients=1, runs=3, network_std=0)
    assert (table["calls"] == 1).all()
    assert table["time_s"].tolist() == pytest.approx([0.04] * 5)


def test_without_back_off_and_chance_one_succeeds_each_round() -> None:
    """All write at the same moment: the first in the queue wins, the others begin again together."""
    table = contention(clients=20, runs=1, network_std=0).set_index("strategy")
    assert table.loc["none", "calls"] == 20 * 21 / 2
    assert table.loc["none", "time_s"] == pytest.approx(20 * 0.04)


def test_the_same_seed_gives_the_same_table() -> None:
    settings = Contention(clients=15, runs=4, seed=3)
    assert settings.run().equals(settings.run())
    assert settings.run().equals(contention(clients=15, runs=4, seed=3))
    assert not settings.run().equals(contention(clients=15, runs=4, seed=4))


@pytest.mark.parametrize(
    "settings",
    [
        {"clients": 0},
        {"runs": 0},
        {"base": 0},
        {"cap": 0.001},
        {"network_mean": -1},
        {"network_std": 2},
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(settings))):
        ll.scenarios.Contention(**settings)  # type: ignore[arg-type]


def test_many_normal_numbers_are_the_same_as_one_after_the_other() -> None:
    one, many = RandomStream(5, "x"), RandomStream(5, "x")
    assert many.normals(5_000) == [one.normal() for _ in range(5_000)]
    assert many.normal() == one.normal()
