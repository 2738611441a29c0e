"""Time travel: let a lab run until something is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US, microseconds
from lambdalab.testing.books import fail, some, story, tables_of
from lambdalab.trace.fates import fates
from lambdalab.trace.words import duration

if TYPE_CHECKING:
    from lambdalab.lab import Lab


def run_until(lab: Lab, condition: Callable[[], object], *, within: Any = "1h") -> float:
    """Let the lab run until ``condition()`` is true, and no further; returns ``lab.elapsed``.

    It is asked at the beginning, and after each moment at which anything happens. Where nothing is in
    flight time goes on nevertheless, for what schedules, retention and idle expiry do.

    Parameters
    ----------
    lab
        The lab; time stands still for it where the condition has become true.
    condition
        Takes nothing; should only look, as at ``lab.trace`` or a queue.
    within
        Virtual time it may take: seconds, ``"2min"`` or a timedelta.

    Raises AssertionError when that time is over, with what is in flight then; a test goes on for a moment
    of real time only. Raises :class:`~lambdalab.errors.InsideHandler` in a handler.

    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> queue = lab.sqs.create_queue("orders")
    >>> made = lab.create_function("bill", duration=0.1)
    >>> mapping = lab.create_event_source_mapping(queue, "bill", maximum_batching_window=20)
    >>> message = queue.send({"order": 1})
    >>> round(run_until(lab, lambda: len(lab.trace.attempts) == 1), 3)
    20.0
    """
    __tracebackhide__ = True
    if not callable(condition):
        raise InvalidSetting("condition", condition, "callable without arguments")
    lab._check_open()
    lab._time.check_outside("run_until")
    scheduler = lab._scheduler
    end = scheduler.now + microseconds(within, "within")
    while not condition():
        upcoming = scheduler.heap[0][0] if scheduler.heap else end
        if upcoming >= end:
            lab._time.run(end)
            if condition():
                break
            fail(*_told(lab, end, duration(microseconds(within, "within"))))
        lab._time.run(max(upcoming, scheduler.now))
    return scheduler.now / US


def _told(lab: Lab, end: int, allowed: str) -> list[str]:
    """That it has not come true, and what is in flight."""
    flying = [fate for fate in fates(tables_of(lab)) if fate.word == "in_flight"]
    said = f"it has not come true within {allowed} (the lab is at {end / US:,.6g} s)"
    if not flying:
        return [said, "Nothing is in flight."]
    return [said, f"In flight: {some(fate.id for fate in flying)}.", story(lab, flying[0].id)]
