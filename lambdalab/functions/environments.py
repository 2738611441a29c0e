"""Execution environments: made cold, reused warm, ended after standing idle.

Lambda reuses the environment that became idle last: in 28 hours of real traffic it did so in 9,601 of
9,636 choices among several idle ones, and took the most recently created one far less often.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.functions.billing import Tariff
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause, EnvironmentEnd, EnvironmentKind, InitType, ScalingKind

if TYPE_CHECKING:
    from lambdalab.functions.context import FunctionIdentity
    from lambdalab.functions.environment_log import LogLines
    from lambdalab.functions.version import Version

SCALED_FOR = {
    EnvironmentEnd.IDLE_EXPIRY: Cause.IDLE,
    EnvironmentEnd.FUNCTION_UPDATED: Cause.CONFIGURED,
    EnvironmentEnd.FUNCTION_DELETED: Cause.FUNCTION_DELETED,
    EnvironmentEnd.INIT_FAILED: Cause.ENVIRONMENT_FAILED,
    EnvironmentEnd.CRASHED: Cause.ENVIRONMENT_FAILED,
    EnvironmentEnd.SCALED_IN: Cause.CONFIGURED,
    EnvironmentEnd.RECYCLED: Cause.CONFIGURED,
    EnvironmentEnd.LAB_CLOSED: Cause.LAB_CLOSED,
}


class Environment:
    """One execution environment: it serves one invocation at a time."""

    __slots__ = (
        "fleet", "furnished", "handler", "identity", "idle_since", "log",
        "max_memory_mb", "number", "ordinal", "ready", "started_at", "tariff",
    )  # fmt: skip

    def __init__(self, number: int, fleet: Fleet, ordinal: int, started_at: int) -> None:
        self.number = number
        self.fleet = fleet
        self.started_at = started_at
        self.tariff: Tariff
        """The price of the function as it was when the environment was made."""
        self.ordinal = ordinal
        self.idle_since = 0
        self.max_memory_mb = 0
        self.ready = False
        """Whether the init has been done; a crash or a timeout undoes it."""
        self.furnished = False
        """Whether it runs code, and so has a log (with surroundings), an identity and a handler."""
        self.handler: Callable[..., Any]
        self.identity: FunctionIdentity
        self.log: LogLines

    def reset(self) -> None:
        """A timeout or a crash shut the runtime down; the next invoke initialises it again.

        What lies in /tmp survives, module globals do not (dg/lambda-runtime-environment).
        """
        self.ready = False
        if self.furnished:
            self.log.surroundings.reset()


class Census:
    """How many environments a function has in all its fleets, and how many it ever had.

    ``provisioned_busy``: how many of provisioned concurrency are at work, those included that have been
    given back meanwhile.
    """

    __slots__ = ("alive", "provisioned_busy", "started")

    def __init__(self) -> None:
        self.alive = self.started = self.provisioned_busy = 0

    def close(self, books: Recorder, name: int, now: int) -> None:
        """The lab is closed: those that are left are gone, busy or not."""
        before, self.alive = self.alive, 0
        if before:
            books.scaling(now, name, ScalingKind.ENVIRONMENTS, before, 0, Cause.LAB_CLOSED)


class Fleet:
    """The environments of one version that were started on demand.

    Parameters: the lab's ``scheduler`` and ``books``, the ``version``, and its function's ``census``.
    ``idle_expiry`` is in microseconds; where it is drawn for each idle spell, ``draw_expiry`` gives it.
    """

    __slots__ = (
        "_books", "_census", "_scheduler", "busy", "draw_expiry", "expires_at", "idle", "idle_expiry",
        "retired", "version",
    )  # fmt: skip

    kind = EnvironmentKind.ON_DEMAND
    init_type = InitType.ON_DEMAND
    on_demand = True
    """Whether its environments take up the pool's concurrency only while they run."""

    def __init__(
        self, scheduler: Scheduler, books: Recorder, version: Version, census: Census
    ) -> None:
        self._scheduler, self._books, self._census = scheduler, books, census
        self.version = version
        self.idle_expiry = 0
        self.draw_expiry: Callable[[], int] | None = None
        self.idle: deque[Environment] = deque()  # the one idle for longest comes first
        self.busy = 0
        self.retired = False
        """Whether its version is no more what a call would run."""
        self.expires_at = -1

    def acquire(self) -> tuple[Environment, bool]:
        """The environment that became idle last, or a new one; and whether it is new (cold)."""
        self.busy += 1
        if self.idle:
            return self.idle.pop(), False
        return self._start(Cause.COLD_START), True

    def _start(self, cause: int) -> Environment:
        """A new environment, not ready yet; it is the caller's."""
        now, census = self._scheduler.now, self._census
        census.started += 1
        census.alive += 1
        name = self.version.name_code
        number = self._books.environment(name, self.kind, now, self.version.version_code)
        self._books.scaling(
            now, name, ScalingKind.ENVIRONMENTS, census.alive - 1, census.alive, cause
        )
        return Environment(number, self, census.started, now)

    def release(self, environment: Environment) -> None:
        """Its invocation is over: it stands idle, or ends if its function has changed meanwhile."""
        self.busy -= 1
        if self.retired:
            self._end(environment, EnvironmentEnd.FUNCTION_UPDATED)
            return
        now = environment.idle_since = self._scheduler.now
        if self.idle_expiry:
            self.idle.append(environment)
            if self.expires_at < 0:
                self._watch(now + self.idle_expiry)
        elif self.draw_expiry is not None:
            self.idle.append(environment)
            at = now + self.draw_expiry()
            self._scheduler.background(at, self._expire_one, (environment, now))
        else:  # an environment that may not stand idle is never reused
            self._end(environment, EnvironmentEnd.IDLE_EXPIRY)

    def retire(self, because: int) -> None:
        """The function changed: idle environments end now, busy ones when they finish."""
        self.retired = True
        while self.idle:
            self._end(self.idle.popleft(), because)

    def _watch(self, at: int) -> None:
        self.expires_at = at
        self._scheduler.background(at, self._expire)

    def _expire(self, _: object) -> None:
        """End what has stood idle for too long; look again when the next may have."""
        self.expires_at = -1
        idle, due = self.idle, self._scheduler.now - self.idle_expiry
        while idle and idle[0].idle_since <= due:
            self._end(idle.popleft(), EnvironmentEnd.IDLE_EXPIRY)
        if idle:
            self._watch(idle[0].idle_since + self.idle_expiry)

    def _expire_one(self, spell: tuple[Environment, int]) -> None:
        """End an environment whose drawn time is over, if it has stood idle since."""
        environment, since = spell
        if environment.idle_since == since and environment in self.idle:
            self.idle.remove(environment)
            self._end(environment, EnvironmentEnd.IDLE_EXPIRY)

    def _end(self, environment: Environment, because: int) -> None:
        now, census = self._scheduler.now, self._census
        census.alive -= 1
        self._books.environment_done(environment.number, now, because)
        self._books.scaling(
            now, self.version.name_code, ScalingKind.ENVIRONMENTS, census.alive + 1, census.alive,
            SCALED_FOR[because],
        )  # fmt: skip
        if environment.furnished:
            environment.log.scrap()
