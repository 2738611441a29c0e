"""Tab completion offers what a person types, and nothing that is between the lab's own parts."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.sources.shown import WIRING


@pytest.fixture
def things(lab: ll.Lab) -> dict[str, object]:
    lab.create_function("bill", duration=0.1)
    queue = lab.sqs.create_queue("orders")
    stream = lab.kinesis.create_stream("clicks")
    table = lab.dynamodb.create_table("stock", stream_view_type="NEW_IMAGE")
    bus = lab.eventbridge["default"]
    rule = bus.put_rule("big", event_pattern={"source": ["shop"]})
    topic, bucket = lab.sns.create_topic("news"), lab.s3.create_bucket("photos")
    api = lab.api_gateway.create_rest_api("shop")
    hose = lab.firehose.create_delivery_stream("clicks", "bill")
    stack = lab.cloudformation.create_stack(
        "shop", {"X": {"Type": "Custom::X", "ServiceToken": "bill"}}
    )
    balancer = lab.elb.create_load_balancer("front", "bill")
    schedule = lab.scheduler.create_schedule("nightly", "rate(1 day)", "bill")
    return {
        "balancer": balancer, "schedule": schedule, "api_gateway": lab.api_gateway, "api": api,
        "route": api.route("GET", "/bill", "bill"), "hose": hose, "stack": stack,
        "logs": lab.logs.put_subscription_filter("/aws/lambda/bill", "bill"),
        "sns": lab.sns, "topic": topic, "subscription": topic.subscribe("bill"), "s3": lab.s3,
        "bucket": bucket, "sqs": lab.sqs, "kinesis": lab.kinesis, "dynamodb": lab.dynamodb, "queue": queue,
        "fifo": lab.sqs.create_queue("o.fifo"), "stream": stream, "table": table,
        "changes": table.stream, "mapping": lab.create_event_source_mapping(queue, "bill"),
        "eventbridge": lab.eventbridge, "bus": bus, "rule": rule, "told": rule.put_target("bill"),
        "reader": lab.create_event_source_mapping(stream, "bill", starting_position="LATEST"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("sqs", "create_queue"),
        ("sns", "create_topic"),
        ("api", "arn delete_route get post put patch delete request route routes execution_log"),
        ("route", "api method path settings"),
        ("hose", "arn put_record put_record_batch delivered processing_failed"),
        ("stack", "events resources status status_reason"),
        ("topic", "arn subscribe subscriptions publish publish_batch"),
        ("subscription", "arn topic protocol endpoint settings update unsubscribe"),
        ("s3", "create_bucket"),
        ("bucket", "put_object get_object copy_object delete_object list_objects objects notify"),
        ("kinesis", "create_stream"),
        ("dynamodb", "create_table"),
        ("queue", "arn send send_batch receive delete change_visibility purge messages update"),
        ("fifo", "send start_message_move_task settings"),
        ("stream", "put_record put_records records shards split_shard merge_shards get_records"),
        ("table", "put_item get_item delete_item items query scan stream update_item"),
        ("changes", "records shards arn"),
        ("mapping", "update enable disable delete state settings uuid source function queue"),
        ("reader", "state_transition_reason last_processing_result behind"),
    ],
)
def test_what_a_person_types_is_offered(things: dict[str, object], name: str, typed: str) -> None:
    offered = {word for word in dir(things[name]) if not word.startswith("_")}
    assert set(typed.split()) <= offered
    assert not offered & WIRING
    assert all(hasattr(things[name], word) for word in offered)


def test_what_is_left_out_is_there_all_the_same(things: dict[str, object]) -> None:
    there = {word for word in WIRING for thing in things.values() if hasattr(thing, word)}
    assert there == WIRING, "a name that nothing has any more"
