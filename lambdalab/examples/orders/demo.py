"""The demo: the shop's day in virtual time, told in sentences and left as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdalab.examples.orders import story

if TYPE_CHECKING:
    from lambdalab.trace import Trace

DPI = 144
SEED = 7
TABLES = {
    "invocations": "who asked for what: a synchronous latency is a client's wait, an event's is not",
    "attempts": "one invocation may be several runs: r10 has three",
    "retries": "the waits between them, planned and waited: about one minute, then about two",
    "queue_events": "an event's way through Lambda's own queue, a message's through an SQS queue",
    "batches": "how many records, how long they were gathered, and why the batch fired then",
}
"""What to look for in each table."""


def run(folder: Path) -> Trace:
    """Run the whole story, print what to see in it, leave the pictures in ``folder`` (made if missing).

    Returns the books of the day and its evening, which are one lab's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    day = story.tour_lab(SEED)
    pictures = _of_the_day(day.trace) | _of_noon() | _of_the_evening()
    print("\nThe pictures, and what to see in them:")
    for name, (axes, sentence) in pictures.items():
        axes.figure.savefig(folder / f"{name}.png", dpi=DPI)
        print(f"  {name + '.png':24} {sentence}")
    print("\nThe tables, and what to see in them:")
    for name, sentence in TABLES.items():
        print(f"  {name:24} {sentence}")
    print()
    story.bill(day, window=5)
    day.run()
    day.audit()
    return day.trace


Pictures = dict[str, tuple[Any, str]]
"""By file name: the axes, and one sentence on what to see."""


def _of_the_day(trace: Trace) -> Pictures:
    """Who waits, and when is it retried?"""
    first, put = trace.invocations.iloc[0], trace.invocations.query("function == 'put_order'")
    event, failing = put.iloc[0], put.iloc[1]
    waits = " and ".join(f"{wait / 1000:.1f} s" for wait in trace.retries.waited_ms)
    print("A bicycle shop, its day and its evening, in virtual time")
    print(f"  A client GETs an order and waits {first.latency_ms / 1000:.2f} s: a cold start.")
    print(
        "  A client PUTs an order, gets 202 at once and goes on; the order is done after "
        f"{event.latency_ms / 1000:.2f} s,"
    )
    print("  and a worker tells the customer.")
    print(
        f"  An order with an unknown article fails {failing.attempts} times, "
        f"with waits of {waits} between;"
    )
    print("  the dead-letter queue keeps it, another function mends it, and puts it again.")
    return {
        "sync_vs_async": (
            trace.plot.sync_vs_async(),
            f"who waits: one client {first.latency_ms / 1000:.2f} s, the other not",
        ),
        "backoff": (
            trace.plot.backoff(),
            "three attempts, two growing waits, the dead-letter queue",
        ),
    }


def _of_noon() -> Pictures:
    """Who ran what?"""
    noon = story.noon_lab(SEED).trace
    return {
        "timeline": (noon.plot.timeline(), "a busy noon: concurrency, and what a cold start costs")
    }


def _of_the_evening() -> Pictures:
    """Why did this batch fire?"""
    without, with_window = (story.evening_lab(SEED, window).trace for window in (0, 5))
    for window, trace in ((0, without), (5, with_window)):
        batches, told = trace.batches, "no window" if not window else f"a window of {window} s"
        print(
            f"  In the evening {batches.records.sum()} orders are billed in batches of up to 10: "
            f"{len(batches)} batches with {told}."
        )
    return {
        "batching_size_10": (without.plot.batching(), "no window: full batches only in the rush"),
        "batching_window_5_s": (
            with_window.plot.batching(),
            "a window gathers: fewer, fuller batches",
        ),
        "queue_depth": (
            with_window.plot.queue_depth(),
            "how many orders wait, are in flight, are done",
        ),
    }
