"""The peers' side: the same workload as SimPy and SimFaaS users would write it.

The workload is the example of SimFaaS's README: Poisson arrivals at 0.9 a second, exponential
durations of 1.991 s warm and 2.244 s cold, environments that expire after ten idle minutes.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Generator
from typing import Any

from benchmarks.timing import clock

RATE, WARM, COLD, EXPIRY = 0.9, 1.991, 2.244, 600.0
SEED = 1


class BareSimPy:
    """SimPy's process model of a pool of environments: one process a request, no trace at all.

    Newest environment first, one reaper process an environment: the idiomatic way, and the
    cheapest one that is still a simulation of Lambda. Parameters: SimPy's ``environment``, how many
    requests, and how many a second.
    """

    def __init__(self, environment: Any, requests: int, rate: float) -> None:
        self._env, self._requests, self._rate = environment, requests, rate
        self._draw = random.Random(SEED).expovariate
        self._idle: list[int] = []
        self._last_used: list[float] = []
        self.cold = 0

    def source(self) -> Generator[Any, Any, None]:
        """Requests arrive."""
        for _ in range(self._requests):
            yield self._env.timeout(self._draw(self._rate))
            self._env.process(self._request())

    def _request(self) -> Generator[Any, Any, None]:
        fresh = not self._idle
        if fresh:
            number = len(self._last_used)
            self._last_used.append(0.0)
            self.cold += 1
        else:
            number = self._idle.pop()
        yield self._env.timeout(self._draw(1 / (COLD if fresh else WARM)))
        self._last_used[number] = self._env.now
        bisect.insort(self._idle, number)
        if fresh:
            self._env.process(self._reaper(number))

    def _reaper(self, number: int) -> Generator[Any, Any, None]:
        while True:
            due = self._last_used[number] + EXPIRY
            if self._env.now < due:
                yield self._env.timeout(due - self._env.now)
                continue
            place = bisect.bisect_left(self._idle, number)
            if place < len(self._idle) and self._idle[place] == number:
                del self._idle[place]
                return
            yield self._env.timeout(EXPIRY)


def simpy_seconds(requests: int, rate: float = RATE) -> float:
    """Seconds per request of the bare process model."""
    import simpy

    environment = simpy.Environment()
    environment.process(BareSimPy(environment, requests, rate).source())
    return clock(environment.run) / requests


def simfaas_seconds(requests: int, rate: float = RATE) -> float:
    """Seconds per request of SimFaaS's own simulator, as its README runs it."""
    import numpy as np
    from simfaas.ServerlessSimulator import ServerlessSimulator  # type: ignore[import-untyped]

    np.random.seed(SEED)
    simulator = ServerlessSimulator(
        arrival_rate=rate,
        warm_service_rate=1 / WARM,
        cold_service_rate=1 / COLD,
        expiration_threshold=EXPIRY,
        max_time=requests / rate,
    )
    took = clock(lambda: simulator.generate_trace(debug_print=False, progress=False))
    return took / int(simulator.total_req_count)
