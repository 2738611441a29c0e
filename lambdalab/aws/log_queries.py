"""CloudWatch Logs Insights, as far as one looks for lines: StartQuery and GetQueryResults.

Of the query language there are ``fields`` (and ``display``) of the fields that every line has, ``filter``
(``like`` and ``not like`` a text or a regular expression, ``=~``, ``=``, ``!=``, joined by ``and`` and
``or``), ``sort @timestamp asc`` or ``desc``, and ``limit``, each as often as one likes, joined by ``|``.
Anything else is refused as a MalformedQueryException that names it. A query is over at once.

Source: botocore's model of CloudWatch Logs (1.44.5); AmazonCloudWatch CWL_QuerySyntax.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lambdalab.aws.log_groups import Event, Group, group
from lambdalab.aws.operations import ApiError, Call, id_of, of_run
from lambdalab.aws.values import page
from lambdalab.functions.context import ACCOUNT

_INVALID = "InvalidParameterException"
_TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/(?:\\.|[^/\\])*/|\|\||=~|!=|[|,=()]|[^\s|,=()!]+|!'
)
_FIELDS = ("@timestamp", "@message", "@logStream", "@log", "@ingestionTime")
_BY_TIME = ("@timestamp", "@ingestionTime")
_USUAL = ("@timestamp", "@message")

Test = Callable[["Line"], bool]


@dataclass(frozen=True, slots=True)
class Line:
    """A log event as a query sees it: in a ``group``, its fields by name."""

    group: Group
    event: Event

    def __getitem__(self, field: str) -> str:
        event = self.event
        if field == "@timestamp":
            return _moment(event.at)
        if field == "@ingestionTime":
            return _moment(event.ingested)
        if field == "@log":
            return f"{ACCOUNT}:{self.group.name}"
        return event.stream if field == "@logStream" else event.message


def _moment(ms: int) -> str:
    at = dt.datetime.fromtimestamp(ms / 1000, dt.UTC).replace(tzinfo=None)
    return at.isoformat(" ", "milliseconds")


class Query:
    """A query, read: what it ``tests`` of a line, shows, and in which order."""

    def __init__(self, text: str, most: int) -> None:
        self.fields: list[str] = []
        self.tests: list[Test] = []
        self.newest_first, self.by, self.limit, self._most = True, _BY_TIME[0], most, most
        lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
        tokens = _TOKEN.findall("\n".join(lines))
        for command in _cut(tokens, "|"):
            self._read(command)

    def _read(self, command: list[str]) -> None:
        verb, rest = (command[0].lower(), command[1:]) if command else ("", [])
        if verb in ("fields", "display"):
            self.fields += [_field(one) for one in _cut(rest, ",")]
        elif verb == "filter":
            either = [[_test(one) for one in _cut(part, "and")] for part in _cut(rest, "or")]
            self.tests.append(lambda line: any(all(test(line) for test in part) for part in either))
        elif verb == "sort" and len(rest) == 2 and rest[1].lower() in ("asc", "desc"):
            if rest[0] not in _BY_TIME:
                raise _malformed(f"sort {rest[0]}", f"a lab sorts by {' or '.join(_BY_TIME)}")
            self.by, self.newest_first = rest[0], rest[1].lower() == "desc"
        elif verb == "limit" and len(rest) == 1 and rest[0].isdecimal():
            self.limit = int(rest[0])
            if not 1 <= self.limit <= self._most:
                raise _malformed(f"limit {rest[0]}", f"1 to {self._most:,}")
        else:
            known = "fields, display, filter, sort @timestamp asc|desc, limit"
            raise _malformed(" ".join(command), f"a lab has {known}")


def _cut(tokens: list[str], at: str) -> Iterator[list[str]]:
    """The tokens between those that separate them."""
    part: list[str] = []
    for token in tokens:
        if token.lower() == at:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _field(tokens: list[str]) -> str:
    if len(tokens) != 1 or tokens[0] not in _FIELDS:
        raise _malformed(" ".join(tokens), f"a lab's lines have the fields {', '.join(_FIELDS)}")
    return tokens[0]


def _test(tokens: list[str]) -> Test:
    """One comparison of a filter."""
    told, field = " ".join(tokens), _field(tokens[:1])
    words = [word.lower() for word in tokens[1:-1]]
    if words not in (["like"], ["not", "like"], ["=~"], ["="], ["!="]):
        raise _malformed(told, "a lab compares by like, not like, =~, = and !=")
    value, wanted = tokens[-1], words[0] not in ("not", "!=")
    quoted, pattern = value[:1] in "\"'", value[:1] == "/"
    if (
        not (quoted or pattern)
        or (pattern and words[-1] in ("=", "!="))
        or (words == ["=~"] and quoted)
    ):
        raise _malformed(told, "a text in quotes, or a /regular expression/ with like and =~")
    inside = value[1:-1]
    if pattern:
        try:
            found = re.compile(inside.replace("\\/", "/"))
        except re.error as error:
            raise _malformed(told, str(error)) from None
        return lambda line: bool(found.search(line[field])) == wanted
    if words[-1] == "like":
        return lambda line: (inside in line[field]) == wanted
    return lambda line: (line[field].rstrip("\n") == inside) == wanted


def _malformed(what: str, why: str) -> ApiError:
    told = f"{what or 'an empty command'} is not simulated: {why}"
    return ApiError("MalformedQueryException", told, queryCompileError={"message": told})


# ------------------------------------------------------------------ the operations


def start(call: Call) -> dict[str, Any]:
    """See :func:`lambdalab.aws.logs.start_query`."""
    rules = call.lab.rules
    if call.get("queryLanguage", "CWLI") != "CWLI":
        raise ApiError(_INVALID, f"{call['queryLanguage']} is not simulated, only CWLI")
    if call["endTime"] < call["startTime"]:
        raise ApiError(_INVALID, "endTime must be greater than or equal to startTime")
    most = call.get("limit", rules.logs_query_results)
    if not 1 <= most <= rules.logs_query_limit:
        raise ApiError(_INVALID, f"limit must be 1 to {rules.logs_query_limit}")
    query, there = Query(call["queryString"], most), _groups(call)
    begin, over = call["startTime"] * 1000, (call["endTime"] + 1) * 1000
    scanned = [
        Line(found, event)
        for found in there
        for event in found.events()
        if begin <= event.at < over
    ]
    matched = [line for line in scanned if all(test(line) for test in query.tests)]
    by_ingestion = query.by == _BY_TIME[1]
    matched.sort(
        key=lambda line: line.event.ingested if by_ingestion else line.event.at,
        reverse=query.newest_first,
    )
    run = of_run(call.lab, "logs")
    run["queries"] = run.get("queries", 0) + 1
    query_id = id_of(call.lab.seed, "query", run["queries"])
    size = sum(len(line.event.message.encode()) for line in scanned)
    statistics = {
        "recordsMatched": float(len(matched)), "recordsScanned": float(len(scanned)),
        "bytesScanned": float(size), "logGroupsScanned": float(len(there)),
    }  # fmt: skip
    rows = [_row(line, query.fields or list(_USUAL)) for line in matched[: query.limit]]
    run.setdefault("answers", {})[query_id] = rows, statistics
    return {"queryId": query_id}


def _groups(call: Call) -> list[Group]:
    """The groups of a query, named in one of three ways."""
    names = ("logGroupName", "logGroupNames", "logGroupIdentifiers")
    given = [name for name in names if name in call]
    if len(given) != 1:
        raise ApiError(_INVALID, f"Exactly one of {', '.join(names)} must be given.")
    named = call[given[0]]
    listed, most = [named] if isinstance(named, str) else named, call.lab.rules.logs_query_groups
    if not 1 <= len(listed) <= most:
        raise ApiError(_INVALID, f"1 to {most} log groups must be given.")
    return [group(call.lab, name) for name in listed]


def _row(line: Line, fields: list[str]) -> list[dict[str, str]]:
    row = [{"field": name, "value": line[name]} for name in fields]
    return [*row, {"field": "@ptr", "value": f"{line.group.name}/{line.event.id}"}]


def results(call: Call) -> dict[str, Any]:
    """See :func:`lambdalab.aws.logs.get_query_results`."""
    found = of_run(call.lab, "logs").get("answers", {}).get(call["queryId"])
    if found is None:
        raise ApiError("ResourceNotFoundException", f"Query ID {call['queryId']} does not exist.")
    rows, statistics = found
    most = call.lab.rules.logs_query_results
    refusal = ApiError(_INVALID, "The specified nextToken is invalid.")
    shown, token = page(rows, call.get("nextToken"), min(call.get("maxItems", most), most), refusal)
    told = {
        "queryLanguage": "CWLI", "results": list(shown), "statistics": statistics,
        "status": "Complete",
    }  # fmt: skip
    return told | ({"nextToken": token} if token else {})
