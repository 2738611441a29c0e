"""A function of the lab: its settings, its code or its model, and its environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from lambdalab.functions import durations
from lambdalab.functions.billing import Tariff
from lambdalab.functions.environments import Environment, Fleet
from lambdalab.functions.settings import FunctionSettings
from lambdalab.kernel.clock import US, microseconds
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import EnvironmentEnd

if TYPE_CHECKING:
    from lambdalab.functions.code import Code


class DeadLetters(Protocol):
    """A place for events that all tries have failed: an SQS queue."""

    name: str

    def deliver(self, body: bytes, attributes: dict[str, tuple[str, str]], request: int) -> str:
        """Take an event; ``""``, or why it was not taken."""


class Function:
    """A registered function. The runtime reads its attributes; users see its repr.

    ``code`` is None for a modelled function, whose ``draw`` gives each run's microseconds.
    """

    __slots__ = (
        "_rules", "_streams", "code", "dead_letters", "draw", "draw_init", "fails", "fleet",
        "max_memory_mb", "memory_mb", "name", "name_code", "reserved", "settings", "tariff",
        "timeout_us",
    )  # fmt: skip

    def __init__(self, settings: FunctionSettings, code: Code | None) -> None:
        self.name = settings.name
        self.settings, self.code = settings, code
        self.dead_letters: DeadLetters | None = None

    def attach(
        self, rules: Rules, streams: RandomStreams, scheduler: Scheduler, books: Recorder
    ) -> None:
        """Begin a run: no environments, the streams from their beginning, these books."""
        self._rules, self._streams = rules, streams
        self.name_code = books.name(self.name)
        self.fleet = Fleet(scheduler, books, self.name_code, 0)
        self.reserved: int | None = None
        self.configure(self.settings, self.code)

    def configure(self, settings: FunctionSettings, code: Code | None) -> None:
        """Take new settings and code; environments of the old ones end."""
        rules, stream = self._rules, self._streams.stream
        self.settings, self.code = settings, code
        self.memory_mb = settings.memory_size
        self.timeout_us = settings.timeout * US
        self.tariff = Tariff(rules, settings)
        self.max_memory_mb = min(rules.max_memory_used[settings.runtime], settings.memory_size)
        self.fleet.idle_expiry = microseconds(settings.idle_expiry, "idle_expiry")
        init = settings.init
        if init is None:
            init = rules.init_ms[settings.runtime, settings.architecture] / 1000
        self.draw_init = durations.drawer(init, stream(f"functions/{self.name}/init"), "init")
        self.draw: durations.Draw | None = None
        if settings.duration is not None:
            self.draw = durations.drawer(
                settings.duration, stream(f"functions/{self.name}/duration")
            )
        self.fails: Callable[[], bool] | None = None
        if settings.failure_rate:
            uniform, rate = (
                stream(f"functions/{self.name}/failures").uniform,
                settings.failure_rate,
            )
            self.fails = lambda: uniform() < rate
        self.fleet.retire(EnvironmentEnd.FUNCTION_UPDATED)

    def run_model(self, environment: Environment, event: Any) -> int:
        """How long a modelled run takes in microseconds, the timeout at most.

        In an environment whose runtime was shut down it begins with a suppressed init, which is
        inside the duration and billed (dg/lambda-runtime-environment).
        """
        assert self.draw is not None
        duration = self.draw(event)
        if not environment.ready:
            environment.ready = True
            duration += self.draw_init(None)
        return min(duration, self.timeout_us)

    @property
    def needs_event(self) -> bool:
        """Whether the modelled duration depends on the event."""
        return callable(self.settings.duration)

    @property
    def is_plain_model(self) -> bool:
        """Whether its runs need no event and cannot fail but by ``failure_rate`` and timeout."""
        settings = self.settings
        plain = durations.is_plain(settings.duration) and durations.is_plain(settings.init)
        return self.draw is not None and plain

    def __repr__(self) -> str:
        settings = self.settings
        what = "modelled" if self.code is None else f"handler {self.code.handler}"
        return (
            f"<function {self.name}: {what}, {settings.memory_size:,} MB, timeout {settings.timeout} s"
            f"{_optional(settings)}>"
        )

    def _repr_html_(self) -> str:
        return f"<code>{self!r}</code>".replace("<function", "&lt;function")


def _optional(settings: FunctionSettings) -> str:
    """The settings worth a word because they differ from the default."""
    told: list[Any] = []
    if settings.reserved_concurrency is not None:
        told.append(f"reserved concurrency {settings.reserved_concurrency}")
    if settings.dead_letter_queue:
        told.append(f"dead-letter queue {settings.dead_letter_queue!r}")
    return "".join(f", {text}" for text in told)
