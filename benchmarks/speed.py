"""Invocations a second, against SimPy's bare process model and SimFaaS, in interleaved rounds."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from benchmarks import ours, peers
from benchmarks.table import Row, missing
from benchmarks.timing import Contender, clock, interleaved

REQUESTS, BUSY_RATE = 20_000, 100
SIMFAAS_BUSY_REQUESTS = 4_000  # it slows down with the number of live environments

Comparison = tuple[str, str, str, float]
COMPARISONS: list[Comparison] = [
    ("modelled, full trace", "modelled", "SimPy", 2.5),
    ("real handlers (sleep), full trace", "handlers", "SimPy", 1.3),
    ("modelled, full trace, 0.9/s", "modelled", "SimFaaS", 6),
    ("modelled, full trace, 100/s", "modelled 100/s", "SimFaaS 100/s", 50),
]
NEEDS = {"SimPy": "simpy", "SimFaaS": "simfaas", "SimFaaS 100/s": "simfaas"}


def contenders() -> dict[str, Contender]:
    """Everybody who is installed."""
    everybody: dict[str, Contender] = {
        "modelled": lambda: ours.modelled_seconds(REQUESTS),
        "handlers": lambda: ours.handler_seconds(REQUESTS),
        "modelled 100/s": lambda: ours.modelled_seconds(REQUESTS, BUSY_RATE),
        "SimPy": lambda: peers.simpy_seconds(REQUESTS),
        "SimFaaS": lambda: peers.simfaas_seconds(REQUESTS),
        "SimFaaS 100/s": lambda: peers.simfaas_seconds(SIMFAAS_BUSY_REQUESTS, BUSY_RATE),
    }
    return {name: run for name, run in everybody.items() if installed(NEEDS.get(name))}


def installed(module: str | None) -> bool:
    """Whether a peer is there."""
    return module is None or importlib.util.find_spec(module) is not None


def rows(rounds: int) -> Iterator[Row]:
    """The lines of the table."""
    seconds = interleaved(contenders(), rounds)
    for what, mine, theirs, aim in COMPARISONS:
        label, wanted = f"{what} : {theirs.split()[0]}", f">= {aim:g} x"
        us = seconds[mine] * 1e6
        if theirs not in seconds:
            why = f"{us:.2f} us; {NEEDS[theirs]} is not installed (pip install -e .[bench])"
            yield missing(label, wanted, why)
            continue
        ratio = seconds[theirs] / seconds[mine]
        seen = f"{ratio:.2f} x ({us:.2f} us and {seconds[theirs] * 1e6:.2f} us an invocation)"
        yield Row(label, wanted, seen, ratio >= aim)
    yield run_cost(rounds)


def run_cost(rounds: int) -> Row:
    """What putting on and taking off everything that handlers need costs each run."""
    lab = ours.handler_lab(1)
    lab.run()
    tasks = lab._lambda.tasks

    def runs(count: int = 200) -> float:
        def work() -> None:
            for _ in range(count):
                with tasks.active():
                    pass

        return clock(work) / count

    us = interleaved({"run": runs}, rounds)["run"] * 1e6
    return Row(
        "a run of handlers: shims and guards, on and off", "<= 150 us", f"{us:.0f} us", us <= 150
    )
