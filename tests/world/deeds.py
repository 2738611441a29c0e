"""What the code of random labs does: it answers, sleeps, fails in every way, calls and sends."""

from __future__ import annotations

import base64
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import lambdalab as ll
from tests.world.contents import body


class Place(NamedTuple):
    """What a handler knows of its lab: itself, functions it may call, queues it may send to; and who
    notes what handlers saw (request, event), and what they answered; ``tell`` publishes
    something, ``fetch`` asks a front."""

    lab: Any
    functions: list[str]
    queues: list[str]
    saw: Callable[[str, Any], None]
    answered: Callable[[str, Any], None]
    tell: Callable[[Any], None]
    fetch: Callable[[Any], Any]


Deed = Callable[[Place, Any], Any]


def handler(place: Place, weights: dict[Deed, int]) -> Callable[[Any, Any], Any]:
    """Code that does one of the deeds by chance."""

    def handle(event: Any, context: Any) -> Any:
        deed = random.choices(list(weights), list(weights.values()))[0]
        place.saw(context.aws_request_id, event)
        answer = deed(place, event)
        place.answered(context.aws_request_id, answer)
        return answer

    return handle


def good(place: Place, event: Any) -> Any:
    if "window" in event:
        return {"state": {"runs": event["state"].get("runs", 0) + 1}}
    return {"ok": True}


def sleep(place: Place, event: Any) -> Any:
    time.sleep(random.choice([0.01, 0.5, 2.0]) * random.random())


def fail(place: Place, event: Any) -> Any:
    time.sleep(0.1)
    raise KeyError("stock")


def time_out(place: Place, event: Any) -> Any:
    time.sleep(10_000)


def leave(place: Place, event: Any) -> Any:
    sys.exit(1)


def die(place: Place, event: Any) -> Any:
    time.sleep(0.02)
    os._exit(1)


def too_much(place: Place, event: Any) -> Any:
    return "x" * place.lab.rules.synchronous_payload


def no_json(place: Place, event: Any) -> Any:
    return {"file": object()}


def call(place: Place, event: Any) -> Any:
    kind = random.choice(["RequestResponse", "Event"])
    if place.functions:
        return place.lab.invoke(
            random.choice(place.functions), {"n": 3}, invocation_type=kind
        ).payload
    return None


def send(place: Place, event: Any) -> Any:
    if place.queues and random.random() < 0.3:
        place.lab.sqs[random.choice(place.queues)].send(body(random, 4))


def publish(place: Place, event: Any) -> Any:
    if random.random() < 0.3:
        place.tell(random)


def fetch(place: Place, event: Any) -> Any:
    if random.random() < 0.5:
        return place.fetch(random)
    return None


def page(place: Place, event: Any) -> Any:
    time.sleep(random.choice([0.01, 0.4, 3.0]) * random.random())
    return {"statusCode": random.choice([200, 200, 201, 404, 429, 503, "no"]), "body": "page"}


def hold(place: Place, event: Any) -> Any:
    with ll.allocate(random.choice([20, 400])):
        time.sleep(0.03)


def report(place: Place, event: Any) -> Any:
    names = [name_of(record) for record in event.get("Records", ())]
    failed = [name for name in names if random.random() < 0.4]
    if random.random() < 0.1:
        failed.append("unknown")
    return named(event, failed)


def poison(place: Place, event: Any) -> Any:
    """Some contents are bad, whatever comes: it fails, or names the first of them and all that follow."""
    records = event.get("Records", ())
    bad = [place for place, record in enumerate(records) if content_of(record) % 5 == 3]
    if bad and random.random() < 0.5:
        raise ValueError("poison")
    return named(event, [name_of(record) for record in records[bad[0] :]] if bad else [])


def name_of(record: Any) -> str:
    """What an answer names a record by."""
    if "kinesis" in record:
        return str(record["kinesis"]["sequenceNumber"])
    if "dynamodb" in record:
        return str(record["dynamodb"]["SequenceNumber"])
    return str(record["messageId"])


def content_of(record: Any) -> int:
    """A number that stays with a record, whatever batch it comes in."""
    if "kinesis" in record:
        return len(base64.b64decode(record["kinesis"]["data"]))
    if "dynamodb" in record:
        return int(record["dynamodb"]["SizeBytes"])
    return len(record["body"])


def named(event: Any, failed: list[str]) -> Any:
    """The answer that names what failed, with a state where one is asked for."""
    answer: dict[str, Any] = {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
    return answer | ({"state": {"runs": 1}} if "window" in event else {})


DEEDS: tuple[Deed, ...] = (
    sleep, fail, time_out, leave, die, too_much, no_json, call, send, report, hold, poison,
)  # fmt: skip

#: Code whose init fails, and code whose init takes too long.
MODULES = (
    "raise ValueError('no settings')\n\ndef lambda_handler(event, context):\n    return 1\n",
    "import time\ntime.sleep(11)\n\ndef lambda_handler(event, context):\n    time.sleep(0.2)\n",
)
