"""Messages through a queue's mapping, and records through a stream's: how fast, how flat, how large.

``python -m benchmarks.mappings MESSAGES`` sends so many through one queue with batches of ten, and prints
the seconds of processor time and the bytes that its process held at most: only right in a fresh one.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

import lambdalab as ll
from benchmarks.ours import PLENTY, seconds_to_the_end
from benchmarks.table import Row
from benchmarks.timing import clock, in_own_process, interleaved

FULL, QUICK = 100_000, 20_000
BATCH, RATE = 10, 2_000
RECORDS, STREAM_BATCH = 50_000, 100
GROWTH = 11
MB = 1e6


def rows(full: bool, rounds: int) -> Iterator[Row]:
    """The lines of the table. ``full`` goes to a million messages."""
    few = FULL if full else QUICK
    seen = {count: _measured(count, min(rounds, 2)) for count in (few, 10 * few)}
    (few_s, _), (many_s, held) = seen[few], seen[10 * few]
    note = "" if full else "; --full for 1,000,000"
    ratio = many_s / few_s
    yield Row(
        "mappings: time for ten times the messages", f"<= {GROWTH} x",
        f"{ratio:.1f} x ({few:,} in {few_s:.2f} s{note})", ratio <= GROWTH,
    )  # fmt: skip
    yield Row(
        f"mappings: {10 * few:,} messages, batches of {BATCH}", "-",
        f"{many_s:.2f} s ({1e6 * many_s / few / 10:.1f} us each), {held / MB:,.0f} MB at most", None,
    )  # fmt: skip
    stream = interleaved({"records": stream_seconds}, rounds)["records"]
    yield Row(
        f"mappings: {RECORDS:,} records of a stream", "-",
        f"{1 / stream:,.0f} records a second ({1e6 * stream:.1f} us each)", None,
    )  # fmt: skip


def _measured(messages: int, rounds: int) -> tuple[float, int]:
    """The least seconds and the most bytes of some fresh processes."""
    told = [in_own_process("benchmarks.mappings", str(messages)).split() for _ in range(rounds)]
    return min(float(seconds) for seconds, _ in told), max(int(size) for _, size in told)


def queue_seconds(messages: int) -> float:
    """Seconds until all messages of one queue have been dealt with, in batches of ten."""
    lab = ll.Lab(seed=7, quotas=PLENTY)
    lab.create_function("bill", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill", batch_size=BATCH, maximum_batching_window=1)
    lab.drive(orders, ll.Every(1 / RATE), count=messages)
    seconds = seconds_to_the_end(lab)
    if not lab.trace._recorder.buffers["batch_records"]:
        raise RuntimeError("no message was handed over")
    return seconds


def stream_seconds() -> float:
    """Seconds per record of a stream with ten shards."""
    lab = ll.Lab(seed=7, quotas=PLENTY)
    lab.create_function("count", duration=0.1)
    clicks = lab.kinesis.create_stream("clicks", shard_count=10)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", batch_size=STREAM_BATCH
    )

    def work() -> None:
        for number in range(RECORDS):
            clicks.put_record("x", partition_key=str(number))
            if number % 500 == 499:
                lab.advance(0.1)
        lab.run()
        lab.trace._recorder.version()  # whatever is still in short-hand is written at length

    seconds = clock(work)
    if not lab.trace._recorder.buffers["batch_records"]:
        raise RuntimeError("no record was handed over")
    return seconds / RECORDS


def most_bytes() -> int:
    """What this process has held at most."""
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


if __name__ == "__main__":
    print(queue_seconds(int(sys.argv[1])), most_bytes())
