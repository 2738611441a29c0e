"""The event a function gets from a queue: its shape, and its length to the byte."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from lambdalab.functions.outcome import encode
from lambdalab.sources.sqs.events import md5_of_attributes
from lambdalab.sources.sqs.messages import message_id_of

if TYPE_CHECKING:
    from conftest import Bench


def event_of(bench: Bench, *bodies: Any, **sending: Any) -> tuple[bytes, dict[str, Any]]:
    """What the function gets for messages sent half a second after the lab's start."""
    payloads: list[bytes] = []
    orders = bench.queue()
    bench.map(orders, bench.function())
    door = bench.service.front_door
    invoke = door.request_response

    def spy(function: Any, payload: bytes, origin: Any, answered: Any) -> Any:
        payloads.append(payload)
        return invoke(function, payload, origin, answered)

    door.request_response = spy  # type: ignore[method-assign]
    bench.at(0.5, lambda: [orders.send(body, **sending) for body in bodies])
    bench.run()
    [payload] = payloads
    return payload, json.loads(payload)


def test_the_shape(bench: Bench) -> None:
    _, event = event_of(bench, {"order": 1})
    message_id = bench.service.ids.message(1)
    assert event == {
        "Records": [
            {
                "messageId": message_id,
                "receiptHandle": f"AQEB-1-{message_id}",
                "body": '{"order": 1}',
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1736208000500",
                    "SenderId": "AIDALAMBDALABSENDER00",
                    "ApproximateFirstReceiveTimestamp": "1736208000500",
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(b'{"order": 1}').hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
                "awsRegion": "us-east-1",
            }
        ]
    }


def test_attributes(bench: Bench) -> None:
    _, event = event_of(
        bench, "x", attributes={"vip": "yes", "n": 3, "raw": b"\0\1", "own": ("String.id", "é")}
    )
    [record] = event["Records"]
    assert record["messageAttributes"] == {
        "vip": {
            "stringValue": "yes", "stringListValues": [], "binaryListValues": [],
            "dataType": "String",
        },
        "n": {
            "stringValue": "3", "stringListValues": [], "binaryListValues": [],
            "dataType": "Number",
        },
        "raw": {
            "binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [],
            "dataType": "Binary",
        },
        "own": {
            "stringValue": "é", "stringListValues": [], "binaryListValues": [],
            "dataType": "String.id",
        },
    }  # fmt: skip
    names = list(record)
    assert names.index("md5OfMessageAttributes") == names.index("messageAttributes") + 1


def test_the_digest_of_attributes_is_that_of_sqs() -> None:
    # by hand: length and bytes of name, of type, 1 for text, length and bytes of the value
    data = b"\0\0\0\1a\0\0\0\6String\1\0\0\0\1v" + b"\0\0\0\1b\0\0\0\6Binary\2\0\0\0\1w"
    shuffled = {"b": ("Binary", b"w"), "a": ("String", "v")}
    assert md5_of_attributes(shuffled) == hashlib.md5(data).hexdigest()


@pytest.mark.parametrize(
    "bodies", [("x",), ('quotes " and \\ back', "tab\t\nline", "é 漢 😀", "\x7f\u2028"), range(10)]
)
def test_records_are_written_as_the_runtime_writes_json(bench: Bench, bodies: Any) -> None:
    payload, event = event_of(bench, *bodies)
    assert payload == encode(event)
    assert [r["body"] for r in event["Records"]] == [
        b if isinstance(b, str) else encode(b).decode() for b in bodies
    ]


def test_the_size_in_the_books_is_the_events_length(bench: Bench) -> None:
    payload, _ = event_of(bench, "x", "é" * 100, '"' * 50, attributes={"a": "b"})
    [batch] = bench.batches()
    [invocation] = bench.rows("invocations")
    assert batch.size_bytes == len(payload) == invocation.payload_bytes


def test_a_second_receive(bench: Bench) -> None:
    orders, seen = bench.queue(visibility_timeout=30), []

    def answer(event: Any) -> None:
        seen.append(event["Records"][0])
        if len(seen) == 1:
            raise ValueError

    bench.map(orders, bench.function(answer=answer))
    orders.send("x")
    bench.run()
    first, second = seen
    assert first["attributes"]["ApproximateReceiveCount"] == "1"
    assert second["attributes"]["ApproximateReceiveCount"] == "2"
    assert first["receiptHandle"] != second["receiptHandle"]
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert first["attributes"][name] == second["attributes"][name]


def test_a_dead_letter_says_where_it_comes_from(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1)
    seen: list[Any] = []
    bench.map(orders, bench.function("bad", answer=lambda _: 1 / 0))
    bench.map(bench.sqs["failed"], bench.function("again", answer=seen.append))
    orders.send({"order": 1})
    bench.run()
    [record] = seen[0]["Records"]
    assert record["body"] == '{"order": 1}'
    assert record["attributes"]["DeadLetterQueueSourceArn"] == orders.arn
    assert record["eventSourceARN"].endswith(":failed")
    assert record["messageId"] == bench.service.ids.message(1)


def test_receipt_handles() -> None:
    assert message_id_of("AQEB-3-00000001-ab-cd") == "00000001-ab-cd"
    for other in ("m12", "00000001-ab-cd", "AQEB-x-1", "AQEB"):
        assert message_id_of(other) is None
