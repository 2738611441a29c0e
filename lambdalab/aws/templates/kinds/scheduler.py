"""AWS::Scheduler: schedules."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import NotBuilt, Resource

_OFF = {"Mode": "OFF"}
_TOLD = ("lambda", "sqs", "sns", "events")


def schedule(resource: Resource) -> Facts:
    """A schedule and its target."""
    target = dict(resource.needed("Target"))
    service = [*str(target.get("Arn", "")).split(":"), "", ""][2]
    if service not in _TOLD:
        raise NotBuilt(
            f"a lab's schedules call functions, queues, topics and buses, not {target.get('Arn')}"
        )
    given: dict[str, Any] = {"Name": resource.name, "Target": target}
    window = resource.take("FlexibleTimeWindow", _OFF)
    if window.get("Mode") != "OFF":
        told = "a schedule fires when it is due"
        resource.left_out.partly(resource.id, resource.type, "FlexibleTimeWindow", told)
    given["FlexibleTimeWindow"] = _OFF
    group = resource.take("GroupName")
    if group not in (None, "default"):
        told = f"the schedule is in the group default, not in {group}"
        resource.left_out.partly(resource.id, resource.type, "GroupName", told)
    given |= {
        each: resource.take(each)
        for each in (
            "EndDate", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State",
        )
        if each in resource.properties
    }  # fmt: skip
    made = resource.call("scheduler", "CreateSchedule", given)["ScheduleArn"]
    return Facts(resource.name, resource.lab.scheduler[resource.name], Arn=made)


KINDS = {
    "AWS::Scheduler::Schedule": Kind(schedule, "Name", "scheduler_name_length"),
}
