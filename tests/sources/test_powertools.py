"""Powertools for AWS Lambda, unchanged, inside handlers: its models parse our events, its batch
processors settle our batches."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    async_process_partial_response,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.parser import BaseModel, parse
from aws_lambda_powertools.utilities.parser.models import (
    DynamoDBStreamModel,
    DynamoDBStreamRecordModel,
    KinesisDataStreamModel,
    SqsModel,
    SqsRecordModel,
)
from aws_lambda_powertools.utilities.parser.types import Json

import lambdalab as ll
from lambdalab.sources.sqs.queue import Queue

REPORT = {"function_response_types": ["ReportBatchItemFailures"]}


def strange(document: Any, model: Any, path: str = "") -> list[str]:
    """Keys of a document that the model of it does not know."""
    known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    found = [f"{path}.{key}" for key in document if key not in known]
    for key, value in document.items():
        inner = getattr(known.get(key), "model_fields", None)
        if inner and isinstance(value, dict):
            found += strange(value, known[key], f"{path}.{key}")
    return found


def events_of(lab: ll.Lab, name: str = "keep", **settings: Any) -> list[dict[str, Any]]:
    """The events that a new function will have got."""
    events: list[dict[str, Any]] = []
    lab.create_function(name, lambda event, context: events.append(event), **settings)
    return events


def letters(queue: Queue) -> list[Any]:
    return [message.body for message in queue.messages]


def outcomes(lab: ll.Lab) -> list[str]:
    return list(lab.trace.batches.outcome)


def ends(lab: ll.Lab) -> dict[str, int]:
    """How many messages or records ended how."""
    actions = lab.trace.queue_events.action
    counts = actions[
        actions.isin(["deleted", "dead_lettered", "dropped", "expired"])
    ].value_counts()
    return {name: int(number) for name, number in counts.items() if number}


# ------------------------------------------------------------------ SQS


def test_sqs_events_are_what_the_models_expect(lab: ll.Lab) -> None:
    events = events_of(lab)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "keep")
    orders.send({"n": 1}, attributes={"text": "é", "number": 5, "bytes": b"\0\1"})
    orders.send("plain")
    lab.run()
    [event] = events
    first, second = parse(event, SqsModel).Records
    assert first.body == '{"n": 1}'
    assert second.body == "plain"
    assert first.messageAttributes["text"].stringValue == "é"
    assert first.messageAttributes["number"].dataType == "Number"
    assert first.messageAttributes["bytes"].binaryValue == "AAE="
    assert first.attributes.SentTimestamp.isoformat() == "2025-01-07T00:00:00+00:00"
    assert (first.md5OfMessageAttributes is None, second.md5OfMessageAttributes) == (False, None)
    assert [strange(record, SqsRecordModel) for record in event["Records"]] == [[], []]


def test_a_dead_letter_and_a_traced_message_too(lab: ll.Lab) -> None:
    events = events_of(lab)
    lab.create_function("bill", duration=0.1, failure_rate=1)
    dead = lab.sqs.create_queue("dead")
    orders = lab.sqs.create_queue("orders", dead_letter_queue=dead, max_receive_count=1)

    @lab.function
    def order(event: Any, context: Any) -> None:
        orders.send("from a handler")

    lab.create_event_source_mapping(orders, "bill")
    lab.create_event_source_mapping(dead, "keep")
    lab.invoke(order)
    lab.run()
    [event] = events
    [record] = parse(event, SqsModel).Records
    assert record.attributes.DeadLetterQueueSourceArn == orders.arn
    assert strange(event["Records"][0], SqsRecordModel) == []


def test_what_fails_comes_back_and_the_rest_is_deleted(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=3)
    seen: list[str] = []

    def one(record: Any) -> None:
        seen.append(record.body)
        if record.body.startswith("bad"):
            raise ValueError(record.body)

    @lab.function(timeout=30)
    def bill(event: Any, context: Any) -> Any:
        return process_partial_response(
            event=event, record_handler=one, context=context,
            processor=BatchProcessor(event_type=EventType.SQS),
        )  # fmt: skip

    lab.create_event_source_mapping(orders, bill, **REPORT)
    for body in ("a", "bad", "b", "c"):
        orders.send(body)
    lab.run()
    assert seen == ["a", "bad", "b", "c", "bad", "bad"]
    assert ends(lab) == {"deleted": 3, "dead_lettered": 1}
    assert letters(lab.sqs["dead"]) == ["bad"]
    # a batch of which nothing succeeded is an exception of Powertools', unless told otherwise
    assert outcomes(lab) == ["partial", "failure", "failure"]
    assert set(lab.trace.attempts.error_type[1:]) == {"BatchProcessingError"}


def test_a_whole_batch_may_fail_without_an_exception(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=2)

    def one(record: Any) -> None:
        raise ValueError(record.body)

    @lab.function
    def bill(event: Any, context: Any) -> Any:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event, one, processor, context)

    lab.create_event_source_mapping(orders, bill, **REPORT)
    orders.send("x")
    orders.send("y")
    lab.run()
    assert outcomes(lab) == ["partial", "partial"]
    assert list(lab.trace.batches.failed_records) == [2, 2]
    assert letters(lab.sqs["dead"]) == ["x", "y"]


def test_without_the_mappings_consent_the_answer_says_nothing(lab: ll.Lab) -> None:
    """The trap of Powertools' users: the failed message is deleted, as its batch succeeded."""
    orders = lab.sqs.create_queue("orders")

    def one(record: Any) -> None:
        if record.body == "bad":
            raise ValueError(record.body)

    @lab.function
    def bill(event: Any, context: Any) -> Any:
        return process_partial_response(event, one, BatchProcessor(EventType.SQS), context)

    lab.create_event_source_mapping(orders, bill)
    orders.send("bad")
    orders.send("good")
    lab.run()
    assert ends(lab) == {"deleted": 2}


class Order(BaseModel):  # type: ignore[misc]
    n: int


class OrderRecord(SqsRecordModel):  # type: ignore[misc]
    body: Json[Order]


def test_records_are_parsed_by_a_model_and_what_does_not_parse_fails(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=1)
    seen: list[int] = []

    def one(record: OrderRecord) -> None:
        seen.append(record.body.n)

    @lab.function
    def bill(event: Any, context: Any) -> Any:
        processor = BatchProcessor(event_type=EventType.SQS, model=OrderRecord)
        return process_partial_response(event, one, processor, context)

    lab.create_event_source_mapping(orders, bill, **REPORT)
    for body in ({"n": 1}, {"n": "many"}, "no JSON", {"n": 4}):
        orders.send(body)
    lab.run()
    assert seen == [1, 4]
    assert letters(lab.sqs["dead"]) == [{"n": "many"}, "no JSON"]


@pytest.mark.filterwarnings("ignore:There is no current event loop")  # CPython 3.12 and 3.13
def test_the_asynchronous_processor_waits_for_all_at_once(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=1)

    async def one(record: Any) -> None:
        import asyncio

        await asyncio.sleep(2)
        if record.body == "bad":
            raise ValueError(record.body)

    @lab.function(timeout=10)
    def bill(event: Any, context: Any) -> Any:
        import asyncio

        processor = AsyncBatchProcessor(event_type=EventType.SQS)
        answer = async_process_partial_response(event, one, processor, context)
        asyncio.get_event_loop().close()  # Powertools leaves it open, for the next invocation
        return answer

    lab.create_event_source_mapping(orders, bill, **REPORT)
    for body in ("a", "bad", "b"):
        orders.send(body)
    lab.run()
    assert list(lab.trace.attempts.duration_ms) == [2_000], "of virtual time"
    assert letters(lab.sqs["dead"]) == ["bad"]


def test_data_classes_read_the_event(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    seen: list[Any] = []

    @lab.function
    @event_source(data_class=SQSEvent)  # type: ignore[untyped-decorator]
    def bill(event: Any, context: Any) -> None:
        seen.extend(
            (record.json_body, record.attributes.approximate_receive_count)
            for record in event.records
        )

    lab.create_event_source_mapping(orders, bill)
    orders.send({"n": 1})
    lab.run()
    assert seen == [({"n": 1}, "1")]


MODULE = """
import time

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor, EventType, process_partial_response,
)

logger = Logger(service="bill")
metrics = Metrics(namespace="lab", service="bill")
processor = BatchProcessor(event_type=EventType.SQS)


def one(record):
    logger.info("working", extra={"body": record.body})
    time.sleep(1 + int(record.body) % 3)
    metrics.add_metric(name="seen", unit=MetricUnit.Count, value=1)
    if int(record.body) % 4 == 0 and record.attributes.approximate_receive_count == "1":
        raise ValueError(record.body)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return process_partial_response(event, one, processor, context)
"""


def test_a_processor_of_the_module_belongs_to_its_environment(lab: ll.Lab) -> None:
    """As Powertools' guide writes it. Five environments work at once, each with a processor."""
    lab.create_function("bill", MODULE, handler="index.handler", timeout=30)
    orders = lab.sqs.create_queue("orders", visibility_timeout=60)
    mapping = lab.create_event_source_mapping(orders, "bill", batch_size=4, enabled=False, **REPORT)
    for number in range(20):
        orders.send(str(number))
    mapping.update(enabled=True)
    lab.run()
    batches, trace = lab.trace.batches, lab.trace
    assert list(batches.outcome[:5]) == ["partial"] * 5
    assert list(batches.failed_records[:5]) == [1] * 5
    assert trace.attempts.environment_id.nunique() == 5
    assert ends(lab) == {"deleted": 20}
    lines = [json.loads(line) for line in trace.logs.message if line.startswith('{"level"')]
    assert len(lines) == 25
    # the library reads the lab's clock: the first lines were written within the first minute
    assert {line["timestamp"][:17] for line in lines[:20]} == {"2025-01-07 00:00:"}
    assert {line["function_request_id"] for line in lines} == set(trace.attempts.request_id)
    told = [json.loads(line) for line in trace.logs.message if '"_aws"' in line]
    assert sum(sum(line.get("seen", [])) for line in told) == 25
    assert {line["_aws"]["Timestamp"] // 100_000 for line in told} == {1736208_0}


def test_a_handler_of_the_notebook_makes_its_processor_itself(lab: ll.Lab) -> None:
    """Its module is shared by all environments: what is made in the handler is not."""
    orders = lab.sqs.create_queue("orders", visibility_timeout=60)

    def one(record: Any) -> None:
        time.sleep(1 + int(record.body) % 3)
        if int(record.body) % 4 == 0 and record.attributes.approximate_receive_count == "1":
            raise ValueError(record.body)

    @lab.function(timeout=30)
    def bill(event: Any, context: Any) -> Any:
        return process_partial_response(event, one, BatchProcessor(EventType.SQS), context)

    mapping = lab.create_event_source_mapping(orders, bill, batch_size=4, enabled=False, **REPORT)
    for number in range(20):
        orders.send(str(number))
    mapping.update(enabled=True)
    lab.run()
    assert list(lab.trace.batches.failed_records[:5]) == [1] * 5
    assert ends(lab) == {"deleted": 20}


# ------------------------------------------------------------------ FIFO


def fifo(
    lab: ll.Lab, fails: Callable[[Any], bool], processor: Callable[[], Any]
) -> tuple[Queue, list[str]]:
    """A FIFO queue with two groups, its mapping, and what the handler has worked on."""
    seen: list[str] = []

    def one(record: Any) -> None:
        seen.append(record.body)
        if fails(record):
            raise ValueError(record.body)

    @lab.function
    def bill(event: Any, context: Any) -> Any:
        return process_partial_response(event, one, processor(), context)

    orders = lab.sqs.create_queue("orders.fifo", dead_letter_queue="dead.fifo", max_receive_count=3)
    mapping = lab.create_event_source_mapping(orders, bill, enabled=False, **REPORT)
    for body in ("a1", "a2", "a3", "b1"):
        orders.send(body, message_group_id=body[0], message_deduplication_id=body)
    mapping.update(enabled=True)
    return orders, seen


def second(record: Any) -> bool:
    """Whether it is a2, for the first time."""
    return bool(record.body == "a2" and record.attributes.approximate_receive_count == "1")


def test_fifo_events_are_what_the_models_expect(lab: ll.Lab) -> None:
    events = events_of(lab)
    orders = lab.sqs.create_queue("orders.fifo")
    lab.create_event_source_mapping(orders, "keep")
    orders.send("x", message_group_id="a", message_deduplication_id="d1")
    lab.run()
    [event] = events
    [record] = parse(event, SqsModel).Records
    attributes = record.attributes
    assert (attributes.MessageGroupId, attributes.MessageDeduplicationId) == ("a", "d1")
    assert attributes.SequenceNumber is not None
    assert attributes.SequenceNumber.isdigit()
    assert record.eventSourceARN == orders.arn
    assert strange(event["Records"][0], SqsRecordModel) == []


def test_after_a_failure_the_fifo_processor_gives_back_all_the_rest(lab: ll.Lab) -> None:
    _, seen = fifo(lab, second, SqsFifoPartialProcessor)
    lab.run()
    assert seen[:2] == ["a1", "a2"], "a3 and b1 are not tried"
    assert sorted(seen[2:]) == ["a2", "a3", "b1"]
    assert seen.index("a3") > 2, "in the group's order"
    assert ends(lab) == {"deleted": 4}
    assert outcomes(lab)[0] == "partial"
    assert lab.trace.batches.failed_records.iloc[0] == 3


def test_it_may_give_back_the_failed_group_only(lab: ll.Lab) -> None:
    _, seen = fifo(lab, second, lambda: SqsFifoPartialProcessor(skip_group_on_error=True))
    lab.run()
    assert seen == ["a1", "a2", "b1", "a2", "a3"]
    assert ends(lab) == {"deleted": 4}


def test_a_message_that_always_fails_frees_its_group_as_a_dead_letter(lab: ll.Lab) -> None:
    _, seen = fifo(
        lab, lambda record: record.body == "a2",
        lambda: SqsFifoPartialProcessor(skip_group_on_error=True),
    )  # fmt: skip
    lab.run()
    assert seen.count("a2") == 3
    assert letters(lab.sqs["dead.fifo"])[0] == "a2"


# ------------------------------------------------------------------ Kinesis


def test_kinesis_events_are_what_the_models_expect(lab: ll.Lab) -> None:
    events = events_of(lab)
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(clicks, "keep", starting_position="TRIM_HORIZON")
    lab.advance(0.123)
    _, number = clicks.put_record({"n": 1}, "key")
    clicks.put_record(b"\0\xff", "key")
    lab.run()
    [event] = events
    first, second = parse(event, KinesisDataStreamModel).Records
    assert (first.kinesis.data, second.kinesis.data) == (b'{"n": 1}', b"\0\xff")
    assert first.kinesis.sequenceNumber == number
    assert first.kinesis.approximateArrivalTimestamp == 1736208000.123
    assert first.eventID == f"shardId-000000000000:{number}"
    model = type(first)
    assert [strange(record, model) for record in event["Records"]] == [[], []]


def test_a_checkpoint_is_the_first_record_that_failed(lab: ll.Lab) -> None:
    """The processor names every record that failed; from the first one on they come again."""
    clicks = lab.kinesis.create_stream("clicks")
    tries: list[list[str]] = []

    def one(record: Any) -> None:
        text = record.kinesis.data_as_text()
        tries[-1].append(text)
        if text == "bad" and len(tries) < 3:
            raise ValueError(text)

    @lab.function
    def count(event: Any, context: Any) -> Any:
        tries.append([])
        return process_partial_response(
            event, one, BatchProcessor(EventType.KinesisDataStreams), context
        )

    lab.create_event_source_mapping(clicks, count, starting_position="TRIM_HORIZON", **REPORT)
    for text in ("a", "bad", "b"):
        clicks.put_record(text, "key")
    lab.run()
    assert tries == [["a", "bad", "b"], ["bad", "b"], ["bad", "b"]]
    assert outcomes(lab) == ["partial", "partial", "success"]
    assert ends(lab) == {"deleted": 3}


def test_a_record_that_always_fails_takes_along_what_comes_after_it(lab: ll.Lab) -> None:
    """What came before it is done with; it and the rest, though good, are given up together."""
    clicks, failed = lab.kinesis.create_stream("clicks"), lab.sqs.create_queue("failed")

    def one(record: Any) -> None:
        if record.kinesis.data_as_text() == "bad":
            raise ValueError

    @lab.function
    def count(event: Any, context: Any) -> Any:
        return process_partial_response(
            event, one, BatchProcessor(EventType.KinesisDataStreams), context
        )

    lab.create_event_source_mapping(
        clicks, count, starting_position="TRIM_HORIZON", maximum_retry_attempts=2,
        on_failure=failed, **REPORT,
    )  # fmt: skip
    places = [clicks.put_record(text, "key") for text in ("a", "b", "bad", "c", "d")]
    lab.run()
    [letter] = letters(failed)
    info = letter["KinesisBatchInfo"]
    assert info["startSequenceNumber"] == places[2].sequence_number
    assert info["endSequenceNumber"] == places[4].sequence_number
    assert letter["responseContext"]["functionError"] is None
    assert ends(lab) == {"deleted": 2, "dropped": 3}


# ------------------------------------------------------------------ DynamoDB


VIEWS = {
    "KEYS_ONLY": set(), "NEW_IMAGE": {"NewImage"}, "OLD_IMAGE": {"OldImage"},
    "NEW_AND_OLD_IMAGES": {"NewImage", "OldImage"},
}  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
def test_dynamodb_events_are_what_the_models_expect(lab: ll.Lab, view: str) -> None:
    events = events_of(lab)
    table = lab.dynamodb.create_table("orders", stream_view_type=view)
    lab.create_event_source_mapping(table, "keep", starting_position="TRIM_HORIZON")
    table.put_item({"id": "1", "n": 5, "tags": ["a", {"deep": None}], "bytes": b"x", "set": {1, 2}})
    table.put_item({"id": "1", "n": 6})
    table.delete_item({"id": "1"})
    lab.run()
    records = [record for event in events for record in event["Records"]]
    parsed = [each for event in events for each in parse(event, DynamoDBStreamModel).Records]
    assert [each.eventName for each in parsed] == ["INSERT", "MODIFY", "REMOVE"]
    assert [each.dynamodb.Keys for each in parsed] == [{"id": "1"}] * 3
    assert {each.dynamodb.StreamViewType for each in parsed} == {view}
    images = [set(record["dynamodb"]) & {"NewImage", "OldImage"} for record in records]
    wanted = VIEWS[view]
    assert images == [wanted & {"NewImage"}, wanted, wanted & {"OldImage"}]
    if "NewImage" in wanted:
        first = parsed[0].dynamodb.NewImage
        assert (first["n"], first["tags"], first["set"]) == (5, ["a", {"deep": None}], {1, 2})
    assert [strange(record, DynamoDBStreamRecordModel) for record in records] == [[], [], []]


def test_a_deletion_by_time_to_live_says_so(lab: ll.Lab) -> None:
    events = events_of(lab)
    table = lab.dynamodb.create_table(
        "orders", stream_view_type="OLD_IMAGE", time_to_live="expires"
    )
    lab.create_event_source_mapping(table, "keep", starting_position="TRIM_HORIZON")
    table.put_item({"id": "1", "expires": 1_736_208_000 + 60})
    lab.run(until=4 * 86_400)
    [record] = [
        each
        for event in events
        for each in parse(event, DynamoDBStreamModel).Records
        if each.eventName == "REMOVE"
    ]
    assert record.userIdentity is not None
    assert record.userIdentity.principalId == "dynamodb.amazonaws.com"


def test_a_tables_checkpoint_is_the_first_change_that_failed(lab: ll.Lab) -> None:
    table = lab.dynamodb.create_table("orders", stream_view_type="NEW_IMAGE")
    tries: list[list[str]] = []

    def one(record: Any) -> None:
        name = record.dynamodb.keys["id"]
        tries[-1].append(name)
        if name == "bad" and len(tries) < 3:
            raise ValueError(name)

    @lab.function
    def count(event: Any, context: Any) -> Any:
        tries.append([])
        return process_partial_response(
            event, one, BatchProcessor(EventType.DynamoDBStreams), context
        )

    lab.create_event_source_mapping(table, count, starting_position="TRIM_HORIZON", **REPORT)
    for name in ("a", "bad", "b"):
        table.put_item({"id": name})
    lab.run()
    assert tries == [["a", "bad", "b"], ["bad", "b"], ["bad", "b"]]
    assert outcomes(lab) == ["partial", "partial", "success"]
    assert ends(lab) == {"deleted": 3}


def test_a_logger_of_the_notebook_writes_lines_of_text(lab: ll.Lab) -> None:
    """The handlers that the notebook gave it are the notebook's; a module's own logger writes JSON."""
    logger = Logger(service="test_powertools")

    @lab.function
    @logger.inject_lambda_context  # type: ignore[untyped-decorator]
    def bill(event: Any, context: Any) -> int:
        logger.warning("hello")
        return 1

    assert lab.invoke(bill, {}).payload == 1
    [line] = [line for line in lab.trace.logs.message if "hello" in line]
    assert line.startswith("[WARNING]\t2025-01-07T00:00:00.")
