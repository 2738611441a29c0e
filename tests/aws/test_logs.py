"""CloudWatch Logs through botocore: groups, streams, events, patterns, pages, subscriptions."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from tests.aws.checked import checked, not_called

START = int(dt.datetime(2025, 1, 7, tzinfo=dt.UTC).timestamp() * 1000)
GROUP = "/aws/lambda/bill"


@pytest.fixture
def lab() -> ll.Lab:
    """A function that was invoked at 0, 60 and 120 s; what it prints, and its streams, are known."""
    lab = ll.Lab(seed=5)

    @lab.function(idle_expiry=90)
    def bill(event: Any, context: Any) -> str:
        print("order", event["n"])
        print(json.dumps({"level": "ERROR" if event["n"] == 2 else "INFO", "n": event["n"]}))
        return str(context.log_stream_name)

    for n in range(3):
        lab.run(until=60 * n)
        lab.invoke(bill, {"n": n})
    lab.run(until=600)
    lab.invoke(bill, {"n": 3})  # in an environment of its own
    return lab


@pytest.fixture
def logs(lab: ll.Lab) -> Any:
    return checked(lab.client("logs"))


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def refused(logs: Any, code: str, words: str, act: Any, **given: Any) -> None:
    with pytest.raises(logs.exceptions.from_code(code), match=words) as caught:
        act(**given)
    assert caught.value.response["Error"]["Code"] == code


# ------------------------------------------------------------------ groups and streams


def test_a_functions_group_is_there_from_its_first_line_on(logs: Any, lab: ll.Lab) -> None:
    lab.create_function("ship", duration=0.1)
    [found] = logs.describe_log_groups()["logGroups"]
    assert found["logGroupName"] == GROUP
    assert found["arn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"
    assert START < found["creationTime"] < START + 1000
    assert found["storedBytes"] > 500
    assert "retentionInDays" not in found
    lab.invoke("ship")
    names = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    assert names == [GROUP, "/aws/lambda/ship"]


def test_groups_by_prefix_pattern_and_page(logs: Any) -> None:
    for n in range(3):
        logs.create_log_group(logGroupName=f"/app/{n}", tags={"team": "a"})

    def names(**given: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(**given)
        return [each["logGroupName"] for page in pages for each in page["logGroups"]]

    assert names(logGroupNamePrefix="/app/") == ["/app/0", "/app/1", "/app/2"]
    assert names(logGroupNamePattern="LAMBDA") == [GROUP]
    assert names(PaginationConfig={"PageSize": 1}) == ["/app/0", "/app/1", "/app/2", GROUP]
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["logGroups"]) for page in pages] == [2, 2]
    invalid = "InvalidParameterException"
    refused(logs, invalid, "limit", logs.describe_log_groups, limit=51)
    refused(logs, invalid, "nextToken", logs.describe_log_groups, nextToken="x")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="b")


def test_groups_and_streams_of_ones_own(logs: Any, lab: ll.Lab) -> None:
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="one")
    [stream] = logs.describe_log_streams(logGroupName="/app")["logStreams"]
    assert stream["logStreamName"] == "one"
    assert "lastEventTimestamp" not in stream
    assert stream["creationTime"] == int(lab.now.timestamp() * 1000)
    assert logs.get_log_events(logGroupName="/app", logStreamName="one")["events"] == []
    exists = "ResourceAlreadyExistsException"
    refused(logs, exists, "group already", logs.create_log_group, logGroupName="/app")
    refused(logs, exists, "group already", logs.create_log_group, logGroupName=GROUP)
    refused(
        logs, exists, "stream already", logs.create_log_stream, logGroupName="/app",
        logStreamName="one",
    )  # fmt: skip


def test_retention_is_kept_and_given_back(logs: Any) -> None:
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=14)
    [found] = logs.describe_log_groups()["logGroups"]
    assert found["retentionInDays"] == 14
    assert START < found["creationTime"] < START + 1000
    logs.delete_retention_policy(logGroupName=GROUP)
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    invalid = "InvalidParameterException"
    refused(
        logs, invalid, "retentionInDays", logs.put_retention_policy,
        logGroupName=GROUP, retentionInDays=2,
    )  # fmt: skip


def test_a_deleted_group_begins_again(logs: Any, lab: ll.Lab) -> None:
    logs.delete_log_group(logGroupName=GROUP)
    assert logs.describe_log_groups()["logGroups"] == []
    refused(
        logs, "ResourceNotFoundException", "log group does not exist", logs.filter_log_events,
        logGroupName=GROUP,
    )  # fmt: skip
    lab.invoke("bill", {"n": 7})
    assert "order 7\n" in messages(logs.filter_log_events(logGroupName=GROUP))
    assert "order 3\n" not in messages(logs.filter_log_events(logGroupName=GROUP))
    lab.reset()
    lab.invoke("bill", {"n": 8})
    assert "order 8\n" in messages(logs.filter_log_events(logGroupName=GROUP))


def test_streams_are_those_of_the_context(logs: Any, lab: ll.Lab) -> None:
    answer = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)
    newest, oldest = answer["logStreams"]
    assert newest["logStreamName"] == lab.invoke("bill", {"n": 4}).payload
    assert oldest["firstEventTimestamp"] < START + 1000
    assert START + 120_000 <= oldest["lastEventTimestamp"] < START + 121_000
    assert newest["creationTime"] == newest["firstEventTimestamp"] >= START + 600_000
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupIdentifier=f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*",
        PaginationConfig={"PageSize": 1},
    )
    names = [each["logStreamName"] for page in pages for each in page["logStreams"]]
    assert names == sorted([newest["logStreamName"], oldest["logStreamName"]])
    begun = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="2024")
    assert begun["logStreams"] == []
    refused(
        logs, "InvalidParameterException", "LastEventTime", logs.describe_log_streams,
        logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="2",
    )  # fmt: skip
    refused(logs, "InvalidParameterException", "Exactly one", logs.describe_log_streams)


# ------------------------------------------------------------------ events


def first_stream(logs: Any) -> str:
    found = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime")
    return str(found["logStreams"][0]["logStreamName"])


def test_events_of_a_stream_page_to_both_ends(logs: Any) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": first_stream(logs)}
    every = logs.get_log_events(**stream)
    assert messages(every)[1:3] == [messages(every)[1], "order 0\n"]
    assert messages(every)[1].startswith("START RequestId: ")
    assert messages(every)[-1].startswith("REPORT RequestId: ")
    found: list[str] = []
    given: dict[str, Any] = {"startFromHead": True}
    for _ in range(10):
        answer = logs.get_log_events(**stream, limit=7, **given)
        found += messages(answer)
        if answer["nextForwardToken"] == given.get("nextToken"):
            break
        given = {"nextToken": answer["nextForwardToken"]}
    assert answer["events"] == []
    assert found == messages(every)
    back: list[str] = []
    given = {}
    for _ in range(10):
        answer = logs.get_log_events(**stream, limit=7, **given)
        back = messages(answer) + back
        if answer["nextBackwardToken"] == given.get("nextToken"):
            break
        given = {"nextToken": answer["nextBackwardToken"]}
    assert back == found
    refused(
        logs,
        "InvalidParameterException",
        "nextToken",
        logs.get_log_events,
        **stream,
        nextToken="f/1",
    )


def test_a_token_at_the_end_brings_what_is_new(logs: Any, lab: ll.Lab) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": lab.invoke("bill", {"n": 5}).payload}
    token = logs.get_log_events(**stream)["nextForwardToken"]
    assert logs.get_log_events(**stream, nextToken=token)["nextForwardToken"] == token
    lab.invoke("bill", {"n": 6})
    assert "order 6\n" in messages(logs.get_log_events(**stream, nextToken=token))


def test_times_choose_events(logs: Any) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": first_stream(logs)}
    between = {"startTime": START + 60_000, "endTime": START + 61_000}
    one = logs.get_log_events(**stream, **between)
    assert "order 1\n" in messages(one)
    assert "order 0\n" not in messages(one)
    at = one["events"][0]["timestamp"]
    assert logs.get_log_events(**stream, startTime=at, endTime=at)["events"] == []  # exclusive
    some = logs.filter_log_events(logGroupName=GROUP, startTime=at, endTime=at)  # inclusive
    assert some["events"][0]["timestamp"] == at
    refused(
        logs, "ResourceNotFoundException", "log stream does not exist", logs.get_log_events,
        logGroupName=GROUP, logStreamName="none",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("order", ["order 0\n", "order 1\n", "order 2\n", "order 3\n"]),
        ("?zero ?order -0", ["order 1\n", "order 2\n", "order 3\n"]),
        ('"order 2"', ["order 2\n"]),
        ('{ $.level = "ERROR" }', ['{"level": "ERROR", "n": 2}\n']),
        ("{ $.n > 2 }", ['{"level": "INFO", "n": 3}\n']),
        ("nothing", []),
    ],
)
def test_filter_patterns(logs: Any, pattern: str, found: list[str]) -> None:
    assert messages(logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)) == found


def test_filtered_events_come_in_pages(logs: Any) -> None:
    pages = list(
        logs.get_paginator("filter_log_events").paginate(
            logGroupName=GROUP, filterPattern="order", PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(page["events"]) for page in pages] == [3, 1]
    events = [event for page in pages for event in page["events"]]
    assert events[0]["logStreamName"] == first_stream(logs) != events[3]["logStreamName"]
    assert len({event["eventId"] for event in events}) == 4
    assert sorted(event["eventId"] for event in events) == [event["eventId"] for event in events]
    asked = {"logGroupName": GROUP, "filterPattern": "order", "limit": 3}
    newest = logs.filter_log_events(**asked, startFromHead=False)
    oldest = logs.filter_log_events(**asked, nextToken=newest["nextToken"])
    assert newest["events"] + oldest["events"] == events[::-1]
    named = logs.filter_log_events(logGroupName=GROUP, logStreamNames=[first_stream(logs)])
    begun = logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=first_stream(logs))
    assert named["events"] == begun["events"]
    assert len(named["events"]) < len(logs.filter_log_events(logGroupName=GROUP)["events"])


def test_filters_that_cannot_be(logs: Any) -> None:
    invalid = "InvalidParameterException"
    filtering = logs.filter_log_events
    refused(logs, invalid, "filter pattern", filtering, logGroupName=GROUP, filterPattern="[a, b]")
    refused(logs, invalid, "Only one", filtering, logGroupName=GROUP, logStreamNames=["a"],
            logStreamNamePrefix="a")  # fmt: skip
    refused(logs, invalid, "endTime", filtering, logGroupName=GROUP, startTime=2, endTime=1)
    refused(logs, "ResourceNotFoundException", "stream", filtering, logGroupName=GROUP,
            logStreamNames=["a"])  # fmt: skip


def test_lines_of_the_json_format_have_no_newline() -> None:
    lab = ll.Lab()

    @lab.function(log_format="JSON")
    def bill(event: Any, context: Any) -> None:
        print("order")

    lab.invoke(bill)
    logs = checked(lab.client("logs"))
    found = messages(logs.filter_log_events(logGroupName=GROUP))
    assert "order\n" in found
    assert all(text.endswith("}") for text in found if text.startswith("{"))


# ------------------------------------------------------------------ subscriptions


def test_subscription_filters_hand_lines_on(logs: Any, lab: ll.Lab) -> None:
    seen = []

    @lab.function
    def alarm(event: Any, context: Any) -> None:
        told = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
        seen.extend(each["message"] for each in told["logEvents"])

    arn = "arn:aws:lambda:us-east-1:123456789012:function:alarm"
    logs.put_subscription_filter(
        logGroupName=GROUP, filterName="errors", filterPattern="ERROR", destinationArn=arn
    )
    [found] = logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    assert (found["filterName"], found["destinationArn"]) == ("errors", arn)
    lab.invoke("bill", {"n": 2})
    lab.run()
    assert seen == ['{"level": "ERROR", "n": 2}']
    logs.delete_subscription_filter(logGroupName=GROUP, filterName="errors")
    assert not logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    refused(
        logs, "InvalidParameterException", "functions only", logs.put_subscription_filter,
        logGroupName=GROUP, filterName="x", filterPattern="",
        destinationArn="arn:aws:kinesis:us-east-1:123456789012:stream/s",
    )  # fmt: skip


# ------------------------------------------------------------------ events of one's own


def test_what_was_put_is_read_again(logs: Any, lab: ll.Lab) -> None:
    logs.create_log_group(logGroupName="/shop")
    logs.create_log_stream(logGroupName="/shop", logStreamName="one")
    now = int(lab.now.timestamp() * 1000)
    names = {"logGroupName": "/shop", "logStreamName": "one"}
    events = [{"timestamp": now - 2, "message": "second"}, {"timestamp": now - 1, "message": "{}"}]
    assert logs.put_log_events(**names, logEvents=events)["nextSequenceToken"].isdecimal()
    first = [{"timestamp": now - 3, "message": "first"}]
    logs.put_log_events(**names, logEvents=first, sequenceToken="anything")
    found = logs.get_log_events(**names, startFromHead=True)["events"]
    assert [(e["timestamp"] - now, e["message"], e["ingestionTime"]) for e in found] == [
        (-3, "first", now), (-2, "second", now), (-1, "{}", now),
    ]  # fmt: skip
    shown = logs.filter_log_events(logGroupName="/shop", filterPattern="second")["events"]
    assert [each["message"] for each in shown] == ["second"]
    [stream] = logs.describe_log_streams(logGroupName="/shop")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (now - 3, now - 1)
    [group] = logs.describe_log_groups(logGroupNamePrefix="/shop")["logGroups"]
    assert group["storedBytes"] == len("firstsecond{}") + 3 * 26
    logs.delete_log_group(logGroupName="/shop")
    logs.create_log_group(logGroupName="/shop")
    assert logs.filter_log_events(logGroupName="/shop")["events"] == []


def test_the_next_run_has_the_stream_and_no_events(logs: Any, lab: ll.Lab) -> None:
    logs.create_log_group(logGroupName="/shop")
    logs.create_log_stream(logGroupName="/shop", logStreamName="one")
    now = int(lab.now.timestamp() * 1000)
    names = {"logGroupName": "/shop", "logStreamName": "one"}
    logs.put_log_events(**names, logEvents=[{"timestamp": now, "message": "x"}])
    lab.reset()
    assert logs.get_log_events(**names)["events"] == []


def test_old_and_future_events_are_left_out(logs: Any, lab: ll.Lab) -> None:
    logs.create_log_group(logGroupName="/shop")
    logs.create_log_stream(logGroupName="/shop", logStreamName="one")
    now, hour = int(lab.now.timestamp() * 1000), 3_600_000
    times = (now - 14 * 24 * hour - 1, now - hour, now, now + 2 * hour + 1)
    answer = logs.put_log_events(
        logGroupName="/shop", logStreamName="one",
        logEvents=[{"timestamp": at, "message": str(at)} for at in times],
    )  # fmt: skip
    assert answer["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3,
    }  # fmt: skip
    assert len(logs.filter_log_events(logGroupName="/shop")["events"]) == 2


@pytest.mark.parametrize(
    ("ages", "text", "words"),
    [
        ((0, 1), "x", "chronological order"),
        ((86_400_001, 0), "x", "cannot span more than 24 hours"),
        ((0,), "x" * (1 << 20), "Log event too large: 1048602 bytes"),
        ((0, 0), "x" * (1 << 19), "Upload too large: 1048628 bytes"),
        ((0,) * 10_001, "x", "length less than or equal to 10000"),
    ],
)
def test_batches_that_cannot_be(
    logs: Any, lab: ll.Lab, ages: tuple[int, ...], text: str, words: str
) -> None:
    logs.create_log_group(logGroupName="/shop")
    logs.create_log_stream(logGroupName="/shop", logStreamName="one")
    now = int(lab.now.timestamp() * 1000)
    events = [{"timestamp": now - age, "message": text} for age in ages]
    with pytest.raises(logs.exceptions.InvalidParameterException, match=words):
        logs.put_log_events(logGroupName="/shop", logStreamName="one", logEvents=events)
    missing = logs.exceptions.ResourceNotFoundException
    with pytest.raises(missing, match="log stream does not exist"):
        logs.put_log_events(logGroupName="/shop", logStreamName="two", logEvents=events[:1])


# ------------------------------------------------------------------ queries

BEGIN = START // 1000


def asked(logs: Any, query: str, **more: Any) -> list[dict[str, str]]:
    """The rows of a query over three minutes, each by field, without the pointer."""
    given = {"logGroupName": "/aws/lambda/bill", "startTime": BEGIN, "endTime": BEGIN + 180}
    query_id = logs.start_query(**given | more, queryString=query)["queryId"]
    answer = logs.get_query_results(queryId=query_id)
    assert answer["status"] == "Complete"
    rows = [{each["field"]: each["value"] for each in row} for row in answer["results"]]
    assert len({row.pop("@ptr") for row in rows}) == len(rows)
    return rows


def test_a_query_finds_lines(logs: Any) -> None:
    query = """
    # which orders?
    fields @timestamp, @message
    | filter @message like /^order \\d/
    | sort @timestamp asc
    """
    rows = asked(logs, query)
    assert [row["@message"] for row in rows] == ["order 0\n", "order 1\n", "order 2\n"]
    assert rows[0]["@timestamp"] == "2025-01-07 00:00:00.245"
    newest = asked(logs, 'filter @message like "order" | limit 1')
    assert newest == [rows[-1]]  # both fields, and the newest first, where nothing is said
    assert asked(logs, "fields @log | limit 1") == [{"@log": "123456789012:/aws/lambda/bill"}]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("@message like 'order 1'", 1),
        ("@message not like /./", 0),
        ("@message =~ /order [01]/", 2),
        ('@message = "order 2"', 1),
        ("@message like 'order' and @message not like '1' or @message like /order 1/", 3),
        ("@message like /a|o/ and @message like /^order/ and @message != 'order 0'", 2),
        ("@message like 'a | b'", 0),
        ("@message like /order\\/0/", 0),
    ],
)
def test_conditions(logs: Any, condition: str, count: int) -> None:
    assert len(asked(logs, f"filter {condition}")) == count


def test_two_filters_are_both_to_hold_and_times_and_groups_count(logs: Any, lab: ll.Lab) -> None:
    both = "filter @message like 'order' | filter @message like '1'"
    assert len(asked(logs, both)) == 1
    assert len(asked(logs, "filter @message like 'order'", endTime=BEGIN + 59)) == 1
    logs.create_log_group(logGroupName="/shop")
    logs.create_log_stream(logGroupName="/shop", logStreamName="one")
    now = int(lab.now.timestamp() * 1000)
    logs.put_log_events(
        logGroupName="/shop", logStreamName="one", logEvents=[{"timestamp": now, "message": "mine"}]
    )
    query_id = logs.start_query(
        logGroupNames=["/shop", "/aws/lambda/bill"], startTime=BEGIN, endTime=BEGIN + 600,
        queryString="fields @logStream | filter @message = 'mine' or @message = 'order 0'",
    )["queryId"]  # fmt: skip
    answer = logs.get_query_results(queryId=query_id, maxItems=1)
    assert answer["results"][0][0] == {"field": "@logStream", "value": "one"}
    assert (answer["statistics"]["recordsMatched"], len(answer["results"])) == (2.0, 1)
    rest = logs.get_query_results(queryId=query_id, nextToken=answer["nextToken"])
    assert len(rest["results"]) == 1
    lab.reset()
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="does not exist"):
        logs.get_query_results(queryId=query_id)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "an empty command is not simulated"),
        ("stats count(*) by bin(5m)", r"stats count \( \* \) by .* a lab has fields, display"),
        ("fields @duration", "@duration is not simulated: a lab's lines have the fields"),
        ("filter @message > 3", "a lab compares by like"),
        ("filter @message like order", "a text in quotes"),
        ("filter @message = /x/", "a text in quotes"),
        ("filter @message =~ 'x'", "a text in quotes"),
        ("filter @message like /(/", "not simulated: missing"),
        ("sort @message asc", "a lab sorts by"),
        ("sort @timestamp", "sort @timestamp asc|desc"),
        ("limit 0", "1 to 10,000"),
        ("limit x", "a lab has"),
    ],
)
def test_what_no_query_can_say(logs: Any, query: str, words: str) -> None:
    with pytest.raises(logs.exceptions.MalformedQueryException, match=words) as caught:
        asked(logs, query)
    assert caught.value.response["queryCompileError"]["message"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"logGroupNames": ["/aws/lambda/bill"]}, "Exactly one of"),
        ({"endTime": BEGIN - 1}, "endTime must be greater"),
        ({"limit": 100_001}, "limit must be 1 to 100000"),
        ({"queryLanguage": "SQL"}, "SQL is not simulated"),
    ],
)
def test_queries_that_cannot_be_asked(logs: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(logs.exceptions.InvalidParameterException, match=words):
        asked(logs, "fields @message", **more)


def test_every_operation_is_called_here() -> None:
    assert not not_called("logs")
