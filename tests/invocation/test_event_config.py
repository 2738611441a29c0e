"""The event invoke configuration: its limits, its defaults, and whose it is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    LabError,
    ResourceNotFoundException,
    UnknownSetting,
)
from lambdalab.invocation.destinations import Destination, Destinations
from lambdalab.invocation.event_config import EventInvokeConfig
from lambdalab.rules import Rules

RULES = Rules.as_of()
FAILED = Destination("sqs", "failed", "arn:aws:sqs:us-east-1:123456789012:failed")


def put(**given: object) -> EventInvokeConfig:
    return EventInvokeConfig.put(RULES, Destinations(), "f", **given)  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_rules() -> None:
    config = EventInvokeConfig.make(RULES)
    assert config == EventInvokeConfig()
    assert (config.maximum_retry_attempts, config.maximum_event_age) == (2, 21_600)
    assert (config.on_success, config.on_failure) == (None, None)
    short = EventInvokeConfig.make(Rules.as_of(quotas={"event_age_maximum": 300}))
    assert short.maximum_event_age == 300


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_zero_is_a_number_of_retries_like_any_other(retries: int) -> None:
    assert put(maximum_retry_attempts=retries).maximum_retry_attempts == retries


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("maximum_retry_attempts", value) for value in (-1, 3, 1.0, True, "2")),
        *(("maximum_event_age", value) for value in (59, 21_601, 60.0, False, "60")),
    ],
)
def test_what_aws_refuses_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidSetting, match=f"{name}={value!r}: must be a whole number of"):
        put(**{name: value})


@pytest.mark.parametrize("age", [60, 21_600])
def test_the_limits_of_the_age_are_inside(age: int) -> None:
    assert put(maximum_event_age=age).maximum_event_age == age


def test_at_least_one_setting_is_needed() -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        put()
    assert caught.value.message == (
        "You must specify at least one of error handling or destination setting."
    )
    assert caught.value.status_code == 400


def test_it_is_frozen_and_tells_plain_values() -> None:
    config = put(on_failure=FAILED)
    with pytest.raises(FrozenInstanceError):
        config.maximum_event_age = 60  # type: ignore[misc]
    assert config.as_dict() == {
        "maximum_retry_attempts": 2, "maximum_event_age": 21_600, "on_success": None,
        "on_failure": FAILED.arn,
    }  # fmt: skip


# ---- in a lab


def attempts_by(lab: ll.Lab, qualifier: str | None) -> int:
    """How often an event of this qualifier is tried before it is given up."""
    reply = lab.invoke("f", {}, invocation_type="Event", qualifier=qualifier)
    lab.run()
    return int((lab.trace.attempts["request_id"] == reply.request_id).sum())


def test_a_functions_settings_are_the_configuration_of_latest(lab: ll.Lab) -> None:
    failed = lab.sqs.create_queue("failed")
    f = lab.create_function(
        "f", duration=1, maximum_retry_attempts=0, maximum_event_age=90, on_failure=failed
    )
    config = f.event_configs["$LATEST"]
    assert (config.maximum_retry_attempts, config.maximum_event_age) == (0, 90)
    assert config.on_failure.arn == failed.arn
    lab.update_function(f, timeout=10)
    assert f.event_configs["$LATEST"] == config, "another setting leaves them as they are"
    lab.update_function(f, maximum_retry_attempts=1)
    assert f.event_configs["$LATEST"].maximum_retry_attempts == 1


def test_put_replaces_everything(lab: ll.Lab) -> None:
    lab.sqs.create_queue("failed")
    f = lab.create_function("f", duration=1, on_failure="failed", maximum_retry_attempts=0)
    lab.put_function_event_invoke_config(f, maximum_event_age=60)
    assert f.event_configs["$LATEST"] == EventInvokeConfig(maximum_event_age=60)
    assert (f.settings.on_failure, f.settings.maximum_retry_attempts) == (None, 2)


def test_update_changes_one(lab: ll.Lab) -> None:
    failed = lab.sqs.create_queue("failed")
    f = lab.create_function("f", duration=1, on_failure="failed", maximum_retry_attempts=0)
    lab.update_function_event_invoke_config(f, maximum_event_age=60)
    config = f.event_configs["$LATEST"]
    assert (config.maximum_retry_attempts, config.maximum_event_age) == (0, 60)
    assert config.on_failure.arn == f.settings.on_failure.arn == failed.arn
    assert lab.trace.settings("f")["on_failure"] == failed.arn
    with pytest.raises(UnknownSetting, match="did you mean 'maximum_event_age'"):
        lab.update_function_event_invoke_config(f, maximum_age=60)


def test_delete_brings_the_defaults_back(lab: ll.Lab) -> None:
    f = lab.create_function("f", duration=1, maximum_retry_attempts=0)
    lab.publish_version(f)
    lab.put_function_event_invoke_config(f, qualifier="1", maximum_retry_attempts=0)
    for qualifier in ("1", None):
        lab.delete_function_event_invoke_config(f, qualifier=qualifier)
        with pytest.raises(ResourceNotFoundException, match="doesn't have an EventInvokeConfig"):
            lab.update_function_event_invoke_config(
                f, qualifier=qualifier, maximum_retry_attempts=1
            )
    assert f.event_configs == {}
    assert f.settings.maximum_retry_attempts == 2
    assert lab.trace.wired("event_invoke_config")["f:1"]["maximum_retry_attempts"] == 2


def test_what_cannot_be_changes_nothing(lab: ll.Lab) -> None:
    f = lab.create_function("f", duration=1, maximum_retry_attempts=1)
    before = dict(f.event_configs)
    for wrong in (
        {"maximum_retry_attempts": 3}, {"on_failure": "nobody"}, {"on_success": f}, {},
        {"maximum_event_age": 70, "on_failure": "arn:aws:sns:us-east-1:123456789012:t"},
    ):  # fmt: skip
        with pytest.raises(LabError):
            lab.put_function_event_invoke_config(f, **wrong)
        assert f.event_configs == before
    with pytest.raises(ResourceNotFoundException):
        lab.put_function_event_invoke_config(f, qualifier="live", maximum_retry_attempts=0)


def test_each_qualifier_has_its_own(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1, maximum_retry_attempts=1)
    lab.publish_version("f")
    lab.create_alias("f", "live", 1)
    assert attempts_by(lab, "live") == 3, "the defaults, not those of $LATEST"
    lab.put_function_event_invoke_config("f", qualifier="live", maximum_retry_attempts=0)
    assert attempts_by(lab, "live") == 1
    assert attempts_by(lab, "1") == 3, "an alias's configuration is not its version's"
    lab.put_function_event_invoke_config("f:1", maximum_event_age=60)
    assert attempts_by(lab, "1") == 1
    assert attempts_by(lab, None) == attempts_by(lab, "$LATEST") == 2


def test_a_deleted_alias_takes_its_configuration_along(lab: ll.Lab) -> None:
    f = lab.create_function("f", duration=1)
    lab.publish_version(f)
    for _ in range(2):
        lab.create_alias(f, "live", 1)
        assert "live" not in f.event_configs
        lab.put_function_event_invoke_config(f, qualifier="live", maximum_retry_attempts=0)
        lab.delete_alias(f, "live")


def test_a_reset_keeps_them_and_the_books_tell_them(lab: ll.Lab) -> None:
    lab.sqs.create_queue("failed")
    f = lab.create_function("f", duration=1, failure_rate=1)
    lab.publish_version(f)
    lab.put_function_event_invoke_config(f, qualifier="1", on_failure="failed")
    lab.reset()
    lab.invoke("f:1", {}, invocation_type="Event")
    lab.run()
    assert len(lab.sqs["failed"]) == 1
    told = lab.trace.wired("event_invoke_config")
    assert list(told) == ["f:$LATEST", "f:1"]
    assert told["f:1"]["on_failure"] == lab.sqs["failed"].arn


def test_destinations_are_given_as_the_thing_itself_its_name_or_its_arn(lab: ll.Lab) -> None:
    queue = lab.sqs.create_queue("q")
    modelled = lab.create_function("modelled", duration=1)

    @lab.function
    def decorated(event: object, context: object) -> None:
        """A function of the notebook."""

    lab.create_function("f", duration=1)
    for given, arn in (
        (queue, queue.arn), ("q", queue.arn), (queue.arn, queue.arn),
        (modelled, modelled.arn), ("modelled", modelled.arn), (modelled.arn, modelled.arn),
        (decorated, modelled.arn.replace("modelled", "decorated")),
    ):  # fmt: skip
        lab.put_function_event_invoke_config("f", on_success=given)
        assert lab.trace.wired("event_invoke_config")["f:$LATEST"]["on_success"] == arn


def test_things_of_another_lab_are_none_of_this_one(lab: ll.Lab) -> None:
    other = ll.Lab()
    lab.create_function("f", duration=1)
    lab.sqs.create_queue("q")
    lab.create_function("g", duration=1)
    for given in (other.sqs.create_queue("q"), other.create_function("g", duration=1)):
        with pytest.raises(InvalidSetting, match="of this lab"):
            lab.put_function_event_invoke_config("f", on_failure=given)
