"""EventBridge Scheduler: what is invoked, with what, when, and what happens where it cannot be."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.errors import (
    ConflictException,
    InvalidSetting,
    ResourceNotFoundException,
    UnknownName,
    UnknownSetting,
    ValidationException,
)

HOUR, DAY = 3_600, 86_400
ARN = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/it"


@pytest.fixture
def got(lab: ll.Lab) -> list[Any]:
    """What the function ``bill`` is invoked with."""
    events: list[Any] = []

    @lab.function
    def bill(event: Any, context: object) -> None:
        events.append(event)

    return events


def _sent(lab: ll.Lab) -> list[float]:
    """When the schedules' tries were, in seconds since the lab's start."""
    start = pd.Timestamp("2025-01-07", tz="UTC")
    return [(at - start).total_seconds() for at in lab.trace.requests["sent_at"]]


def actions(lab: ll.Lab, queue: str = "schedule it->bill") -> list[str]:
    events = lab.trace.queue_events
    return [str(a) for a in events[events["queue"] == queue]["action"]]


# ---------------------------------------------------------------- firing


def test_a_function_is_invoked_asynchronously_with_an_empty_event(
    lab: ll.Lab, got: list[Any]
) -> None:
    made = lab.scheduler.create_schedule("it", "cron(0 9 * * ? *)", "bill")
    lab.run(until=DAY)
    assert got == [{}]
    (row,) = lab.trace.requests.to_dict("records")
    assert (row["caller"], row["status_code"], row["cause"]) == (
        "schedule it->bill",
        202,
        "accepted",
    )
    (call,) = lab.trace.invocations.to_dict("records")
    assert (call["invocation_type"], call["source"]) == ("Event", "schedule it->bill")
    assert _sent(lab) == [9 * HOUR]
    assert actions(lab) == ["sent", "deleted"]
    assert repr(made) == "<schedule it: cron(0 9 * * ? *) -> bill>"
    assert made.arn == ARN
    assert made.state == "ENABLED"
    assert f"{made.next_at}" == "2025-01-08 09:00:00+00:00"


def test_it_needs_no_permission_of_the_function(lab: ll.Lab, got: list[Any]) -> None:
    lab.scheduler.create_schedule("it", "rate(1 day)", "bill")
    assert lab.get_policy("bill")["Statement"] == []
    lab.run(until=1)
    assert got == [{}]


def test_a_rate_fires_at_once_and_then_regularly(lab: ll.Lab, got: list[Any]) -> None:
    lab.run(until=100)
    lab.scheduler.create_schedule("it", "rate(5 minutes)", "bill")
    lab.run(until=1_000)
    assert _sent(lab) == [100, 400, 700, 1_000]


def test_a_start_date_is_the_first_firing_of_a_rate(lab: ll.Lab, got: list[Any]) -> None:
    lab.scheduler.create_schedule(
        "it", "rate(1 day)", "bill", start_date="2025-01-08T06:00:00", end_date="2025-01-10"
    )
    lab.run(until=10 * DAY)
    assert _sent(lab) == [DAY + 6 * HOUR, 2 * DAY + 6 * HOUR]


def test_once_and_gone(lab: ll.Lab, got: list[Any]) -> None:
    once = lab.scheduler.create_schedule(
        "it", "at(2025-01-07T10:00:00)", "bill",
        schedule_expression_timezone="Europe/Berlin", action_after_completion="DELETE",
    )  # fmt: skip
    kept = lab.scheduler.create_schedule("kept", "at(2025-01-07T10:00:00)", "bill")
    lab.run(until=DAY)
    assert _sent(lab) == [9 * HOUR, 10 * HOUR]
    assert "it" not in lab.scheduler
    assert once.state == "DELETED"
    assert kept.state == "ENABLED"
    assert kept.next_at is None
    assert lab.trace.wired("schedule")["it"]["state"] == "DELETED"
    lab.reset()  # a further run of the same wiring
    assert once.state == "ENABLED"
    lab.run(until=DAY)
    assert len(lab.trace.invocations) == 2


def test_one_that_ends_is_deleted_after_its_last_firing(lab: ll.Lab, got: list[Any]) -> None:
    lab.scheduler.create_schedule(
        "it", "rate(1 hour)", "bill", end_date=2.5 * HOUR, action_after_completion="DELETE"
    )
    lab.scheduler.create_schedule("on", "rate(1 hour)", "bill", action_after_completion="DELETE")
    lab.run(until=4 * HOUR + 1)
    assert list(lab.scheduler) == ["on"]
    assert len(got) == 3 + 5


def test_the_input_and_its_keywords(lab: ll.Lab, got: list[Any]) -> None:
    told = {
        "arn": "<aws.scheduler.schedule-arn>",
        "time": "<aws.scheduler.scheduled-time>",
        "id": "<aws.scheduler.execution-id>",
        "try": "<aws.scheduler.attempt-number>",
        "twice": "<aws.scheduler.attempt-number>, <aws.scheduler.attempt-number>",
    }
    lab.scheduler.create_schedule("it", "cron(0 9 ? * MON *)", "bill", input=told)
    lab.run(until=14 * DAY)
    first, second = got
    assert len(first["id"]) == 16
    assert first["id"] != second["id"]
    assert first | {"id": ""} == {
        "arn": ARN, "time": "2025-01-13T09:00:00Z", "id": "", "try": "1", "twice": "1, 1",
    }  # fmt: skip
    assert second["time"] == "2025-01-20T09:00:00Z"


def test_disabled_ones_do_not_fire(lab: ll.Lab, got: list[Any]) -> None:
    made = lab.scheduler.create_schedule("it", "rate(1 hour)", "bill", state="DISABLED")
    assert repr(made).endswith("-> bill · DISABLED>")
    assert str(lab.run()) == "ran 0 s, to 2025-01-07 00:00:00"
    lab.run(until=DAY)
    assert got == []
    made.update("rate(1 hour)", "bill")
    assert "schedule 'it' goes on" in str(lab.run())
    lab.run(until=DAY + HOUR + 1)
    assert len(got) == 2


def test_other_targets(lab: ll.Lab) -> None:
    jobs = lab.sqs.create_queue("jobs")
    lab.scheduler.create_schedule(
        "it", "rate(1 day)", jobs, input="go at <aws.scheduler.scheduled-time>"
    )
    lab.run(until=1)
    (message,) = jobs.receive()
    assert message.body == "go at 2025-01-07T00:00:00Z"
    assert actions(lab, "schedule it->jobs") == ["sent", "deleted"]


def test_a_bus_gets_an_event(lab: ll.Lab, got: list[Any]) -> None:
    bus = lab.eventbridge["default"]
    bus.put_rule("night", event_pattern={"source": ["shop"]}).put_target("bill")
    lab.scheduler.create_schedule(
        "it", "at(2025-01-07T01:00:00)", bus, input={"at": "<aws.scheduler.scheduled-time>"},
        event_bridge_parameters={"source": "shop", "detail_type": "closing"},
    )  # fmt: skip
    lab.run(until=DAY)
    (event,) = got
    assert (event["source"], event["detail-type"]) == ("shop", "closing")
    assert event["detail"] == {"at": "2025-01-07T01:00:00Z"}
    assert event["resources"] == [ARN]
    wrong: list[dict[str, Any]] = [
        {}, {"event_bridge_parameters": {"source": "shop"}},
        {"event_bridge_parameters": {"source": "aws.s3", "detail_type": "x"}},
        {"event_bridge_parameters": {"source": "shop", "detail_type": "x"}, "input": [1]},
    ]  # fmt: skip
    for settings in wrong:
        with pytest.raises(InvalidSetting, match=r"event_bridge_parameters|an object"):
            lab.scheduler.create_schedule("other", "rate(1 day)", bus, **settings)
    words = {"source": "shop", "detail_type": "x"}
    with pytest.raises(InvalidSetting, match="nothing for other targets"):
        lab.scheduler.create_schedule("other", "rate(1 day)", "bill", event_bridge_parameters=words)


def test_a_topic_gets_a_message(lab: ll.Lab, got: list[Any]) -> None:
    topic = lab.sns.create_topic("nights")
    topic.subscribe("bill")
    lab.scheduler.create_schedule("it", "at(2025-01-07T01:00:00)", topic, input="good night")
    lab.run(until=DAY)
    assert got[0]["Records"][0]["Sns"]["Message"] == "good night"


def test_a_handler_may_make_a_schedule(lab: ll.Lab, got: list[Any]) -> None:
    @lab.function
    def remind(event: Any, context: object) -> None:
        lab.scheduler.create_schedule("it", "at(2025-01-07T00:10:00)", "bill", input={"n": event})

    lab.invoke(remind, 5)
    lab.run(until=HOUR)
    assert got == [{"n": 5}]


# ---------------------------------------------------------------- failing


def test_a_target_that_cannot_be_had_is_tried_again(lab: ll.Lab, got: list[Any]) -> None:
    lab.faults.service_error("bill", end=100)
    lab.scheduler.create_schedule(
        "it", "at(2025-01-07T00:01:00)", "bill", input={"try": "<aws.scheduler.attempt-number>"}
    )
    lab.run()
    assert got == []  # it did not wait for the schedule
    lab.run(until=HOUR)
    tries = len(lab.trace.requests)
    assert got == [{"try": str(tries)}]
    assert 5 <= tries <= 9
    at = _sent(lab)
    waits = [later - earlier for earlier, later in itertools.pairwise(at)]
    for n, wait in enumerate(waits):
        assert 2**n / 2 <= wait <= 2**n


def test_after_the_last_retry_the_dead_letter_queue_has_it(lab: ll.Lab, got: list[Any]) -> None:
    failed = lab.sqs.create_queue("failed")
    lab.faults.service_error("bill")
    lab.scheduler.create_schedule(
        "it", "at(2025-01-07T00:01:00)", "bill", input={"n": 1}, maximum_retry_attempts=2,
        dead_letter_queue=failed,
    )  # fmt: skip
    lab.run(until=DAY)
    assert actions(lab) == ["sent", "retry_scheduled", "retry_scheduled", "dead_lettered"]
    (message,) = failed.receive()
    assert json.loads(message.body) == {"n": 1}
    told = _attributes(message)
    assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert told["RETRY_ATTEMPTS"] == "2"
    assert told["ERROR_CODE"] == "ServiceException"
    assert told["SCHEDULE_ARN"] == ARN
    assert told["SCHEDULED_TIME"] == "2025-01-07T00:01:00Z"
    assert told["TARGET_ARN"].endswith(":function:bill")


def _attributes(message: Any) -> dict[str, str]:
    return {name: value for name, (_, value) in message.attributes.items()}


def test_a_firing_that_grows_too_old_is_given_up(lab: ll.Lab, got: list[Any]) -> None:
    failed = lab.sqs.create_queue("failed")
    lab.faults.service_error("bill")
    lab.scheduler.create_schedule(
        "it", "at(2025-01-07T00:01:00)", "bill", maximum_event_age=60, dead_letter_queue="failed"
    )
    lab.run(until=DAY)
    assert _sent(lab)[-1] <= 120
    (message,) = failed.receive()
    assert _attributes(message)["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"


def test_24_hours_or_185_retries(lab: ll.Lab, got: list[Any]) -> None:
    lab.faults.service_error("bill")
    lab.scheduler.create_schedule("it", "at(2025-01-07T00:01:00)", "bill")
    lab.run(until=3 * DAY)
    assert 170 <= len(lab.trace.requests) <= 186
    assert 0.95 * DAY < _sent(lab)[-1] <= DAY + 60
    assert actions(lab)[-1] in ("dropped", "expired")


def test_a_function_that_is_gone_is_not_tried_again(lab: ll.Lab, got: list[Any]) -> None:
    failed = lab.sqs.create_queue("failed")
    lab.scheduler.create_schedule("it", "rate(1 day)", "bill", dead_letter_queue=failed)
    lab.delete_function("bill")
    lab.run(until=1)
    assert lab.trace.requests["status_code"].tolist() == [404]
    (message,) = failed.receive()
    assert _attributes(message)["ERROR_CODE"] == "ResourceNotFoundException"
    assert "EXHAUSTED_RETRY_CONDITION" not in _attributes(message)


# ---------------------------------------------------------------- changing


def test_updating_sets_everything_anew(lab: ll.Lab, got: list[Any]) -> None:
    other: list[Any] = []

    @lab.function
    def note(event: Any, context: object) -> None:
        other.append(event)

    made = lab.scheduler.create_schedule("it", "rate(1 hour)", "bill", input={"a": 1})
    lab.run(until=1.5 * HOUR)
    same = lab.scheduler.update_schedule("it", "rate(2 hours)", "note")
    assert same is made
    assert made.get()["input"] == "{}"  # by default again, as on AWS
    lab.run(until=6 * HOUR)
    assert got == [{"a": 1}] * 2
    assert other == [{}] * 3  # its rate counts anew: at 1.5, 3.5 and 5.5 hours
    made.update("rate(1 hour)", "bill")
    lab.run(until=6.5 * HOUR)
    assert len(got) == 3
    assert actions(lab) == ["sent", "deleted"] * 3


def test_a_wrong_update_changes_nothing(lab: ll.Lab, got: list[Any]) -> None:
    made = lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")
    before = made.get()
    with pytest.raises(ValidationException):
        made.update("rate(1 hours)", "bill")
    assert made.get() == before
    lab.run(until=HOUR + 1)
    assert len(got) == 2


def test_deleting(lab: ll.Lab, got: list[Any]) -> None:
    made = lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")
    lab.run(until=1)
    made.delete()
    assert made.state == "DELETED"
    assert list(lab.scheduler) == []
    lab.run(until=DAY)
    assert len(got) == 1
    with pytest.raises(ResourceNotFoundException, match="Schedule it does not exist"):
        lab.scheduler.delete_schedule("it")
    lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")
    lab.run(until=DAY + 1)
    assert len(got) == 2
    lab.reset()
    lab.run(until=1)
    assert len(got) == 3


def test_what_waits_for_a_retry_goes_on(lab: ll.Lab, got: list[Any]) -> None:
    lab.faults.service_error("bill", end=100)
    made = lab.scheduler.create_schedule("it", "rate(1 day)", "bill")
    lab.run(until=50)
    made.delete()
    lab.run(until=HOUR)
    assert got == [{}]


def test_a_further_run_is_the_same(lab: ll.Lab, got: list[Any]) -> None:
    lab.faults.service_error("bill", end=100)
    lab.scheduler.create_schedule(
        "it", "rate(1 hour)", "bill", input='["<aws.scheduler.execution-id>"]'
    )
    lab.run(until=DAY)
    first, digest = list(got), lab.trace.digest()
    got.clear()
    lab.reset()
    lab.run(until=DAY)
    assert got == first
    assert lab.trace.digest() == digest


def test_get_and_the_books(lab: ll.Lab, got: list[Any]) -> None:
    failed = lab.sqs.create_queue("failed")
    lab.scheduler.create_schedule(
        "it", "cron(0 9 ? * MON *)", "bill", schedule_expression_timezone="Europe/Berlin",
        start_date="2025-02-01", dead_letter_queue=failed, maximum_retry_attempts=3,
        description="weekly",
    )  # fmt: skip
    told = lab.scheduler.get_schedule("it")
    assert told == {
        "name": "it", "arn": ARN, "schedule_expression": "cron(0 9 ? * MON *)",
        "schedule_expression_timezone": "Europe/Berlin",
        "target": "arn:aws:lambda:us-east-1:123456789012:function:bill", "input": "{}",
        "start_date": "2025-02-01T00:00:00Z", "end_date": None, "state": "ENABLED",
        "maximum_retry_attempts": 3, "maximum_event_age": 86_400, "dead_letter_queue": "failed",
        "action_after_completion": "NONE", "description": "weekly",
        "event_bridge_parameters": None,
    }  # fmt: skip
    assert lab.trace.wired("schedule")["it"]["dead_letter_queue"] == "failed"
    assert "<schedule it: cron(0 9 ? * MON *) Europe/Berlin -> bill>" in repr(lab)
    assert "<schedule it:" in repr(lab.scheduler)
    assert [n for n in dir(lab.scheduler) if not n.startswith("_")] == [
        "create_schedule", "delete_schedule", "get_schedule", "update_schedule",
    ]  # fmt: skip


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"name": "a b"}, InvalidSetting, "1 to 64 letters"),
        ({"name": "x" * 65}, InvalidSetting, "1 to 64 letters"),
        ({"name": 5}, InvalidSetting, "1 to 64 letters"),
        ({"schedule_expression": "rate(1 hours)"}, ValidationException, "at character 8"),
        ({"schedule_expression": "cron(0 9 ? * MON" + " " * 250 + "*)"}, InvalidSetting, "at most 256"),
        ({"schedule_expression": "at(2025-01-06T23:59:59)"}, ValidationException, "never fire"),
        ({"schedule_expression": None}, ValidationException, "at character 1"),
        ({"schedule_expression_timezone": "Mars"}, InvalidSetting, "IANA"),
        ({"schedule_expression": "at(2025-03-30T02:30:00)",
          "schedule_expression_timezone": "Europe/Berlin"},
         ValidationException, "no such time in Europe/Berlin"),
        ({"target": "bil"}, UnknownName, "did you mean 'bill'"),
        ({"target": None}, InvalidSetting, "a function, queue"),
        ({"target": "orders.fifo"}, InvalidSetting, "no FIFO"),
        ({"input": "{"}, InvalidSetting, "well-formed JSON"),
        ({"input": ""}, InvalidSetting, "1 to 262,144 bytes"),
        ({"input": "x" * 262_145}, InvalidSetting, "1 to 262,144 bytes"),
        ({"start_date": "2025-01-06"}, InvalidSetting, "start_date"),
        ({"end_date": 0}, InvalidSetting, "after now"),
        ({"start_date": 100, "end_date": 50}, InvalidSetting, "after start_date"),
        ({"state": "on"}, InvalidSetting, "ENABLED, DISABLED"),
        ({"action_after_completion": "delete"}, InvalidSetting, "NONE, DELETE"),
        ({"maximum_retry_attempts": 186}, InvalidSetting, "from 0 to 185"),
        ({"maximum_retry_attempts": -1}, InvalidSetting, "from 0 to 185"),
        ({"maximum_retry_attempts": True}, InvalidSetting, "from 0 to 185"),
        ({"maximum_event_age": 59}, InvalidSetting, "from 60 to 86,400"),
        ({"maximum_event_age": 86_401}, InvalidSetting, "from 60 to 86,400"),
        ({"dead_letter_queue": "bill"}, InvalidSetting, "a standard SQS queue"),
        ({"description": 5}, InvalidSetting, "a text"),
        ({"flexible_time_window": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}}, InvalidSetting,
         "flexible time windows are not simulated"),
        ({"group_name": "mine"}, InvalidSetting, "schedule groups are not simulated"),
        ({"schedule_timezone": "UTC"}, UnknownSetting, "did you mean 'schedule_expression_timezone'"),
    ],
)  # fmt: skip
def test_what_is_refused(
    lab: ll.Lab, got: list[Any], settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    given = {"name": "it", "schedule_expression": "rate(1 hour)", "target": "bill"} | settings
    with pytest.raises(error, match=words):
        lab.scheduler.create_schedule(**given)
    assert list(lab.scheduler) == []
    assert "goes on" not in str(lab.run())


def test_flexible_windows_may_be_off(lab: ll.Lab, got: list[Any]) -> None:
    for n, off in enumerate(("OFF", {"Mode": "OFF"})):
        lab.scheduler.create_schedule(f"s{n}", "rate(1 hour)", "bill", flexible_time_window=off)


def test_a_start_date_may_be_five_minutes_ago(lab: ll.Lab, got: list[Any]) -> None:
    lab.run(until=1_000)
    with pytest.raises(ValidationException, match="cannot be earlier than 5 minutes ago"):
        lab.scheduler.create_schedule("it", "rate(1 hour)", "bill", start_date=699)
    lab.scheduler.create_schedule("it", "rate(10 minutes)", "bill", start_date=700)
    lab.run(until=1_400)
    assert _sent(lab) == [1_300]


def test_a_second_one_of_the_name_conflicts(lab: ll.Lab, got: list[Any]) -> None:
    lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")
    with pytest.raises(ConflictException, match=r"already exists.*update_schedule") as caught:
        lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")
    assert caught.value.status_code == 409
    with pytest.raises(ResourceNotFoundException, match="did you mean 'it'"):
        lab.scheduler.update_schedule("its", "rate(1 hour)", "bill")


def test_a_closed_lab_refuses(lab: ll.Lab, got: list[Any]) -> None:
    lab.close()
    with pytest.raises(ll.LabError, match="closed"):
        lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")


def test_a_reset_outlives_a_function_that_is_gone(lab: ll.Lab, got: list[Any]) -> None:
    lab.scheduler.create_schedule("it", "rate(1 hour)", "bill")
    lab.delete_function("bill")
    lab.reset()
    lab.run(until=HOUR / 2)
    assert actions(lab) == ["sent", "dropped"]
    assert set(lab.trace.requests["cause"]) == {"target_gone"}


def test_schedules_keep_their_order_over_a_reset(lab: ll.Lab, got: list[Any]) -> None:
    for name, after in (("first", "DELETE"), ("second", "NONE"), ("third", "DELETE")):
        lab.scheduler.create_schedule(
            name, "at(2025-01-07T00:01:00)", "bill", input={"n": name},
            action_after_completion=after,
        )  # fmt: skip
    lab.run("1h")
    digest = lab.trace.digest()
    assert list(lab.scheduler) == ["second"]
    lab.reset()
    lab.run("1h")
    assert lab.trace.digest() == digest
    tried = [caller.split()[1] for caller in lab.trace.requests["caller"]]
    assert tried == ["first->bill", "second->bill", "third->bill"]


@pytest.mark.parametrize("value", [object(), "\ud800", {"a": "\ud800"}, float("nan"), "NaN"])
def test_inputs_that_no_function_can_get(lab: ll.Lab, got: list[Any], value: object) -> None:
    with pytest.raises(InvalidSetting, match="input"):
        lab.scheduler.create_schedule("it", "rate(1 hour)", "bill", input=value)
    assert "it" not in lab.scheduler
