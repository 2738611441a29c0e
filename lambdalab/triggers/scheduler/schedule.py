"""One schedule, as people hold it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from lambdalab.sources.shown import Shown
from lambdalab.triggers.parts import arn
from lambdalab.triggers.scheduler.settings import ScheduleSettings
from lambdalab.triggers.schedules import Ticker

if TYPE_CHECKING:
    from lambdalab.triggers.scheduler.service import Schedules

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)  # noqa: UP017 - `dt.UTC` is the same object


class Schedule(Shown):
    """A schedule, as ``create_schedule`` returns it.

    Attributes: ``name``, ``arn``, ``settings`` (what it is set to, checked and frozen).
    """

    def __init__(
        self, schedules: Schedules, name: str, settings: ScheduleSettings, ticker: Ticker
    ) -> None:
        self.name, self.arn = name, arn("scheduler", f"schedule/default/{name}")
        self.settings = settings
        self._schedules, self.ticker = schedules, ticker

    @property
    def state(self) -> str:
        """``ENABLED``, ``DISABLED``, or ``DELETED``."""
        return self.settings.state if self in self._schedules else "DELETED"

    @property
    def next_at(self) -> dt.datetime | None:
        """When it fires next, in UTC; None where it does not."""
        due = self.ticker.next_us
        return None if due is None else _EPOCH + dt.timedelta(microseconds=due)

    def update(self, schedule_expression: str, target: Any, **settings: Any) -> Schedule:
        """Set it anew (:meth:`Schedules.update_schedule`): what is not given is as by default again."""
        return self._schedules.update_schedule(self.name, schedule_expression, target, **settings)

    def delete(self) -> None:
        """It fires no more (:meth:`Schedules.delete_schedule`)."""
        self._schedules.delete_schedule(self.name)

    def get(self) -> dict[str, Any]:
        """What it is set to, in plain values."""
        return self._schedules.get_schedule(self.name)

    def __repr__(self) -> str:
        settings, zone = self.settings, self.settings.schedule_expression_timezone
        where = "" if zone == "UTC" else f" {zone}"
        state = "" if self.state == "ENABLED" else f" · {self.state}"
        text = f"{settings.expression.text}{where} -> {settings.target.name}{state}"
        return f"<schedule {self.name}: {text}>"
