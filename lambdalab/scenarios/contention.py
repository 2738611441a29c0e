"""Does jitter help? Many clients that want to write the same thing at once (optimistic locking).

AWS's published experiment (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015): each client
reads a version and writes it back; the write succeeds only where nobody else has written in between. Who
fails waits, by its back-off strategy, and begins again, until it has succeeded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.clock import US, microseconds
from lambdalab.kernel.random import RandomStream
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.scenarios import checks
from lambdalab.traffic.backoff import STRATEGIES, Backoff

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 4_096


@dataclass(frozen=True, slots=True)
class Contention:
    """Clients that begin at the same moment and hinder each other, under each back-off strategy.

    Parameters
    ----------
    clients
        How many (1 to 1,000).
    base, cap
        Of the back-off, in seconds; see :class:`~lambdalab.traffic.backoff.Backoff`.
    network_mean, network_std
        Seconds each way: of a normal distribution (0 to 1), its negative values without their sign.
    runs
        How often the whole is repeated, for the means (1 to 10,000).
    seed
        Decides every draw.

    Example
    -------
    >>> table = Contention(clients=10, runs=5).run()
    >>> list(table.columns), list(table["strategy"])
    (['strategy', 'calls', 'time_s'], ['none', 'exponential', 'equal', 'full', 'decorrelated'])
    """

    clients: int = 100
    base: float = 0.005
    cap: float = 2.0
    network_mean: float = 0.010
    network_std: float = 0.002
    runs: int = 100
    seed: int | str = 7

    def __post_init__(self) -> None:
        checks.whole("clients", self.clients, 1, 1_000, "clients")
        Backoff("full", base=self.base, cap=self.cap)
        checks.number("network_mean", self.network_mean, 0, 1, "s")
        checks.number("network_std", self.network_std, 0, 1, "s")
        checks.whole("runs", self.runs, 1, 10_000, "runs")

    def run(self) -> pd.DataFrame:
        """One row per strategy, the means over all runs: ``calls``, how many writes all clients sent
        together, and ``time_s``, the seconds until the last one knew that it had succeeded."""
        import pandas as pd

        rows = [(strategy, *self._means(strategy)) for strategy in STRATEGIES]
        return pd.DataFrame(rows, columns=["strategy", "calls", "time_s"])

    def _means(self, strategy: str) -> tuple[float, float]:
        backoff = Backoff(strategy, base=self.base, cap=self.cap)
        uniform = RandomStream(self.seed, f"contention/{strategy}/back-off").uniform
        network = RandomStream(self.seed, f"contention/{strategy}/network")
        delays = _delays(network, self.network_mean, self.network_std)
        calls = time_us = 0
        for _ in range(self.runs):
            contest = _Contest([backoff.waits(uniform) for _ in range(self.clients)], delays)
            calls += contest.calls
            time_us += contest.over_at
        return calls / self.runs, time_us / self.runs / US


class _Contest:
    """One run: everybody at once against one version.

    A client's read matters where it reaches the other side, and so does its write; only the write is an
    event, which knows when its read was there: it succeeds where no write has since.

    Parameters: the waits of each client, and the network's delays in microseconds. Attributes: ``calls``;
    ``over_at``, when the last success was known, in microseconds.
    """

    def __init__(self, waits: list[Iterator[int]], delays: Iterator[int]) -> None:
        self.calls = self.over_at = 0
        self._written_at = -1
        self._delay: Callable[[], int] = delays.__next__
        self._scheduler = Scheduler()
        for own in waits:
            self._read(0, own)
        self._scheduler.run()

    def _read(self, begins_at: int, waits: Iterator[int]) -> None:
        """A read is sent: there one way later, and the write two more ways later."""
        delay = self._delay
        read_at = begins_at + delay()
        self._scheduler.at(read_at + delay() + delay(), self._write, (read_at, waits))

    def _write(self, read: tuple[int, Iterator[int]]) -> None:
        read_at, waits = read
        now = self._scheduler.now
        self.calls += 1
        told_at = now + self._delay()
        if self._written_at <= read_at:  # what is written as it reads, it has read
            self._written_at = now
            self.over_at = max(self.over_at, told_at)
        else:
            self._read(told_at + next(waits), waits)


def _delays(stream: RandomStream, mean: float, std: float) -> Iterator[int]:
    """Times on the network, in microseconds, without end."""
    return chain.from_iterable(_chunks(stream, microseconds(mean), microseconds(std)))


def _chunks(stream: RandomStream, mean: int, std: int) -> Iterator[list[int]]:
    while True:
        yield [abs(round(mean + std * z)) for z in stream.normals(_CHUNK)]


def contention(**settings: Any) -> pd.DataFrame:
    """Run :class:`Contention` with these settings."""
    return checks.made(Contention, settings).run()
