"""CloudWatch's metrics of concurrency, reserved and provisioned."""

from __future__ import annotations

import pandas as pd
import pytest

import lambdalab as ll


@pytest.fixture
def busy(lab: ll.Lab) -> ll.Lab:
    """Three provisioned environments get five calls at once; ten reserved ones get twelve."""
    lab.create_function("bill", duration=1, init=0.2)
    lab.publish_version("bill")
    lab.create_alias("bill", "live", 1)
    lab.put_provisioned_concurrency("bill", "live", 3)
    lab.run()
    lab.create_function("resize", duration=1, reserved_concurrency=10)
    lab.drive("bill:live", ll.Burst(5))
    lab.drive("resize", ll.Burst(12))
    lab.run()
    return lab


def statistic(lab: ll.Lab, metric: str, name: str, column: str) -> float:
    metrics: pd.DataFrame = lab.trace.metrics(period=3600)
    rows = metrics[(metrics["metric"] == metric) & (metrics["name"] == name)]
    (value,) = rows[column]
    return float(value)


@pytest.mark.parametrize(
    ("metric", "name", "column", "value"),
    [
        ("ConcurrentExecutions", "", "maximum", 15),
        ("ConcurrentExecutions", "bill", "maximum", 5),
        ("ConcurrentExecutions", "resize", "maximum", 10),
        ("UnreservedConcurrentExecutions", "", "maximum", 2),
        ("ProvisionedConcurrentExecutions", "bill", "maximum", 3),
        ("ProvisionedConcurrencyUtilization", "bill", "maximum", 1),
        ("ProvisionedConcurrencyUtilization", "bill", "minimum", 1 / 3),
        ("ProvisionedConcurrencyInvocations", "bill", "sum", 3),
        ("ProvisionedConcurrencySpilloverInvocations", "bill", "sum", 2),
        ("ClaimedAccountConcurrency", "", "maximum", 2 + 10 + 3),
    ],
)
def test_what_was_in_use(busy: ll.Lab, metric: str, name: str, column: str, value: float) -> None:
    assert statistic(busy, metric, name, column) == pytest.approx(value)


def test_without_provisioned_concurrency_nobody_speaks_of_it(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.invoke("f")
    named = set(lab.trace.metrics()["metric"])
    assert not any("Provisioned" in metric for metric in named)
    assert statistic(lab, "ClaimedAccountConcurrency", "", "maximum") == 1


def test_what_is_given_back_is_claimed_no_more(busy: ll.Lab) -> None:
    busy.put_function_concurrency("resize", None)
    busy.delete_provisioned_concurrency("bill", "live")
    busy.advance(3600)
    busy.invoke("resize")
    metrics = busy.trace.metrics(period=3600)
    claimed = metrics[metrics["metric"] == "ClaimedAccountConcurrency"]
    assert claimed["maximum"].tolist() == [15, 1]
    reserved = metrics[metrics["metric"] == "UnreservedConcurrentExecutions"]
    assert reserved["maximum"].tolist() == [2, 1]


def test_what_runs_on_demand_beside_a_version_is_no_spill_over(busy: ll.Lab) -> None:
    busy.invoke("bill")  # $LATEST has nothing provisioned
    assert statistic(busy, "ProvisionedConcurrencySpilloverInvocations", "bill", "sum") == 2
