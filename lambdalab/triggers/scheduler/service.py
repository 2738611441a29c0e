"""EventBridge Scheduler: schedules that invoke a target at their times, in their own time zones.

Sources: the Scheduler user guide (schedule-types, managing-targets, managing-schedule-delete), dg/
with-eventbridge-scheduler, async.md 9, dated-rules.md for daylight saving; botocore for the verbs.

Where they are silent: changing a schedule makes its rate count anew; firings that are waiting for another
try go on when their schedule is changed or deleted; an ``at`` in the past is refused, for it would never
fire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.errors import ConflictException, ResourceNotFoundException, suggestion
from lambdalab.sources.directory import Directory
from lambdalab.trace.schema import Cause
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Push, Retries
from lambdalab.triggers.scheduler.delivery import Firing, letters, receiver
from lambdalab.triggers.scheduler.schedule import Schedule
from lambdalab.triggers.scheduler.settings import ScheduleSettings, checked_name, make, utc
from lambdalab.triggers.schedules import Ticker
from lambdalab.triggers.waits import retry_wait_us


class Schedules(Directory[Schedule]):
    """EventBridge Scheduler. Parameters: the lab's ``parts``."""

    service, noun = "scheduler", "schedule"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self._pushes: dict[str, Push] = {}
        self._made: dict[str, None] = {}  # every name, in the order in which they were made
        self._completed: dict[
            str, Schedule
        ] = {}  # deleted themselves; there again in a further run
        parts.on_reset(self._begin)

    def create_schedule(
        self, name: str, schedule_expression: str, target: Any, **settings: Any
    ) -> Schedule:
        """Invoke a target at the times of an expression (botocore CreateSchedule).

        Parameters
        ----------
        name
            At most 64 letters, digits, ``-``, ``_`` and ``.``.
        schedule_expression
            ``"rate(5 minutes)"``, its first firing at once; ``"cron(0 9 ? * MON *)"``: minutes, hours,
            day of the month, month, day of the week, year; ``"at(2025-01-07T09:00:00)"``: a single time.
        target
            A function (invoked asynchronously), queue, topic or bus; itself, its name or ARN.
        settings
            ``input`` (a text, or anything that JSON has; ``{}`` by default): what the target gets; in
            it the keywords ``<aws.scheduler.schedule-arn>``, ``<aws.scheduler.scheduled-time>``,
            ``<aws.scheduler.execution-id>`` and ``<aws.scheduler.attempt-number>`` are filled in.
            ``schedule_expression_timezone`` ("UTC"): where the clock hangs that ``cron`` and ``at``
            look at, such as "Europe/Berlin". A local time that does not exist is skipped, one that
            comes twice fires once. ``start_date``, ``end_date``: the first and last moment at which
            it may fire, in seconds since the lab's start or a date in UTC; a rate counts from the
            first. ``state``: "ENABLED" or "DISABLED". ``maximum_retry_attempts`` (185) and
            ``maximum_event_age`` (86,400 s) where the target cannot be had, then to the
            ``dead_letter_queue``. ``action_after_completion`` ("NONE"): "DELETE" takes it away after
            its last firing. ``event_bridge_parameters``, of a bus, which gets the input as an
            event's detail: ``{"source": "shop", "detail_type": "night"}``. ``description``.

        Raises
        ------
        InvalidSetting, UnknownSetting, UnknownName, ValidationException
            Before anything has been made; for an expression, with the position of what is wrong in it.
        ConflictException
            There is one of this name already.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> bill = lab.create_function("bill", duration=0.1)
        >>> lab.scheduler.create_schedule("weekly", "cron(0 9 ? * MON *)", bill)
        <schedule weekly: cron(0 9 ? * MON *) -> bill>
        """
        self._parts.origin()
        checked_name(self._parts, name)
        made = make(self._parts, "create_schedule", schedule_expression, target, settings)
        if name in self._found:
            raise ConflictException(
                f"Schedule {name} already exists.",
                "; lab.scheduler.update_schedule() changes it, delete_schedule() takes it away",
            )
        self._completed.pop(name, None)
        schedule = Schedule(self, name, made, self._ticker(name, made))
        self._found[name] = schedule
        self._made.pop(name, None)
        self._made[name] = None
        self._start(schedule)
        return schedule

    def update_schedule(
        self, name: str, schedule_expression: str, target: Any, **settings: Any
    ) -> Schedule:
        """Set a schedule anew (botocore UpdateSchedule).

        Parameters: as :meth:`create_schedule`; what is not given has its default again, as on AWS.
        """
        self._parts.origin()
        schedule = self._known(name)
        schedule.settings = make(
            self._parts, "update_schedule", schedule_expression, target, settings
        )
        schedule.ticker.stop()
        schedule.ticker = self._ticker(name, schedule.settings)
        self._start(schedule)
        return schedule

    def delete_schedule(self, name: str) -> None:
        """Take a schedule away (botocore DeleteSchedule): it fires no more."""
        self._parts.origin()
        self._remove(self._known(name))

    def get_schedule(self, name: str) -> dict[str, Any]:
        """What a schedule is set to, in plain values (botocore GetSchedule)."""
        self._parts.origin()
        schedule = self._known(name)
        return {"name": schedule.name, "arn": schedule.arn} | schedule.settings.as_dict()

    # ------------------------------------------------------------------ inside

    def _known(self, name: Any) -> Schedule:
        text = name if isinstance(name, str) else getattr(name, "name", name)
        found = self._found.get(text) if isinstance(text, str) else None
        if found is None:
            hint = suggestion(str(text), self._found)
            raise ResourceNotFoundException(f"Schedule {text} does not exist.", hint)
        return found

    def _ticker(self, name: str, settings: ScheduleSettings) -> Ticker:
        return Ticker(
            self._parts, f"schedule {name!r}", settings.expression, self._firing(name),
            start_us=settings.start_us, end_us=settings.end_us,
            at_once=settings.expression.kind != "cron", delay_rule="scheduler_delay",
        )  # fmt: skip

    def _firing(self, name: str) -> Callable[[int], None]:
        def fire(due_us: int) -> None:
            schedule = self._found[name]
            settings, seed = schedule.settings, self._parts.ids.seed
            firing = Firing(settings.input, schedule.arn, utc(due_us), seed)
            push = self._pushes[self._way(schedule)]
            push.send(self._parts.new_number(), b"", cause=Cause.SCHEDULED, extra=firing)
            if schedule.ticker.next_us is None and settings.completes:
                self._complete(schedule)

        return fire

    def _complete(self, schedule: Schedule) -> None:
        """That was its last firing."""
        if schedule.settings.action_after_completion == "DELETE":
            self._completed[schedule.name] = schedule
            self._remove(schedule)

    def _remove(self, schedule: Schedule) -> None:
        schedule.ticker.stop()
        del self._found[schedule.name]
        self._tell(schedule)

    @staticmethod
    def _way(schedule: Schedule) -> str:
        """The name in the books of the way to its target."""
        return f"schedule {schedule.name}->{schedule.settings.target.name}"

    def _start(self, schedule: Schedule) -> None:
        """Wire it to its target, tell the books, and let it tick."""
        parts, settings, way = self._parts, schedule.settings, self._way(schedule)
        if way not in self._pushes:
            self._pushes[way] = Push(parts, way, receiver(parts, settings))
        push = self._pushes[way]
        push.receiver = receiver(parts, settings)
        most, age = settings.maximum_retry_attempts, settings.maximum_event_age
        push.retries = Retries(
            lambda tries: retry_wait_us(parts, tries, most, f"waits/{way}"), age * 1_000_000
        )
        push.dead_letters = letters(parts, settings, parts.books.name(way))
        self._tell(schedule)
        if settings.state == "ENABLED":
            schedule.ticker.begin()

    def _tell(self, schedule: Schedule) -> None:
        settings = schedule.settings.as_dict() | {"state": schedule.state}
        self._parts.books.wired("schedule", schedule.name, settings)

    def _begin(self) -> None:
        """A further run: every schedule from its beginning."""
        known = self._completed | self._found
        self._found = {name: known[name] for name in self._made if name in known}
        self._completed.clear()
        for push in self._pushes.values():
            push.begin()
        for schedule in self._found.values():
            self._start(schedule)
