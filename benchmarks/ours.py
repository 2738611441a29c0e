"""Our side of the same workload: a lab, its full trace included."""

from __future__ import annotations

import random
import time
from typing import Any

import lambdalab as ll
from benchmarks.peers import COLD, EXPIRY, RATE, SEED, WARM
from benchmarks.timing import clock

PLENTY = {"account_concurrency": 1_000_000, "scaling_burst": 1_000_000}


def modelled_lab(requests: int, rate: float = RATE) -> ll.Lab:
    """A lab whose modelled function will be called so often."""
    lab = ll.Lab(seed=SEED, quotas=PLENTY)
    lab.create_function(
        "measured",
        duration=ll.Exponential(WARM),
        init=COLD - WARM,
        timeout=900,
        idle_expiry=EXPIRY,
    )
    lab.drive("measured", ll.Poisson(rate), count=requests)
    return lab


def handler_lab(requests: int, rate: float = RATE) -> ll.Lab:
    """A lab whose function is real code that sleeps as long."""
    lab = ll.Lab(seed=SEED, quotas=PLENTY)
    draw = random.Random(SEED).expovariate

    @lab.function(timeout=900, init=COLD - WARM, idle_expiry=EXPIRY)
    def measured(event: Any, context: Any) -> dict[str, int]:
        time.sleep(draw(1 / WARM))
        return {"statusCode": 200}

    lab.drive(measured, ll.Poisson(rate), count=requests)
    return lab


def modelled_seconds(requests: int, rate: float = RATE) -> float:
    """Seconds per modelled invocation."""
    return seconds_to_the_end(modelled_lab(requests, rate)) / requests


def handler_seconds(requests: int, rate: float = RATE) -> float:
    """Seconds per invocation of real code."""
    return seconds_to_the_end(handler_lab(requests, rate)) / requests


def seconds_to_the_end(lab: ll.Lab) -> float:
    """Seconds to run a lab until nothing is left, and to have every row of its books written."""

    def work() -> None:
        lab.run()
        lab.trace._recorder.version()  # whatever is still in short-hand is written at length

    return clock(work)
