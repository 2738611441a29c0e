"""What the lanes of a stream's mapping share in one run."""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import FrontDoor
from lambdalab.kernel.clock import Clock
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.failures import GivenUp
from lambdalab.sources.mappings.ledger import Ledger
from lambdalab.sources.mappings.stream_settings import StreamMappingSettings
from lambdalab.sources.streams.source import StreamSource
from lambdalab.trace.recorder import Recorder

NOTHING = "No records processed"
OK = "OK"
FAILED = "PROBLEM: Function call failed"


class Workplace:
    """What the lanes of a mapping share in one run. ``settings`` may be replaced at any time.

    ``give_up`` is called with records that are given up. ``last_result`` is AWS's word for how the last
    invocation went, ``running`` how many are under way; ``parked`` is what goes on when the mapping is
    enabled once more; ``closed``: the mapping was deleted.
    """

    def __init__(
        self,
        mapping: str,
        source: StreamSource,
        target: Target,
        settings: StreamMappingSettings,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        clock: Clock,
        front_door: FrontDoor,
        give_up: Callable[[GivenUp], None],
    ) -> None:
        self.source, self.target, self.settings = source, target, settings
        self.scheduler, self.books, self.rules = scheduler, books, rules
        self.clock, self.door, self.give_up = clock, front_door, give_up
        self.name, self.source_name = books.name(mapping), books.name(source.store.name)
        self.ledger = Ledger(mapping, scheduler, books)
        self.last_result = NOTHING
        self.running = 0
        self.closed = False
        self.parked: list[Callable[[object], None]] = []
        self._quiet: Callable[[], None] | None = None

    def resume(self) -> None:
        """The mapping may be enabled: what waits for that goes on."""
        if self.settings.enabled:
            parked, self.parked = self.parked, []
            for go_on in parked:
                self.scheduler.at(self.scheduler.now, go_on)

    def answered(self) -> None:
        """An invocation is over."""
        self.running -= 1
        self._look()

    def close(self, then: Callable[[], None]) -> None:
        """The mapping is deleted: call ``then``, as soon as no invocation is under way."""
        self._quiet = then
        self._look()

    def _look(self) -> None:
        if self._quiet is not None and not self.running:
            then, self._quiet = self._quiet, None
            self.closed = True
            self.ledger.close()
            then()
