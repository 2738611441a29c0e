"""EventBridge Scheduler's operations on schedules.

Roles are accepted and given back; of schedule groups there is "default" alone, and no flexible windows.

Source: botocore's model of EventBridge Scheduler (1.44.5).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from lambdalab.aws.operations import ApiError, Call, Service
from lambdalab.aws.values import kept, moment, page
from lambdalab.errors import InvalidParameterValueException, ResourceNotFoundException
from lambdalab.triggers.parts import arn
from lambdalab.triggers.scheduler.schedule import Schedule

_INVALID = "ValidationException"
SERVICE = Service("scheduler", codes={InvalidParameterValueException: _INVALID})
_GROUP = "default"
_TARGETS = frozenset(
    {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig", "EventBridgeParameters"}
)


def _settings(call: Call) -> dict[str, Any]:
    """The lab's settings for what a schedule is to be."""
    target = call["Target"]
    others = sorted(set(target) - _TARGETS)
    if others:
        raise ApiError(_INVALID, f"Target.{others[0]} is not simulated")
    found = call.settings(
        schedule_expression_timezone="ScheduleExpressionTimezone", state="State",
        description="Description", action_after_completion="ActionAfterCompletion",
        flexible_time_window="FlexibleTimeWindow", group_name="GroupName",
    )  # fmt: skip
    for ours, theirs in (("start_date", "StartDate"), ("end_date", "EndDate")):
        if theirs in call:
            found[ours] = moment(call[theirs])
    if "Input" in target:
        found["input"] = target["Input"]
    policy = target.get("RetryPolicy", {})
    if "MaximumRetryAttempts" in policy:
        found["maximum_retry_attempts"] = policy["MaximumRetryAttempts"]
    if "MaximumEventAgeInSeconds" in policy:
        found["maximum_event_age"] = policy["MaximumEventAgeInSeconds"]
    if "Arn" in target.get("DeadLetterConfig", {}):
        found["dead_letter_queue"] = target["DeadLetterConfig"]["Arn"]
    words = target.get("EventBridgeParameters")
    if words is not None:
        found["event_bridge_parameters"] = {
            "source": words["Source"], "detail_type": words["DetailType"],
        }  # fmt: skip
    return found


def _schedule(call: Call) -> Schedule:
    """The schedule of a call."""
    name = call["Name"]
    if call.get("GroupName", _GROUP) != _GROUP:
        raise ApiError(
            "ResourceNotFoundException", f"Schedule group {call['GroupName']} does not exist.", 404
        )
    if name not in call.lab.scheduler:
        raise ResourceNotFoundException(f"Schedule {name} does not exist.")
    found: Schedule = call.lab.scheduler[name]
    return found


def _keep(call: Call, made: Schedule) -> dict[str, Any]:
    """Keep of a schedule what the lab does not: its role, its input as it came, its dates."""
    store, now = kept(call.lab, "scheduler"), call.lab.now
    before = _kept(call, made)
    store[made.name] = {
        "schedule": made, "role": call["Target"]["RoleArn"], "input": "Input" in call["Target"],
        "created": before.get("created", now), "modified": now,
    }  # fmt: skip
    return {"ScheduleArn": made.arn}


def _kept(call: Call, of: Schedule) -> dict[str, Any]:
    found: dict[str, Any] = kept(call.lab, "scheduler").get(of.name, {})
    return found if found.get("schedule") is of else {}


@SERVICE.operation
def create_schedule(call: Call) -> dict[str, Any]:
    """A schedule."""
    made = call.lab.scheduler.create_schedule(
        call["Name"], call["ScheduleExpression"], call["Target"]["Arn"], **_settings(call)
    )
    return _keep(call, made)


@SERVICE.operation
def update_schedule(call: Call) -> dict[str, Any]:
    """A schedule anew: what is not given has its default again."""
    found, settings = _schedule(call), _settings(call)
    found.update(call["ScheduleExpression"], call["Target"]["Arn"], **settings)
    return _keep(call, found)


@SERVICE.operation
def delete_schedule(call: Call) -> dict[str, Any]:
    """It fires no more."""
    _schedule(call).delete()
    return {}


@SERVICE.operation
def get_schedule(call: Call) -> dict[str, Any]:
    """What a schedule is set to."""
    found = _schedule(call)
    settings, known = found.settings, found.settings.as_dict()
    told = {
        "Arn": found.arn, "GroupName": _GROUP, "Name": found.name,
        "ScheduleExpression": settings.expression.text,
        "ScheduleExpressionTimezone": settings.schedule_expression_timezone,
        "State": settings.state, "Target": _target(call, found),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": settings.action_after_completion, **_dates(call, found),
    }  # fmt: skip
    for member, setting in (("StartDate", "start_date"), ("EndDate", "end_date")):
        if known[setting] is not None:
            told[member] = dt.datetime.fromisoformat(known[setting])
    return told | ({"Description": settings.description} if settings.description else {})


def _target(call: Call, of: Schedule) -> dict[str, Any]:
    settings, mine = of.settings, _kept(call, of)
    told: dict[str, Any] = {
        "Arn": settings.target.arn, "RoleArn": mine.get("role", arn("iam", "role/lab", region="")),
        "RetryPolicy": {
            "MaximumEventAgeInSeconds": settings.maximum_event_age,
            "MaximumRetryAttempts": settings.maximum_retry_attempts,
        },
    }  # fmt: skip
    if mine.get("input", True):
        told["Input"] = settings.input
    if settings.dead_letter_queue is not None:
        told["DeadLetterConfig"] = {"Arn": settings.dead_letter_queue.arn}
    words = dict(settings.event_bridge_parameters)
    if words:
        told["EventBridgeParameters"] = {
            "Source": words["source"], "DetailType": words["detail_type"],
        }  # fmt: skip
    return told


def _dates(call: Call, of: Schedule) -> dict[str, dt.datetime]:
    mine, start = _kept(call, of), call.lab.trace.start.to_pydatetime()
    created, changed = mine.get("created", start), mine.get("modified", start)
    return {"CreationDate": created, "LastModificationDate": changed}


@SERVICE.operation
def list_schedules(call: Call) -> dict[str, Any]:
    """The schedules by name."""
    schedules = call.lab.scheduler
    if call.get("GroupName", _GROUP) != _GROUP:
        raise ApiError(
            "ResourceNotFoundException", f"Schedule group {call['GroupName']} does not exist.", 404
        )
    found = [
        {
            "Arn": each.arn, "Name": each.name, "GroupName": _GROUP, "State": each.settings.state,
            "Target": {"Arn": each.settings.target.arn}, **_dates(call, each),
        }
        for each in (schedules[name] for name in sorted(schedules))
        if each.name.startswith(call.get("NamePrefix", ""))
        and call.get("State", each.settings.state) == each.settings.state
    ]  # fmt: skip
    return _paged(call, "Schedules", found)


@SERVICE.operation
def list_schedule_groups(call: Call) -> dict[str, Any]:
    """The one group there is."""
    start = call.lab.trace.start.to_pydatetime()
    told = {
        "Arn": arn("scheduler", f"schedule-group/{_GROUP}"), "Name": _GROUP, "State": "ACTIVE",
        "CreationDate": start, "LastModificationDate": start,
    }  # fmt: skip
    groups = [told] if _GROUP.startswith(call.get("NamePrefix", "")) else []
    return _paged(call, "ScheduleGroups", groups)


def _paged(call: Call, member: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    refusal = ApiError(_INVALID, "Invalid NextToken.")
    most = call.lab.rules.scheduler_list_page
    most = min(call.get("MaxResults", most), most)
    shown, token = page(items, call.get("NextToken"), most, refusal)
    return {member: list(shown)} | ({"NextToken": token} if token else {})
