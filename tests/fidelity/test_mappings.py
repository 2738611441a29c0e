"""Event source mappings as things: what may be set, what is refused, and their states."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    LabError,
    ResourceConflictException,
    ResourceInUseException,
)
from lambdalab.rules import Rules
from lambdalab.sources.mappings.limits import limits

ARN = "arn:aws:sqs:us-east-1:123456789012:orders"


def source(lab: ll.Lab, kind: str) -> tuple[Any, dict[str, Any]]:
    """A source, and what a mapping of it cannot do without."""
    if kind == "queue":
        return lab.sqs.create_queue("orders"), {}
    if kind == "fifo":
        return lab.sqs.create_queue("orders.fifo"), {}
    position = {"starting_position": "TRIM_HORIZON"}
    if kind == "kinesis":
        return lab.kinesis.create_stream("orders"), position
    table = lab.dynamodb.create_table("orders", stream_view_type="NEW_AND_OLD_IMAGES")
    return table, position


def connect(lab: ll.Lab, kind: str, **settings: Any) -> Any:
    lab.create_function("bill", duration=0.1)
    found, needed = source(lab, kind)
    return lab.create_event_source_mapping(found, "bill", **needed | settings)


QUEUES, STREAMS = ("queue", "fifo"), ("kinesis", "table")
RANGES = [
    # kinds, setting, default, least, most, what goes with it
    (("queue",), "batch_size", 10, 1, 10_000, {"maximum_batching_window": 1}),
    (("fifo",), "batch_size", 10, 1, 10, {}),
    (STREAMS, "batch_size", 100, 1, 10_000, {}),
    (("queue", *STREAMS), "maximum_batching_window", 0, 0, 300, {}),
    (STREAMS, "parallelization_factor", 1, 1, 10, {}),
    (STREAMS, "maximum_retry_attempts", -1, -1, 10_000, {}),
    (STREAMS, "tumbling_window", 0, 0, 900, {}),
]


@pytest.mark.parametrize(
    ("kind", "setting", "default", "least", "most", "beside"),
    [(kind, *rest) for kinds, *rest in RANGES for kind in kinds],
)
def test_defaults_and_ranges(
    lab: ll.Lab, kind: str, setting: str, default: int, least: int, most: int, beside: Any
) -> None:
    mapping = connect(lab, kind)
    assert getattr(mapping.settings, setting) == default
    for value in (least, most):
        mapping.update(**{setting: value} | beside)
        assert getattr(mapping.settings, setting) == value
    for value in (least - 1, most + 1, 1.5, "1", True):
        with pytest.raises(LabError):
            mapping.update(**{setting: value} | beside)
    assert getattr(mapping.settings, setting) == most


def test_a_fifo_queue_has_no_window(lab: ll.Lab) -> None:
    with pytest.raises(LabError, match=r"(?i)fifo"):
        connect(lab, "fifo", maximum_batching_window=1)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_records_age_is_a_minute_to_a_week_or_has_no_limit(lab: ll.Lab, kind: str) -> None:
    mapping = connect(lab, kind)
    assert mapping.settings.maximum_record_age == -1
    for good in (60, 604_800, -1):
        assert mapping.update(maximum_record_age=good).settings.maximum_record_age == good
    for bad in (0, 59, 604_801, -2):
        with pytest.raises(InvalidSetting, match="maximum_record_age"):
            mapping.update(maximum_record_age=bad)


@pytest.mark.parametrize("kind", [*QUEUES, *STREAMS])
def test_switches_and_answers(lab: ll.Lab, kind: str) -> None:
    """Enabled, and no partial failures, unless it is said."""
    mapping = connect(lab, kind)
    assert mapping.settings.enabled is True
    assert mapping.settings.function_response_types == ()
    mapping.update(function_response_types=["ReportBatchItemFailures"])
    with pytest.raises(InvalidSetting, match="function_response_types"):
        mapping.update(function_response_types=["ReportEverything"])
    if kind in STREAMS:
        assert mapping.settings.bisect_batch_on_function_error is False
        assert mapping.settings.on_failure is None


@pytest.mark.parametrize(("size", "window", "good"), [(10, 0, True), (11, 0, False), (11, 1, True)])
def test_more_than_ten_messages_need_a_window(
    lab: ll.Lab, size: int, window: int, good: bool
) -> None:
    settings = {"batch_size": size, "maximum_batching_window": window}
    if good:
        connect(lab, "queue", **settings)
        return
    with pytest.raises(InvalidParameterValueException) as caught:
        connect(lab, "queue", **settings)
    assert caught.value.status_code == 400
    assert caught.value.message == (
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10"
    )


@pytest.mark.parametrize("kind", STREAMS)
def test_more_than_ten_records_of_a_stream_need_none(lab: ll.Lab, kind: str) -> None:
    assert connect(lab, kind, batch_size=10_000).settings.maximum_batching_window == 0


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_needs_a_starting_position(lab: ll.Lab, kind: str) -> None:
    with pytest.raises(InvalidParameterValueException, match="startingPosition"):
        connect(lab, kind, starting_position=None)


def test_a_tables_stream_has_no_timestamps_to_start_at(lab: ll.Lab) -> None:
    at = {"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": 0}
    with pytest.raises(LabError, match="starting_position"):
        connect(lab, "table", **at)
    assert connect(ll.Lab(seed=7), "kinesis", **at).settings.starting_position == "AT_TIMESTAMP"


# ------------------------------------------------------------------ what is refused


def test_two_are_connected_once(lab: ll.Lab) -> None:
    mapping = connect(lab, "queue")
    with pytest.raises(ResourceConflictException) as caught:
        lab.create_event_source_mapping("orders", "bill", batch_size=5)
    assert caught.value.status_code == 409
    assert caught.value.message == (
        f'An event source mapping with SQS arn (" {ARN} ") and function (" bill ") already '
        f"exists. Please update or delete the existing mapping with UUID {mapping.uuid}"
    )


@pytest.mark.parametrize(("source", "message"), [
    (ARN, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService."
     "NonExistentQueue. SQS Error Message: The specified queue does not exist."),
    ("arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
     "Stream not found: arn:aws:kinesis:us-east-1:123456789012:stream/clicks"),
    (None, "Unrecognized event source."),
])  # fmt: skip
def test_a_source_that_is_not_there(lab: ll.Lab, source: Any, message: str) -> None:
    lab.create_function("bill", duration=0.1)
    with pytest.raises(InvalidParameterValueException) as caught:
        lab.create_event_source_mapping(source, "bill")
    assert (caught.value.status_code, caught.value.message) == (400, message)


def test_a_function_that_is_not_there(lab: ll.Lab) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        lab.create_event_source_mapping(lab.sqs.create_queue("orders"), "nobody")
    assert (caught.value.status_code, caught.value.message) == (400, "Function does not exist")


def test_a_function_slower_than_its_messages_come_back(lab: ll.Lab) -> None:
    """At create, and at update."""
    lab.create_function("bill", duration=0.1, timeout=31)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    words = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
    with pytest.raises(InvalidParameterValueException, match=words):
        lab.create_event_source_mapping(orders, "bill")
    orders.update(visibility_timeout=31)
    mapping = lab.create_event_source_mapping(orders, "bill")
    orders.update(visibility_timeout=30)
    with pytest.raises(InvalidParameterValueException, match=words):
        mapping.update(batch_size=5)


def test_a_queue_has_no_destination_for_failures(lab: ll.Lab) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        connect(lab, "queue", on_failure="failed")
    assert caught.value.message == (
        "Unsupported DestinationConfig parameter for given event source mapping type."
    )


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("fifo", [True, False])
def test_a_streams_destination_is_a_standard_queue(lab: ll.Lab, kind: str, fifo: bool) -> None:
    failed = lab.sqs.create_queue("failed.fifo" if fifo else "failed")
    if fifo:
        with pytest.raises(LabError, match=r"(?i)fifo"):
            connect(lab, kind, on_failure=failed)
        return
    connect(lab, kind, on_failure=failed)


@pytest.mark.parametrize("service", [
    "kafka:us-east-1:123456789012:cluster/c/1", "mq:us-east-1:123456789012:broker:b:1",
    "rds:us-east-1:123456789012:cluster:d",
])  # fmt: skip
def test_sources_no_lab_has_are_refused_by_name(lab: ll.Lab, service: str) -> None:
    lab.create_function("bill", duration=0.1)
    with pytest.raises(InvalidParameterValueException, match=r"is not simulated"):
        lab.create_event_source_mapping(f"arn:aws:{service}", "bill")
    with pytest.raises(InvalidSetting, match=r"Kafka is not simulated"):
        lab.create_event_source_mapping(lab.sqs.create_queue("orders"), "bill", topics=["t"])


# ------------------------------------------------------------------ states


@pytest.mark.parametrize("kind", [*QUEUES, *STREAMS])
def test_made_disabled_it_is_so_at_once(kind: str) -> None:
    lab = ll.Lab(seed=7, quotas={"mapping_transition": 20})
    assert connect(lab, kind, enabled=False).state == "Disabled"


@pytest.mark.parametrize(
    ("kind", "reason"), [("queue", "USER_INITIATED"), ("kinesis", "User action")]
)
def test_every_state_and_why(kind: str, reason: str) -> None:
    lab = ll.Lab(seed=7, quotas={"mapping_transition": 20})
    mapping = connect(lab, kind)
    seen = [mapping.state]

    def look() -> None:
        assert mapping.state_transition_reason == reason
        seen.append(mapping.state)
        lab.advance(20)
        seen.append(mapping.state)

    lab.advance(20)
    seen.append(mapping.state)
    for change in (
        lambda: mapping.update(batch_size=5), mapping.disable, mapping.enable, mapping.delete,
    ):  # fmt: skip
        change()
        with pytest.raises(ResourceInUseException):
            mapping.update(batch_size=6)
        look()
    assert seen == [
        "Creating", "Enabled", "Updating", "Enabled", "Disabling", "Disabled", "Enabling", "Enabled",
        "Deleting", "Deleted",
    ]  # fmt: skip
    assert lab.list_event_source_mappings() == []


def test_a_mapping_polls_only_later_and_latest_passes_over_what_came_before() -> None:
    lab = ll.Lab(seed=7, quotas={"mapping_transition": 60})
    got: list[Any] = []
    lab.create_function("bill", lambda event, context: got.extend(event["Records"]))
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(clicks, "bill", starting_position="LATEST")
    clicks.put_record("missed", "k")
    lab.advance(61)
    clicks.put_record("seen", "k")
    lab.run()
    assert [record["kinesis"]["data"] for record in got] == ["c2Vlbg=="]


def test_the_table_of_limits() -> None:
    """Computed from the rules of a lab; sources that no lab has stand in it for comparison."""
    table = limits(Rules.as_of("2025-01-07"))
    assert [row[:5] for row in table] == [
        ("SQS, standard queue", 10, 10_000, 0, 300),
        ("SQS, FIFO queue", 10, 10, 0, 0),
        ("Kinesis stream", 100, 10_000, 0, 300),
        ("DynamoDB stream", 100, 10_000, 0, 300),
        ("Amazon MSK, Apache Kafka", 100, 10_000, 0.5, 300),
        ("Amazon MQ", 100, 10_000, 0.5, 300),
        ("Amazon DocumentDB", 100, 10_000, 0.5, 300),
    ]
    assert [row.simulated for row in table] == [True] * 4 + [False] * 3
    text, page = repr(table), table._repr_html_()
    assert text.splitlines()[0].split("  ")[0] == "source"
    assert "SQS, FIFO queue           10          10       none    none     yes" in text
    assert page.count("<tr>") == 8
    assert "<td>0.5 s</td>" in page
    raised = Rules.as_of("2025-01-07", {"stream_batch_size_default": 7})
    assert limits(raised)[2].batch_size_default == 7


def test_what_came_of_the_last_processing() -> None:
    """A field of streams alone, in the words that were recorded."""
    lab = ll.Lab(seed=7)
    fails: list[bool] = []

    def bill(event: Any, context: Any) -> None:
        if fails:
            raise ValueError

    lab.create_function("bill", bill)
    clicks = lab.kinesis.create_stream("clicks")
    mapping: Any = lab.create_event_source_mapping(
        clicks, "bill", starting_position="TRIM_HORIZON", maximum_retry_attempts=0
    )
    told = [mapping.last_processing_result]
    for bad in (False, True):
        fails += [True] * bad
        clicks.put_record("x", "k")
        lab.run()
        told.append(mapping.last_processing_result)
    assert told == ["No records processed", "OK", "PROBLEM: Function call failed"]
    queue: Any = lab.create_event_source_mapping(lab.sqs.create_queue("orders"), "bill")
    assert not hasattr(queue, "last_processing_result")


# ------------------------------------------------------------------ metrics


def counted(lab: ll.Lab, metric: str) -> float:
    figures = lab.trace.metrics(period=86_400)
    return float(figures[figures["metric"] == metric]["sum"].sum())


def test_events_of_a_queues_mapping_are_counted(lab: ll.Lab) -> None:
    first: list[bool] = []

    def bill(event: Any, context: Any) -> None:
        if not first:
            first.append(True)
            raise ValueError

    lab.create_function("bill", bill)
    orders = lab.sqs.create_queue("orders", visibility_timeout=10)
    small = {"Filters": [{"Pattern": {"body": {"n": [{"numeric": ["<", 4]}]}}}]}
    mapping = lab.create_event_source_mapping(orders, "bill", filter_criteria=small, enabled=False)
    for number in range(6):
        orders.send({"n": number})
    mapping.enable()
    lab.run()
    # four are invoked twice; two are filtered at once, and those that came back pass again
    assert counted(lab, "PolledEventCount") == 10
    assert counted(lab, "FilteredOutEventCount") == 2
    assert counted(lab, "InvokedEventCount") == 8
    assert counted(lab, "FailedInvokeEventCount") == 4
    assert counted(lab, "DeletedEventCount") == 4


@pytest.mark.parametrize("destination", [False, True])
def test_events_of_a_streams_mapping_are_counted(lab: ll.Lab, destination: bool) -> None:
    lab.create_function("bill", duration=0.1, failure_rate=1)
    lab.sqs.create_queue("failed")
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(
        clicks, "bill", starting_position="TRIM_HORIZON", maximum_retry_attempts=2,
        on_failure="failed" if destination else None,
    )  # fmt: skip
    for number in range(3):
        clicks.put_record(number, "k")
    lab.run()
    assert counted(lab, "PolledEventCount") == 3
    assert counted(lab, "InvokedEventCount") == counted(lab, "FailedInvokeEventCount") == 9
    assert counted(lab, "DroppedEventCount") == 3 * (not destination)
    assert counted(lab, "OnFailureDestinationDeliveredEventCount") == 3 * destination
    figures = lab.trace.metrics(period=86_400)
    assert "DeletedEventCount" not in set(figures["metric"])


def test_a_failed_invoke_counts_when_it_ends(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=50, timeout=60, failure_rate=1)
    orders = lab.sqs.create_queue("orders", visibility_timeout=3_600)
    lab.create_event_source_mapping(orders, "bill")
    lab.advance(30)
    orders.send("x")
    lab.run(until=200)
    figures = lab.trace.metrics(period=60).query("metric == 'FailedInvokeEventCount'")
    assert figures["sum"].sum() == 1
    invoked = lab.trace.metrics(period=60).query("metric == 'InvokedEventCount'")
    began, ended = (rows[rows["sum"] > 0]["at"].iloc[0] for rows in (invoked, figures))
    assert (ended - began).total_seconds() == 60, "in the next minute"


def test_a_failure_record_that_cannot_be_delivered_is_a_failure_of_its_own() -> None:
    lab = ll.Lab(seed=7, quotas={"sqs_message_size": 300})  # less than the record has
    lab.create_function("bill", duration=0.1, failure_rate=1)
    lab.sqs.create_queue("failed")
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(
        clicks, "bill", starting_position="TRIM_HORIZON", maximum_retry_attempts=0,
        on_failure="failed",
    )  # fmt: skip
    clicks.put_record("x", "k")
    lab.run()
    assert counted(lab, "DestinationDeliveryFailures") == 1
    assert counted(lab, "OnFailureDestinationDeliveredEventCount") == 0
    assert counted(lab, "DroppedEventCount") == 1


def test_provisioned_pollers_are_counted() -> None:
    lab = ll.Lab(seed=7, rules="2025-11-14")
    connect(lab, "queue", provisioned_poller_config={"minimum_pollers": 3, "maximum_pollers": 9})
    lab.sqs["orders"].send("x")
    lab.run()
    figures = lab.trace.metrics(period=86_400)
    assert figures[figures["metric"] == "ProvisionedPollers"]["maximum"].max() == 3


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_is_connected_once_too(lab: ll.Lab, kind: str) -> None:
    """In other words than a queue."""
    mapping = connect(lab, kind)
    with pytest.raises(ResourceConflictException) as caught:
        lab.create_event_source_mapping(mapping.source, "bill", starting_position="LATEST")
    assert caught.value.message == (
        f'The event source arn (" {mapping.source.arn} ") and function (" bill ") provided '
        f"mapping already exists. Please update or delete the existing mapping with UUID {mapping.uuid}"
    )
