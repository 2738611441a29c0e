"""Events to begin with, as the services of a lab send them: each is taken from a lab that sent it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from lambdalab.lab import Lab

Wiring = Callable[[Lab, Any], object]
_ORDER, _QUERY = "/orders/7", {"lang": "en"}


def _queue(lab: Lab, f: Any) -> None:
    queue = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(queue, f)
    queue.send({"order": 7})


def _rest_api(lab: Lab, f: Any) -> None:
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/orders/{id}", f)
    api.get(_ORDER, query=_QUERY)


def _http_api(lab: Lab, f: Any) -> None:
    api = lab.api_gateway.create_http_api("shop")
    api.route("GET", "/orders/{id}", f)
    api.get(_ORDER, query=_QUERY)


def _url(lab: Lab, f: Any) -> None:
    lab.create_function_url(f).get(_ORDER, query=_QUERY)


def _balancer(lab: Lab, f: Any) -> None:
    lab.elb.create_load_balancer("front", f).get(_ORDER)


def _bucket(lab: Lab, f: Any) -> None:
    bucket = lab.s3.create_bucket("photos")
    bucket.notify(f)
    bucket.put_object("in/cat.jpg", b"a photo")


def _topic(lab: Lab, f: Any) -> None:
    topic = lab.sns.create_topic("orders")
    topic.subscribe(f)
    topic.publish('{"order": 7}', subject="ordered")


def _stream(lab: Lab, f: Any) -> None:
    stream = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(stream, f, starting_position="TRIM_HORIZON")
    stream.put_record('{"order": 7}', "customer-1")


def _table(lab: Lab, f: Any) -> None:
    table = lab.dynamodb.create_table(
        "orders", partition_key="id", stream_view_type="NEW_AND_OLD_IMAGES"
    )
    lab.create_event_source_mapping(table, f, starting_position="TRIM_HORIZON")
    table.put_item({"id": "7", "article": "bell"})


def _rule(lab: Lab, f: Any) -> None:
    bus = lab.eventbridge["default"]
    bus.put_rule("paid", event_pattern={"source": ["shop"]}).put_target(f)
    bus.put_event(source="shop", detail_type="paid", detail={"order": 7})


def _schedule(lab: Lab, f: Any) -> None:
    bus = lab.eventbridge["default"]
    bus.put_rule("hourly", schedule_expression="rate(1 hour)").put_target(f)
    lab.advance("61min")


def _logs(lab: Lab, f: Any) -> None:
    lab.create_function("bill", duration=0.1)
    lab.logs.put_subscription_filter("/aws/lambda/bill", f)
    lab.invoke("bill")


_SENDERS: dict[str, Wiring] = {
    "SQS message": _queue,
    "API Gateway REST API, proxy": _rest_api,
    "API Gateway HTTP API": _http_api,
    "Function URL": _url,
    "Application Load Balancer": _balancer,
    "S3 put": _bucket,
    "SNS notification": _topic,
    "Kinesis record": _stream,
    "DynamoDB stream record": _table,
    "EventBridge event": _rule,
    "EventBridge schedule": _schedule,
    "CloudWatch Logs": _logs,
}


@cache
def events() -> dict[str, Any]:
    """The events by the name of what sends them; each is what a function gets in such a lab.

    >>> events()["S3 put"]["Records"][0]["s3"]["object"]["key"]
    'in/cat.jpg'
    """
    return {name: _sent(wire) for name, wire in _SENDERS.items()}


def _sent(wire: Wiring) -> Any:
    """The first event that a function gets in a lab that is wired so."""
    got: list[Any] = []
    with Lab() as lab:
        wire(lab, lab.create_function("f", lambda event, context: got.append(event)))
        if not got:
            lab.run()
    return got[0]
