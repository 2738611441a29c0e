"""CloudWatch's operations on metrics: what ``lab.trace.metrics`` tells, as CloudWatch's API tells it.

There is what the books have (:mod:`.metric_books`): ``AWS/Lambda`` by FunctionName, by FunctionName and
Resource, over all functions, and of mappings by EventSourceMappingUUID; ``AWS/SQS`` by QueueName. A
Resource without a qualifier is the same as none; with one (``bill:live``) there are Invocations, Errors
and Duration. Besides, metrics of one's own (:mod:`.custom_metrics`). A metric there is none of has no data
points, as on AWS. Data points are there at once: CloudWatch's own delay of minutes is not simulated.

Source: botocore's model of CloudWatch (1.44.5); AmazonCloudWatch/cloudwatch_concepts. The words of
refusals are those that clients have recorded, but for: a query with neither a metric nor an expression, a
statistic or period that is none, and tokens that are none.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lambdalab.aws import custom_metrics, metric_books
from lambdalab.aws.custom_metrics import SERVICE
from lambdalab.aws.metric_math import NotMath, Series, evaluate
from lambdalab.aws.operations import ApiError, Call
from lambdalab.aws.values import moment, page, place_of, token_of
from lambdalab.kernel.clock import US
from lambdalab.trace.summary import percentile

if TYPE_CHECKING:
    from lambdalab.lab import Lab

__all__ = ["SERVICE"]
_OF_DATA = "ValidationError"
"""What GetMetricData calls everything that it refuses."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STATISTICS: dict[str, Callable[[npt.NDArray[np.float64]], float]] = {
    "SampleCount": lambda values: float(len(values)),
    "Sum": lambda values: float(values.sum()),
    "Average": lambda values: float(values.mean()),
    "Minimum": lambda values: float(values.min()),
    "Maximum": lambda values: float(values.max()),
}
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)\Z")


class Window(NamedTuple):
    """What is asked for, in microseconds since 1970: from ``start`` on, before ``end``, by ``period``."""

    start: int
    end: int
    period: int

    def moments(self) -> range:
        """Where each period begins."""
        return range(self.start, self.end, self.period)


# ------------------------------------------------------------------ which metrics there are


def _metric_of(namespace: str, metric: str, dimensions: dict[str, str]) -> dict[str, Any]:
    listed = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": metric, "Dimensions": listed}


@SERVICE.operation
def list_metrics(call: Call) -> dict[str, Any]:
    """The metrics that have data, 500 a page."""
    lab = call.lab
    since = None
    if "RecentlyActive" in call:
        since = lab.now - dt.timedelta(seconds=lab.rules.cloudwatch_recently_active)
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    every = chain(metric_books.listed(lab, since), custom_metrics.listed(lab, since))
    for namespace, metric, dimensions in every:
        if _wanted(call, namespace, metric, dimensions):
            key = (namespace, metric, *sorted(dimensions.items()))
            found[key] = _metric_of(namespace, metric, dimensions)
    refusal = ApiError("InvalidParameterValue", "Request parameter NextToken is invalid")
    shown, token = page(
        list(found.values()), call.get("NextToken"), lab.rules.cloudwatch_metrics_page, refusal
    )
    return {"Metrics": list(shown)} | ({"NextToken": token} if token else {})


def _wanted(call: Call, namespace: str, metric: str, dimensions: dict[str, str]) -> bool:
    """Whether a metric is one that the filters of ListMetrics let through."""
    if call.get("Namespace", namespace) != namespace or call.get("MetricName", metric) != metric:
        return False
    return all(
        each["Name"] in dimensions
        and each.get("Value", dimensions[each["Name"]]) == dimensions[each["Name"]]
        for each in call.get("Dimensions", ())
    )


# ------------------------------------------------------------------ statistics


def _groups(
    lab: Lab,
    namespace: str,
    metric: str,
    given: list[dict[str, str]],
    window: Window,
    unit: str | None,
) -> tuple[str, dict[int, npt.NDArray[np.float64]]]:
    """The unit of a metric, and the samples of each period that has some, by its beginning.

    Only those of one ``unit``, where it is given.
    """
    wanted = {each["Name"]: each["Value"] for each in given}
    if namespace.startswith(metric_books.OURS):
        own, at, values = metric_books.samples(lab, namespace, metric, wanted)
    else:
        own, at, values = custom_metrics.samples(lab, namespace, metric, wanted, unit)
    if not len(at) or unit not in (None, own):
        return "", {}
    inside = (at >= window.start) & (at < window.end)
    begins = (at[inside] - window.start) // window.period * window.period + window.start
    values = values[inside]
    order = np.argsort(begins, kind="stable")
    begins, values = begins[order], values[order]
    edges = np.flatnonzero(np.diff(begins)) + 1
    parts = np.split(values, edges) if len(values) else []
    firsts = begins[np.append(0, edges)].tolist() if len(values) else []
    return own, dict(zip(firsts, parts, strict=True))


def _statistic(name: str) -> Callable[[npt.NDArray[np.float64]], float] | None:
    """What makes one statistic of samples; None for a name that is none."""
    if name in _STATISTICS:
        return _STATISTICS[name]
    found = _PERCENTILE.match(name)
    if found is None:
        return None
    share = float(found[1]) / 100
    return lambda values: percentile(values, share) or 0.0


def _window(call: Call, period: int, code: str) -> Window:
    """The time asked for, rounded as CloudWatch does: the older, the coarser."""
    start, end = moment(call["StartTime"]), moment(call["EndTime"])
    if start >= end:
        raise ApiError(code, _times_told(code, start == end))
    rules = call.lab.rules
    short, step = rules.cloudwatch_short_periods, rules.cloudwatch_period_step
    if period not in short and period % step:
        known = ", ".join(map(str, short))
        told = (
            f"The parameter Period must be a value in the set [ {known} ] or a multiple of {step}."
        )
        raise ApiError(code, told)
    age = (call.lab.now - start).total_seconds()
    older = sum(age >= since for since in rules.cloudwatch_resolution_ages)
    coarse = rules.cloudwatch_resolutions[older] * US
    begin, over = (round((each - _EPOCH) / dt.timedelta(microseconds=1)) for each in (start, end))
    return Window(begin // coarse * coarse, over, period * US)


def _times_told(code: str, equal: bool) -> str:
    """What is wrong with times that span nothing: the two operations have words of their own."""
    if code != _OF_DATA:
        return "The parameter StartTime must be less than the parameter EndTime."
    if equal:
        return "The parameter StartTime must not equal parameter EndTime."
    return "The parameter EndTime must be greater than StartTime."


def _date(us: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=us)


@SERVICE.operation
def get_metric_statistics(call: Call) -> dict[str, Any]:
    """Statistics of one metric, a data point for each period that has samples."""
    names = [*call.get("Statistics", ()), *call.get("ExtendedStatistics", ())]
    if not names:
        raise ApiError(
            "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics"
        )
    for name in call.get("ExtendedStatistics", ()):
        if not _PERCENTILE.match(name):
            raise ApiError(
                "InvalidParameterValue",
                f"The value {name} for parameter ExtendedStatistics is not supported.",
            )
    window = _window(call, call["Period"], "InvalidParameterValue")
    points = len(window.moments())
    most = call.lab.rules.cloudwatch_statistics_points
    if points > most:
        raise ApiError(
            "InvalidParameterCombination",
            f"You have requested up to {points} datapoints, which exceeds the limit of "
            f"{most}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range.",
        )
    namespace, metric = call["Namespace"], call["MetricName"]
    unit, groups = _groups(
        call.lab, namespace, metric, call.get("Dimensions", []), window, call.get("Unit")
    )
    told = [_point(call, at, values, unit) for at, values in groups.items()]
    return {"Label": metric, "Datapoints": told}


def _point(call: Call, at: int, values: npt.NDArray[np.float64], unit: str) -> dict[str, Any]:
    point: dict[str, Any] = {"Timestamp": _date(at)}
    for name in call.get("Statistics", ()):
        point[name] = _STATISTICS[name](values)
    point["Unit"] = unit
    extended = call.get("ExtendedStatistics", ())
    found = {name: made(values) for name in extended if (made := _statistic(name))}
    return point | ({"ExtendedStatistics": found} if found else {})


# ------------------------------------------------------------------ GetMetricData


@SERVICE.operation
def get_metric_data(call: Call) -> dict[str, Any]:
    """Several metrics, and expressions over them (:mod:`.metric_math`)."""
    queries: list[dict[str, Any]] = call["MetricDataQueries"]
    found = _series(call, queries)
    results = []
    for query in queries:
        if query.get("ReturnData", True):
            times = sorted(found[query["Id"]])
            if call.get("ScanBy", "TimestampDescending") == "TimestampDescending":
                times.reverse()
            results.append((query, times, found[query["Id"]]))
    return _results(call, results)


def _series(call: Call, queries: list[dict[str, Any]]) -> dict[str, Series]:
    """The series of every query by its id."""
    found: dict[str, Series] = {}
    expressions: list[dict[str, Any]] = []
    periods: list[int] = []
    for place, query in enumerate(queries, 1):
        _check_query(query, f"MetricDataQueries.member.{place}")
        if query["Id"] in found or any(query["Id"] == each["Id"] for each in expressions):
            told = "The values for parameter id in MetricDataQueries are not unique."
            raise ApiError(_OF_DATA, told)
        if "Expression" in query:
            expressions.append(query)
        else:
            found[query["Id"]] = _metric(call, query["MetricStat"])
            periods.append(query["MetricStat"]["Period"])
    metrics = list(found)
    for query in _in_order(expressions):
        period = query.get("Period") or max(periods, default=call.lab.rules.cloudwatch_period_step)
        moments = _window(call, period, _OF_DATA).moments()
        try:
            found[query["Id"]] = evaluate(query["Expression"], found, metrics, moments)
        except NotMath as error:
            raise ApiError(_OF_DATA, f"Error in expression '{query['Id']}': {error}") from None
    return found


def _check_query(query: dict[str, Any], member: str) -> None:
    """Raise where a query has not exactly one of a metric and an expression, or a period too many."""
    if "MetricStat" not in query and "Expression" not in query:
        raise ApiError(_OF_DATA, "Each MetricDataQuery must specify Expression or MetricStat.")
    for other in ("Expression", "Period"):
        if "MetricStat" in query and other in query:
            raise ApiError(
                _OF_DATA,
                f"The parameters {member}.{other} and {member}.MetricStat are mutually exclusive and "
                "you have specified both.",
            )


def _in_order(expressions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Expressions, those first that others name."""
    ids = {query["Id"] for query in expressions}
    waiting = list(expressions)
    ready: list[dict[str, Any]] = []
    done: set[str] = set()
    while waiting:
        free = [
            query
            for query in waiting
            if not (ids & set(re.findall(r"[a-z]\w*", query["Expression"]))) - done
        ]
        if not free:  # they name each other in a circle; the first one's error tells of it
            return ready + waiting
        ready += free
        done |= {query["Id"] for query in free}
        waiting = [query for query in waiting if query["Id"] not in done]
    return ready


def _metric(call: Call, asked: dict[str, Any]) -> Series:
    """The series of one metric and statistic."""
    metric, name = asked["Metric"], asked["Stat"]
    made = _statistic(name)
    if made is None:
        raise ApiError(
            _OF_DATA,
            f"The value {name} for parameter Stat is not supported: a lab has "
            f"{', '.join(_STATISTICS)} and percentiles as p99",
        )
    window = _window(call, asked["Period"], _OF_DATA)
    given = metric.get("Dimensions", [])
    names = metric.get("Namespace", ""), metric.get("MetricName", "")
    _, groups = _groups(call.lab, *names, given, window, asked.get("Unit"))
    return {at: made(values) for at, values in groups.items()}


def _results(call: Call, results: list[tuple[dict[str, Any], list[int], Series]]) -> dict[str, Any]:
    """One page of data points; a query that goes on has the status PartialData."""
    most = call.lab.rules.cloudwatch_data_points
    most = min(call.get("MaxDatapoints") or most, most)
    refusal = ApiError("InvalidNextToken", "Request parameter NextToken is invalid")
    given = call.get("NextToken")
    place = place_of(given, refusal) if given else "0"
    if not place.isdecimal():
        raise refusal
    skip, told, shown = int(place), [], 0
    end = skip + most
    final = sum(len(times) for _, times, _ in results) <= end
    for query, times, series in results:
        rest = times[max(skip - shown, 0) : max(end - shown, 0)]
        over = shown + len(times) <= end
        if rest or (not times and skip <= shown and (shown < end or final)):
            told.append(
                {
                    "Id": query["Id"], "Label": _label(query),
                    "Timestamps": [_date(at) for at in rest],
                    "Values": [series[at] for at in rest],
                    "StatusCode": "Complete" if over else "PartialData",
                }
            )  # fmt: skip
        shown += len(times)
    answer: dict[str, Any] = {"MetricDataResults": told, "Messages": []}
    return answer if final else answer | {"NextToken": token_of(end)}


def _label(query: dict[str, Any]) -> str:
    """The label given, else the metric's name, else the id of the expression."""
    if "Label" in query:
        return str(query["Label"])
    stat = query.get("MetricStat")
    return str(stat["Metric"].get("MetricName", "") if stat else query["Id"])
