"""PutMetricData: metrics of one's own, kept for the lab's run and given back by the other operations.

Statistic sets are not kept, and refused: a lab has the values themselves. Entities change nothing.

Source: botocore's model of CloudWatch (1.44.5) for the limits; the words of refusals as recorded by
clients and by other implementations.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lambdalab.aws.metric_books import OURS
from lambdalab.aws.operations import ApiError, Call, Service, of_run
from lambdalab.aws.values import moment
from lambdalab.kernel.clock import US

if TYPE_CHECKING:
    from lambdalab.lab import Lab

SERVICE = Service("cloudwatch", invalid="InvalidParameterValue")

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, Dimensions]


class Put(NamedTuple):
    """What one datum has put: when (microseconds since 1970, as precise as it is kept), unit, values."""

    at: int
    unit: str
    values: npt.NDArray[np.float64]


def custom(lab: Lab) -> dict[Key, list[Put]]:
    """All that was put in this run, by namespace, metric and dimensions."""
    found: dict[Key, list[Put]] = of_run(lab, "cloudwatch").setdefault("metrics", {})
    return found


def samples(
    lab: Lab, namespace: str, metric: str, dimensions: dict[str, str], unit: str | None
) -> tuple[str, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Unit, moments and values of a metric of one's own.

    Of one ``unit``: where none is given, that which was put first.
    """
    every = custom(lab).get((namespace, metric, _key(dimensions)), [])
    unit = every[0].unit if every and unit is None else unit
    mine = [put for put in every if put.unit == unit]
    if not mine:
        return "", np.empty(0, np.int64), np.empty(0)
    at = np.repeat([put.at for put in mine], [len(put.values) for put in mine])
    return mine[0].unit, at.astype(np.int64), np.concatenate([put.values for put in mine])


def listed(lab: Lab, since: dt.datetime | None) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each; of those with data ``since`` then, where it is given."""
    for (namespace, metric, dimensions), puts in custom(lab).items():
        if since is None or any(put.at >= since.timestamp() * US for put in puts):
            yield namespace, metric, dict(dimensions)


def _key(dimensions: dict[str, str]) -> Dimensions:
    return tuple(sorted(dimensions.items()))


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)


@SERVICE.operation
def put_metric_data(call: Call) -> None:
    """Values of metrics of one's own; they are there at once."""
    data = list(call.get("MetricData", ()))
    for each in call.get("EntityMetricData", ()):
        data += each.get("MetricData", ())
    most, namespace = call.lab.rules.cloudwatch_put_metrics, call["Namespace"]
    if namespace.startswith(OURS):
        raise _invalid(f"The value {OURS} for parameter Namespace is invalid.")
    if not data:
        raise ApiError("MissingParameter", "The parameter MetricData is required.")
    if len(data) > most:
        raise _invalid(f"The collection MetricData must not have a size greater than {most}.")
    puts = [
        ((namespace, each["MetricName"], _dimensions(call, each, place)), _put(call, each, place))
        for place, each in enumerate(data, 1)
    ]
    store = custom(call.lab)
    for key, put in puts:
        store.setdefault(key, []).append(put)


def _dimensions(call: Call, datum: dict[str, Any], place: int) -> Dimensions:
    given, most = datum.get("Dimensions", ()), call.lab.rules.cloudwatch_dimensions
    if len(given) > most:
        raise _invalid(
            f"The collection MetricData.member.{place}.Dimensions must not have a size greater than "
            f"{most}."
        )
    return _key({each["Name"]: each["Value"] for each in given})


def _put(call: Call, datum: dict[str, Any], place: int) -> Put:
    """One datum, checked."""
    at = moment(datum["Timestamp"]) if "Timestamp" in datum else call.lab.now
    rules, age = call.lab.rules, (call.lab.now - at).total_seconds()
    member = f"MetricData.member.{place}"
    if age > rules.cloudwatch_put_past:
        raise _invalid(
            f"The parameter {member}.Timestamp must specify a time within the past two weeks."
        )
    if -age > rules.cloudwatch_put_future:
        raise _invalid(
            f"The parameter {member}.Timestamp must specify a time no more than two hours in the future."
        )
    usual = rules.cloudwatch_period_step
    step = datum.get("StorageResolution", usual)
    if step not in (1, usual):
        raise _invalid(f"The parameter {member}.StorageResolution must be 1 or {usual}.")
    us = round(at.timestamp() * US)
    return Put(us - us % (step * US), datum.get("Unit", "None"), _values(call, datum, member))


def _values(call: Call, datum: dict[str, Any], member: str) -> npt.NDArray[np.float64]:
    """The values of a datum, each as often as it counts."""
    given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if not given:
        raise ApiError(
            "MissingParameter",
            f"At least one of the parameters {member}.Value, {member}.Values or "
            f"{member}.StatisticValues must be specified.",
        )
    if "StatisticValues" in given:
        raise _invalid(
            f"{member}.StatisticValues is not simulated by lambdalab: give Value, or Values and Counts."
        )
    if len(given) > 1:
        raise ApiError(
            "InvalidParameterCombination",
            f"The parameters {member}.Value and {member}.Values are mutually exclusive and you have "
            "specified both.",
        )
    values = [datum["Value"]] if "Value" in datum else list(datum["Values"])
    counts = list(datum.get("Counts", [1] * len(values)))
    rules = call.lab.rules
    if len(counts) != len(values):
        raise _invalid(
            f"The parameters {member}.Values and {member}.Counts must be of the same size."
        )
    if len(values) > rules.cloudwatch_put_values:
        raise _invalid(
            f"The collection {member}.Values must not have a size greater than "
            f"{rules.cloudwatch_put_values}."
        )
    bound = 2.0**rules.cloudwatch_value_bits
    for value in values:
        if not (math.isfinite(value) and -bound <= value <= bound):
            raise _invalid(f"The value {value} for parameter {member}.{given[0]} is invalid.")
    if any(count != int(count) or count < 1 for count in counts):
        raise _invalid(f"{member}.Counts: a lab counts whole values, at least one of each.")
    return np.repeat(np.array(values, np.float64), np.array(counts, np.int64))
