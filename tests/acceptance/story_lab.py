"""A lab in which much happens, for the tests of determinism: ``python story_lab.py SEED HOW``.

Handlers that draw chance, sleep, fail, time out, start threads and call each other; asynchronous
retries, throttles and dead letters; queues (one a FIFO queue), streams and a table, each mapped to a
function that fails at times; modelled functions. The code is a text, so that stack traces hold no path
of this machine. Prints the digest of the trace.
"""

from __future__ import annotations

import sys

import lambdalab as ll

ENDS_AT = 600  # seconds; everything has ended by then

CODE = """
import asyncio, json, logging, random, secrets, threading, time, uuid
from datetime import datetime

served = 0

def put_order(event, context):
    global served
    served += 1
    time.sleep(random.uniform(0.1, 2.5))
    print(served, uuid.uuid4(), secrets.token_hex(4), datetime.now().isoformat(), time.localtime())
    if random.random() < 0.4:
        raise KeyError(f"stock of {event['order']}")
    return {"order": event["order"], "at": time.time()}

def notify(event, context):
    def send(n):
        time.sleep(0.2 * n)
        logging.getLogger().warning("sent %s", n)
    threads = [threading.Thread(target=send, args=(n,)) for n in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    async def later():
        await asyncio.gather(*(asyncio.sleep(random.random()) for _ in range(3)))
    asyncio.run(later())
    if event["order"] % 7 == 3:
        time.sleep(30)
    return context.get_remaining_time_in_millis()

def count(event, context):
    time.sleep(0.02 * len(event["Records"]))
    if random.random() < 0.3:
        raise ValueError(event["Records"][0]["eventID"])
    state = event.get("state", {})
    return {"state": {"seen": state.get("seen", 0) + len(event["Records"])}}

def bill(event, context):
    failed = [r["messageId"] for r in event["Records"] if random.random() < 0.2]
    time.sleep(0.05 * len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""


def build(seed: int) -> ll.Lab:
    """The lab with its traffic scheduled; nothing has happened yet but what was invoked."""
    lab = ll.Lab(seed=seed, quotas={"dynamodb_ttl_delay": (0, 300)})
    code = {"code": CODE, "dead_letter_queue": "failed"}
    lab.create_function("put", **code, handler="lambda_function.put_order", timeout=5)
    lab.create_function("notify", **code, handler="lambda_function.notify", reserved_concurrency=1)
    lab.create_function("bill", **code, handler="lambda_function.bill", timeout=10)
    lab.create_function(
        "audit", duration=ll.LogNormal(p50=0.1, p99=1), failure_rate=0.2, idle_expiry=20
    )

    @lab.function(timeout=20)
    def checkout(event: dict[str, int], context: object) -> object:
        reply = lab.invoke("put", event)
        lab.invoke("notify", event, invocation_type="Event")
        lab.sqs["orders"].send(event)
        return reply.payload

    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="orders-dlq", max_receive_count=2
    )
    lab.create_event_source_mapping(
        orders,
        "bill",
        maximum_batching_window=3,
        function_response_types=["ReportBatchItemFailures"],
    )
    failed = lab.sqs["failed"]
    lab.create_event_source_mapping(failed, "audit")

    add_streams(lab, code)

    def order(number: int) -> dict[str, int]:
        return {"order": number}

    lab.invoke(checkout, {"order": 0})
    lab.drive(checkout, ll.Poisson(2), count=25, payload=order)
    lab.drive("put", ll.Every(1.7), count=10, payload=order, invocation_type="Event")
    lab.drive("audit", ll.Poisson(5), duration=20)
    lab.drive(orders, ll.Burst(30, at=5), payload=order)
    lab.drive("groups.fifo", ll.Poisson(1), count=20, message_group_id=lambda n: f"g{n % 3}")
    lab.drive(
        "clicks", ll.Poisson(20), count=200, payload=order, partition_key=lambda n: f"k{n % 7}"
    )
    lab.drive("items", ll.Every(2), count=20, payload=lambda n: {"id": str(n % 5), "n": n / 4})
    return lab


def add_streams(lab: ll.Lab, code: dict[str, str]) -> None:
    """A FIFO queue, a stream read in two ways, and a table whose items die; all mapped."""
    lab.sqs.create_queue("groups.fifo", dead_letter_queue="dead.fifo", max_receive_count=2)
    lab.create_event_source_mapping("groups.fifo", "audit", batch_size=3)
    lab.create_function("count", **code, handler="lambda_function.count", timeout=10)
    lab.create_function("window", **code, handler="lambda_function.count", timeout=10)
    lab.kinesis.create_stream("clicks", shard_count=2)
    lab.create_event_source_mapping(
        "clicks", "count", starting_position="TRIM_HORIZON", batch_size=20, parallelization_factor=2,
        bisect_batch_on_function_error=True, maximum_retry_attempts=3, on_failure="failed",
    )  # fmt: skip
    lab.create_event_source_mapping(
        "clicks", "window", starting_position="LATEST", tumbling_window=10, maximum_record_age=60
    )
    lab.dynamodb.create_table(
        "items", stream_view_type="NEW_AND_OLD_IMAGES", time_to_live="dies"
    ).put_item({"id": "old", "dies": 1_736_208_001, "n": 0.1})
    lab.create_event_source_mapping("items", "count", starting_position="TRIM_HORIZON")


def run(lab: ll.Lab, how: str) -> str:
    """Let everything happen, all at once or bit by bit; the digest."""
    if how == "advance":
        ahead = ENDS_AT * 1_000_000 - round(lab.elapsed * 1_000_000)
        for part in range(1000):
            lab.advance((ahead * (part + 1) // 1000 - ahead * part // 1000) / 1_000_000)
    elif how == "step":
        while lab.step():
            pass
    elif how == "run":
        lab.run()
    lab.run(until=ENDS_AT)
    return lab.trace.digest()


if __name__ == "__main__":
    story = build(int(sys.argv[1]))
    print(run(story, sys.argv[2]), flush=True)
    story.audit()
