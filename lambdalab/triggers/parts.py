"""What every trigger is given: the run's clock, books and Lambda, and who may call what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lambdalab.errors import EndlessRun, InvalidSetting, UnknownSetting
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.functions.policy import INVOKE, INVOKE_URL, Statement
from lambdalab.functions.target import Target
from lambdalab.invocation.calling import Answer, Operation
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.registry import FunctionRegistry
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder


@dataclass(slots=True)
class Count:
    """How many events a queue of the books has: all, those that wait, those that are out."""

    depth: int = 0
    delayed: int = 0
    in_flight: int = 0


@dataclass(slots=True)
class Parts:
    """The lab as its triggers see it; :meth:`begin` puts the next run's parts in place of the last one's.

    Attributes
    ----------
    scheduler, books, streams, service
        Of the run under way. Never keep one of them: ask for it here each time.
    rules, clock, ids, functions
        Of the lab.
    origin
        Who calls right now; raises where a caller may not.
    perform
        Lets a caller (a setting of ``traffic``; None: whoever calls, with a single try and no limit) carry
        out an operation, and waits for what comes of it: outside, the clock runs; in a handler, its task
        waits.
    new_number
        The next number of a message; people read ``m12``.
    last_number
        The number that was given last.
    ticking
        The schedules that go on by themselves, and when each fires next (microseconds since 1970).
    """

    scheduler: Scheduler
    books: Recorder
    streams: RandomStreams
    service: LambdaService
    rules: Rules
    clock: Clock
    ids: Ids
    functions: FunctionRegistry
    origin: Callable[[], Origin]
    perform: Callable[[Operation, Any], Answer]
    new_number: Callable[[], int]
    last_number: Callable[[], int]
    ticking: dict[str, int] = field(default_factory=dict)
    _counts: dict[int, Count] = field(default_factory=dict)
    firings: int | None = None
    """How often schedules have fired in a run without ``until=``; None in any other."""
    _resets: list[Callable[[], None]] = field(default_factory=list)

    def begin(
        self, scheduler: Scheduler, books: Recorder, streams: RandomStreams, service: LambdaService
    ) -> None:
        """A new run: every trigger that asked for it (:meth:`on_reset`) starts afresh."""
        self.scheduler, self.books, self.streams, self.service = scheduler, books, streams, service
        self.ticking.clear()
        self._counts.clear()
        for reset in self._resets:
            reset()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """A run without ``until=``: firings of schedules are counted."""
        self.firings = 0
        try:
            yield
        finally:
            self.firings = None

    def fired(self, name: str) -> None:
        """A schedule fires. In a run that nothing else ends this may happen so often, and no more.

        Raises :class:`~lambdalab.errors.EndlessRun`: what schedules start may keep a run going for ever,
        as a function does whose retries take longer than the schedule's interval.
        """
        if self.firings is None:
            return
        self.firings += 1
        if self.firings > self.rules.schedule_firings:
            raise EndlessRun(
                f"{name} and what it starts keep the lab busy without an end ({self.firings:,} firings in "
                "this run): give run() an until="
            )

    def on_reset(self, reset: Callable[[], None]) -> None:
        """Call this at the beginning of each further run, in the order in which it was asked for."""
        self._resets.append(reset)

    def count(self, queue: int) -> Count:
        """The count of a queue of the books, the same for all that use it in a run.

        A thing that is made again under its name goes on where the one before is not done yet.
        """
        return self._counts.setdefault(queue, Count())

    # ------------------------------------------------------------------ functions and permissions

    def target(self, function: Any, qualifier: Any = None) -> Target:
        """The function that a person names, in any form; raises where there is none."""
        return self.functions.target(function, qualifier)

    def grant(
        self, target: Target, principal: str, source_arn: str, sid: str, action: str = INVOKE
    ) -> None:
        """Allow a service to invoke a function, unless its policy allows it already.

        What the console does when it wires a trigger; ``lab.remove_permission`` takes it back.
        """
        policy = target.function.policy
        if policy.allows(target.qualifier, principal, action, source_arn):
            return
        known = {statement.sid for statement in policy.of(target.qualifier)}
        name, number = sid, 1
        while name in known:
            number += 1
            name = f"{sid}-{number}"
        policy.add(target.qualifier, Statement(name, principal, action, source_arn))

    def allowed(
        self, target: Target, principal: str, source_arn: str, action: str = INVOKE
    ) -> bool:
        """Whether the function's resource policy lets the service in."""
        return target.function.policy.allows(target.qualifier, principal, action, source_arn)

    # ------------------------------------------------------------------ small things all of them need

    @property
    def now(self) -> int:
        """Microseconds since the lab's start."""
        return self.scheduler.now

    @property
    def epoch_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.clock.epoch_us(self.scheduler.now) // 1000

    @property
    def iso(self) -> str:
        """The date and time as AWS writes it: "2025-01-07T00:00:01.000Z"."""
        return self.clock.iso(self.scheduler.now)

    def us(self, rule: str) -> int:
        """A rule that is given in seconds, in microseconds."""
        seconds: float = getattr(self.rules, rule)
        return round(seconds * US)


def arn(service: str, resource: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    """The ARN of something of this account.

    >>> arn("sns", "orders")
    'arn:aws:sns:us-east-1:123456789012:orders'
    """
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def no_others(verb: str, unknown: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise :class:`~lambdalab.errors.UnknownSetting`, with the right word, where a keyword is unknown."""
    for name in unknown:
        raise UnknownSetting(verb, name, known)


def one_of(setting: str, value: object, words: tuple[str, ...], source: str) -> None:
    """Raise :class:`~lambdalab.errors.InvalidSetting` unless the value is one of the words."""
    if value not in words:
        raise InvalidSetting(setting, value, f"one of {', '.join(words)}", source)


__all__ = ["ACCOUNT", "INVOKE", "INVOKE_URL", "REGION", "Parts", "arn", "no_others", "one_of"]
