"""The ticks of a schedule in virtual time: whoever has one is called each time it fires.

Schedules never end, so their ticks are background events: ``run()`` without ``until=`` does not wait for
them, and says so; ``run(until=...)`` and ``advance()`` let them happen.
"""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.triggers.parts import Parts
from lambdalab.triggers.schedule_expressions import Expression

Fire = Callable[[int], None]
"""Called at each firing with the time it was due, in microseconds since 1970."""


class Ticker:
    """Fires at the times of an expression, from :meth:`begin` to :meth:`stop`.

    Parameters
    ----------
    parts
        The lab's.
    name
        What people read where it goes on, as in ``schedule 'weekly'``.
    expression
        When; a rate counts from ``start_us``, else from the beginning.
    fire
        Called at each firing with the time it was due.
    start_us, end_us
        The first and the last moment at which it may fire, in microseconds since 1970; None: no bound.
    at_once
        Whether it also fires at the very beginning, where the expression names that moment. (A rate's
        first firing is its beginning; without this, one interval after it.)
    delay_rule
        A rule, in seconds: how long after the time it is due it fires; "" for never late.
    """

    def __init__(
        self,
        parts: Parts,
        name: str,
        expression: Expression,
        fire: Fire,
        *,
        start_us: int | None = None,
        end_us: int | None = None,
        at_once: bool = False,
        delay_rule: str = "",
    ) -> None:
        self.name = name
        self._parts, self._expression, self._fire = parts, expression, fire
        self._start_us, self._end_us = start_us, end_us
        self._at_once, self._delay_rule = at_once, delay_rule
        self._token = 0
        self.next_us: int | None = None
        """When it fires next, in microseconds since 1970; None where it never does again."""

    def begin(self) -> None:
        """Begin: when it is made, and with each further run. Nothing of an earlier run is pending."""
        now = self._parts.clock.epoch_us(self._parts.now)
        first = now if self._start_us is None else self._start_us
        self._counted = self._expression.since(first)
        inclusive = first >= now if self._start_us is not None else self._at_once
        self._arm(max(first, now) - inclusive)

    def stop(self) -> None:
        """No more firings, until it is begun again."""
        if self._token:
            self._parts.scheduler.cancel_background(self._token)
        self._ended()

    # ------------------------------------------------------------------ inside

    def _arm(self, after_us: int) -> None:
        """Wait for the next firing after that time."""
        due = self._counted.next_after(after_us)
        if due is None or (self._end_us is not None and due > self._end_us):
            self._ended()
            return
        parts = self._parts
        self.next_us = parts.ticking[self.name] = due
        late = parts.us(self._delay_rule) if self._delay_rule else 0
        at = max(due + late - parts.clock.start_us, parts.now)
        self._token = parts.scheduler.background(at, self._due, due)

    def _due(self, due: int) -> None:
        self._token = 0
        self._arm(due)  # first: what is called may stop it
        self._parts.fired(self.name)
        self._fire(due)

    def _ended(self) -> None:
        self._token, self.next_us = 0, None
        self._parts.ticking.pop(self.name, None)
