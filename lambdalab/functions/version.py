"""A version of a function: settings and code as they run, and the environments they run in.

``$LATEST`` is the one that changes; published versions are numbered and stay as they are
(dg/configuration-versions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.functions import durations
from lambdalab.functions.billing import Tariff
from lambdalab.functions.environments import Environment, Fleet
from lambdalab.functions.model_memory import DrawMemory, memory_drawer
from lambdalab.functions.settings import FunctionSettings
from lambdalab.functions.target import LATEST
from lambdalab.kernel.clock import US, microseconds
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import ENVIRONMENTS, InitStatus

if TYPE_CHECKING:
    from lambdalab.functions.code import Code
    from lambdalab.functions.function import Function
    from lambdalab.functions.provisioned import ProvisionedFleet


class Version:
    """What runs. The runtime reads its attributes; an update of ``$LATEST`` makes another one.

    So what is under way goes on with what it began with. ``number`` is ``"$LATEST"`` or ``"1"``,
    ``"2"`` ...; ``code`` is None for a modelled function, whose ``draw`` gives each run's microseconds.
    """

    __slots__ = (
        "_rules", "_streams", "code", "description", "draw", "draw_init", "draw_memory", "fails",
        "fleet", "function", "max_memory_mb", "memory_mb", "name_code", "number", "provisioned",
        "settings", "tariff", "timeout_us", "version_code",
    )  # fmt: skip

    logging_settings = ("runtime", "log_format", "system_log_level")
    """What the platform's log lines depend on."""

    def __init__(
        self,
        function: Function,
        number: str,
        settings: FunctionSettings,
        code: Code | None,
        description: str = "",
    ) -> None:
        self.function, self.number, self.description = function, number, description
        self.settings, self.code = settings, code
        self.provisioned: ProvisionedFleet | None = None

    def attach(
        self, rules: Rules, streams: RandomStreams, scheduler: Scheduler, books: Recorder
    ) -> None:
        """Begin a run: no environments, and these streams and books."""
        settings = self.settings
        self._rules, self._streams = rules, streams
        self.name_code, self.version_code = books.name(self.function.name), books.name(self.number)
        self.fleet = Fleet(scheduler, books, self, self.function.census)
        self.provisioned = None
        self.memory_mb = settings.memory_size
        self.timeout_us = settings.timeout * US
        self.tariff = Tariff(rules, settings)
        self.max_memory_mb = min(rules.max_memory_used[settings.runtime], settings.memory_size)
        self.draw_memory: DrawMemory | None = None
        if settings.memory is not None:
            memory = self._streams.stream(self._purpose("memory"))
            self.draw_memory, self.max_memory_mb = memory_drawer(settings.memory, memory), 0
        self._expire_after(settings.idle_expiry)
        init: object = settings.init
        if init is None:
            init = durations.Percentiles(
                *rules.init_percentiles[settings.runtime, settings.architecture]
            )
        self.draw_init = durations.drawer(init, self._streams.stream(self._purpose("init")), "init")
        self.draw: durations.Draw | None = None
        if settings.duration is not None:
            self.draw = durations.drawer(
                settings.duration, self._streams.stream(self._purpose("duration"))
            )
        self.fails: Callable[[], bool] | None = None
        if settings.failure_rate:
            uniform = self._streams.stream(self._purpose("failures")).uniform
            rate = settings.failure_rate
            self.fails = lambda: uniform() < rate
        self._note_logging(books)

    def _note_logging(self, books: Recorder) -> None:
        """Tell the books how environments log from the next one on that is made for it."""
        first = len(books.environments) // ENVIRONMENTS.size + 1
        told = {name: getattr(self.settings, name) for name in self.logging_settings}
        books.wired("logging", f"{self.function.name}:{self.number}:{first}", told)

    def _expire_after(self, expiry: object) -> None:
        """Idle environments end after so long, or after a time drawn for each."""
        fleet = self.fleet
        if isinstance(expiry, (int, float)):
            fleet.idle_expiry, fleet.draw_expiry = microseconds(expiry, "idle_expiry"), None
            return
        draw = durations.drawer(
            expiry, self._streams.stream(self._purpose("idle expiry")), "idle_expiry"
        )
        fleet.idle_expiry, fleet.draw_expiry = 0, lambda: draw(None)

    def _purpose(self, what: str) -> str:
        """The name of a stream of chance; that of ``$LATEST`` bears the function's name alone."""
        version = "" if self.number == LATEST else f":{self.number}"
        return f"functions/{self.function.name}{version}/{what}"

    def run_model(self, environment: Environment, event: Any) -> tuple[int, int]:
        """How long a modelled run takes in microseconds, the timeout at most, and the init inside it.

        In an environment whose runtime was shut down it begins with a suppressed init, which is
        inside the duration and billed (dg/lambda-runtime-environment). The second value is how that
        init ended (:class:`.InitStatus`).
        """
        assert self.draw is not None
        duration, status = self.draw(event), InitStatus.NONE
        if not environment.ready:
            init_us = self.draw_init(None)
            environment.ready = init_us < self.timeout_us
            status = InitStatus.SUCCESS if environment.ready else InitStatus.TIMEOUT
            duration += init_us
        return min(duration, self.timeout_us), status

    @property
    def needs_event(self) -> bool:
        """Whether the modelled duration or memory depends on the event."""
        return callable(self.settings.duration) or callable(self.settings.memory)

    @property
    def is_plain_model(self) -> bool:
        """Whether its runs need no event and cannot fail but by ``failure_rate`` and timeout."""
        init, limit = self.settings.init, self._rules.init_limit
        if init is None:  # next to none takes ten times as long as 99 of 100
            settings = self.settings
            percentiles = self._rules.init_percentiles[settings.runtime, settings.architecture]
            init = 10 * percentiles[-1] / 1000
        soon = isinstance(init, (int, float)) and init <= limit
        plain = durations.is_plain(self.settings.duration) and soon
        rules = self._rules
        exact = not rules.timeout_overrun and rules.timeout_wording != "old"
        plain = plain and exact and self.draw_memory is None
        return self.draw is not None and plain and self.fleet.draw_expiry is None

    @property
    def arn(self) -> str:
        """The version's own ARN."""
        return f"{self.function.arn}:{self.number}"

    def __repr__(self) -> str:
        return f"<version {self.number} of {self.function.name}: {told(self.settings, self.code)}>"


def told(settings: FunctionSettings, code: Code | None) -> str:
    """What runs, in a few words."""
    what = "modelled" if code is None else f"handler {code.handler}"
    return f"{what}, {settings.memory_size:,} MB, timeout {settings.timeout} s"
