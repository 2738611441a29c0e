"""EventBridge's operations: buses, rules and their targets, events.

A target that is a function allows EventBridge to call it by itself, as the console sees to. The roles and
tags of rules and targets are accepted, roles given back.

Source: botocore's model of EventBridge (1.44.5).
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.operations import OURS, ApiError, Call, id_of, of_run
from lambdalab.aws.values import JsonService, kept, moment, page
from lambdalab.errors import (
    InvalidParameterValueException,
    LimitExceededException,
    ValidationException,
)
from lambdalab.triggers.eventbridge.bus import EventBus
from lambdalab.triggers.eventbridge.entries import check, read_entries
from lambdalab.triggers.eventbridge.rule import Rule
from lambdalab.triggers.eventbridge.targets import RuleTarget

_INVALID, _MISSING = "ValidationException", "ResourceNotFoundException"
SERVICE = JsonService(
    "events", invalid=_INVALID, unknown=(_MISSING, 400),
    codes={InvalidParameterValueException: _INVALID},
)  # fmt: skip
_INPUTS = {"Input": "input", "InputPath": "input_path", "InputTransformer": "input_transformer"}
_RETRIES = {
    "MaximumRetryAttempts": "maximum_retry_attempts",
    "MaximumEventAgeInSeconds": "maximum_event_age",
}
_OF_TARGETS = frozenset({"Id", "Arn", "RoleArn", "RetryPolicy", "DeadLetterConfig", *_INPUTS})


def _bus(call: Call, name: str | None = None) -> EventBus:
    """The bus of a call: a name or an ARN; the default one where none is given."""
    name = name or call.get("EventBusName", "default")
    found: EventBus | None = call.lab.eventbridge.bus_of(name)
    if found is None:
        raise ApiError(_MISSING, f"Event bus {name.rpartition('/')[2]} does not exist.")
    return found


def _rule(call: Call, member: str = "Name") -> Rule:
    """The rule of a call."""
    bus, name = _bus(call), call[member]
    if name not in bus.rules:
        raise ApiError(_MISSING, f"Rule {name} does not exist on EventBus {bus.name}.")
    return bus.rules[name]


def _paged(call: Call, member: str, items: list[Any]) -> dict[str, Any]:
    """A page of a list."""
    refusal = ApiError(_INVALID, "NextToken is invalid.")
    most = call.lab.rules.eventbridge_list_page
    shown, token = page(items, call.get("NextToken"), min(call.get("Limit", most), most), refusal)
    return {member: list(shown)} | ({"NextToken": token} if token else {})


# ------------------------------------------------------------------ buses


@SERVICE.operation
def create_event_bus(call: Call) -> dict[str, Any]:
    """A bus of one's own; its encryption, logging and tags change nothing."""
    if "EventSourceName" in call:
        raise ApiError(_INVALID, "partner event sources are not simulated")
    made = call.lab.eventbridge.create_event_bus(
        call["Name"], **call.settings(description="Description")
    )
    return {"EventBusArn": made.arn} | (
        {"Description": made.description} if made.description else {}
    )


@SERVICE.operation
def delete_event_bus(call: Call) -> None:
    """A bus that has no rules; one there is none of is none already."""
    found = call.lab.eventbridge.bus_of(call["Name"])
    if found is not None:
        call.lab.eventbridge.delete_event_bus(found)


def _described_bus(bus: EventBus) -> dict[str, Any]:
    told = {"Name": bus.name, "Arn": bus.arn}
    return told | ({"Description": bus.description} if bus.description else {})


@SERVICE.operation
def describe_event_bus(call: Call) -> dict[str, Any]:
    """One bus."""
    return _described_bus(_bus(call, call.get("Name", "default")))


@SERVICE.operation
def list_event_buses(call: Call) -> dict[str, Any]:
    """The buses by name."""
    buses, prefix = call.lab.eventbridge, call.get("NamePrefix", "")
    names = [name for name in sorted(buses) if name.startswith(prefix)]
    return _paged(call, "EventBuses", [_described_bus(buses[name]) for name in names])


# ------------------------------------------------------------------ rules


@SERVICE.operation
def put_rule(call: Call) -> dict[str, Any]:
    """A rule; what one of the name has is replaced, but for its targets."""
    made = _bus(call).put_rule(
        call["Name"],
        **call.settings(
            event_pattern="EventPattern", schedule_expression="ScheduleExpression", state="State",
            description="Description",
        ),
    )  # fmt: skip
    if "RoleArn" in call:
        kept(call.lab, "events")[made.arn] = call["RoleArn"]
    return {"RuleArn": made.arn}


def _described(call: Call, rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {"Name": rule.name, "Arn": rule.arn, "State": rule.state}
    known = rule.settings.as_dict()
    for member, setting in (
        ("EventPattern", "event_pattern"), ("ScheduleExpression", "schedule_expression"),
        ("Description", "description"),
    ):  # fmt: skip
        if known[setting]:
            told[member] = known[setting]
    role = kept(call.lab, "events").get(rule.arn)
    return told | {"EventBusName": rule.bus.name} | ({"RoleArn": role} if role else {})


@SERVICE.operation
def describe_rule(call: Call) -> dict[str, Any]:
    """One rule."""
    return _described(call, _rule(call))


@SERVICE.operation
def list_rules(call: Call) -> dict[str, Any]:
    """The rules of a bus by name."""
    rules, prefix = _bus(call).rules, call.get("NamePrefix", "")
    names = [name for name in sorted(rules) if name.startswith(prefix)]
    return _paged(call, "Rules", [_described(call, rules[name]) for name in names])


@SERVICE.operation
def enable_rule(call: Call) -> None:
    """A rule matches again."""
    _rule(call).enable()


@SERVICE.operation
def disable_rule(call: Call) -> None:
    """A rule matches nothing any more."""
    _rule(call).disable()


@SERVICE.operation
def delete_rule(call: Call) -> None:
    """A rule that has no targets; one there is none of is none already."""
    rules = _bus(call).rules
    if call["Name"] in rules:
        rule = rules[call["Name"]]
        rule.delete()
        kept(call.lab, "events").pop(rule.arn, None)


# ------------------------------------------------------------------ targets


@SERVICE.operation
def put_targets(call: Call) -> dict[str, Any]:
    """Who is told of a rule's events: functions, queues, topics and buses."""
    rule, failed = _rule(call, "Rule"), []
    for given in call["Targets"]:
        others = sorted(set(given) - _OF_TARGETS)
        if others:
            raise ApiError(
                _INVALID, f"{others[0]} of target {given['Id']} is not simulated: a lab's rules tell "
                "functions, standard queues, topics and buses",
            )  # fmt: skip
        try:
            _put(rule, given)
        except (ValidationException, LimitExceededException):
            raise
        except OURS as error:
            failed.append(_failure(given["Id"], SERVICE.error(error)))
            continue
        if "RoleArn" in given:
            kept(call.lab, "events")[f"{rule.arn} {given['Id']}"] = given["RoleArn"]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def _put(rule: Rule, given: dict[str, Any]) -> None:
    settings = {ours: given[theirs] for theirs, ours in _INPUTS.items() if theirs in given}
    policy = given.get("RetryPolicy", {})
    settings |= {ours: policy[theirs] for theirs, ours in _RETRIES.items() if theirs in policy}
    letters = given.get("DeadLetterConfig", {}).get("Arn")
    if letters is not None:
        settings["dead_letter_queue"] = letters
    rule.put_target(given["Arn"], id=given["Id"], **settings)


def _failure(target_id: str, error: ApiError) -> dict[str, Any]:
    return {"TargetId": target_id, "ErrorCode": error.code, "ErrorMessage": error.message}


@SERVICE.operation
def remove_targets(call: Call) -> dict[str, Any]:
    """Targets are told no more."""
    rule, failed = _rule(call, "Rule"), []
    for each in call["Ids"]:
        if each in rule.targets:
            rule.remove_target(each)
            kept(call.lab, "events").pop(f"{rule.arn} {each}", None)
        else:
            message = f"Target {each} does not exist on Rule {rule.name}."
            failed.append(_failure(each, ApiError(_MISSING, message)))
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


@SERVICE.operation
def list_targets_by_rule(call: Call) -> dict[str, Any]:
    """The targets of a rule."""
    rule = _rule(call, "Rule")
    return _paged(call, "Targets", [_told(call, rule, each) for each in rule.targets.values()])


def _told(call: Call, rule: Rule, target: RuleTarget) -> dict[str, Any]:
    settings, rules = target.settings, call.lab.rules
    told: dict[str, Any] = {"Id": target.id, "Arn": target.arn, **settings.input.as_dict()}
    attempts, age = settings.maximum_retry_attempts, settings.maximum_event_age
    if (attempts, age) != (rules.eventbridge_retry_attempts, rules.eventbridge_event_age):
        told["RetryPolicy"] = {"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age}
    if settings.dead_letter_queue is not None:
        told["DeadLetterConfig"] = {"Arn": settings.dead_letter_queue.arn}
    role = kept(call.lab, "events").get(f"{rule.arn} {target.id}")
    return told | ({"RoleArn": role} if role else {})


@SERVICE.operation
def list_rule_names_by_target(call: Call) -> dict[str, Any]:
    """The rules of a bus that tell a target."""
    rules, arn = _bus(call).rules, call["TargetArn"]
    names = [
        name
        for name in sorted(rules)
        if any(each.arn == arn for each in rules[name].targets.values())
    ]
    return _paged(call, "RuleNames", names)


# ------------------------------------------------------------------ events


@SERVICE.operation
def put_events(call: Call) -> dict[str, Any]:
    """Up to ten events, each on its bus. What goes to a bus there is none of gets an id and is lost."""
    if "EndpointId" in call:
        raise ApiError(_INVALID, "global endpoints are not simulated")
    entries = [
        {name: value for name, value in each.items() if name not in ("EventBusName", "TraceHeader")}
        for each in call["Entries"]
    ]
    for entry in entries:
        if "Time" in entry:
            entry["Time"] = moment(entry["Time"])
    read = read_entries(entries, call.lab.rules)  # what is refused as a whole puts nothing
    told: list[dict[str, Any]] = []
    for given, entry, known in zip(call["Entries"], entries, read, strict=True):
        bus = call.lab.eventbridge.bus_of(given.get("EventBusName", "default"))
        result = check(known)[1] if bus is None else bus.put_events([entry])[0]
        if result is None:
            told.append({"EventId": _lost_id(call)})
        elif result.good:
            told.append({"EventId": result.event_id})
        else:
            told.append({"ErrorCode": result.error_code, "ErrorMessage": result.error_message})
    return {"FailedEntryCount": sum("ErrorCode" in each for each in told), "Entries": told}


def _lost_id(call: Call) -> str:
    """An id for an event that no bus got."""
    store = of_run(call.lab, "events")
    store["lost"] = store.get("lost", 0) + 1
    return id_of(call.lab.seed, "lost event", store["lost"])


@SERVICE.operation
def test_event_pattern(call: Call) -> dict[str, Any]:
    """Whether an event would match a pattern."""
    result = call.lab.eventbridge.test_event_pattern(call["EventPattern"], call["Event"])
    return {"Result": result}
