"""Buses, rules and targets: who is told of an event, and what happens where it cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import EventBridgeModel

import lambdalab as ll
from lambdalab.errors import (
    InvalidEventPatternException,
    InvalidParameterValueException,
    InvalidSetting,
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    UnknownName,
    UnknownSetting,
    ValidationException,
)
from lambdalab.triggers.eventbridge.bus import EventBus
from lambdalab.triggers.eventbridge.patterns import complexity
from lambdalab.triggers.eventbridge.rule import Rule

PAID = {"source": "shop", "detail_type": "paid", "detail": {"total": 120}}
ALL = {"source": [{"prefix": ""}]}


@pytest.fixture
def bus(lab: ll.Lab) -> EventBus:
    return lab.eventbridge["default"]


def rows(lab: ll.Lab, queue: str) -> list[tuple[str, str]]:
    events = lab.trace.queue_events
    mine = events[events["queue"] == queue]
    return list(zip(mine["action"], mine["cause"], strict=True))


def hearing(lab: ll.Lab, name: str = "hear") -> list[Any]:
    seen: list[Any] = []
    lab.create_function(name, lambda event, context: seen.append(event))
    return seen


def letters(queue: Any) -> list[tuple[Any, dict[str, str]]]:
    found = queue.receive(10)
    return [
        (json.loads(m.body), {name: value for name, (_, value) in m.attributes.items()})
        for m in found
    ]


# ---------------------------------------------------------------------- who is told


def test_targets_of_every_kind(lab: ll.Lab, bus: EventBus) -> None:
    seen, queue = hearing(lab), lab.sqs.create_queue("orders")
    topic, mail = lab.sns.create_topic("news"), lab.sqs.create_queue("mail")
    topic.subscribe(mail, raw_message_delivery=True)
    other = lab.eventbridge.create_event_bus("other")
    other.put_rule("there", event_pattern=ALL).put_target(lab.sqs.create_queue("far"))
    rule = bus.put_rule("big", event_pattern={"detail": {"total": [{"numeric": [">", 100]}]}})
    for target in ("hear", queue, topic, other):
        rule.put_target(target)
    assert list(rule.targets) == ["hear", "orders", "news", "other"]
    result = bus.put_event(**PAID)
    bus.put_event(source="shop", detail_type="paid", detail={"total": 99})
    lab.run()
    assert len(seen) == 1
    for name in ("orders", "mail", "far"):
        [message] = lab.sqs[name].receive(10)
        assert json.loads(message.body) == seen[0]
    assert seen[0]["id"] == result.event_id
    assert rows(lab, "default") == [
        ("sent", "published"), ("deleted", "fanned_out"),
        ("sent", "published"), ("filtered", "pattern_mismatch"),
    ]  # fmt: skip
    assert rows(lab, "big->hear") == [("sent", "published"), ("deleted", "accepted")]
    assert rows(lab, "big->other") == [("sent", "published"), ("deleted", "delivered")]
    first = lab.trace.requests.iloc[0]
    assert (first["caller"], first["status_code"], first["cause"]) == ("big->hear", 202, "accepted")
    assert lab.trace.invocations["requested_at"].iloc[0] > lab.trace.queue_events["at"].iloc[0]


def test_powertools_reads_the_events(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    bus.put_rule("all", event_pattern=ALL).put_target("hear")
    bus.put_rule("tick", schedule_expression="rate(1 minute)").put_target("hear")
    bus.put_event(**PAID)
    lab.run(until="61s")
    assert [EventBridgeModel.model_validate(event).detail_type for event in seen] == [
        "paid", "Scheduled Event",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ({"source": ["shop"]}, True), ({"source": [{"anything-but": {"prefix": "sh"}}]}, False),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"detail-type": [{"wildcard": "p*d"}]}, True),
        ({"$or": [{"source": ["x"]}, {"detail": {"total": [120]}}]}, True),
        ({"detail": {"who": [{"exists": False}]}, "source": ["x"]}, False),
        ({"detail-type": [{"suffix": {"equals-ignore-case": "AID"}}]}, True),
    ],
)  # fmt: skip
def test_patterns(lab: ll.Lab, bus: EventBus, pattern: dict[str, Any], wanted: bool) -> None:
    queue = lab.sqs.create_queue("q")
    bus.put_rule("one", event_pattern=pattern).put_target(queue)
    detail = {"total": 120, "ip": "10.0.0.7"}
    bus.put_event(source="shop", detail_type="paid", detail=detail)
    lab.run()
    assert len(queue.messages) == wanted
    event = {"source": "shop", "detail-type": "paid", "detail": detail}
    assert bus.test_event_pattern(pattern, event) is wanted
    assert bus.test_event_pattern(json.dumps(pattern), json.dumps(event)) is wanted


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ({"source": "shop"}, r"must be a list of rules .*at source of"),
        ('{"source": [}', r"no JSON.*at line 1, column 13"),
        ({"detail": {"n": [{"numeric": [">", "x"]}]}}, r"a number must stand here.*detail\.n\[0\]"),
        ({"source": [{"near": "x"}]}, "there is no operator 'near'"),
        ({"b": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}, "Rule is too complex - try using fewer wild"),
        ({"$or": [{"b": [{"anything-but": {"wildcard": ["*a*a*a", "*a*a"]}}]}, {"c": [1]}]}, "complex"),
    ],
)  # fmt: skip
def test_patterns_that_are_none(lab: ll.Lab, bus: EventBus, pattern: object, words: str) -> None:
    with pytest.raises(
        InvalidEventPatternException, match=f"^Event pattern is not valid. Reason: .*{words}"
    ):
        bus.put_rule("bad", event_pattern=pattern)
    assert "bad" not in bus.rules
    with pytest.raises(InvalidEventPatternException):
        bus.test_event_pattern(pattern, {})


def test_wildcards_count_by_what_follows() -> None:
    assert complexity(["arn:aws:*:us-east-1:*:event-bus/*"]) == 2
    assert complexity([r"\*a\*a", "*b"]) == 1


def test_a_pattern_may_be_so_long(lab: ll.Lab, bus: EventBus) -> None:
    room = 2_048 - len('{"source":[""]}')
    bus.put_rule("long", event_pattern={"source": ["x" * room]})
    words = r"Parameter EventPattern for rule long exceeds limit of 2048\."
    with pytest.raises(ValidationException, match=words):
        bus.put_rule("long", event_pattern={"source": ["x" * (room + 1)]})


# ---------------------------------------------------------------------- what cannot be delivered


def test_no_permission_goes_to_the_letters_at_once(lab: ll.Lab, bus: EventBus) -> None:
    seen, dead = hearing(lab), lab.sqs.create_queue("dead")
    rule = bus.put_rule("big", event_pattern=ALL)
    rule.put_target("hear", input='"other"', dead_letter_queue=dead)
    [statement] = lab.get_policy("hear")["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule.arn}}
    lab.remove_permission("hear", statement["Sid"])
    bus.put_event(**PAID)
    lab.run()
    assert not seen
    [(event, told)] = letters(dead)
    assert event["detail"] == {"total": 120}
    message = told.pop("ERROR_MESSAGE")
    assert "events.amazonaws.com is not authorized to perform: lambda:InvokeFunction" in message
    assert told == {
        "RULE_ARN": rule.arn, "TARGET_ARN": "arn:aws:lambda:us-east-1:123456789012:function:hear",
        "ERROR_CODE": "NO_PERMISSIONS", "RETRY_ATTEMPTS": "0",
    }  # fmt: skip
    assert rows(lab, "big->hear")[-1] == ("dead_lettered", "permission_denied")
    assert lab.trace.requests["status_code"].tolist() == [403]


def test_a_function_that_is_gone(lab: ll.Lab, bus: EventBus) -> None:
    hearing(lab)
    bus.put_rule("big", event_pattern=ALL).put_target("hear")
    lab.delete_function("hear")
    bus.put_event(**PAID)
    lab.run()
    assert rows(lab, "big->hear")[-1] == ("dropped", "target_gone")


def test_a_bus_that_is_gone(lab: ll.Lab, bus: EventBus) -> None:
    other, dead = lab.eventbridge.create_event_bus("other"), lab.sqs.create_queue("dead")
    bus.put_rule("big", event_pattern=ALL).put_target(other, dead_letter_queue="dead")
    other.delete()
    bus.put_event(**PAID)
    lab.run()
    [(_, told)] = letters(dead)
    assert (told["ERROR_CODE"], told["ERROR_MESSAGE"]) == (
        "NO_RESOURCE", "Event bus other does not exist.",
    )  # fmt: skip
    with pytest.raises(ResourceNotFoundException, match="Event bus other does not exist"):
        other.put_event(**PAID)


def test_a_template_that_makes_no_json(lab: ll.Lab, bus: EventBus) -> None:
    seen, dead = hearing(lab), lab.sqs.create_queue("dead")
    plain = lab.sqs.create_queue("plain")
    rule = bus.put_rule("big", event_pattern=ALL)
    rule.put_target("hear", input_transformer=({}, "some text"), dead_letter_queue=dead)
    rule.put_target(plain, input_transformer=({"n": "$.detail.total"}, "total <n>"))
    bus.put_event(**PAID)
    lab.run()
    assert not seen
    assert letters(dead)[0][1]["ERROR_CODE"] == "INVALID_JSON"
    assert plain.receive()[0].body == "total 120"


def test_a_day_of_tries(lab: ll.Lab, bus: EventBus) -> None:
    hearing(lab)
    dead = lab.sqs.create_queue("dead")
    rule = bus.put_rule("big", event_pattern=ALL)
    rule.put_target("hear", dead_letter_queue=dead)
    lab.faults.service_error("hear", probability=1)
    bus.put_event(**PAID)
    lab.run()
    [(_, told)] = letters(dead)
    tries = lab.trace.requests
    assert int(told["RETRY_ATTEMPTS"]) == len(tries) - 1
    assert 160 <= len(tries) <= 186
    waits = tries["sent_at"].diff().dropna().dt.total_seconds()
    assert waits.iloc[0] <= 1 < waits.iloc[3] < 10 < waits.iloc[9]
    assert told["EXHAUSTED_RETRY_CONDITION"] in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
    assert 20 * 3_600 <= lab.elapsed <= 24 * 3_600
    assert told["ERROR_CODE"] == "ERROR_FROM_TARGET"


@pytest.mark.parametrize(
    ("setting", "tries", "condition"),
    [
        ({"maximum_retry_attempts": 2}, 3, "MaximumRetryAttempts"),
        ({"maximum_retry_attempts": 0}, 1, "MaximumRetryAttempts"),
        ({"maximum_event_age": 60}, None, "MaximumEventAgeInSeconds"),
    ],
)
def test_a_retry_policy(
    lab: ll.Lab, bus: EventBus, setting: dict[str, int], tries: int | None, condition: str
) -> None:
    hearing(lab)
    dead = lab.sqs.create_queue("dead")
    rule = bus.put_rule("big", event_pattern=ALL)
    rule.put_target("hear", dead_letter_queue=dead, **setting)
    lab.faults.service_error("hear", probability=1)
    bus.put_event(**PAID)
    lab.run()
    [(_, told)] = letters(dead)
    assert told["EXHAUSTED_RETRY_CONDITION"] == condition
    assert tries in (None, len(lab.trace.requests))
    assert lab.elapsed <= 60


def test_a_target_that_recovers(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    bus.put_rule("big", event_pattern=ALL).put_target("hear")
    lab.faults.service_error("hear", end=2.5)
    bus.put_event(**PAID)
    lab.run()
    assert len(seen) == 1
    tries = lab.trace.requests
    assert tries["tries"].iloc[-1] == len(tries) > 2
    assert tries["status_code"].tolist() == [500] * (len(tries) - 1) + [202]


# ---------------------------------------------------------------------- buses and rules


def test_rules_are_put_again(lab: ll.Lab, bus: EventBus) -> None:
    queue = lab.sqs.create_queue("q")
    for _ in range(2):  # a cell that is run twice
        rule = bus.put_rule("big", event_pattern={"source": ["shop"]}, description="one")
        target = rule.put_target(queue)
    assert list(bus.rules) == ["big"]
    assert rule.targets == {"q": target}
    bus.put_event(**PAID)
    assert bus.put_rule("big", event_pattern={"source": ["other"]}) is rule
    bus.put_event(**PAID)
    lab.run()
    assert len(queue.messages) == 1
    assert list(rule.targets) == ["q"]


def test_states(lab: ll.Lab, bus: EventBus) -> None:
    queue = lab.sqs.create_queue("q")
    rule = bus.put_rule("big", event_pattern=ALL, state="DISABLED")
    rule.put_target(queue)
    for change in (lambda: None, rule.enable, rule.disable):
        change()
        bus.put_event(**PAID)
    lab.run()
    assert len(queue.messages) == 1
    assert rule.state == "DISABLED"
    with pytest.raises(InvalidSetting, match="one of ENABLED, DISABLED"):
        bus.put_rule("big", event_pattern=ALL, state="ON")


def test_deleting(lab: ll.Lab, bus: EventBus) -> None:
    queue = lab.sqs.create_queue("q")
    rule = bus.put_rule("big", event_pattern=ALL)
    rule.put_target(queue, id="one")
    with pytest.raises(ValidationException, match=r"^Rule can't be deleted since it has targets"):
        rule.delete()
    with pytest.raises(UnknownName, match="did you mean 'one'"):
        rule.remove_target("on")
    rule.remove_target("one")
    rule.delete()
    rule.delete()
    bus.put_event(**PAID)
    lab.run()
    assert not len(queue.messages)
    with pytest.raises(
        ResourceNotFoundException, match="Rule big does not exist on EventBus default"
    ):
        rule.put_target(queue)
    with pytest.raises(ValidationException, match="Cannot delete event bus default"):
        bus.delete()


def test_a_rule_made_anew_while_events_wait(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    lab.faults.service_error("hear", end=2)
    bus.put_rule("big", event_pattern=ALL).put_target("hear")
    bus.put_event(**PAID)
    lab.advance(1)
    bus.rules["big"].remove_target("hear")
    bus.rules["big"].delete()
    bus.put_rule("big", event_pattern=ALL).put_target("hear")
    bus.put_event(**PAID)
    lab.run()
    assert len(seen) == 2


def test_buses(lab: ll.Lab) -> None:
    shop = lab.eventbridge.create_event_bus("shop")
    rule = shop.put_rule("big", event_pattern=ALL)
    assert shop.arn.endswith(":event-bus/shop")
    assert rule.arn.endswith(":rule/shop/big")
    with pytest.raises(
        ResourceAlreadyExistsException, match=r"Event bus shop already exists\..*reset"
    ):
        lab.eventbridge.create_event_bus("shop")
    with pytest.raises(ValidationException, match="can't be deleted since it has rules"):
        shop.delete()
    rule.delete()
    shop.delete()
    assert list(lab.eventbridge) == ["default"]
    with pytest.raises(UnknownName, match="event bus 'defalt'; did you mean 'default'"):
        lab.eventbridge["defalt"]
    with pytest.raises(InvalidSetting, match="1 to 256 letters"):
        lab.eventbridge.create_event_bus("a/b")
    with pytest.raises(UnknownSetting, match="did you mean 'description'"):
        lab.eventbridge.create_event_bus("b", descripton="x")


def test_limits(lab: ll.Lab, bus: EventBus) -> None:
    rule = bus.put_rule("big", event_pattern=ALL)
    for number in range(5):
        rule.put_target(lab.sqs.create_queue(f"q{number}"))
    rule.put_target(lab.sqs["q0"])  # one that is there
    with pytest.raises(LimitExceededException, match="The requested resource exceeds the maximum"):
        rule.put_target(lab.sqs.create_queue("q5"))
    with ll.Lab(quotas={"eventbridge_rules": 1, "eventbridge_buses": 2}) as small:
        small.eventbridge.create_event_bus("b").put_rule("one", event_pattern=ALL)
        with pytest.raises(LimitExceededException):
            small.eventbridge["b"].put_rule("two", event_pattern=ALL)
        with pytest.raises(LimitExceededException):
            small.eventbridge.create_event_bus("c")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"id": "a b"}, InvalidSetting, "1 to 64 letters"),
        ({"maximum_retry_attempts": 186}, InvalidSetting, "0 to 185 retries"),
        ({"maximum_event_age": 59}, InvalidSetting, "60 to 86,400 seconds"),
        ({"dead_letter_queue": "dead.fifo"}, ValidationException, "SQS FIFO is not supported by Dead"),
        ({"dead_letter_queue": "hear"}, ValidationException, "lambda is not supported as a dead letter"),
        ({"retries": 3}, UnknownSetting, "put_target\\(\\) has no setting 'retries'"),
    ],
)  # fmt: skip
def test_what_a_target_cannot_have(
    lab: ll.Lab, bus: EventBus, given: dict[str, Any], error: type[Exception], words: str
) -> None:
    hearing(lab)
    lab.sqs.create_queue("dead.fifo")
    rule = bus.put_rule("big", event_pattern=ALL)
    with pytest.raises(error, match=words):
        rule.put_target(lab.sqs.create_queue("q"), **given)
    assert not rule.targets


def test_targets_that_are_none(lab: ll.Lab, bus: EventBus) -> None:
    rule = bus.put_rule("big", event_pattern=ALL)
    stream = lab.kinesis.create_stream("clicks")
    with pytest.raises(InvalidSetting, match="Kinesis streams are not simulated as targets"):
        rule.put_target(stream)
    with pytest.raises(InvalidSetting, match="API destinations are not simulated"):
        rule.put_target("arn:aws:events:us-east-1:123456789012:api-destination/x/y")
    with pytest.raises(InvalidSetting, match="FIFO targets of rules are not simulated"):
        rule.put_target(lab.sqs.create_queue("o.fifo"))
    with pytest.raises(UnknownName, match="'bil'"):
        rule.put_target("bil")
    with pytest.raises(InvalidSetting, match="a function, a queue"):
        rule.put_target(None)
    with pytest.raises(ValidationException, match="must be different"):
        rule.put_target(bus)
    with pytest.raises(InvalidParameterValueException, match="is invalid"):
        rule.put_target("arn:aws:sqs:us-east-1:123456789012:nobody")
    other = lab.eventbridge.create_event_bus("other")
    with pytest.raises(ValidationException, match="Input not supported for target: other"):
        rule.put_target(other, input={})
    assert not rule.targets
    assert rule.put_target(other.arn).name == "other"


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("create_archive", "archives and replays are not simulated"),
        ("start_replay", "archives and replays are not simulated"),
        ("create_endpoint", "region replicas"), ("create_pipe", "pipes are not"),
        ("create_api_destination", "API destinations are not"), ("nothing", "has no 'nothing'"),
    ],
)  # fmt: skip
def test_what_is_not_simulated_says_so(lab: ll.Lab, verb: str, words: str) -> None:
    with pytest.raises(AttributeError, match=words):
        getattr(lab.eventbridge, verb)


def test_boto3s_name_of_it(lab: ll.Lab) -> None:
    assert lab.events is lab.eventbridge


@pytest.mark.parametrize("name", ["event_bridge", "cloudwatch_events"])
def test_other_names_of_it(lab: ll.Lab, name: str) -> None:
    with pytest.raises(AttributeError, match="did you mean 'eventbridge'"):
        getattr(lab, name)


# ---------------------------------------------------------------------- schedules


def test_a_schedule(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    rule = bus.put_rule("tick", schedule_expression="rate(5 minutes)")
    rule.put_target("hear")
    lab.run(until="11min")
    assert [event["time"] for event in seen] == ["2025-01-07T00:05:00Z", "2025-01-07T00:10:00Z"]
    assert seen[0] | {"id": ""} == {
        "version": "0", "id": "", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "123456789012", "time": "2025-01-07T00:05:00Z", "region": "us-east-1",
        "resources": [rule.arn], "detail": {},
    }  # fmt: skip
    assert rows(lab, "tick->hear")[:2] == [("sent", "scheduled"), ("deleted", "accepted")]
    rule.disable()
    lab.advance("10min")
    assert len(seen) == 2
    rule.enable()
    lab.advance("6min")
    assert len(seen) == 3
    lab.reset()
    lab.run(until="6min")
    assert len(seen) == 4


def test_a_year_of_mondays_at_the_same_hour(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    bus.put_rule("weekly", schedule_expression="cron(0 9 ? * MON *)").put_target("hear")
    lab.run(until="365d")
    assert {event["time"][11:] for event in seen} == {"09:00:00Z"}
    assert len(seen) == 52


def test_schedules_that_are_none(lab: ll.Lab, bus: EventBus) -> None:
    with pytest.raises(
        ValidationException, match=r"ScheduleExpression is not valid.*at character 7"
    ):
        bus.put_rule("tick", schedule_expression="rate(x)")
    with pytest.raises(ValidationException, match="ScheduleExpression is not valid"):
        bus.put_rule("tick", schedule_expression="at(2025-01-07T09:00:00)")
    with pytest.raises(ValidationException, match="must be specified"):
        bus.put_rule("tick")
    shop = lab.eventbridge.create_event_bus("shop")
    with pytest.raises(ValidationException, match="supported only on the default event bus"):
        shop.put_rule("tick", schedule_expression="rate(5 minutes)")
    assert not len(bus.rules)


# ---------------------------------------------------------------------- with the rest of the lab


@pytest.mark.parametrize("good", [True, False])
def test_records_of_functions(lab: ll.Lab, bus: EventBus, good: bool) -> None:
    def work(event: Any, context: Any) -> int:
        return 1 // event["n"]

    lab.create_function("work", work)
    queue = lab.sqs.create_queue("q")
    bus.put_rule("records", event_pattern={"source": ["lambda"]}).put_target(queue)
    lab.put_function_event_invoke_config(
        "work", on_success=bus, on_failure=bus.arn, maximum_retry_attempts=0
    )
    lab.invoke("work", {"n": int(good)}, invocation_type="Event")
    lab.run()
    event = json.loads(queue.receive()[0].body)
    how = "Success" if good else "Failure"
    arn = "arn:aws:lambda:us-east-1:123456789012:function:work:$LATEST"
    assert event["detail-type"] == f"Lambda Function Invocation Result - {how}"
    assert event["resources"] == [bus.arn, arn]
    assert event["detail"]["requestPayload"] == {"n": int(good)}
    assert event["detail"]["requestContext"]["functionArn"] == arn
    assert rows(lab, "default")[0] == ("sent", "destination")


def test_a_handler_puts_events(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    bus.put_rule("all", event_pattern=ALL).put_target("hear")

    @lab.function
    def shop(event: Any, context: Any) -> str:
        return bus.put_event(**PAID).event_id or ""

    reply = lab.invoke(shop, {})
    lab.run()
    assert seen[0]["id"] == reply.payload
    events = lab.trace.queue_events
    assert set(events[events["queue"] == "default"]["request_id"]) == {reply.request_id}


def test_buses_in_a_ring(lab: ll.Lab) -> None:
    first, second = (lab.eventbridge.create_event_bus(name) for name in "ab")
    first.put_rule("on", event_pattern=ALL).put_target(second)
    rule = second.put_rule("back", event_pattern=ALL)
    rule.put_target(first)
    first.put_event(**PAID)
    lab.run()
    assert len(rows(lab, "a")) == 2
    assert rows(lab, "b/back->a") == [("sent", "published"), ("dropped", "third_bus")]
    [lost] = [each for each in lab.trace.findings() if each.kind == "lost events"]
    assert "Let the first bus's own rules name every bus" in lost.advice


def test_buses_in_a_ring_where_events_may_go_on() -> None:
    lab = ll.Lab(seed=7, quotas={"eventbridge_bus_hops": 1_000})
    first, second = (lab.eventbridge.create_event_bus(name) for name in "ab")
    first.put_rule("on", event_pattern=ALL).put_target(second)
    rule = second.put_rule("back", event_pattern=ALL)
    rule.put_target(first)
    first.put_event(**PAID)
    lab.advance(1)
    rule.disable()
    lab.run()
    assert len(rows(lab, "a")) > 6
    lab.audit()


def test_an_event_of_another_bus_goes_to_no_third(lab: ll.Lab) -> None:
    first, second, third = (lab.eventbridge.create_event_bus(name) for name in "abc")
    queue = lab.sqs.create_queue("q")
    first.put_rule("on", event_pattern=ALL).put_target(second)
    rule = second.put_rule("on", event_pattern=ALL)
    rule.put_target(third)
    rule.put_target(queue)
    third.put_rule("on", event_pattern=ALL).put_target(queue)
    first.put_event(**PAID)
    lab.run()
    assert rows(lab, "b/on->c")[-1] == ("dropped", "third_bus")
    assert len(queue.messages) == 1
    assert "c" not in set(lab.trace.queue_events["queue"])


def test_two_rules_to_one_bus(lab: ll.Lab, bus: EventBus) -> None:
    other, queue = lab.eventbridge.create_event_bus("other"), lab.sqs.create_queue("q")
    other.put_rule("all", event_pattern=ALL).put_target(queue)
    for name in ("one", "two"):
        bus.put_rule(name, event_pattern=ALL).put_target(other)
    bus.put_event(**PAID)
    lab.run()
    assert len(queue.messages) == 2


def test_traffic(lab: ll.Lab, bus: EventBus) -> None:
    queue = lab.sqs.create_queue("q")
    bus.put_rule("all", event_pattern={"detail": {"n": [{"exists": True}]}}).put_target(queue)
    lab.drive(bus, ll.Every(1), count=3)
    payload = {"source": "shop", "detail-type": "paid", "detail": {"n": 7}}
    lab.drive(bus, ll.Every(1), count=2, payload=lambda n: payload)
    lab.run()
    events = [json.loads(message.body) for message in queue.receive(10)]
    assert sorted(event["detail"]["n"] for event in events) == [0, 1, 2, 7, 7]
    assert {event["source"] for event in events} == {"lambdalab", "shop"}


def test_reset_keeps_the_wiring(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    bus.put_rule("all", event_pattern=ALL).put_target("hear")
    for _ in range(2):
        bus.put_event(**PAID)
        lab.run()
        assert len(lab.trace.invocations) == 1
        lab.reset()
    assert len(seen) == 2
    bus.put_event(**PAID)  # on its way at the reset
    lab.reset()
    lab.run()
    assert len(seen) == 2


def test_an_alias_as_a_target(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    lab.publish_version("hear")
    lab.create_alias("hear", "live", "1")
    bus.put_rule("all", event_pattern=ALL).put_target("hear:live", id="live")
    assert lab.get_policy("hear", qualifier="live")["Statement"]
    bus.put_event(**PAID)
    lab.run()
    assert len(seen) == 1
    assert lab.trace.invocations["qualifier"].tolist() == ["live"]


def test_what_people_see(lab: ll.Lab, bus: EventBus) -> None:
    assert "bus" not in repr(lab)
    rule: Rule = bus.put_rule("big", event_pattern={"source": ["shop"]})
    assert repr(rule) == '<rule big: {"source":["shop"]} to nobody>'
    assert "<bus default: 1 rule>" in repr(lab)
    offered = {name for name in dir(bus) if not name.startswith("_")}
    assert offered == {
        "arn", "delete", "description", "name", "put_event", "put_events", "put_rule", "rules",
        "test_event_pattern",
    }  # fmt: skip
    assert {"put_target", "remove_target", "enable", "disable", "delete", "targets"} <= set(
        dir(rule)
    )
    assert bus._repr_html_().startswith("<pre>")


def test_a_target_put_again_in_another_run(lab: ll.Lab, bus: EventBus) -> None:
    seen = hearing(lab)
    rule = bus.put_rule("all", event_pattern=ALL)
    rule.put_target("hear")
    lab.faults.service_error("hear", end=2)
    bus.put_event(**PAID)
    lab.advance(1)
    rule.remove_target("hear")
    lab.reset()
    rule.put_target("hear")
    bus.put_event(**PAID)
    lab.run()
    assert len(seen) == 1


def test_verbs_are_found_and_targets_taken_as_such(lab: ll.Lab, bus: EventBus) -> None:
    with pytest.raises(AttributeError, match=r"lab\.eventbridge\['default'\]\.put_events"):
        lab.eventbridge.put_events([])
    hearing(lab)
    rule = bus.put_rule("all", event_pattern=ALL)
    rule.remove_target(rule.put_target("hear"))  # type: ignore[arg-type]
    assert not rule.targets
    with pytest.raises(UnknownName, match="target"):
        rule.remove_target([])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), "NaN", {"a": float("inf")}])
def test_what_is_no_json_is_no_input(lab: ll.Lab, bus: EventBus, value: object) -> None:
    hearing(lab)
    rule = bus.put_rule("all", event_pattern=ALL)
    with pytest.raises((InvalidSetting, ValidationException), match="JSON"):
        rule.put_target("hear", input=value)
    assert not rule.targets
