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
from lambdalab.trace.schema import Cause, EnvironmentEnd, EnvironmentKind, ScalingKind

if TYPE_CHECKING:
    from lambdalab.functions.context import FunctionIdentity
    from lambdalab.functions.handlers import LogLines

_SCALED_FOR = {
    EnvironmentEnd.IDLE_EXPIRY: Cause.IDLE,
    EnvironmentEnd.FUNCTION_UPDATED: Cause.CONFIGURED,
    EnvironmentEnd.FUNCTION_DELETED: Cause.FUNCTION_DELETED,
    EnvironmentEnd.INIT_FAILED: Cause.ENVIRONMENT_FAILED,
    EnvironmentEnd.LAB_CLOSED: Cause.LAB_CLOSED,
}


class Environment:
    """One execution environment: it serves one invocation at a time."""

    __slots__ = (
        "furnished", "generation", "handler", "identity", "idle_since", "log", "max_memory_mb",
        "number", "ordinal", "ready", "started_at", "tariff",
    )  # fmt: skip

    def __init__(self, number: int, ordinal: int, generation: int, started_at: int) -> None:
        self.number = number
        self.started_at = started_at
        self.tariff: Tariff
        """The price of the function as it was when the environment was made."""
        self.generation = generation
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


class Fleet:
    """The environments of one function.

    Parameters: the lab's ``scheduler`` and ``books``, the function's ``name`` code in the books, and
    ``idle_expiry`` in microseconds.
    """

    __slots__ = (
        "_books", "_name", "_scheduler", "busy", "expires_at", "generation", "idle", "idle_expiry",
        "started",
    )  # fmt: skip

    def __init__(self, scheduler: Scheduler, books: Recorder, name: int, idle_expiry: int) -> None:
        self._scheduler, self._books, self._name = scheduler, books, name
        self.idle_expiry = idle_expiry
        self.idle: deque[Environment] = deque()  # the one idle for longest comes first
        self.busy = 0
        self.generation = 0
        self.started = 0
        self.expires_at = -1

    def acquire(self) -> tuple[Environment, bool]:
        """The environment that became idle last, or a new one; and whether it is new (cold)."""
        if not self.idle_expiry:
            self._expire(None)  # an environment that may not stand idle is never reused
        self.busy += 1
        if self.idle:
            return self.idle.pop(), False
        now, alive = self._scheduler.now, self.busy - 1
        self.started += 1
        number = self._books.environment(self._name, EnvironmentKind.ON_DEMAND, now)
        self._books.scaling(
            now, self._name, ScalingKind.ENVIRONMENTS, alive, alive + 1, Cause.COLD_START
        )
        return Environment(number, self.started, self.generation, now), True

    def release(self, environment: Environment) -> None:
        """Its invocation is over: it stands idle, or ends if its function has changed meanwhile."""
        self.busy -= 1
        if environment.generation != self.generation:
            self._end(environment, EnvironmentEnd.FUNCTION_UPDATED)
            return
        now = environment.idle_since = self._scheduler.now
        self.idle.append(environment)
        if self.expires_at < 0:
            self._watch(now + self.idle_expiry)

    def lose(self, environment: Environment, because: int) -> None:
        """A busy environment ended with its invocation."""
        self.busy -= 1
        self._end(environment, because)

    def retire(self, because: int) -> None:
        """The function changed: idle environments end now, busy ones when they finish."""
        self.generation += 1
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

    def _end(self, environment: Environment, because: int) -> None:
        now, alive = self._scheduler.now, self.busy + len(self.idle)
        self._books.environment_done(environment.number, now, because)
        self._books.scaling(
            now, self._name, ScalingKind.ENVIRONMENTS, alive + 1, alive, _SCALED_FOR[because]
        )
        if environment.furnished:
            environment.log.scrap()
