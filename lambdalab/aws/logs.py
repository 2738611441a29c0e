"""CloudWatch Logs' operations: groups, streams and events; subscription filters.

Filter patterns are those of :mod:`lambdalab.triggers.logs.patterns`: terms, phrases, ``?or``, ``-not``,
``%regular expressions%`` and ``{ $.json = "conditions" }``. Retention and tags are kept and given back.
Lines are there at once, and the ingestion time of a function's line is its own.

Source: botocore's model of CloudWatch Logs (1.44.5); words of refusals as recorded by
clients, but for those that name two members of which one must be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lambdalab.aws import log_queries
from lambdalab.aws.log_groups import Event, Group, forget, group, groups, settings
from lambdalab.aws.operations import ApiError, Call, of_run
from lambdalab.aws.values import JsonService, constraint, limit, page
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.triggers.errors import InvalidParameterException
from lambdalab.triggers.logs.patterns import compile_pattern

_INVALID = "InvalidParameterException"
SERVICE = JsonService(
    "logs", invalid=_INVALID, unknown=("ResourceNotFoundException", 400),
    codes={InvalidParameterException: _INVALID},
)  # fmt: skip
_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
_PAGE = re.compile(r"([fb])/(\d{56})/s\Z")


def _bad_token() -> ApiError:
    return ApiError(_INVALID, "The specified nextToken is invalid.")


def _group(call: Call) -> Group:
    """The group that a call names, one way or the other."""
    name, identifier = call.get("logGroupName"), call.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise ApiError(
            _INVALID, "Exactly one of logGroupName and logGroupIdentifier must be given."
        )
    return group(call.lab, identifier if name is None else name)


def _page_size(call: Call, rule: str) -> int:
    """How many a page has."""
    most = getattr(call.lab.rules, rule)
    return limit(call.get("limit"), most, most, _INVALID)


def _now_ms(call: Call) -> int:
    return int(call.lab.now.timestamp() * 1000)


# ------------------------------------------------------------------ groups


@SERVICE.operation
def describe_log_groups(call: Call) -> dict[str, Any]:
    """The groups by name; those that begin so, or have it in them."""
    prefix, part = call.get("logGroupNamePrefix"), call.get("logGroupNamePattern")
    if prefix is not None and part is not None:
        raise ApiError(
            _INVALID, "LogGroup name prefix and LogGroup name pattern are mutually exclusive"
        )
    names = {each.removesuffix(":*").partition(":log-group:")[2] or each
             for each in call.get("logGroupIdentifiers", ())}  # fmt: skip
    found = [
        each
        for name, each in groups(call.lab).items()
        if name.startswith(prefix or "")
        and (part or "").lower() in name.lower()
        and (not names or name in names)
    ]
    most = _page_size(call, "logs_page")
    shown, token = page(found, call.get("nextToken"), most, _bad_token())
    return _paged({"logGroups": [_described(each) for each in shown]}, token)


def _described(found: Group) -> dict[str, Any]:
    told = {
        "logGroupName": found.name, "creationTime": found.created, "metricFilterCount": 0,
        "arn": f"{found.arn}:*", "storedBytes": found.size, "logGroupClass": "STANDARD",
        "logGroupArn": found.arn,
    }  # fmt: skip
    retention = found.settings.get("retention")
    return told | ({"retentionInDays": retention} if retention else {})


def _paged(answer: dict[str, Any], token: str | None) -> dict[str, Any]:
    return answer | ({"nextToken": token} if token else {})


@SERVICE.operation
def create_log_group(call: Call) -> None:
    """A group that is kept; a function's own is there without it."""
    name = call["logGroupName"]
    if name in groups(call.lab):
        raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists")
    settings(call.lab, name).update(created=_now_ms(call), tags=dict(call.get("tags", {})))


@SERVICE.operation
def delete_log_group(call: Call) -> None:
    """A group and all its lines; ``lab.trace.logs`` goes on having them."""
    found = _group(call)
    lab = call.lab
    if found.name in lab.logs:
        for name in list(lab.logs[found.name].filters):
            lab.logs.delete_subscription_filter(found.name, name)
    forget(lab, found)


@SERVICE.operation
def put_retention_policy(call: Call) -> None:
    """How long events are kept: told again, and nothing expires."""
    found, days = _group(call), call["retentionInDays"]
    there = call.lab.rules.logs_retention_days
    if days not in there:
        known = ", ".join(map(str, there))
        raise constraint(_INVALID, "retentionInDays", days, f"satisfy enum value set: [{known}]")
    kept = settings(call.lab, found.name)
    kept.setdefault("created", found.created)
    kept["retention"] = days


@SERVICE.operation
def delete_retention_policy(call: Call) -> None:
    """Events are kept for ever again."""
    settings(call.lab, _group(call).name).pop("retention", None)


# ------------------------------------------------------------------ streams


@SERVICE.operation
def create_log_stream(call: Call) -> None:
    """A stream that is kept, with nothing in it."""
    found, name = _group(call), call["logStreamName"]
    if name in found.streams():
        raise ApiError("ResourceAlreadyExistsException", "The specified log stream already exists")
    kept = settings(call.lab, found.name)
    kept.setdefault("created", found.created)
    kept.setdefault("streams", {})[name] = _now_ms(call)


@SERVICE.operation
def describe_log_streams(call: Call) -> dict[str, Any]:
    """The streams of a group, by name or by the time of their last event."""
    found, prefix = _group(call), call.get("logStreamNamePrefix")
    by_time = call.get("orderBy", "LogStreamName") == "LastEventTime"
    if by_time and prefix is not None:
        raise ApiError(_INVALID, "Cannot order by LastEventTime with a logStreamNamePrefix.")
    streams = [
        (name, times)
        for name, times in sorted(found.streams().items())
        if name.startswith(prefix or "")
    ]
    if by_time:
        streams.sort(key=lambda pair: pair[1][1] if pair[1] else 0)
    if call.get("descending", False):
        streams.reverse()
    most = _page_size(call, "logs_page")
    shown, token = page(streams, call.get("nextToken"), most, _bad_token())
    return _paged({"logStreams": [_stream(found, *each) for each in shown]}, token)


def _stream(found: Group, name: str, times: tuple[int, int] | None) -> dict[str, Any]:
    made = found.settings.get("streams", {}).get(name)
    told: dict[str, Any] = {
        "logStreamName": name, "creationTime": times[0] if made is None and times else made,
        "arn": f"{found.arn}:log-stream:{name}", "storedBytes": 0,
    }  # fmt: skip
    if times:
        told |= {"firstEventTimestamp": times[0], "lastEventTimestamp": times[1]}
        told |= {"lastIngestionTime": times[1]}
    return told


def _check_streams(found: Group, names: Iterable[str]) -> None:
    known = found.streams()
    if any(name not in known for name in names):
        raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")


# ------------------------------------------------------------------ events


@SERVICE.operation
def put_log_events(call: Call) -> dict[str, Any]:
    """Events in a stream that is there, in order of time; too old and too new ones are left out."""
    found, stream, events = _group(call), call["logStreamName"], call["logEvents"]
    _check_streams(found, [stream])
    rules, now = call.lab.rules, _now_ms(call)
    times = [each["timestamp"] for each in events]
    if times != sorted(times):
        told = "Log events in a single PutLogEvents request must be in chronological order."
        raise ApiError(_INVALID, told)
    _check_batch(call, [each["message"] for each in events])
    old = sum(at < now - rules.logs_put_past * 1000 for at in times)
    new = sum(at <= now + rules.logs_put_future * 1000 for at in times)
    fresh = times[old:new]
    if fresh and fresh[-1] - fresh[0] > rules.logs_put_span * 1000:
        span = f"{rules.logs_put_span // (60 * 60)} hours"
        told = "The batch of log events in a single PutLogEvents request cannot span more than"
        raise ApiError(_INVALID, f"{told} {span}.")
    run = of_run(call.lab, "logs")
    mine = run.setdefault("put", {}).setdefault(found.name, [])
    for each in events[old:new]:
        run["count"] = run.get("count", len(call.lab.trace.logs)) + 1
        mine.append(Event(stream, each["timestamp"], each["message"], run["count"], now))
    kept = settings(call.lab, found.name)
    kept.setdefault("created", found.created)
    rejected = {"tooOldLogEventEndIndex": old} if old else {}
    rejected |= {"tooNewLogEventStartIndex": new} if new < len(times) else {}
    token = {"nextSequenceToken": f"{run.get('count', 0):056d}"}
    return token | ({"rejectedLogEventsInfo": rejected} if rejected else {})


def _check_batch(call: Call, messages: list[str]) -> None:
    """Raise for a batch that is too large, or an event that is."""
    rules = call.lab.rules
    sizes = [len(text.encode()) + rules.logs_event_overhead for text in messages]
    most = rules.logs_put_events
    if len(messages) > most:
        told = f"have length less than or equal to {most}"
        raise constraint(_INVALID, "logEvents", f"{len(messages)} events", told)
    for what, size, limit_of in (
        ("Log event", max(sizes), rules.logs_event_size),
        ("Upload", sum(sizes), rules.logs_put_size),
    ):
        if size > limit_of:
            raise ApiError(_INVALID, f"{what} too large: {size} bytes exceeds limit of {limit_of}")


def _check_times(call: Call) -> None:
    """Raise where the end comes before the start."""
    if "startTime" in call and call.get("endTime", call["startTime"]) < call["startTime"]:
        raise ApiError(_INVALID, "endTime must be greater than or equal to startTime")


@SERVICE.operation
def get_log_events(call: Call) -> dict[str, Any]:
    """The events of one stream, the newest page first; at either end the token stays the same."""
    found = _group(call)
    _check_streams(found, [call["logStreamName"]])
    _check_times(call)
    most = _page_size(call, "logs_events_page")
    every = found.events([call["logStreamName"]])
    start, end = call.get("startTime", 0), call.get("endTime")
    inside = [
        place
        for place, event in enumerate(every)
        if event.at >= start and (end is None or event.at < end)
    ]
    forward, place = _place(call, len(every))
    if forward:
        chosen = [each for each in inside if each >= place][:most]
    else:
        chosen = [each for each in inside if each < place][-most:]
    first = chosen[0] if chosen else place
    after = chosen[-1] + 1 if chosen else place
    return {
        "events": [
            {"timestamp": e.at, "message": e.message, "ingestionTime": e.ingested}
            for e in map(every.__getitem__, chosen)
        ],
        "nextForwardToken": f"f/{after:056d}/s", "nextBackwardToken": f"b/{first:056d}/s",
    }  # fmt: skip


def _place(call: Call, count: int) -> tuple[bool, int]:
    """Whether to read forward, and from where."""
    token = call.get("nextToken")
    if token is None:
        return (True, 0) if call.get("startFromHead", False) else (False, count)
    found = _PAGE.match(token)
    if found is None:
        raise _bad_token()
    return found[1] == "f", int(found[2])


@SERVICE.operation
def filter_log_events(call: Call) -> dict[str, Any]:
    """The events of a group that match a pattern, in order of time."""
    found = _group(call)
    names, prefix = call.get("logStreamNames"), call.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise ApiError(_INVALID, "Only one of logStreamNamePrefix and logStreamNames may be given.")
    _check_streams(found, names or ())
    _check_times(call)
    if prefix is not None:
        names = [name for name in found.streams() if name.startswith(prefix)]
    matches = compile_pattern(call.get("filterPattern", ""))
    start, end = call.get("startTime", 0), call.get("endTime")
    wanted = [
        event
        for event in found.events(names)
        if event.at >= start
        and (end is None or event.at <= end)
        and matches(event.message.removesuffix("\n"))
    ]
    given = call.get("nextToken")
    backward = not call.get("startFromHead", True) if given is None else given.startswith("-")
    if backward:  # which its tokens know
        wanted.reverse()
    most = _page_size(call, "logs_events_page")
    shown, token = page(wanted, given and given.removeprefix("-"), most, _bad_token())
    token = f"-{token}" if token and backward else token
    return _paged({"events": [_told(each) for each in shown], "searchedLogStreams": []}, token)


def _told(event: Event) -> dict[str, Any]:
    return {
        "logStreamName": event.stream, "timestamp": event.at, "message": event.message,
        "ingestionTime": event.ingested, "eventId": event.id,
    }  # fmt: skip


@SERVICE.operation
def start_query(call: Call) -> dict[str, Any]:
    """Look for lines in one group or several (:mod:`.log_queries`); it is over at once."""
    return log_queries.start(call)


@SERVICE.operation
def get_query_results(call: Call) -> dict[str, Any]:
    """What a query has found."""
    return log_queries.results(call)


# ------------------------------------------------------------------ subscriptions


@SERVICE.operation
def put_subscription_filter(call: Call) -> None:
    """Hand the lines that match on to a function; other destinations are not simulated.

    The function grants CloudWatch Logs the permission by itself.
    """
    lab, arn = call.lab, call["destinationArn"]
    if not arn.startswith("arn:aws:lambda:"):
        raise ApiError(_INVALID, f"a lab hands log events on to functions only, not to {arn}")
    lab.logs.put_subscription_filter(
        call["logGroupName"], arn,
        filter_pattern=call["filterPattern"], name=call["filterName"],
    )  # fmt: skip


@SERVICE.operation
def delete_subscription_filter(call: Call) -> None:
    """Hand nothing on any more."""
    found = _group(call)
    call.lab.logs.delete_subscription_filter(found.name, call["filterName"])


@SERVICE.operation
def describe_subscription_filters(call: Call) -> dict[str, Any]:
    """The subscription filters of a group."""
    found, prefix = _group(call), call.get("filterNamePrefix", "")
    lab = call.lab
    filters = lab.logs[found.name].filters if found.name in lab.logs else {}
    those = [filters[name] for name in sorted(filters) if name.startswith(prefix)]
    most = _page_size(call, "logs_page")
    shown, token = page(those, call.get("nextToken"), most, _bad_token())
    told = [
        {
            "filterName": each.name, "logGroupName": found.name,
            "filterPattern": each.filter_pattern, "destinationArn": _FUNCTION + each.function,
            "distribution": "ByLogStream", "creationTime": found.created,
        }
        for each in shown
    ]  # fmt: skip
    return _paged({"subscriptionFilters": told}, token)
