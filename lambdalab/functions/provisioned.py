"""Provisioned concurrency: environments of a version that are initialised before anybody asks.

An allocation begins after a minute or two of preparation; then environments are made, up to 6,000 a
minute, and none of them can be used until all are there. What they cannot serve spills over to
environments started on demand (dg/lambda-concurrency, dg/provisioned-concurrency).
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING

from lambdalab.functions.billing import Tariff
from lambdalab.functions.capacity import Bucket
from lambdalab.functions.environments import SCALED_FOR, Census, Environment, Fleet
from lambdalab.kernel.clock import US
from lambdalab.kernel.random import RandomStream
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import (
    Cause,
    EnvironmentEnd,
    EnvironmentKind,
    InitType,
    ScalingKind,
)

if TYPE_CHECKING:
    from lambdalab.functions.function import Function
    from lambdalab.functions.version import Version

IN_PROGRESS, READY, FAILED = "IN_PROGRESS", "READY", "FAILED"
INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"

Initialise = Callable[["Version", Environment, Callable[[bool], None]], None]
"""Initialises an environment that nobody has called; tells whether it worked."""


class ProvisionedFleet(Fleet):
    """The environments of one version's provisioned concurrency.

    Attributes, in AWS's words: ``requested``, ``allocated`` (initialised), ``available`` (can be used),
    ``status`` (``IN_PROGRESS``, ``READY`` or ``FAILED``) and ``status_reason``. ``qualifier`` is the
    version or alias it was asked for.
    """

    __slots__ = (
        "_billed", "_growth", "_init", "_limits", "_per_minute", "_per_second", "_preparation",
        "_requests", "_rules", "_stream", "_subject", "_tries", "_usable", "_waiting", "qualifier",
        "requested", "status", "status_reason", "tariff",
    )  # fmt: skip

    kind = EnvironmentKind.PROVISIONED
    init_type = InitType.PROVISIONED
    on_demand = False

    def __init__(
        self,
        version: Version,
        qualifier: str,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        stream: RandomStream,
        census: Census,
        initialise: Initialise,
    ) -> None:
        super().__init__(scheduler, books, version, census)
        self._init, self._stream = initialise, stream
        self._preparation = tuple(rules.provisioned_preparation)
        self._per_minute: int = max(rules.provisioned_per_minute, 1)
        self._per_second: int = rules.requests_per_concurrency
        self._limits: int = rules.provisioned_init_attempts
        self.tariff = Tariff(rules, version.settings, provisioned=True)
        self._rules = rules
        self._growth = self._tries = self._usable = self._billed = 0
        self._waiting: list[Environment] = []  # initialised, until all are
        self._requests = Bucket(0, 0)
        self.requested = 0
        self.qualifier = qualifier
        self._subject = books.name(f"{version.function.name}:{qualifier}")
        self.status, self.status_reason = READY, ""

    @property
    def allocated(self) -> int:
        """Environments that are initialised."""
        return self._usable + len(self._waiting)

    @property
    def available(self) -> int:
        """Environments that can be used, those that are at work included."""
        return self._usable

    # ------------------------------------------------------------------ serving

    def takes(self, now: int, paced: bool) -> bool:
        """Whether it can serve a call now; what it cannot serve spills over."""
        if not self.idle or self.busy >= self._usable:  # some may work on that were given back
            return False
        return not paced or self._requests.take(now)

    def acquire(self) -> tuple[Environment, bool]:
        """The environment that became idle last; never a cold one."""
        self.busy += 1
        self._census.provisioned_busy += 1
        return self.idle.pop(), False

    def release(self, environment: Environment) -> None:
        """Its invocation is over: it waits for the next, or ends if it is one too many."""
        self.busy -= 1
        self._census.provisioned_busy -= 1
        environment.idle_since = self._scheduler.now
        if self.busy + len(self.idle) >= self._usable:
            self._end(environment, EnvironmentEnd.SCALED_IN)
        else:
            self.idle.append(environment)

    # ------------------------------------------------------------------ allocating

    def request(self, number: int) -> None:
        """Allocate so many from now on: more after their preparation, fewer at once."""
        self.requested = number
        self._growth += 1  # an allocation under way is given up
        self._drop_waiting()
        self.status, self.status_reason = READY, ""
        self._bill(number, Cause.CONFIGURED)
        self._use(min(self._usable, number), Cause.CONFIGURED)
        if self._usable < number:
            self.status, self._tries = IN_PROGRESS, 0
            low, high = self._preparation
            wait = low + (high - low) * self._stream.uniform()
            at = self._scheduler.now + round(wait * US)
            self._scheduler.at(at, self._allocate, self._growth)

    def retire(self, because: int) -> None:
        """The function is deleted, or the lab closed: everything that is idle ends."""
        self._growth += 1
        self._drop_waiting(because)
        while self.idle:
            self._end(self.idle.popleft(), because)
        cause = SCALED_FOR[because]
        self._bill(0, cause)
        self._use(0, cause)

    def _allocate(self, growth: int) -> None:
        """The preparation is over: environments begin, as fast as the rate allows."""
        for ordinal in range(self.requested - self._usable if growth == self._growth else 0):
            at = self._scheduler.now + ordinal * 60 * US // self._per_minute
            self._scheduler.at(at, self._begin, growth)

    def _begin(self, growth: int) -> None:
        if growth != self._growth:
            return
        environment = self._start(Cause.CONFIGURED)
        environment.tariff = self.tariff
        self._init(
            self.version, environment, lambda worked: self._begun(environment, growth, worked)
        )

    def _begun(self, environment: Environment, growth: int, worked: bool) -> None:
        """An environment's init is over; the last one makes all of them usable."""
        if growth != self._growth:
            because = EnvironmentEnd.SCALED_IN if worked else EnvironmentEnd.INIT_FAILED
            self._end(environment, because)
            return
        if not worked:
            self._end(environment, EnvironmentEnd.INIT_FAILED)
            self._failed(growth)
            return
        self._waiting.append(environment)
        if self.allocated == self.requested:
            ready, self._waiting = self._waiting, []
            self._use(self.requested, Cause.ALLOCATED)
            for one in ready:
                one.idle_since = self._scheduler.now
                self.idle.append(one)
            self.status = READY

    def _failed(self, growth: int) -> None:
        """An init failed: it is tried again, a few times in all; then the allocation has failed."""
        self._tries += 1
        if self._tries < self._limits:
            self._scheduler.at(self._scheduler.now, self._begin, growth)
            return
        self.status, self.status_reason = FAILED, INIT_FAILURE
        self._growth += 1
        self._drop_waiting(EnvironmentEnd.INIT_FAILED)
        self._bill(self._usable, Cause.ENVIRONMENT_FAILED)

    def _bill(self, number: int, cause: int) -> None:
        """So many are paid for from now on, whether they can be used yet or not."""
        before, self._billed = self._billed, number
        if before == number:
            return
        now, rules, settings = self._scheduler.now, self._rules, self.version.settings
        subject = f"{self.version.function.name}:{self.version.number}"
        if not before:
            prices = {
                "subject": subject, "since_us": now, "memory_mb": settings.memory_size,
                "gb_second": rules.price_provisioned_gb_second[settings.architecture],
                "duration_gb_second":
                    rules.price_provisioned_duration_gb_second[settings.architecture],
                "step_s": rules.provisioned_billing_step, "billing_step_ms": rules.billing_step,
            }  # fmt: skip
            self._books.wired("provisioned", f"{subject} from {now}", prices)
        self._books.scaling(
            now, self._books.name(subject), ScalingKind.REQUESTED, before, number, cause
        )

    def _use(self, number: int, cause: int) -> None:
        """So many can be used from now on; idle ones beyond end, busy ones when they finish."""
        before, self._usable = self._usable, number
        if before == number:
            return
        self._requests = Bucket(number * self._per_second, number * self._per_second)
        self._books.scaling(
            self._scheduler.now, self._subject, ScalingKind.PROVISIONED, before, number, cause
        )
        while self.idle and self.busy + len(self.idle) > number:
            self._end(self.idle.popleft(), EnvironmentEnd.SCALED_IN)

    def _drop_waiting(self, because: int = EnvironmentEnd.SCALED_IN) -> None:
        while self._waiting:
            self._end(self._waiting.pop(), because)


class ProvisionedConcurrency:
    """The provisioned concurrency of a version or alias, as it is now; what
    ``lab.put_provisioned_concurrency`` returns.

    It goes along with an alias that is moved, and with a lab that is reset. ``status`` is
    ``IN_PROGRESS``, ``READY`` or ``FAILED`` (``status_reason`` says why), and ``""`` once the
    concurrency has been given back; ``requested``, ``allocated`` (initialised) and ``available`` (can be
    used) are numbers of environments.
    """

    def __init__(self, function: Function, qualifier: str) -> None:
        self.function, self.qualifier = function, qualifier

    @property
    def _fleet(self) -> ProvisionedFleet | None:
        fleets = [version.provisioned for version in self.function.versions.values()]
        mine = [
            fleet for fleet in fleets if fleet is not None and fleet.qualifier == self.qualifier
        ]
        return mine[0] if mine and self.qualifier in self.function.provisioned else None

    @property
    def status(self) -> str:
        """``IN_PROGRESS``, ``READY``, ``FAILED``; ``""`` when it has been given back."""
        return "" if self._fleet is None else self._fleet.status

    @property
    def status_reason(self) -> str:
        """Why it has failed."""
        return "" if self._fleet is None else self._fleet.status_reason

    @property
    def requested(self) -> int:
        """How many environments were asked for."""
        return 0 if self._fleet is None else self._fleet.requested

    @property
    def allocated(self) -> int:
        """How many are initialised."""
        return 0 if self._fleet is None else self._fleet.allocated

    @property
    def available(self) -> int:
        """How many can be used, those at work included."""
        return 0 if self._fleet is None else self._fleet.available

    def __repr__(self) -> str:
        name = f"{self.function.name}:{self.qualifier}"
        if self._fleet is None:
            return f"<no provisioned concurrency of {name} any more>"
        return (
            f"<provisioned concurrency of {name}: {self.status}, requested {self.requested}, "
            f"allocated {self.allocated}, available {self.available}>"
        )

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
