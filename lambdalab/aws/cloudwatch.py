"""CloudWatch's operations on metrics: what ``lab.trace.metrics`` tells, as CloudWatch's API tells it.

There is what the books have: ``AWS/Lambda`` by FunctionName, by FunctionName and Resource (without a
qualifier: the same again), over all functions, and of mappings by EventSourceMappingUUID; ``AWS/SQS`` by
QueueName. A metric there is none of has no data points, as on AWS; nor has a Resource with a qualifier,
which the books do not tell apart. Data points are there at once: CloudWatch's own delay of minutes is not
simulated.

Source: botocore's model of CloudWatch (1.44.5); AmazonCloudWatch/cloudwatch_concepts.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lambdalab.aws.metric_math import NotMath, Series, evaluate
from lambdalab.aws.operations import ApiError, Call, Service
from lambdalab.aws.values import moment, page, place_of, token_of
from lambdalab.kernel.clock import US
from lambdalab.trace.summary import percentile

if TYPE_CHECKING:
    from lambdalab.lab import Lab

SERVICE = Service("cloudwatch", invalid="InvalidParameterValue")
_MINUTE = 60 * US
_MOST_POINTS = 1440
_MOST_DATA = 100_800
_PAGE = 500
_UTC = dt.UTC
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=_UTC)
_OF_MAPPINGS = frozenset(
    {"PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "FailedInvokeEventCount"}
    | {"DeletedEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount"}
    | {"ProvisionedPollers"}
)
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


def _dimensions(lab: Lab, namespace: str, metric: str, name: str) -> Iterator[dict[str, str]]:
    """The combinations of dimensions under which CloudWatch has a metric of the books."""
    if namespace == "AWS/SQS":
        yield {"QueueName": name.removesuffix(" (queue)")}
    elif not name:
        yield {}
    elif metric in _OF_MAPPINGS:
        yield {"EventSourceMappingUUID": str(lab.trace.wired("mapping")[name]["uuid"])}
    else:
        yield {"FunctionName": name}
        yield {"FunctionName": name, "Resource": name}
        if metric != "ConcurrentExecutions":  # of which the account's own series has no name
            yield {}


def _listed(given: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in given.items()]


@SERVICE.operation
def list_metrics(call: Call) -> dict[str, Any]:
    """The metrics that have data, 500 a page."""
    lab = call.lab
    figures = lab.trace.metrics()
    if call.get("RecentlyActive") == "PT3H":
        figures = figures[figures["at"] >= lab.now - dt.timedelta(hours=3)]
    known = figures[["namespace", "metric", "name"]].drop_duplicates()
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for namespace, metric, name in known.itertuples(index=False, name=None):
        for dimensions in _dimensions(lab, namespace, metric, name):
            if _wanted(call, namespace, metric, dimensions):
                key = (namespace, metric, *sorted(dimensions.items()))
                found[key] = {
                    "Namespace": namespace, "MetricName": metric,
                    "Dimensions": _listed(dimensions),
                }  # fmt: skip
    refusal = ApiError("InvalidParameterValue", "Request parameter NextToken is invalid")
    shown, token = page(list(found.values()), call.get("NextToken"), _PAGE, refusal)
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
    lab: Lab, namespace: str, metric: str, given: list[dict[str, str]], window: Window
) -> tuple[str, dict[int, npt.NDArray[np.float64]]]:
    """The unit of a metric, and the samples of each period that has some, by its beginning."""
    wanted = {each["Name"]: each["Value"] for each in given}
    samples = lab.trace.samples(namespace, metric)
    mine = {
        name
        for name in samples["name"].unique().tolist()
        if any(each == wanted for each in _dimensions(lab, namespace, metric, name))
    }
    samples = samples[samples["name"].isin(mine)]
    if samples.empty:
        return "", {}
    at = samples["at"].dt.as_unit("us").astype(np.int64).to_numpy()
    at = at // _MINUTE * _MINUTE  # which is what CloudWatch keeps of them
    inside = (at >= window.start) & (at < window.end)
    begins = (at[inside] - window.start) // window.period * window.period + window.start
    values = samples["value"].to_numpy(np.float64)[inside]
    order = np.argsort(begins, kind="stable")
    begins, values = begins[order], values[order]
    edges = np.flatnonzero(np.diff(begins)) + 1
    parts = np.split(values, edges) if len(values) else []
    firsts = begins[np.append(0, edges)].tolist() if len(values) else []
    return str(samples["unit"].iloc[0]), dict(zip(firsts, parts, strict=True))


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
    if start == end:
        raise ApiError(code, "The parameter StartTime must not equal parameter EndTime.")
    if start > end:
        raise ApiError(code, "The parameter StartTime must be less than the parameter EndTime.")
    if period not in (1, 5, 10, 20, 30) and period % 60:
        raise ApiError(code, "The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60.")
    age = call.lab.now - start
    days = age.total_seconds() / 86_400
    step = _MINUTE if days < 15 else 5 * _MINUTE if days <= 63 else 60 * _MINUTE
    begin, over = (round((each - _EPOCH) / dt.timedelta(microseconds=1)) for each in (start, end))
    return Window(begin // step * step, over, period * US)


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
    if points > _MOST_POINTS:
        raise ApiError(
            "InvalidParameterCombination",
            f"You have requested up to {points} datapoints, which exceeds the limit of "
            f"{_MOST_POINTS}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range.",
        )
    namespace, metric = call["Namespace"], call["MetricName"]
    unit, groups = _groups(call.lab, namespace, metric, call.get("Dimensions", []), window)
    if call.get("Unit", unit) != unit:
        groups = {}
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
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise ApiError(
                "ValidationError",
                f"The parameter MetricDataQueries.member.{query['Id']} must have either MetricStat or "
                "Expression.",
            )
        if query["Id"] in found or any(query["Id"] == each["Id"] for each in expressions):
            raise ApiError(
                "ValidationError",
                f"The values for parameter id in MetricDataQueries are not unique: {query['Id']}",
            )
        if "Expression" in query:
            expressions.append(query)
        else:
            found[query["Id"]] = _metric(call, query["MetricStat"])
            periods.append(query["MetricStat"]["Period"])
    metrics = list(found)
    for query in _in_order(expressions):
        period = query.get("Period") or max(periods, default=60)
        moments = _window(call, period, "ValidationError").moments()
        try:
            found[query["Id"]] = evaluate(query["Expression"], found, metrics, moments)
        except NotMath as error:
            raise ApiError(
                "ValidationError", f"Error in expression '{query['Id']}': {error}"
            ) from None
    return found


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
            "ValidationError",
            f"The value {name} for parameter Stat is not supported: a lab has "
            f"{', '.join(_STATISTICS)} and percentiles as p99",
        )
    window = _window(call, asked["Period"], "ValidationError")
    given = metric.get("Dimensions", [])
    unit, groups = _groups(
        call.lab, metric.get("Namespace", ""), metric.get("MetricName", ""), given, window
    )
    if asked.get("Unit", unit) != unit:
        return {}
    return {at: made(values) for at, values in groups.items()}


def _results(call: Call, results: list[tuple[dict[str, Any], list[int], Series]]) -> dict[str, Any]:
    """One page of data points; a query that goes on has the status PartialData."""
    most = min(call.get("MaxDatapoints") or _MOST_DATA, _MOST_DATA)
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
