"""Amazon EventBridge Scheduler: one-off and recurring schedules, each with a time zone and one target."""

from lambdalab.triggers.scheduler.schedule import Schedule
from lambdalab.triggers.scheduler.service import Schedules

__all__ = ["Schedule", "Schedules"]
