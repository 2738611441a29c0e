"""API calls in process: what a client of boto3 costs above the lab's own verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import lambdalab as ll
from benchmarks.table import Row
from benchmarks.timing import clock, interleaved

CALLS, MOST_US = 2_000, 15


def rows(rounds: int) -> Iterator[Row]:
    """The lines of the table: a message sent and a function invoked, by client and by verb."""
    with ll.Lab(seed=7) as lab:
        lab.create_function("bill", duration=0.1)
        orders = lab.sqs.create_queue("orders")
        sqs, functions, caller = lab.client("sqs"), lab.client("lambda"), ll.SdkClient()
        pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "send_message": (
                lambda: sqs.send_message(QueueUrl=orders.url, MessageBody="an order"),
                lambda: orders.send("an order"),
            ),
            "invoke": (
                lambda: functions.invoke(FunctionName="bill", Payload=b"{}"),
                lambda: lab.invoke("bill", b"{}", caller=caller),
            ),
        }
        for name, (client, verb) in pairs.items():
            seconds = interleaved({"client": each(client), "verb": each(verb)}, rounds)
            above = (seconds["client"] - seconds["verb"]) * 1e6
            seen = f"{above:.1f} us above the {seconds['verb'] * 1e6:.1f} us of the lab's own verb"
            yield Row(f"boto3 in process: {name}", f"<= {MOST_US} us above", seen, above <= MOST_US)


def each(call: Callable[[], object]) -> Callable[[], float]:
    """Seconds for one of many such calls."""

    def many() -> None:
        for _ in range(CALLS):
            call()

    return lambda: clock(many) / CALLS
