"""CloudWatch Logs: which lines a subscription filter hands on, how they are packed, and when it sleeps."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import CloudWatchLogsModel
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab import Lab
from lambdalab.errors import LimitExceededException, ResourceNotFoundException, UnknownName
from lambdalab.triggers.errors import InvalidParameterException
from lambdalab.triggers.logs.patterns import compile_pattern
from lambdalab.triggers.logs.payload import gzip_stored


def opened(event: Any) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))


def listening(lab: Lab, name: str = "alarm") -> list[Any]:
    seen: list[Any] = []
    lab.create_function(name, lambda event, context: seen.append(event))
    return seen


def chatty(lab: Lab) -> Any:
    @lab.function
    def bill(event: Any, context: Any) -> None:
        print("ERROR no disk")
        print("INFO fine")
        if event == "fail":
            raise ValueError("boom")

    return bill


def test_the_lines_of_the_real_group(lab: Lab) -> None:
    bill, seen = chatty(lab), listening(lab)
    lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm")
    lab.invoke(bill, "fail")
    assert seen == []  # a second later
    lab.run()
    CloudWatchLogsModel.model_validate(seen[0])
    told = opened(seen[0])
    assert told["messageType"] == "DATA_MESSAGE"
    assert (told["owner"], told["logGroup"]) == ("123456789012", "/aws/lambda/bill")
    assert told["subscriptionFilters"] == ["alarm"]
    logs = lab.trace.logs
    own = logs[logs.function == "bill"]
    assert [each["message"] for each in told["logEvents"]] == list(own.message)
    assert [each["message"].split()[0] for each in told["logEvents"]] == [
        "INIT_START", "START", "ERROR", "INFO", "[ERROR]", "END", "REPORT"
    ]  # fmt: skip
    assert told["logStream"] == own.log_stream.iloc[0]
    stamps = [each["timestamp"] for each in told["logEvents"]]
    assert stamps == sorted(stamps)
    assert stamps[-1] == int(own["at"].iloc[-1].timestamp() * 1000)
    ids = [each["id"] for each in told["logEvents"]]
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {56}
    assert list(lab.trace.invocations.invocation_type) == ["RequestResponse", "Event"]


def test_only_what_the_pattern_wants(lab: Lab) -> None:
    bill, seen = chatty(lab), listening(lab)
    lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm", filter_pattern="ERROR -boom")
    lab.invoke(bill)
    lab.run()
    assert [each["message"] for each in opened(seen[0])["logEvents"]] == ["ERROR no disk"]
    lab.reset()
    seen.clear()
    lab.invoke(bill)
    lab.run()
    assert len(seen) == 1
    lab.logs.delete_subscription_filter("/aws/lambda/bill", "alarm")
    lab.invoke(bill)
    lab.run()
    assert len(seen) == 1


def test_each_attempt_of_an_event_is_a_batch(lab: Lab) -> None:
    bill, seen = chatty(lab), listening(lab)
    lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm", filter_pattern="ERROR")
    lab.invoke(bill, "fail", invocation_type="Event")
    lab.run()
    assert [len(opened(each)["logEvents"]) for each in seen] == [2, 2, 2]


def test_traffic_in_the_fast_lane_is_heard(lab: Lab) -> None:
    lab.create_function("model", duration=0.1)
    seen = listening(lab)
    lab.drive("model", ll.Every(1), count=5)
    lab.advance(1.5)
    lab.logs.put_subscription_filter("/aws/lambda/model", "alarm", filter_pattern="REPORT")
    lab.run()
    assert len(seen) == 3
    assert opened(seen[0])["logEvents"][0]["message"].startswith("REPORT RequestId: ")


def test_a_large_log_comes_in_parts(lab: Lab) -> None:
    @lab.function
    def loud(event: Any, context: Any) -> None:
        for number in range(40):
            print(f"{number} " + "x" * 10_000)

    seen = listening(lab)
    lab.logs.put_subscription_filter("/aws/lambda/loud", "alarm", filter_pattern="xxx")
    lab.invoke(loud)
    lab.run()
    lines = [each["message"] for event in seen for each in opened(event)["logEvents"]]
    assert sorted(int(line.split()[0]) for line in lines) == list(range(40))
    assert len(seen) == 3
    assert max(len(json.dumps(event)) for event in seen) <= 256 * 1024


def test_an_error_that_no_retry_mends_puts_the_filter_to_sleep(lab: Lab) -> None:
    bill, seen = chatty(lab), listening(lab)
    given = lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm")
    lab.remove_permission("alarm")
    lab.invoke(bill)
    lab.run()
    assert "disabled" in repr(given)
    assert repr(lab.logs["/aws/lambda/bill"]) == (
        "<log group /aws/lambda/bill: every line -> alarm · disabled>"
    )
    lab.add_permission("alarm", "again", principal="logs.amazonaws.com")
    lab.invoke(bill)
    lab.run()
    lab.advance(600)
    lab.invoke(bill)
    lab.run()
    assert len(seen) == 1
    rows = lab.trace.queue_events
    own = rows[rows["queue"] == "/aws/lambda/bill->alarm"]
    assert list(own.action) == ["sent", "dropped", "sent", "dropped", "sent", "deleted"]
    assert list(own.cause)[1] == list(own.cause)[3] == "permission_denied"
    assert list(lab.trace.requests.query("caller == '/aws/lambda/bill->alarm'").status_code) == [
        403, 202
    ]  # fmt: skip


def test_other_errors_are_retried_for_a_day(lab: Lab) -> None:
    bill = chatty(lab)
    listening(lab)
    lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm")
    lab.faults.service_error("alarm")
    lab.invoke(bill)
    lab.run()
    assert 86_000 < lab.elapsed <= 86_401
    rows = lab.trace.queue_events
    own = rows[rows["queue"] == "/aws/lambda/bill->alarm"]
    assert (own.action.iloc[-1], own.cause.iloc[-1]) == ("expired", "event_age_exceeded")


def test_a_function_that_listens_to_itself_goes_round(lab: Lab) -> None:
    lab.create_function("loop", duration=0.1)
    lab.logs.put_subscription_filter("/aws/lambda/loop", "loop", filter_pattern="REPORT")
    lab.invoke("loop")
    lab.run(until=60)
    assert len(lab.trace.invocations) > 40


def test_bad_input(lab: Lab) -> None:
    chatty(lab)
    listening(lab)
    put = lab.logs.put_subscription_filter
    with pytest.raises(ResourceNotFoundException, match="did you mean '/aws/lambda/bill'"):
        put("/aws/lambda/bil", "alarm")
    with pytest.raises(UnknownName):
        lab.logs["/aws/lambda/bill"]
    with pytest.raises(InvalidParameterException, match="position 10"):
        put("/aws/lambda/bill", "alarm", filter_pattern="{ $.level }")
    put("/aws/lambda/bill", "alarm", name="one")
    put("/aws/lambda/bill", "alarm", name="two")
    put("/aws/lambda/bill", "alarm", name="two", filter_pattern="x")
    with pytest.raises(LimitExceededException, match="at most 2"):
        put("/aws/lambda/bill", "alarm", name="three")
    with pytest.raises(ResourceNotFoundException):
        lab.logs.delete_subscription_filter("/aws/lambda/bill", "three")
    assert list(lab.logs["/aws/lambda/bill"].filters) == ["one", "two"]


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("", "anything", True),
        ("ERROR disk", "disk ERROR", True),
        ("ERROR disk", "ERROR", False),
        ("?ERROR ?WARN", "WARN x", True),
        ("?ERROR ?WARN", "INFO", False),
        ("?ERROR disk", "disk", True),
        ("-INFO", "ERROR", True),
        ("ERROR -retry", "ERROR retry", False),
        ('"out of memory"', "it is out of memory now", True),
        ('"out of memory"', "out memory of", False),
        ("%E[0-9]+%", "code E42", True),
        ("error", "ERROR", False),
        ('{ $.level = "ERROR" }', '{"level": "ERROR"}', True),
        ('{ $.level = "ERROR" }', '{"level": "INFO"}', False),
        ('{ $.level = "ERROR" }', "ERROR", False),
        ('{ $.level != "ERROR" }', '{"level": "INFO"}', True),
        ('{ $.a.b[1] = "x*" }', '{"a": {"b": ["y", "xyz"]}}', True),
        ("{ $.ms > 100 && $.ms <= 200 }", '{"ms": 200}', True),
        ("{ $.ms > 100 && $.ms < 200 }", '{"ms": 200}', False),
        ("{ ($.a = 1 || $.b = 2) && $.c IS TRUE }", '{"b": 2, "c": true}', True),
        ("{ ($.a = 1 || $.b = 2) && $.c IS FALSE }", '{"b": 2, "c": true}', False),
        ("{ $.a IS NULL }", '{"a": null}', True),
        ("{ $.a NOT EXISTS }", '{"b": 1}', True),
        ("{ $.a NOT EXISTS }", '{"a": 1}', False),
        ("{ $.a = %^E[0-9]+$% }", '{"a": "E42"}', True),
        ("{ $.a >= 1 }", '{"a": "2"}', False),
    ],
)
def test_patterns(pattern: str, line: str, matches: bool) -> None:
    assert compile_pattern(pattern)(line) is matches


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ('ERROR "open', 5), ("{ $.a = 1", 9), ("{ a = 1 }", 2), ("{ $.a > x }", 8), ("[ip, user]", 0),
        ("{ ($.a = 1 }", 11), ("{ $.a IS ODD }", 9), ("%[%", 0), ("{ $.a = 1 $.b }", 10),
    ],
)  # fmt: skip
def test_patterns_that_do_not_parse(pattern: str, position: int) -> None:
    with pytest.raises(InvalidParameterException, match=f"position {position}:") as caught:
        compile_pattern(pattern)
    assert caught.value.message == "Invalid filter pattern"


@given(st.binary(max_size=200_000))
def test_gzip_is_gzip(data: bytes) -> None:
    packed = gzip_stored(data)
    assert gzip.decompress(packed) == data
    assert packed[4:8] == bytes(4)


def test_gzip_of_more_than_one_block() -> None:
    data = bytes(range(256)) * 1000
    assert gzip.decompress(gzip_stored(data)) == data


def test_two_filters_may_have_one_function(lab: Lab) -> None:
    seen, bill = listening(lab), chatty(lab)
    for name in ("all", "errors"):
        pattern = "ERROR" if name == "errors" else ""
        lab.logs.put_subscription_filter(
            "/aws/lambda/bill", "alarm", name=name, filter_pattern=pattern
        )
    lab.invoke(bill)
    lab.invoke(bill)
    lab.run()
    names = [opened(event)["subscriptionFilters"] for event in seen]
    assert sorted(names) == [["all"], ["all"], ["errors"], ["errors"]]
    # one way in the books, whose depth is that of both
    queue = lab.trace.short.queue_events
    assert queue[queue["queue"] == "/aws/lambda/bill->alarm"]["depth"].max() >= 2


def test_a_filter_is_replaced_while_lines_are_on_their_way(lab: Lab) -> None:
    seen, bill = listening(lab), chatty(lab)
    lab.invoke(bill)
    for pattern in ("", "ERROR", "REPORT"):
        lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm", filter_pattern=pattern)
        lab.invoke(bill, invocation_type="Event")
        lab.run(until=lab.trace.short.invocations["t_s"].max() + 0.5)
    lab.run()
    assert len(seen) == 3


def test_a_log_group_outlives_its_function(lab: Lab) -> None:
    seen = listening(lab)
    chatty(lab)
    lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm")
    lab.delete_function("bill")
    lab.invoke(chatty(lab))
    lab.run()
    assert len(seen) == 1
    lab.delete_function("bill")
    lab.logs.delete_subscription_filter("/aws/lambda/bill", "alarm")
    lab.invoke(chatty(lab))
    lab.run()
    assert len(seen) == 1
    lab.reset()
    lab.invoke("bill")
    lab.run()
    assert len(seen) == 1


def test_a_line_that_is_too_large_comes_in_pieces(lab: Lab) -> None:
    seen, line = listening(lab), "é😀" * 90_000

    @lab.function
    def bill(event: Any, context: Any) -> None:
        print(line)

    made = lab.logs.put_subscription_filter("/aws/lambda/bill", "alarm", filter_pattern="é😀")
    lab.invoke(bill)
    lab.run()
    told = [one for event in seen for one in opened(event)["logEvents"]]
    assert "".join(one["message"] for one in told) == line
    assert len({one["id"] for one in told}) == len(told) > 1
    assert "disabled" not in repr(made)
