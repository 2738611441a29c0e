"""The runs that the gallery's pictures are of: telling ones, of one row, and of a million rows.

Each run is made once, however many pictures are drawn of it.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import random
import time
from functools import cache
from typing import Any

import lambdalab as ll
from lambdalab import scenarios
from lambdalab.calibration import Calibration
from lambdalab.examples.orders import story
from lambdalab.sweeps import Sweep
from lambdalab.trace import Trace

SEED = 7
MILLION = 1_000_000
POISON = "poison"


# ---- telling runs ------------------------------------------------------------------------------


@cache
def day() -> Trace:
    """The example's day: orders got and put, one of them broken."""
    return story.tour_lab(SEED).trace


@cache
def sync_fails() -> Trace:
    return scenarios.sync_vs_async(seed=SEED, duration=1.0, failing=True)


@cache
def errors() -> Trace:
    return scenarios.backoff(seed=SEED)


@cache
def throttled() -> Trace:
    return scenarios.backoff(seed=SEED, kind="throttle")


@cache
def batches() -> Trace:
    return scenarios.batching(seed=SEED, rate=2, window=5, seconds=25)


@cache
def no_window() -> Trace:
    return scenarios.batching(seed=SEED, rate=2, window=0, seconds=25)


@cache
def large_records() -> Trace:
    return scenarios.batching(
        seed=SEED, rate=20, record_size=100_000, batch_size=10_000, window=30, seconds=25
    )


@cache
def many_batches() -> Trace:
    return scenarios.batching(seed=SEED, rate=60, window=1, seconds=60)


@cache
def api_timeout() -> Trace:
    """The front gives up after 29 s, the function runs on to 35."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("get_order", duration=35, timeout=60)
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/orders/{id}", "get_order")
    api.get("/orders/7")
    lab.run()
    return lab.trace


@cache
def client_retries() -> Trace:
    """A client that tries again while the function it has given up on still runs."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("get_order", duration=12, timeout=30)
    client = ll.SdkClient(read_timeout=5, max_attempts=3)
    for _ in range(2):
        with contextlib.suppress(ll.ReadTimeoutError):
            lab.invoke("get_order", {"id": 7}, caller=client)
    lab.run()
    return lab.trace


@cache
def shop() -> Trace:
    """Some minutes of a shop: calls with failures, events that are tried again, cold starts."""
    lab = ll.Lab(seed=SEED)
    lab.create_function(
        "quote", duration=ll.LogNormal(p50=0.4, p99=2.5), failure_rate=0.06, timeout=3
    )
    lab.create_function("mail", duration=ll.Exponential(0.8), failure_rate=0.3, init=0.9)
    lab.drive("quote", ll.Poisson(rate=2), duration=40)
    lab.drive("mail", ll.Poisson(rate=0.4), duration=40, invocation_type="Event")
    lab.run()
    return lab.trace


@cache
def mornings() -> Trace:
    """Two busy spells with a pause that is longer than environments live idle."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("quote", duration=ll.LogNormal(p50=0.4, p99=2.0), init=0.6, idle_expiry=300)
    lab.create_function("report", duration=2, init=2.5, idle_expiry=300)
    for begin in (0, 900, 2400):
        lab.run(until=begin)
        lab.drive("quote", ll.Replay(_spread(60, 120)))
        lab.drive("report", ll.Every(30), count=4)
    lab.run()
    return lab.trace


def _spread(count: int, seconds: float) -> list[float]:
    """Times that are neither even nor by chance: steps of the golden ratio."""
    return sorted((n * 0.618034 % 1) * seconds for n in range(count))


@cache
def burst() -> Trace:
    """A burst against reserved and provisioned concurrency."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("quote", duration=4, timeout=30, reserved_concurrency=60)
    lab.publish_version("quote")
    lab.create_alias("quote", "live", "1")
    lab.put_provisioned_concurrency("quote", "live", 20)
    lab.advance(180)
    lab.drive("quote:live", ll.Poisson(rate=6), duration=60)
    lab.drive("quote:live", ll.Burst(70, at=210), count=70)
    lab.run()
    return lab.trace


@cache
def scaling() -> Trace:
    """2,500 events at once: a thousand environments, then as many as ten seconds allow."""
    lab = ll.Lab(seed=SEED, quotas={"account_concurrency": 5000})
    lab.create_function("quote", duration=15, timeout=30)
    lab.drive("quote", ll.Burst(2500), count=2500, invocation_type="Event")
    lab.run()
    return lab.trace


@cache
def trap() -> Trace:
    """More pollers than the function may run at once: messages die though nothing fails."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("work", duration=25, timeout=30, reserved_concurrency=2)
    tasks = lab.sqs.create_queue(
        "tasks", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=3
    )
    lab.create_event_source_mapping(tasks, "work", batch_size=10)
    lab.drive(tasks, ll.Burst(800), count=800)
    lab.run()
    return lab.trace


@cache
def failing_queue() -> Trace:
    """A queue whose function fails half of its batches: messages come back, some die."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("bill", duration=2.0, failure_rate=0.5)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "bill")
    lab.drive(orders, ll.Poisson(rate=8), duration=40)
    lab.run()
    return lab.trace


@cache
def too_short() -> Trace:
    """Work that lasts longer than its messages are invisible."""
    return scenarios.visibility(seed=SEED)


@cache
def poisoned() -> Trace:
    """One bad record among 300 of two shards; its batch is halved until it stands alone."""
    return stream(300, shards=2, bisect_batch_on_function_error=True, maximum_retry_attempts=4)


@cache
def blocked() -> Trace:
    """The same with the defaults: the shard stands still."""
    return stream(300, shards=1, maximum_retry_attempts=6)


def stream(records: int, *, shards: int, **settings: Any) -> Trace:
    """A stream with one record that its function cannot work on."""
    lab = ll.Lab(seed=SEED)
    clicks = lab.kinesis.create_stream("clicks", shard_count=shards)

    @lab.function(timeout=60)
    def count(event: Any, context: Any) -> None:
        time.sleep(0.2)
        for record in event["Records"]:
            if base64.b64decode(record["kinesis"]["data"]).decode() == POISON:
                raise ValueError(POISON)

    lab.create_event_source_mapping(
        clicks, count, **({"starting_position": "TRIM_HORIZON", "batch_size": 20} | settings)
    )
    lab.drive(
        clicks, ll.Every(0.1), count=records,
        payload=lambda n: POISON if 0 < n == records // 3 else f"click {n}",
        partition_key=lambda n: f"key {n % 17}",
    )  # fmt: skip
    lab.run(until=600)
    return lab.trace


@cache
def fifo() -> Trace:
    """A FIFO queue of three groups; a message of one of them fails until it is a dead letter."""
    lab = ll.Lab(seed=SEED)
    queue = lab.sqs.create_queue(
        "bookings.fifo", dead_letter_queue="dead.fifo", max_receive_count=3, visibility_timeout=20,
        content_based_deduplication=True,
    )  # fmt: skip

    @lab.function
    def book(event: Any, context: Any) -> None:
        time.sleep(0.3)
        if any(record["body"] == "anna 2" for record in event["Records"]):
            raise ValueError("the second of anna's")

    lab.create_event_source_mapping(queue, book, batch_size=2)
    for number, name in itertools.product(range(8), ("anna", "bob", "carla")):
        queue.send(f"{name} {number}", message_group_id=name)
        lab.advance(0.5)
    lab.run()
    return lab.trace


@cache
def memory_sizes() -> Trace:
    """The same work at seven memory sizes."""
    lab = ll.Lab(seed=SEED)

    @lab.function(timeout=60, memory_size=128)
    def resize(event: Any, context: Any) -> None:
        ll.compute(0.6)
        time.sleep(0.05)

    for size in (128, 256, 512, 1024, 1769, 3008, 5120):
        lab.update_function("resize", memory_size=size)
        for _ in range(12):
            lab.invoke("resize")
    lab.run()
    return lab.trace


@cache
def swept(seeds: int) -> Sweep:
    """Batch size × window, so many runs of each: 64 points."""
    grid = {"batch_size": [1, 2, 5, 10, 20, 50, 100, 200], "window": [0, 1, 2, 3, 5, 10, 20, 40]}
    workers = 1 if seeds == 1 else None
    return ll.sweep(scenarios.Batching(rate=8, seconds=30), grid, seeds=seeds, workers=workers)


@cache
def calibrated(varies: bool) -> Calibration:
    """A function fitted to its logs; ``varies``: one whose runs and idle times are of no simple kind."""
    lab = ll.Lab(seed=SEED)
    if not varies:
        lab.create_function(
            "bill", duration=ll.LogNormal(p50=0.12, p99=0.8), init=ll.LogNormal(p50=0.3, p99=0.6)
        )
        lab.drive("bill", ll.Poisson(rate=1 / 250), count=800)
        lab.run()
        return ll.calibrate(lab.trace.logs)
    warm: set[str] = set()

    @lab.function(timeout=30, idle_expiry=ll.Empirical([60, 1800]))
    def report(event: dict[str, int], context: Any) -> None:
        first = context.log_stream_name not in warm
        warm.add(context.log_stream_name)
        time.sleep(3.0 * first + (0.2 if event["n"] % 3 else 1.5) * random.uniform(0.8, 1.2))

    lab.drive(report, ll.Poisson(rate=1 / 400), count=500, payload=lambda i: {"n": i})
    lab.run()
    return ll.calibrate(lab.trace.logs)


@cache
def nothing() -> Trace:
    """A lab in which nothing has happened."""
    return ll.Lab(seed=SEED).trace


# ---- one row -----------------------------------------------------------------------------------


@cache
def one_call() -> Trace:
    lab = ll.Lab(seed=SEED)
    lab.create_function("quote", duration=0.4)
    lab.invoke("quote")
    return lab.trace


@cache
def one_event() -> Trace:
    lab = ll.Lab(seed=SEED)
    lab.create_function("quote", duration=0.4)
    lab.invoke("quote", {}, invocation_type="Event")
    lab.run()
    return lab.trace


@cache
def one_message() -> Trace:
    lab = ll.Lab(seed=SEED)
    lab.create_function("bill", duration=0.4)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill")
    orders.send("one")
    lab.run()
    return lab.trace


@cache
def one_record() -> Trace:
    return stream(1, shards=1, batch_size=10, maximum_retry_attempts=2)


# ---- a million rows ----------------------------------------------------------------------------


@cache
def million_calls(rows: int = MILLION) -> Trace:
    """Calls and events of two functions, with failures and throttles."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("quote", duration=ll.LogNormal(p50=0.2, p99=1.5), failure_rate=0.001)
    lab.create_function("mail", duration=0.3, failure_rate=0.02, reserved_concurrency=12)
    lab.drive("quote", ll.Poisson(rate=100), count=int(0.7 * rows))
    lab.drive("mail", ll.Poisson(rate=40), count=int(0.3 * rows), invocation_type="Event")
    lab.run()
    return lab.trace


@cache
def million_messages(rows: int = MILLION) -> Trace:
    """Messages that are billed one by one, some of them with trouble."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.2, p99=1.0), failure_rate=0.01)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "bill", batch_size=1)
    lab.drive(orders, ll.Poisson(rate=100), count=rows)
    lab.run()
    return lab.trace


@cache
def million_batches(rows: int = MILLION) -> Trace:
    """About so many batches of one to ten messages, some of which fail."""
    lab = ll.Lab(seed=SEED)
    lab.create_function("bill", duration=0.1, failure_rate=0.005)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "bill")
    lab.drive(orders, ll.Poisson(rate=30), count=int(1.03 * rows))
    lab.run()
    return lab.trace


@cache
def million_records(rows: int = MILLION) -> Trace:
    """Records of eight shards, each handed over alone, some of them bad."""
    lab = ll.Lab(seed=SEED)
    clicks = lab.kinesis.create_stream("clicks", shard_count=8)
    lab.create_function("count", duration=0.02, failure_rate=0.002)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", batch_size=1, maximum_retry_attempts=2
    )
    lab.drive(clicks, ll.Poisson(rate=200), count=rows)
    lab.run()
    return lab.trace
