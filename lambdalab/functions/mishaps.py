"""What ``lab.faults`` has in store: asked when a try is let in, when a run begins, when a queue delivers.

``Function.faults`` and ``Queue.faults`` are empty lists while nobody wants any, and nothing here is
called then. Every fault that is in force draws whenever it is asked, whatever another one has decided:
none shifts the chance of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdalab.functions.outcome import Failure, platform_failure, runtime_failure
from lambdalab.kernel.random import RandomStream
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import AttemptOutcome, Cause, FaultKind

if TYPE_CHECKING:
    from lambdalab.functions.call import Call
    from lambdalab.functions.function import Function
    from lambdalab.kernel.task import Task
    from lambdalab.kernel.tasks import Tasks

ALWAYS = 1 << 62
"""The end of a fault that has none, in microseconds of the lab."""

_REFUSALS = {FaultKind.THROTTLE: Cause.INJECTED, FaultKind.SERVICE_ERROR: Cause.SERVICE_ERROR}
_OF_RUNS = (FaultKind.FAIL, FaultKind.SLOW, FaultKind.KILL)
_SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Terms:
    """What a fault does (``kind``, a :class:`.FaultKind`), how often and when.

    It strikes from ``start_us`` up to, but without, ``end_us``. The rest belongs to one kind each:
    ``by_us`` and ``factor`` to a slow run, ``after_us`` (None: when it would have answered) to a killed
    one, ``error_type`` and ``message`` to a failing one.
    """

    kind: int
    probability: float = 1.0
    start_us: int = 0
    end_us: int = ALWAYS
    by_us: int = 0
    factor: float = 1.0
    after_us: int | None = None
    error_type: str = ""
    message: str = ""


class Mishap:
    """One fault of a function or a queue. ``count`` is how often it has struck in this run of the lab."""

    def __init__(self, terms: Terms) -> None:
        self.terms, self.kind = terms, terms.kind
        self.count = 0

    def begin(
        self, scheduler: Scheduler, books: Recorder, subject: int, stream: RandomStream
    ) -> None:
        """Begin a run of the lab; ``subject`` is the target's name in the books."""
        self._scheduler, self._books, self._subject = scheduler, books, subject
        self._uniform = stream.uniform
        self._doubled: set[int] = set()
        self.count = 0

    def strikes(self) -> bool:
        """Whether it would strike now; drawn anew each time it is asked."""
        terms = self.terms
        if not terms.start_us <= self._scheduler.now < terms.end_us:
            return False
        return terms.probability >= 1 or self._uniform() < terms.probability

    def strike(self, request: int, message: int = 0) -> None:
        """It does strike: count it, and write it down."""
        self.count += 1
        self._books.fault(self._scheduler.now, self.kind, self._subject, request, message)

    def doubles(self, message: int) -> bool:
        """Whether it brings a deleted message back; each message once at most."""
        if message in self._doubled or not self.strikes():
            return False
        self._doubled.add(message)
        return True


def _striking(function: Function, *kinds: int) -> list[Mishap]:
    """The faults of these kinds that strike now; every one in force has drawn."""
    found: list[Mishap] = [m for m in function.faults if m.kind in kinds and m.strikes()]
    return found


def refusal(call: Call) -> int:
    """The cause for which a try is not let in; 0: it is."""
    struck = _striking(call.function, *_REFUSALS)
    if not struck:
        return 0
    struck[0].strike(call.request)
    return _REFUSALS[struck[0].kind]


def failing(function: Function) -> Mishap | None:
    """The fault that has Lambda itself answer a request with an error, if one does now."""
    struck = _striking(function, FaultKind.SERVICE_ERROR)
    return struck[0] if struck else None


def doubling(function: Function) -> Mishap | None:
    """The fault that has an asynchronous event delivered twice, if one does now."""
    struck = _striking(function, FaultKind.DUPLICATE)
    return struck[0] if struck else None


def plan(call: Call) -> Plan | None:
    """What becomes of a run that begins now; None: nothing out of the ordinary."""
    struck = _striking(call.function, *_OF_RUNS)
    return Plan(call.request, struck) if struck else None


class Plan:
    """What becomes of one run: it takes longer, is killed, fails, or several of these.

    Parameters: the ``request`` that runs, and the faults that ``struck``. Of several that would make it
    fail, or kill it, the first does; all that slow it down add up.
    """

    __slots__ = ("_fail", "_kill", "_request", "_slow", "_was_killed")

    def __init__(self, request: int, struck: list[Mishap]) -> None:
        self._request = request
        self._slow = [m for m in struck if m.kind == FaultKind.SLOW]
        self._fail = next((m for m in struck if m.kind == FaultKind.FAIL), None)
        self._kill = next((m for m in struck if m.kind == FaultKind.KILL), None)
        self._was_killed = False

    # ------------------------------------------------------------------ how long, and to which end

    def model(self, duration: int, timeout: int) -> tuple[int, bool]:
        """How long a modelled run of ``duration`` takes now, and whether it is killed then."""
        duration = min(duration + self._delay() + self._rest(duration), timeout)
        if self._kill is None:
            return duration, False
        after = self._kill.terms.after_us
        if after is None:
            return duration, duration < timeout
        return min(after, duration), after <= duration and after < timeout

    def around(self, body: Callable[[], object], tasks: Tasks) -> Callable[[], object]:
        """The body of a task that does what ``body`` does, as the faults have it.

        A delay comes first, as with AWS's Fault Injection Service; what a factor adds comes when the
        handler is done, for nobody knows before how long it takes. The task's deadline binds.
        """

        def run() -> object:
            self._watch(tasks)
            _sleep(tasks, self._delay())
            begun = tasks.scheduler.now
            answer = body()  # an exception of the handler is an answer too
            self._linger(tasks, begun)
            return answer

        return run

    def _delay(self) -> int:
        """How much later the run begins."""
        for mishap in self._slow:
            mishap.strike(self._request)
        return sum(mishap.terms.by_us for mishap in self._slow)

    def _rest(self, duration: int) -> int:
        """By how much a run of so many microseconds is stretched."""
        return sum(round((mishap.terms.factor - 1) * duration) for mishap in self._slow)

    def _watch(self, tasks: Tasks) -> None:
        """Have the running task killed when its time has come.

        In the background, so that a kill that comes too late keeps no run alive.
        """
        task, kill = tasks.running_task(), self._kill
        after = None if kill is None else kill.terms.after_us
        if after is None:
            return
        if after == 0:
            self._leave(tasks)
        at = tasks.scheduler.now + after
        if at < task.deadline:
            tasks.scheduler.background(at, self._end, task)

    def _end(self, task: Task) -> None:
        if task.ending is None:
            self.struck_dead()
            task.tasks.destroy(task, signal=_SIGKILL)

    def _linger(self, tasks: Tasks, begun: int) -> None:
        """The handler is done; what is left of the run."""
        _sleep(tasks, self._rest(tasks.scheduler.now - begun))
        if self._kill is not None and self._kill.terms.after_us is None:
            self._leave(tasks)

    def _leave(self, tasks: Tasks) -> None:
        self.struck_dead()
        tasks.leave(signal=_SIGKILL)

    # ------------------------------------------------------------------ what is told of it

    def struck_dead(self) -> None:
        """The process is killed now."""
        assert self._kill is not None
        self._kill.strike(self._request)
        self._was_killed = True

    def told(self, failure: Failure) -> Failure:
        """A failure of the run as the books have it: a process that was killed did not exit by itself."""
        if not self._was_killed:
            return failure
        return replace(failure, outcome=AttemptOutcome.KILLED, cause=Cause.KILLED)

    def failure(self, request_id: str) -> Failure | None:
        """The exception that takes the place of a result, if one does."""
        if self._fail is None:
            return None
        self._fail.strike(self._request)
        terms = self._fail.terms
        return runtime_failure(request_id, terms.error_type, terms.message, [])


def killed_failure(request_id: str) -> Failure:
    """What the service reports of a process that was killed from outside (invocation.md 2)."""
    text = "Runtime exited with error: signal: killed"
    outcome, cause = AttemptOutcome.KILLED, Cause.KILLED
    return platform_failure(request_id, "Runtime.ExitError", text, outcome, cause)


def _sleep(tasks: Tasks, us: int) -> None:
    if us:
        tasks.sleep(us)
