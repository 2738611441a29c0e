"""CloudWatch through botocore: statistics, metric data with expressions, and the list of metrics."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from lambdalab.aws.metric_math import NotMath, evaluate
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
BILL = [{"Name": "FunctionName", "Value": "bill"}]


def minutes(count: float) -> dt.datetime:
    return START + dt.timedelta(minutes=count)


@pytest.fixture(scope="module")
def lab() -> ll.Lab:
    """Two functions; bill is invoked at 0:00, 0:30, ... 9:30, ten times with an error; a queue."""
    lab = ll.Lab(seed=3)

    @lab.function
    def bill(event: Any, context: Any) -> None:
        import time

        time.sleep(0.1 * event["n"])
        if event["n"] % 2:
            raise ValueError("odd")

    lab.create_function("ship", duration=0.2)
    lab.sqs.create_queue("orders")
    lab.create_event_source_mapping("orders", "ship", batch_size=1)
    for n in range(20):
        lab.run(until=30 * n)
        lab.invoke(bill, {"n": n})
    lab.sqs["orders"].send("one")
    lab.run(until=600)
    return lab


@pytest.fixture
def cloudwatch(lab: ll.Lab) -> Any:
    return checked(lab.client("cloudwatch"))


def statistics(client: Any, metric: str, dimensions: Any = BILL, **more: Any) -> Any:
    asked = {
        "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions,
        "StartTime": START, "EndTime": minutes(10), "Period": 60, "Statistics": ["Sum"],
    }  # fmt: skip
    given = {name: value for name, value in (asked | more).items() if value is not None}
    return client.get_metric_statistics(**given)


def test_a_point_for_each_period(cloudwatch: Any) -> None:
    answer = statistics(cloudwatch, "Invocations")
    assert answer["Label"] == "Invocations"
    points = answer["Datapoints"]
    assert [point["Timestamp"] for point in points] == [minutes(n) for n in range(10)]
    assert [point["Sum"] for point in points] == [2.0] * 10
    assert {point["Unit"] for point in points} == {"Count"}
    assert points[0]["Timestamp"].utcoffset() == dt.timedelta(0)
    assert [p["Sum"] for p in statistics(cloudwatch, "Errors")["Datapoints"]] == [1.0] * 10


def test_statistics_are_those_of_the_books(cloudwatch: Any, lab: ll.Lab) -> None:
    names = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
    [point] = statistics(
        cloudwatch, "Duration", Period=600, Statistics=names, ExtendedStatistics=["p90", "p99.9"]
    )["Datapoints"]
    own = lab.trace.attempts
    durations = own[own.function == "bill"].duration_ms
    assert point["SampleCount"] == 20.0
    assert point["Sum"] == pytest.approx(durations.sum())
    assert point["Average"] == pytest.approx(durations.mean())
    assert (point["Minimum"], point["Maximum"]) == (durations.min(), durations.max())
    assert point["Unit"] == "Milliseconds"
    ordered = sorted(durations)
    assert point["ExtendedStatistics"] == {"p90": ordered[17], "p99.9": ordered[19]}


def test_periods_begin_at_the_start_asked_for(cloudwatch: Any) -> None:
    answer = statistics(
        cloudwatch, "Invocations", StartTime=minutes(1.5), EndTime=minutes(8), Period=300
    )
    points = [(point["Timestamp"], point["Sum"]) for point in answer["Datapoints"]]
    assert points == [(minutes(1), 10.0), (minutes(6), 4.0)]


def test_an_old_start_is_rounded_to_hours(lab: ll.Lab) -> None:
    aged = ll.Lab(seed=3)
    aged.create_function("bill", duration=0.1)
    aged.run(until=120 * 60)
    aged.invoke("bill")
    aged.run(until="70d")
    answer = statistics(
        checked(aged.client("cloudwatch")), "Invocations", Period=3600,
        StartTime=minutes(95), EndTime=minutes(300),
    )  # fmt: skip
    assert [point["Timestamp"] for point in answer["Datapoints"]] == [minutes(120)]


def test_times_may_be_texts_and_seconds(cloudwatch: Any) -> None:
    answer = statistics(
        cloudwatch, "Invocations", StartTime="2025-01-07T00:00:00Z", EndTime=START.timestamp() + 600
    )
    assert len(answer["Datapoints"]) == 10


def test_dimensions_choose_the_series(cloudwatch: Any, lab: ll.Lab) -> None:
    def total(metric: str, dimensions: Any, namespace: str = "AWS/Lambda") -> float:
        answer = statistics(
            cloudwatch, metric, dimensions, Namespace=namespace, Period=660,
            EndTime=minutes(11),
        )  # fmt: skip
        return sum(point["Sum"] for point in answer["Datapoints"])

    resource = {"Name": "Resource", "Value": "bill"}
    assert total("Invocations", BILL) == 20
    assert total("Invocations", [resource, *BILL]) == 20
    assert total("Invocations", []) == 21
    assert total("Invocations", [{"Name": "FunctionName", "Value": "ship"}]) == 1
    assert total("Invocations", [{"Name": "FunctionName", "Value": "nope"}]) == 0
    assert total("Invocations", [{"Name": "QueueName", "Value": "bill"}]) == 0
    queue = [{"Name": "QueueName", "Value": "orders"}]
    assert total("NumberOfMessagesSent", queue, "AWS/SQS") == 1
    assert total("NumberOfMessagesSent", queue) == 0
    uuid = str(lab.trace.wired("mapping")["orders->ship"]["uuid"])
    mapping = [{"Name": "EventSourceMappingUUID", "Value": uuid}]
    assert total("PolledEventCount", mapping) == 1
    assert not statistics(cloudwatch, "Invocations", Unit="Seconds")["Datapoints"]


def test_the_account_has_its_own_concurrency(cloudwatch: Any, lab: ll.Lab) -> None:
    names = ["Maximum", "SampleCount"]
    points = statistics(cloudwatch, "ConcurrentExecutions", [], Statistics=names)["Datapoints"]
    assert max(point["Maximum"] for point in points) == 1.0
    samples = lab.trace.samples("AWS/Lambda", "ConcurrentExecutions")
    assert sum(point["SampleCount"] for point in points) == (samples.name == "").sum()


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"Statistics": None}, "InvalidParameterCombination", "Must specify either"),
        ({"EndTime": START}, "InvalidParameterValue", "StartTime must be less than"),
        ({"EndTime": minutes(-5)}, "InvalidParameterValue", "must be less than"),
        ({"Period": 90}, "InvalidParameterValue", "multiple of 60"),
        ({"EndTime": minutes(86400)}, "InvalidParameterCombination", "up to 86400 datapoints"),
        ({"ExtendedStatistics": ["p101"]}, "InvalidParameterValue", "p101"),
    ],
)
def test_what_cloudwatch_refuses(cloudwatch: Any, given: Any, code: str, words: str) -> None:
    with pytest.raises(cloudwatch.exceptions.ClientError, match=words) as caught:
        statistics(cloudwatch, "Invocations", **given)
    assert caught.value.response["Error"]["Code"] == code
    assert type(caught.value).__name__ == f"{code}Exception"


# ------------------------------------------------------------------ metric data


def query(id: str, metric: str, stat: str = "Sum", **more: Any) -> dict[str, Any]:
    named = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": BILL}
    return {"Id": id, "MetricStat": {"Metric": named, "Period": 60, "Stat": stat}, **more}


def data(client: Any, *queries: dict[str, Any], **more: Any) -> Any:
    asked = {"MetricDataQueries": list(queries), "StartTime": START, "EndTime": minutes(12)}
    return client.get_metric_data(**asked | more)


def test_metric_data_and_an_expression(cloudwatch: Any) -> None:
    answer = data(
        cloudwatch,
        {"Id": "rate", "Expression": "100 * errors / calls", "Label": "Error rate"},
        query("calls", "Invocations"),
        query("errors", "Errors", ReturnData=False),
        {"Id": "all", "Expression": "FILL(calls, 0)"},
    )
    rate, calls, every = answer["MetricDataResults"]
    assert (rate["Id"], rate["Label"], rate["StatusCode"]) == ("rate", "Error rate", "Complete")
    assert rate["Values"] == [50.0] * 10
    assert calls["Label"] == "Invocations"
    assert calls["Timestamps"] == [minutes(n) for n in reversed(range(10))]
    assert (every["Label"], every["Values"]) == ("all", [0.0] * 2 + [2.0] * 10)
    assert answer["Messages"] == []


def test_metric_data_comes_in_pages(cloudwatch: Any) -> None:
    queries = [query("a", "Invocations"), query("none", "Nothing"), query("b", "Errors")]
    pages = list(
        cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=START, EndTime=minutes(12),
            ScanBy="TimestampAscending", PaginationConfig={"PageSize": 8},
        )
    )  # fmt: skip
    shown = [
        [
            (each["Id"], len(each["Values"]), each["StatusCode"])
            for each in page["MetricDataResults"]
        ]
        for page in pages
    ]
    assert shown == [
        [("a", 8, "PartialData")],
        [("a", 2, "Complete"), ("none", 0, "Complete"), ("b", 6, "PartialData")],
        [("b", 4, "Complete")],
    ]
    times = [at for page in pages for r in page["MetricDataResults"] for at in r["Timestamps"]]
    assert times == [minutes(n) for n in range(10)] * 2
    exact = data(cloudwatch, queries[0], queries[1], MaxDatapoints=10)
    assert [r["Id"] for r in exact["MetricDataResults"]] == ["a", "none"]
    assert "NextToken" not in exact


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        ([{"Id": "a"}], "must specify Expression or MetricStat"),
        (
            [query("a", "Errors") | {"Expression": "1"}],
            "member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive",
        ),
        ([query("a", "Errors") | {"Period": 60}], "member.1.Period and .* mutually exclusive"),
        ([query("a", "Errors"), query("a", "Errors")], "not unique"),
        ([query("a", "Errors", "tm99")], "tm99"),
        ([{"Id": "a", "Expression": "b + 1"}], "'a'.*no query with the id 'b'"),
        ([{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}], "no query with the id"),
        ([query("m", "Errors"), {"Id": "a", "Expression": "SUM(m)"}], "comes to a number"),
        ([query("m", "Errors"), {"Id": "a", "Expression": "RATE(m)"}], "RATE .*not simulated"),
    ],
)
def test_queries_that_cannot_be(cloudwatch: Any, queries: Any, words: str) -> None:
    with pytest.raises(cloudwatch.exceptions.ValidationException, match=words) as caught:
        data(cloudwatch, *queries)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_a_token_that_is_none(cloudwatch: Any) -> None:
    for token in ("x", "x" * 5, "bm8="):
        with pytest.raises(cloudwatch.exceptions.InvalidNextToken):
            data(cloudwatch, query("a", "Errors"), NextToken=token)
    with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException):
        cloudwatch.list_metrics(NextToken="x")


def test_expressions() -> None:
    series = {"a": {0: 1.0, 1: 2.0}, "b": {1: 4.0, 2: 0.0}}

    def comes_to(expression: str) -> Any:
        return evaluate(expression, series, ["a", "b"], range(4))

    assert comes_to("a + b") == {1: 6.0}
    assert comes_to("-a * 2^3") == {0: -8.0, 1: -16.0}
    assert comes_to("1 / b") == {1: 0.25}
    assert comes_to("SUM([a, b])") == {0: 1.0, 1: 6.0, 2: 0.0}
    assert comes_to("MAX(METRICS())") == {0: 1.0, 1: 4.0, 2: 0.0}
    assert comes_to("AVG([a * 3, b])") == {0: 3.0, 1: 5.0, 2: 0.0}
    assert comes_to("a / SUM(a)") == {0: 1 / 3, 1: 2 / 3}
    assert comes_to("FILL(b, REPEAT)") == {1: 4.0, 2: 0.0, 3: 0.0}
    assert comes_to("FILL(a, 0) + CEIL(0.5)") == {0: 2.0, 1: 3.0, 2: 1.0, 3: 1.0}
    for wrong in (
        "",
        "a +",
        "METRICS()",
        "a.b",
        "__import__('os')",
        "a if b else a",
        "1/0",
        "9^9^9",
    ):
        with pytest.raises(NotMath):
            comes_to(wrong)


# ------------------------------------------------------------------ the list


def test_list_metrics(cloudwatch: Any) -> None:
    pages = list(cloudwatch.get_paginator("list_metrics").paginate())
    found = [
        (each["Namespace"], each["MetricName"], tuple(d["Value"] for d in each["Dimensions"]))
        for page in pages
        for each in page["Metrics"]
    ]
    assert len(found) == len(set(found))
    assert {("AWS/Lambda", "Duration", each) for each in ((), ("bill",), ("bill", "bill"))} < {
        *found
    }
    assert ("AWS/SQS", "NumberOfMessagesSent", ("orders",)) in found
    assert ("AWS/Lambda", "PolledEventCount", ("bill",)) not in found


def test_list_metrics_by_filters(cloudwatch: Any) -> None:
    def count(**given: Any) -> int:
        return len(cloudwatch.list_metrics(**given)["Metrics"])

    assert count(MetricName="Duration") == 5  # of two functions, twice each, and of all
    assert count(MetricName="Duration", Dimensions=BILL) == 2
    assert count(MetricName="Duration", Dimensions=[{"Name": "FunctionName"}]) == 4
    assert count(Namespace="AWS/SQS", MetricName="Duration") == 0
    assert count(Namespace="AWS/SQS", RecentlyActive="PT3H") > 0


def test_list_metrics_has_pages_and_forgets_what_is_long_ago() -> None:
    lab = ll.Lab()
    for n in range(80):
        lab.invoke(lab.create_function(f"f{n}", duration=0.1))
    client = checked(lab.client("cloudwatch"))
    first = client.list_metrics()
    assert len(first["Metrics"]) == 500
    rest = client.list_metrics(NextToken=first["NextToken"])
    assert "NextToken" not in rest
    lab.run(until="4h")
    assert client.list_metrics(RecentlyActive="PT3H")["Metrics"] == []


@pytest.mark.parametrize(
    ("end", "words"),
    [(START, "StartTime must not equal parameter EndTime"),
     (minutes(-1), "EndTime must be greater than StartTime")],
)  # fmt: skip
def test_times_that_span_nothing(cloudwatch: Any, end: Any, words: str) -> None:
    with pytest.raises(cloudwatch.exceptions.ValidationException, match=words):
        cloudwatch.get_metric_data(
            MetricDataQueries=[query("a", "Errors")], StartTime=START, EndTime=end
        )


def test_a_version_and_an_alias_have_metrics_of_their_own() -> None:
    lab = ll.Lab()

    @lab.function
    def bill(event: Any, context: Any) -> None:
        if event:
            raise ValueError(event)

    lab.create_function("ship", duration=0.1)
    lab.publish_version("bill")
    for name in ("bill", "ship"):
        lab.publish_version(name)
        lab.create_alias(name, "live", "1")
    for target, event in (("bill", 0), ("bill:1", 0), ("bill:live", 1), ("bill:live", 0)):
        lab.invoke(target, event)
    lab.invoke("ship:live")
    client = checked(lab.client("cloudwatch"))

    def total(metric: str, resource: str | None) -> Any:
        dimensions = [*BILL, *([{"Name": "Resource", "Value": resource}] if resource else [])]
        return sum(point["Sum"] for point in statistics(client, metric, dimensions)["Datapoints"])

    assert [total("Invocations", r) for r in (None, "bill", "bill:1", "bill:live", "bill:2")] == [
        4, 4, 1, 2, 0,
    ]  # fmt: skip
    assert [total("Errors", r) for r in ("bill:1", "bill:live")] == [0, 1]
    assert total("Invocations", "ship:live") == 0  # of another function than is named
    assert total("Throttles", "bill:live") == 0
    resource = {"Name": "Resource", "Value": "bill:live"}
    found = client.list_metrics(Dimensions=[resource])["Metrics"]
    assert [each["MetricName"] for each in found] == ["Invocations", "Errors", "Duration"]
    assert found[0]["Dimensions"] == [*BILL, resource]


# ------------------------------------------------------------------ metrics of one's own

SHOP = [{"Name": "Shop", "Value": "Bern"}]


@pytest.fixture
def shop() -> Any:
    """A client of a lab that is five minutes old."""
    lab = ll.Lab()
    lab.run(until=300)
    return checked(lab.client("cloudwatch"))


def put(client: Any, *data: dict[str, Any], namespace: str = "Shop") -> None:
    client.put_metric_data(
        Namespace=namespace, MetricData=[{"MetricName": "Orders"} | each for each in data]
    )


def own(client: Any, dimensions: Any = (), **more: Any) -> Any:
    asked = {"Namespace": "Shop", "MetricName": "Orders", "StartTime": minutes(0)} | more
    return statistics(client, **{"metric": "Orders", "dimensions": list(dimensions)} | asked)


def test_what_was_put_comes_back(shop: Any) -> None:
    put(
        shop,
        {"Value": 2.5, "Timestamp": minutes(1.2), "Unit": "Count"},
        {"Values": [1, 4], "Counts": [3, 1], "Timestamp": minutes(1.7), "Unit": "Count"},
        {"Value": 7, "Unit": "Count"},
        {"Value": 9, "Dimensions": SHOP},
    )
    names = ["SampleCount", "Sum", "Minimum", "Maximum"]
    first, second = own(shop, Statistics=names, ExtendedStatistics=["p50"])["Datapoints"]
    assert first == {
        "Timestamp": minutes(1), "Unit": "Count", "SampleCount": 5.0, "Sum": 9.5, "Minimum": 1.0,
        "Maximum": 4.0, "ExtendedStatistics": {"p50": 1.0},
    }  # fmt: skip
    assert (second["Timestamp"], second["Sum"]) == (minutes(5), 7.0)
    [mine] = own(shop, SHOP)["Datapoints"]
    assert (mine["Sum"], mine["Unit"]) == (9.0, "None")
    assert own(shop, [{"Name": "Shop", "Value": "Basel"}])["Datapoints"] == []
    assert own(shop, SHOP, Unit="Count")["Datapoints"] == []
    found = shop.list_metrics(Namespace="Shop", RecentlyActive="PT3H")["Metrics"]
    assert [each["Dimensions"] for each in found] == [[], SHOP]


def test_of_several_units_the_first_one_is_told_unless_another_is_asked_for(shop: Any) -> None:
    put(shop, {"Value": 1, "Unit": "Seconds"}, {"Value": 9, "Unit": "Count"})
    assert own(shop)["Datapoints"][0]["Sum"] == 1.0
    assert own(shop, Unit="Count")["Datapoints"][0]["Sum"] == 9.0


def test_short_periods_are_of_high_resolution(shop: Any) -> None:
    put(
        shop,
        {"Value": 1, "Timestamp": minutes(2.1), "StorageResolution": 1},
        {"Value": 2, "Timestamp": minutes(2.6), "StorageResolution": 1},
    )
    points = own(shop, Period=30)["Datapoints"]
    assert [(p["Timestamp"], p["Sum"]) for p in points] == [
        (minutes(2), 1.0), (minutes(2.5), 2.0),
    ]  # fmt: skip


def test_they_are_in_metric_data_too(shop: Any) -> None:
    put(shop, {"Value": 3})
    query = {
        "Id": "a", "MetricStat": {
            "Metric": {"Namespace": "Shop", "MetricName": "Orders"}, "Period": 60, "Stat": "Sum",
        },
    }  # fmt: skip
    answer = shop.get_metric_data(
        MetricDataQueries=[query, {"Id": "b", "Expression": "a * 2"}],
        StartTime=minutes(0), EndTime=minutes(10),
    )  # fmt: skip
    assert [each["Values"] for each in answer["MetricDataResults"]] == [[3.0], [6.0]]


def test_a_new_run_has_none_of_them() -> None:
    lab = ll.Lab()
    client = checked(lab.client("cloudwatch"))
    put(client, {"Value": 3})
    assert own(client)["Datapoints"]
    lab.reset()
    assert own(client)["Datapoints"] == []


def test_a_handler_puts_them_at_its_own_time() -> None:
    lab = ll.Lab()

    @lab.function
    def sell(event: Any, context: Any) -> None:
        import time

        import boto3

        time.sleep(90)
        boto3.client("cloudwatch").put_metric_data(
            Namespace="Shop", MetricData=[{"MetricName": "Orders", "Value": 1}]
        )

    lab.update_function(sell, timeout=120)
    with lab.aws():
        lab.invoke(sell)
    [point] = own(checked(lab.client("cloudwatch")))["Datapoints"]
    assert point["Timestamp"] == minutes(1)


@pytest.mark.parametrize(
    ("datum", "code", "words"),
    [
        ({}, "MissingParameter", "At least one of the parameters"),
        ({"Value": float("nan")}, "InvalidParameterValue", "value nan for parameter MetricData.mem"),
        ({"Values": [1, 2.0**361]}, "InvalidParameterValue", "member.1.Values is invalid"),
        ({"Value": 1, "Values": [1]}, "InvalidParameterCombination", "mutually exclusive"),
        ({"Values": [1], "Counts": [1, 2]}, "InvalidParameterValue", "of the same size"),
        ({"Values": [1], "Counts": [0.5]}, "InvalidParameterValue", "whole"),
        ({"Values": [1] * 151}, "InvalidParameterValue", "greater than 150"),
        ({"Value": 1, "StorageResolution": 5}, "InvalidParameterValue", "must be 1 or 60"),
        ({"Value": 1, "Timestamp": minutes(-20_200)}, "InvalidParameterValue", "past two weeks"),
        ({"Value": 1, "Timestamp": minutes(126)}, "InvalidParameterValue", "two hours in the fut"),
        (
            {"Value": 1, "Dimensions": [{"Name": str(n), "Value": "x"} for n in range(31)]},
            "InvalidParameterValue", "greater than 30",
        ),
        (
            {"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
            "InvalidParameterValue", "not simulated",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_put(shop: Any, datum: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(shop.exceptions.ClientError, match=words) as caught:
        put(shop, {"Value": 1}, datum) if "member.1" not in words else put(shop, datum)
    assert caught.value.response["Error"]["Code"] == code
    assert own(shop)["Datapoints"] == []  # nothing of a refused call is kept


def test_what_no_call_can_have(shop: Any) -> None:
    with pytest.raises(shop.exceptions.ClientError, match="The value AWS/ for parameter Namespace"):
        put(shop, {"Value": 1}, namespace="AWS/Lambda")
    with pytest.raises(shop.exceptions.ClientError, match="MetricData is required"):
        shop.put_metric_data(Namespace="Shop", MetricData=[])
    with pytest.raises(shop.exceptions.ClientError, match="greater than 1000"):
        put(shop, *[{"Value": 1}] * 1001)
    shop.put_metric_data(
        Namespace="Shop",
        EntityMetricData=[{"Entity": {}, "MetricData": [{"MetricName": "Orders", "Value": 1}]}],
    )
    assert own(shop)["Datapoints"]


def test_an_empty_lab_has_nothing() -> None:
    client = checked(ll.Lab().client("cloudwatch"))
    assert client.list_metrics()["Metrics"] == []
    assert statistics(client, "Invocations")["Datapoints"] == []


def test_every_operation_is_called_here() -> None:
    assert not not_called("cloudwatch")
