"""Services that hand events over and go on: what they try again, for how long, and where it ends."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, LimitExceededException, ServiceError
from tests.fidelity.shapes import arn

DAY = 86_400
ALL: dict[str, Any] = {"source": [{"prefix": ""}]}


def waits(lab: ll.Lab) -> list[float]:
    """Seconds between the tries of the one event that there is."""
    at = [each.timestamp() for each in lab.trace.requests["sent_at"]]
    return [round(later - earlier, 6) for earlier, later in itertools.pairwise(at)]


def ends(lab: ll.Lab, queue: str) -> tuple[str, str]:
    rows = lab.trace.queue_events
    last = rows[rows["queue"] == queue].iloc[-1]
    return str(last["action"]), str(last["cause"])


def attributes(message: Any) -> dict[str, str]:
    return {name: value for name, (_, value) in message.attributes.items()}


# ---------------------------------------------------------------------- all of them


def wire(lab: ll.Lab, service: str) -> None:
    """Let a service hand one event to the function ``f``."""
    if service == "sns":
        topic = lab.sns.create_topic("t")
        topic.subscribe("f")
        topic.publish("x")
    elif service == "s3":
        bucket = lab.s3.create_bucket("photos")
        bucket.notify("f")
        bucket.put_object("k", b"x")
    elif service == "events":
        bus = lab.eventbridge["default"]
        bus.put_rule("r", event_pattern=ALL).put_target("f")
        bus.put_event(source="s", detail_type="d", detail={})
    elif service == "scheduler":
        lab.scheduler.create_schedule("s", "at(2025-01-07T00:00:01)", "f")
    elif service == "logs":
        lab.create_function("g", duration=0.1)
        lab.logs.put_subscription_filter("/aws/lambda/g", "f", filter_pattern="REPORT")
        lab.invoke("g")
    elif service == "codecommit":
        repository = lab.codecommit.create_repository("r")
        repository.put_trigger("t", "f")
        repository.push("main")
    elif service == "cloudformation":
        resource = {"Type": "Custom::X", "ServiceToken": "f"}
        lab.cloudformation.create_stack("s", {"X": resource}, service_timeout=3600)
    else:
        lab.config.put_config_rule("n", "f", resource_types=["t"])
        lab.config.record("t", "x")


SERVICES = ("sns", "s3", "events", "scheduler", "logs", "codecommit", "cloudformation", "config")


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_an_event_and_its_failure_is_invisible(lab: ll.Lab, service: str) -> None:
    """Lambda's 202 is all that the service hears; the two retries are Lambda's own."""
    lab.create_function("f", duration=0.1, failure_rate=1)
    wire(lab, service)
    lab.run(until="10min")
    runs = lab.trace.invocations[lab.trace.invocations.function == "f"]
    assert list(runs.invocation_type) == ["Event"]
    assert list(runs.attempts) == [3]
    sent = lab.trace.requests[lab.trace.requests.request_id == runs.request_id.iloc[0]]
    assert list(sent.status_code) == [202]


@pytest.mark.parametrize("service", SERVICES)
def test_a_refused_event_comes_again(lab: ll.Lab, service: str) -> None:
    lab.create_function("f", duration=0.1)
    lab.faults.service_error("f", end=2.5)
    wire(lab, service)
    lab.run(until="10min")
    runs = lab.trace.invocations[lab.trace.invocations.function == "f"]
    assert list(runs.status)[-1] == "succeeded"
    statuses = [each for each in lab.trace.requests.status_code if each != 200]  # one's own call
    assert statuses == [500] * (len(statuses) - 1) + [202]
    assert len(statuses) > 1


def test_services_may_send_any_number_of_events() -> None:
    """Ten a second for each unit of concurrency are for callers outside AWS."""
    lab = ll.Lab(seed=7, quotas={"account_concurrency": 1, "unreserved_minimum": 0})
    lab.create_function("f", duration=0.001)
    topic = lab.sns.create_topic("t")
    topic.subscribe("f")
    for _ in range(50):
        topic.publish("x")
    lab.run(until=1)
    assert list(lab.trace.requests.status_code) == [202] * 50


def test_the_text_of_a_403(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    bus, dead = lab.eventbridge["default"], lab.sqs.create_queue("dead")
    bus.put_rule("r", event_pattern=ALL).put_target("f", dead_letter_queue=dead)
    lab.remove_permission("f")
    bus.put_event(source="s", detail_type="d", detail={})
    lab.run()
    [letter] = dead.receive()
    assert attributes(letter)["ERROR_MESSAGE"] == (
        "User: events.amazonaws.com is not authorized to perform: lambda:InvokeFunction on "
        f"resource: {arn('lambda', 'function:f')}"
    )
    assert list(lab.trace.requests.status_code) == [403]


# ---------------------------------------------------------------------- S3


def test_s3_tells_each_write_by_itself_and_at_least_once(lab: ll.Lab) -> None:
    seen: list[Any] = []
    lab.create_function("f", lambda event, context: seen.append(event))
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("f")
    lab.faults.service_error("f", end=300)
    for number in range(5):
        bucket.put_object(f"{number}", b"x")
    lab.run()
    assert {len(event["Records"]) for event in seen} == {1}
    keys = sorted(event["Records"][0]["s3"]["object"]["key"] for event in seen)
    assert keys == ["0", "1", "2", "3", "4"]
    quick = ll.Lab(seed=7)
    quick.create_function("f", duration=0.1)
    wire(quick, "s3")
    quick.run()
    waited = quick.trace.requests.sent_at.iloc[0] - quick.trace.start
    assert 0 < waited.total_seconds() <= 5, "typically seconds"


# ---------------------------------------------------------------------- SNS


def test_sns_tries_100015_times_in_23_days(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    topic, dead = lab.sns.create_topic("t"), lab.sqs.create_queue("dead")
    topic.subscribe("f", dead_letter_queue=dead)
    lab.faults.service_error("f")
    topic.publish("x")
    lab.run()
    told = waits(lab)
    assert len(told) + 1 == 100_015
    assert 23 * DAY <= sum(told) < 24 * DAY
    assert told[:2] == [0, 0], "three at once"
    assert all(abs(wait - 1) <= 0.05 for wait in told[2:4]), "two after a second"
    backoff = told[4:14]
    assert backoff[0] < 1.1 < backoff[2] < backoff[5] < backoff[-1] <= 21
    assert backoff[-1] >= 19
    assert all(abs(wait - 20) <= 1 for wait in told[14:])
    assert len(set(told[14:40])) > 10, "with jitter"
    [letter] = dead.receive()
    assert letter.json()["Message"] == "x"
    assert ends(lab, "t->f") == ("dead_lettered", "retries_exhausted")


def test_sns_tries_only_errors_of_the_server_again(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    topic, dead = lab.sns.create_topic("t"), lab.sqs.create_queue("dead")
    kept = topic.subscribe("f", dead_letter_queue=dead)
    lab.remove_permission("f")
    topic.publish("x")
    lab.run()
    assert (len(lab.trace.requests), dead.depth) == (1, 1)
    kept.update(dead_letter_queue=None)
    topic.publish("y")
    lab.run()
    assert ends(lab, "t->f") == ("dropped", "permission_denied")


@pytest.mark.parametrize("rules", ["2023-12-01", "2025-01-07", "latest"])
def test_messages_of_sns_have_256_kb_throughout(rules: str) -> None:
    topic = ll.Lab(seed=7, rules=rules).sns.create_topic("t")
    topic.publish("x" * 256 * 1024)
    with pytest.raises(ServiceError, match="too long"):
        topic.publish("x" * (256 * 1024 + 1))


# ---------------------------------------------------------------------- EventBridge and its Scheduler


def test_a_rules_target_is_tried_for_a_day(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    bus = lab.eventbridge["default"]
    bus.put_rule("r", event_pattern=ALL).put_target("f")
    lab.faults.service_error("f")
    bus.put_event(source="s", detail_type="d", detail={})
    lab.run()
    told = waits(lab)
    assert len(told) <= 185
    assert 0.9 * DAY < sum(told) <= DAY
    assert told[0] < told[4] < told[8] < told[-1]
    assert len(set(told)) == len(told), "with jitter"
    assert ends(lab, "r->f")[0] in ("dropped", "expired"), "and then it is lost"


@pytest.mark.parametrize("made", ["rule", "schedule"])
def test_retry_policies_of_targets(lab: ll.Lab, made: str) -> None:
    """0 to 185 retries, 60 to 86,400 s; then the dead-letter queue."""
    lab.create_function("f", duration=0.1)
    dead = lab.sqs.create_queue("dead")
    bus = lab.eventbridge["default"]
    rule = bus.put_rule("r", event_pattern=ALL)

    def make(**policy: Any) -> None:
        if made == "rule":
            rule.put_target("f", dead_letter_queue=dead, **policy)
        else:
            when = "at(2025-01-07T00:00:01)"
            lab.scheduler.create_schedule("s", when, "f", dead_letter_queue=dead, **policy)

    for wrong in (-1, 186):
        with pytest.raises(InvalidSetting, match="maximum_retry_attempts"):
            make(maximum_retry_attempts=wrong)
    for wrong in (59, 86_401):
        with pytest.raises(InvalidSetting, match="maximum_event_age"):
            make(maximum_event_age=wrong)
    make(maximum_retry_attempts=1)
    lab.faults.service_error("f")
    bus.put_event(source="s", detail_type="d", detail={})
    lab.run(until=DAY)
    assert (len(lab.trace.requests), dead.depth) == (2, 1)
    [letter] = dead.receive()
    assert attributes(letter)["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_a_schedules_target_is_tried_for_a_day(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    lab.faults.service_error("f")
    made = lab.scheduler.create_schedule("s", "at(2025-01-07T00:00:01)", "f")
    told = made.get()
    assert (told["maximum_retry_attempts"], told["maximum_event_age"]) == (185, 86_400)
    lab.run(until=2 * DAY)
    assert len(waits(lab)) <= 185
    assert 0.9 * DAY < sum(waits(lab)) <= DAY


def test_a_flexible_window_is_refused_by_name(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    with pytest.raises(InvalidSetting, match="flexible"):
        lab.scheduler.create_schedule("s", "rate(1 hour)", "f", flexible_time_window=window)


def test_rules_count_in_utc_and_schedules_in_a_time_zone() -> None:
    """Across the changes of 2025 in Berlin: 02:30 on 30 March is not, on 26 October is twice."""
    lab = ll.Lab(seed=7, start="2025-03-29")
    lab.create_function("f", duration=0.1)
    lab.eventbridge["default"].put_rule("r", schedule_expression="cron(30 2 * * ? *)").put_target(
        "f"
    )
    lab.scheduler.create_schedule(
        "s", "cron(30 2 * * ? *)", "f", schedule_expression_timezone="Europe/Berlin"
    )
    lab.run(until="2025-04-01")
    sent = lab.trace.requests
    by = {who: [f"{at:%d %H:%M}" for at in rows.sent_at.dt.round("1min")]
          for who, rows in sent.groupby("caller", observed=True)}  # fmt: skip
    assert by["r->f"] == ["29 02:30", "30 02:30", "31 02:30"]
    assert by["schedule s->f"] == ["29 01:30", "31 00:30"]
    autumn = ll.Lab(seed=7, start="2025-10-25T12:00:00")
    autumn.create_function("f", duration=0.1)
    autumn.scheduler.create_schedule(
        "s", "cron(30 2 * * ? *)", "f", schedule_expression_timezone="Europe/Berlin"
    )
    autumn.run(until="2025-10-26T12:00:00")
    assert len(autumn.trace.requests) == 1


# ---------------------------------------------------------------------- logs, stacks


def test_a_subscription_tries_for_a_day(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    lab.faults.service_error("f")
    wire(lab, "logs")
    lab.run()
    assert 0.99 * DAY < lab.elapsed <= DAY + 60
    assert ends(lab, "/aws/lambda/g->f") == ("expired", "event_age_exceeded")


@pytest.mark.parametrize("why", ["permission", "gone"])
def test_what_no_retry_mends_puts_a_filter_to_sleep(lab: ll.Lab, why: str) -> None:
    lab.create_function("f", duration=0.1)
    lab.create_function("g", duration=0.1)
    lab.logs.put_subscription_filter("/aws/lambda/g", "f", filter_pattern="REPORT")
    if why == "permission":
        lab.remove_permission("f")
    else:
        lab.delete_function("f")
    lab.invoke("g")
    lab.run()
    if why == "gone":
        lab.create_function("f", duration=0.1)
    lab.add_permission("f", "again", principal="logs.amazonaws.com")
    for wait in (0, 590):
        lab.advance(wait)
        lab.invoke("g")
        lab.run()
        own = lab.trace.invocations
        refused = 403 if why == "permission" else 404
        assert list(own[own.function == "f"].status_code) == [refused], "it sleeps"
    lab.advance(20)
    lab.invoke("g")
    lab.run()
    own = lab.trace.invocations
    assert len(own[(own.function == "f") & (own.status == "succeeded")]) == 1, "it skipped two"


def test_subscriptions_are_two_and_come_within_three_minutes(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    wire(lab, "logs")
    lab.run()
    began = lab.trace.invocations.requested_at
    assert 0 < (began.iloc[1] - began.iloc[0]).total_seconds() < 180
    lab.logs.put_subscription_filter("/aws/lambda/g", "f", name="two")
    with pytest.raises(LimitExceededException):
        lab.logs.put_subscription_filter("/aws/lambda/g", "f", name="three")


def test_a_stack_waits_for_an_answer_an_hour_or_as_told(lab: ll.Lab) -> None:
    lab.create_function("silent", lambda event, context: None)
    template = {"X": {"Type": "Custom::X", "ServiceToken": "silent"}}
    stack = lab.cloudformation.create_stack("s", template, disable_rollback=True)
    lab.run(until=3599)
    assert stack.status == "CREATE_IN_PROGRESS"
    lab.run()
    assert (stack.status, round(lab.elapsed)) == ("CREATE_FAILED", 3600)
    for wrong in (0, 3601):
        with pytest.raises((InvalidSetting, ServiceError)):
            lab.cloudformation.create_stack("t", template, service_timeout=wrong)
    short = lab.cloudformation.create_stack("t", template, service_timeout=1, disable_rollback=True)
    lab.run()
    assert short.status == "CREATE_FAILED"


def test_an_answer_is_put_to_the_address_in_the_event(lab: ll.Lab) -> None:
    import urllib.request

    def handler(event: Any, context: Any) -> int:
        told = {
            "Status": "SUCCESS", "PhysicalResourceId": "x-1", "StackId": event["StackId"],
            "RequestId": event["RequestId"], "LogicalResourceId": "X", "Data": {"n": "1"},
        }  # fmt: skip
        body = json.dumps(told).encode()
        request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)

    lab.create_function("make", handler)
    stack = lab.cloudformation.create_stack("s", {"X": {"ServiceToken": "make"}})
    lab.run()
    assert stack.status == "CREATE_COMPLETE"
    assert (stack.resources["X"].physical_id, stack.resources["X"].data) == ("x-1", {"n": "1"})
