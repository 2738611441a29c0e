"""How many pollers a queue's mapping has, and why.

* It starts with five. While there is a backlog it adds more, up to its most: 1,250, or
  ``maximum_concurrency``. A backlog is that messages wait and no poller is free; it has to last for an
  interval first, and growth comes in steps, one an interval.
* Pollers above the number at the start stop when they have been idle for a while; a mapping that has
  nothing to do goes down to two, unless it has a ``maximum_concurrency``.
* Throttles, and several failures in a row, make them fewer, a share at a time and not below a floor;
  with ``ReportBatchItemFailures`` failures do not. Some time later, and when an invocation has
  succeeded, it adds one, then twice as many each time, until that is its usual growth.
* In provisioned mode there are ``minimum_pollers`` at the start and in idleness, up to
  ``maximum_pollers``; each has ten batches at a time.
* Pollers that stop finish what they have.

Sources: dg/services-sqs-scaling, dg/services-sqs-errorhandling; event-source-mappings.md 3 of the
reference. AWS gives the numbers of the first two points and no time or amount of the others: those are
rules of the source "choice".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.alarm import Alarm
from lambdalab.sources.mappings.pollers import Pollers
from lambdalab.sources.mappings.queue_settings import MappingSettings
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause, ScalingKind

_MINUTE = 60 * US


class Bounds(NamedTuple):
    """Between which numbers a mapping scales.

    ``start``: how many pollers it begins with and shrinks to; ``idle``: how many are left when it has
    nothing to do; ``most``: no more; ``each``: batches that one has at a time; ``growth``: batches at a
    time that it adds in a minute; ``throttled``, ``failing``: no fewer for these reasons.
    """

    start: int
    idle: int
    most: int
    each: int
    growth: int
    throttled: int
    failing: int

    @classmethod
    def of(cls, settings: MappingSettings, rules: Rules) -> Bounds:
        """By a mapping's settings and the rules."""
        provisioned = settings.provisioned_poller_config
        floors = rules.mapping_pollers_throttled, rules.mapping_pollers_failing
        if provisioned is not None:
            least = provisioned.minimum_pollers
            return cls(
                least, least, provisioned.maximum_pollers, rules.mapping_provisioned_invokes,
                rules.mapping_provisioned_growth, *(max(least, floor) for floor in floors),
            )  # fmt: skip
        most = max(1, settings.maximum_concurrency or rules.mapping_pollers_maximum)
        start = min(max(1, rules.mapping_pollers_start), most)
        idle = start if settings.maximum_concurrency else min(start, rules.mapping_pollers_idle)
        return cls(
            start, max(1, idle), most, 1, rules.mapping_growth, *(max(1, floor) for floor in floors)
        )


class Scaling:
    """The pollers of one mapping in one run, and every change of their number.

    Parameters: ``subject``, the mapping's name in the books; ``wake``, called when there are more;
    ``waits``, which tells whether a message waits now (others may have taken or deleted what waited).
    Attributes: ``pollers``; ``backlog``, whether messages wait and no poller is free; ``troubled``,
    whether a success would be news.
    """

    def __init__(
        self,
        subject: int,
        settings: MappingSettings,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        wake: Callable[[], None],
        waits: Callable[[], bool],
    ) -> None:
        self._subject, self._scheduler, self._books, self._rules = subject, scheduler, books, rules
        self._wake, self._waits = wake, waits
        self._bounds = Bounds.of(settings, rules)
        self.pollers = Pollers(self._bounds.start, self._bounds.each)
        self.on = self.backlog = self.troubled = False
        self._interval_us = max(round(rules.mapping_growth_interval * US), US // 10)
        self._shrink_us = max(round(rules.mapping_shrink_after * US), US // 10)
        self._rest_us = round(rules.mapping_idle_after * US)
        self._hold_us = round(rules.mapping_recovery_interval * US)
        self._growing = Alarm(scheduler, self._grow)
        self._shrinking = Alarm(scheduler, self._shrink)
        self._resting = Alarm(scheduler, self._rest)
        self._begin()
        self.configure(settings)

    def _begin(self) -> None:
        """As it is when a mapping is enabled."""
        self.backlog = self.troubled = False
        self._grow_at = self._lower_at = 0  # not before
        self._credit = 0  # what is due of the growth, and less than a poller
        self._recovery = 0  # how many pollers come next after a reduction; 0: as usual
        self._wary = False  # no invocation has succeeded since the last throttle
        self._failures = 0  # in a row
        self._idle_since = self._scheduler.now

    # ------------------------------------------------------------------ settings

    def configure(self, settings: MappingSettings) -> None:
        """These settings hold from now on."""
        bounds, was = Bounds.of(settings, self._rules), self._bounds
        self._bounds = bounds
        if settings.enabled != self.on:
            self._switch(settings.enabled)
        elif bounds != was:
            number = bounds.start
            if self.on:
                number = min(max(self.pollers.number, bounds.start), bounds.most)
            self._resize(number, Cause.CONFIGURED)
            self._watch()
            self._grow_at = max(self._grow_at, self._scheduler.now + self._interval_us)
            self._prepare_growth()

    def _switch(self, on: bool) -> None:
        """It is enabled or disabled: pollers start, or stop."""
        was, self.on = (self.pollers.number if self.on else 0), on
        self._begin()
        if on:  # those that stop finish what they have, and hand over what was received
            self.pollers.resize(self._bounds.start, self._bounds.each)
        self._note(was, self._bounds.start if on else 0, Cause.CONFIGURED)
        for alarm in (self._growing, self._shrinking, self._resting):
            alarm.off()
        if on:
            self._watch()

    def _resize(self, number: int, cause: int) -> None:
        """Another number of pollers, and a row of it; nothing where it is the same."""
        pollers, each = self.pollers, self._bounds.each
        before = pollers.number
        if number != before or each != pollers.each:
            pollers.resize(number, each)
            if self.on and number != before:
                self._note(before, number, cause)

    def _note(self, before: int, after: int, cause: int) -> None:
        self._books.scaling(
            self._scheduler.now, self._subject, ScalingKind.POLLERS, before, after, cause
        )

    # ------------------------------------------------------------------ growing

    def begin_backlog(self) -> None:
        """Messages wait, and no poller is free: that was not so before."""
        self.backlog = True
        self._credit = 0
        self._grow_at = max(self._grow_at, self._scheduler.now + self._interval_us)
        self._prepare_growth()

    def _prepare_growth(self) -> None:
        """Pollers are to be added when that is due, if it may come to it."""
        if self.on and self.backlog and not self._wary and self.pollers.number < self._bounds.most:
            self._growing.at(max(self._grow_at, self._scheduler.now))

    def _grow(self) -> None:
        """If the backlog has lasted, more pollers."""
        now, number = self._scheduler.now, self.pollers.number
        self.backlog = self.backlog and self._waits()
        if not self.backlog or self._wary or now < self._grow_at:
            self._prepare_growth()
            return
        cause, more = self._step()
        if more:
            self._resize(min(number + more, self._bounds.most), cause)
            self._watch()
            self._wake()
        self._prepare_growth()

    def _step(self) -> tuple[int, int]:
        """Why and by how many it grows now; the next time is settled."""
        now, bounds = self._scheduler.now, self._bounds
        due = self._credit + bounds.growth * self._interval_us
        usual, credit = divmod(due, _MINUTE * bounds.each)
        step = self._recovery
        if step and step < max(usual, 2):
            self._recovery = 2 * step
            self._grow_at = now + self._hold_us
            return Cause.RECOVERED, step
        cause = Cause.RECOVERED if step else Cause.BACKLOG
        self._recovery, self._credit = 0, credit
        self._grow_at = now + self._interval_us
        return cause, usual

    # ------------------------------------------------------------------ shrinking

    def _watch(self) -> None:
        """There may be more pollers than will be needed: look after a while."""
        if not self.on:
            return
        now, number = self._scheduler.now, self.pollers.number
        if number > self._bounds.start and not self._shrinking.armed:
            self._shrinking.at(now + self._shrink_us)
        if number > self._bounds.idle and not self.pollers.busy and not self._resting.armed:
            self._idle_since = now
            self._resting.at(now + self._rest_us)

    def _shrink(self) -> None:
        """Those stop that are idle, from the last one down to the number at the start."""
        now, start = self._scheduler.now, self._bounds.start
        if self.pollers.number <= start:
            return
        number = self.pollers.needed(start, now - self._shrink_us)
        self._resize(number, Cause.BACKLOG_GONE)
        if number > start:
            since = self.pollers.idle_since(number)
            due = (now if since < 0 else since) + self._shrink_us
            self._shrinking.at(max(due, now + self._interval_us))

    def rests(self) -> None:
        """No poller has a batch."""
        self._idle_since = now = self._scheduler.now
        if self.on and self.pollers.number > self._bounds.idle and not self._resting.armed:
            self._resting.at(now + self._rest_us)

    def _rest(self) -> None:
        """If there has been nothing to do, the fewest pollers."""
        if self.pollers.busy or self.pollers.number <= self._bounds.idle:
            return
        due = self._idle_since + self._rest_us
        if self._scheduler.now < due:
            self._resting.at(due)
        else:
            self._resize(self._bounds.idle, Cause.IDLE)

    # ------------------------------------------------------------------ throttles and failures

    def throttled(self) -> None:
        """The function could not be invoked for want of concurrency."""
        if self.on:
            self._set_back(
                self._rules.mapping_throttle_reduction, self._bounds.throttled, Cause.THROTTLED
            )

    def failed(self) -> None:
        """A batch has failed as a whole."""
        if not self.on:
            return
        self._failures += 1
        self.troubled = True
        if self._failures >= self._rules.mapping_failures_in_a_row:
            share = self._rules.mapping_failure_reduction
            self._set_back(share, self._bounds.failing, Cause.FAILURES)

    def succeeded(self) -> None:
        """An invocation has succeeded, the first since there was trouble."""
        self.troubled = self._wary = False
        self._failures = 0
        self._prepare_growth()

    def _set_back(self, share: float, floor: int, cause: int) -> None:
        """Fewer pollers (not too often), and no more for a while."""
        now, number = self._scheduler.now, self.pollers.number
        self.troubled = self._wary = True
        self._grow_at = max(self._grow_at, now + self._hold_us)
        self._recovery = 1
        lower = max(floor, int(number * min(share, 1.0)))
        if lower < number and now >= self._lower_at:
            self._lower_at = now + round(self._rules.mapping_reduction_interval * US)
            self._resize(lower, cause)
