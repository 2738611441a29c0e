"""What provisioned concurrency costs: by itself, for its inits, and for the runs in it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import lambdalab as ll
from tests.functions.test_provisioned import provided

GB = {"memory_size": 1024}


def cost(lab: ll.Lab, name: str = "f:1") -> float:
    summary = lab.trace.summary()
    (row,) = summary[summary["name"] == name].itertuples()
    assert row.kind == "provisioned concurrency"
    return float(row.cost_usd)


RESERVED = {"x86_64": 0.0000041667, "arm64": 0.0000033334}
RUN = {"x86_64": 0.0000097222, "arm64": 0.0000077778}


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_each_run_has_the_lower_price(architecture: str) -> None:
    lab, _ = provided(2, architecture=architecture, **GB)
    lab.drive("f:1", ll.Burst(3))
    lab.run()
    attempts = lab.trace.attempts.set_index("init_type")["cost_usd"]
    assert attempts["provisioned"].tolist() == pytest.approx(
        [RUN[architecture] + 0.0000002] * 2, abs=1e-9
    )
    usual = {"x86_64": 0.0000166667, "arm64": 0.0000133334}[architecture]
    assert attempts["on_demand"] == pytest.approx(usual + 0.0000002, abs=1e-9)


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize(
    ("seconds", "billed"), [(200, 300), (300, 300), (300.1, 600), (3600, 3600)]
)
def test_it_is_paid_for_from_asking_to_giving_back(
    architecture: str, seconds: float, billed: int
) -> None:
    """In steps of five minutes, the inits besides, whether anybody calls or not."""
    lab, _ = provided(3, architecture=architecture, init=2.0001, memory_size=512)
    lab.run(until=seconds)
    lab.delete_provisioned_concurrency("f", "1")
    lab.run(until=10_000)
    inits = 3 * 2.001 * 0.5 * RUN[architecture]
    assert cost(lab) == pytest.approx(3 * billed * 0.5 * RESERVED[architecture] + inits, abs=2e-9)
    assert lab.trace.summary()["name"].tolist() == ["f:1"]


def test_more_and_less_are_paid_for_by_the_environment() -> None:
    lab, _ = provided(2, init=0, **GB)
    lab.run(until=400)
    lab.put_provisioned_concurrency("f", "1", 5)  # three more, for 500 s: 600 s
    lab.run(until=900)
    lab.put_provisioned_concurrency("f", "1", 1)  # and one of the first two, for 900 s
    lab.run(until=1300)
    lab.close()  # the last one: 1,300 s, which is 1,500
    assert cost(lab) == pytest.approx((3 * 600 + 900 + 1500) * RESERVED["x86_64"], abs=2e-9)


def test_until_now_where_it_was_not_given_back() -> None:
    lab, _ = provided(1, init=0, **GB)
    assert cost(lab) == pytest.approx(300 * RESERVED["x86_64"], abs=1e-9)
    lab.run(until=1000)
    lab.invoke("f:1")
    assert cost(lab) == pytest.approx(1200 * RESERVED["x86_64"], abs=1e-9)


def test_each_version_pays_for_its_own_memory() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1, memory_size=128, init=0)
    lab.publish_version("f")
    lab.update_function("f", memory_size=1024)
    lab.publish_version("f")
    lab.update_function("f", memory_size=10_240)
    lab.create_alias("f", "live", "1")
    lab.put_provisioned_concurrency("f", "live", 1)
    lab.run(until=600)
    lab.update_alias("f", "live", "2")
    lab.run(until=900)
    lab.close()
    assert cost(lab, "f:1") == pytest.approx(600 / 8 * RESERVED["x86_64"], abs=1e-9)
    assert cost(lab, "f:2") == pytest.approx(300 * RESERVED["x86_64"], abs=1e-9)


def test_a_saved_trace_tells_the_same_bill(tmp_path: Any) -> None:
    lab, _ = provided(3)
    lab.invoke("f:1")
    lab.trace.save(tmp_path / "trace")
    loaded = ll.Trace.load(tmp_path / "trace")
    pd.testing.assert_frame_equal(loaded.summary(), lab.trace.summary())


def test_without_it_there_is_no_such_row(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.invoke("f")
    assert lab.trace.summary()["kind"].tolist() == ["function"]
