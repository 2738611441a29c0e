"""Functions by name: created, replaced, updated and deleted only when all is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    HandlerError,
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
)

Handler = Callable[[Any, Any], Any]


def answering(lab: ll.Lab, answer: object, **settings: Any) -> Handler:
    """A function f of this lab that answers so: another closure each time."""

    @lab.function(**settings)
    def f(event: object, context: object) -> object:
        return answer

    return f


# ---------------------------------------------------------------------- names and handlers


def test_the_last_of_two_handlers_of_one_name_has_it(lab: ll.Lab) -> None:
    """Whoever still holds the first hears of it, and does not run the second unawares."""
    first = answering(lab, 1)
    assert lab.invoke(first).payload == 1
    second = answering(lab, 2)
    assert lab.invoke(second).payload == lab.invoke("f").payload == 2
    for verb in (lab.invoke, lab.publish_version, lab.delete_function):
        with pytest.raises(HandlerError, match=r"registered as 'f' since.*name of its own"):
            verb(first)
    assert first(None, None) == 1, "as an ordinary function it is what it was"
    assert len(lab.trace.invocations) == 3


def test_closures_with_names_of_their_own_are_both_there(lab: ll.Lab) -> None:
    first, second = answering(lab, 1, name="one"), answering(lab, 2, name="two")
    assert (lab.invoke(first).payload, lab.invoke(second).payload) == (1, 2)


def test_the_same_handler_again_is_the_normal_case(lab: ll.Lab) -> None:
    def f(event: object, context: object) -> int:
        return 1

    for memory in (128, 256):
        assert lab.function(memory_size=memory)(f) is f
        assert lab.invoke(f).payload == 1
    assert lab.trace.attempts["memory_mb"].tolist() == [128, 256]


def test_an_update_leaves_the_handler_its_name(lab: ll.Lab) -> None:
    handler = answering(lab, 1)
    lab.update_function(handler, lambda event, context: 2)
    assert lab.invoke(handler).payload == 2, "it is the same function with other code"


def test_a_name_made_anew_is_not_the_deleted_handlers(lab: ll.Lab) -> None:
    handler = answering(lab, 1)
    lab.delete_function(handler)
    with pytest.raises(ResourceNotFoundException):
        lab.invoke(handler)
    lab.create_function("f", duration=0.1)
    with pytest.raises(HandlerError):
        lab.invoke(handler)


def test_handles_survive_a_reset_and_no_deletion(lab: ll.Lab) -> None:
    handle, handler = lab.create_function("g", duration=0.1), answering(lab, 1)
    version = lab.publish_version(handle)
    lab.reset()
    assert lab.invoke(handle).executed_version == "$LATEST"
    assert lab.invoke(version).executed_version == "1"
    assert lab.invoke(handler).payload == 1
    lab.delete_function(handle)
    lab.create_function("g", duration=0.1)
    for stale in (handle, version):
        with pytest.raises(ResourceNotFoundException, match=r"g \(deleted\)"):
            lab.invoke(stale)


def test_another_labs_function_is_none_of_this_one(lab: ll.Lab) -> None:
    other = ll.Lab(seed=1)
    handle = other.create_function("g", duration=0.1)
    lab.create_function("g", duration=0.1)
    with pytest.raises(ResourceNotFoundException):
        lab.invoke(handle)


# ---------------------------------------------------------------------- nothing by halves


def test_what_is_refused_leaves_nothing_behind(lab: ll.Lab) -> None:
    """Neither the function nor the dead-letter queue that would have been made for it."""
    with pytest.raises(InvalidParameterValueException):
        lab.create_function("f", duration=1, dead_letter_queue="new", reserved_concurrency=901)
    assert "new" not in lab.sqs
    lab.create_function("f", duration=1, memory_size=256)
    with pytest.raises(InvalidParameterValueException):
        lab.update_function("f", memory_size=512, dead_letter_queue="new", reserved_concurrency=901)
    assert "new" not in lab.sqs
    lab.invoke("f")
    assert lab.trace.attempts["memory_mb"].tolist() == [256]
    lab.drive("f", ll.Burst(1000))
    lab.run()
    assert (lab.trace.invocations["status"] == "succeeded").all(), "nothing is reserved"


def test_a_name_that_is_taken(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(ResourceConflictException, match="Function already exist: f"):
        lab.create_function("f", duration=2)
    assert lab.invoke("f").latency_ms < 2000


def test_code_or_a_model_but_not_both(lab: ll.Lab) -> None:
    for code, settings in ((None, {}), (lambda e, c: 1, {"duration": 1})):
        with pytest.raises(InvalidSetting, match="code="):
            lab.create_function("f", code, **settings)
    lab.create_function("f", duration=1)
    lab.update_function("f", lambda event, context: "code")
    assert lab.invoke("f").payload == "code"
    lab.update_function("f", duration=2)
    assert lab.invoke("f").payload is None


# ---------------------------------------------------------------------- states


SLOW = {"function_creation": 5, "function_update": 3}
PENDING = (
    "The operation cannot be performed at this time. "
    "The function is currently in the following state: Pending"
)


def refused(error: type[ServiceError], message: str, call: Callable[[], object]) -> None:
    with pytest.raises(error) as raised:
        call()
    assert (raised.value.status_code, raised.value.message) == (409, message)


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_a_function_that_is_being_created(kind: str) -> None:
    lab = ll.Lab(seed=1, quotas=SLOW)
    function = lab.create_function("f", duration=1)
    assert (function.state, function.last_update_status) == ("Pending", "Successful")
    refused(
        ResourceConflictException, PENDING, lambda: lab.invoke("f", invocation_type=kind)
    )  # fmt: skip
    refused(ResourceConflictException, PENDING, lambda: lab.update_function("f", memory_size=256))
    refused(ResourceConflictException, PENDING, lambda: lab.publish_version("f"))
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.status_code, row.cause) == ("refused", 409, "function_state")
    assert lab.trace.requests["status_code"].tolist() == [409]
    lab.run(until=4.999999)
    assert function.state == "Pending"
    lab.run()
    assert (function.state, lab.elapsed) == ("Active", 5)
    lab.invoke("f", invocation_type=kind)
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["refused", "succeeded"]


@pytest.mark.parametrize("payload", [None, lambda n: {"n": n}], ids=["lane", "long way"])
def test_traffic_to_a_function_that_is_being_created(payload: Any) -> None:
    """Refused until it is there, whichever way the traffic goes."""
    lab = ll.Lab(seed=1, quotas=SLOW)
    lab.create_function("f", duration=0.1)
    lab.drive("f", ll.Every(2), count=4, payload=payload)
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["refused"] * 3 + ["succeeded"]
    assert lab.trace.requests["status_code"].tolist() == [409, 409, 409, 200]


def test_a_mapping_to_a_function_that_is_being_created() -> None:
    lab = ll.Lab(seed=1, quotas=SLOW)
    lab.create_function("f", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "f")
    orders.send({"n": 1})
    lab.run()
    statuses = lab.trace.invocations["status"].tolist()
    assert statuses == ["refused", "succeeded"], "its messages come again"
    assert len(orders.messages) == 0


def test_an_update_that_is_under_way() -> None:
    lab = ll.Lab(seed=1, quotas={"function_update": 3})
    function = lab.create_function("f", duration=1, memory_size=128)
    lab.update_function("f", memory_size=256)
    assert (function.state, function.last_update_status) == ("Active", "InProgress")
    lab.invoke("f")
    message = (
        "The operation cannot be performed at this time. An update is in progress for resource: "
        "arn:aws:lambda:us-east-1:123456789012:function:f"
    )
    refused(ResourceConflictException, message, lambda: lab.update_function("f", memory_size=512))
    refused(ResourceConflictException, message, lambda: lab.publish_version("f"))
    lab.run()
    assert (function.last_update_status, lab.elapsed) == ("Successful", 3)
    lab.invoke("f")
    assert lab.trace.attempts["memory_mb"].tolist() == [128, 256]
    assert lab.publish_version("f").settings.memory_size == 256


def test_what_is_set_during_an_update_stays() -> None:
    lab = ll.Lab(seed=1, quotas={"function_update": 3})
    function = lab.create_function("f", duration=1, timeout=5)
    lab.update_function("f", memory_size=256, reserved_concurrency=7)
    assert function.reserved == 7, "it is no part of what takes its time"
    lab.put_function_event_invoke_config("f", maximum_retry_attempts=0)
    assert (function.reserved, function.settings.reserved_concurrency) == (7, 7)
    lab.put_function_concurrency("f", 2)
    lab.run()
    assert (function.reserved, function.settings.reserved_concurrency) == (2, 2)
    assert function.settings.maximum_retry_attempts == 0
    assert function.settings.memory_size == 256
    lab.reset()
    assert function.reserved == 2


def test_reset_while_an_update_is_under_way() -> None:
    """The new run begins with what the update was to bring."""
    lab = ll.Lab(seed=1, quotas={"function_update": 3})
    function = lab.create_function("f", duration=1)
    lab.update_function("f", memory_size=256)
    lab.advance(1)
    lab.reset()
    assert (function.state, function.last_update_status) == ("Active", "Successful")
    lab.invoke("f")
    lab.run()
    assert lab.trace.attempts["memory_mb"].tolist() == [256]


def test_reset_while_a_function_is_being_created() -> None:
    lab = ll.Lab(seed=1, quotas=SLOW)
    function = lab.create_function("f", duration=1)
    lab.reset()
    assert function.state == "Active"
    assert lab.invoke("f").status_code == 200


def test_deleting_while_an_update_is_under_way() -> None:
    lab = ll.Lab(seed=1, quotas={"function_update": 3})
    lab.create_function("f", duration=1)
    lab.update_function("f", memory_size=256)
    lab.delete_function("f")
    lab.create_function("f", duration=1, memory_size=512)
    lab.run()
    assert lab.trace.settings("f")["memory_size"] == 512, "the update was the other one's"
    lab.invoke("f")
    assert lab.trace.attempts["memory_mb"].tolist() == [512]


# ---------------------------------------------------------------------- deletion


def test_a_function_in_use_is_not_deleted(lab: ll.Lab) -> None:
    lab.create_function("f", duration=5, timeout=10)
    lab.publish_version("f")
    lab.drive("f:1", ll.Every(4), count=3)
    for seconds, told in ((1, "traffic"), (2, "traffic"), (8, "under way")):
        lab.advance(seconds)
        with pytest.raises(ResourceConflictException, match=told):
            lab.delete_function("f")
    lab.run()
    lab.delete_function("f")
    assert set(lab.trace.environments["ended_because"]) == {"function_deleted"}
    assert (lab.trace.invocations["status"] == "succeeded").all()


def test_a_deleted_functions_concurrency_is_free(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, reserved_concurrency=900)
    lab.delete_function("f")
    lab.create_function("g", duration=1, reserved_concurrency=900)
    limits = lab.trace.scaling.query("kind == 'limit'")
    assert limits["subject"].tolist() == ["f", "f", "g"]
    assert limits["cause"].tolist() == ["configured", "released", "configured"]


def test_versions_and_aliases_go_with_their_function(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.invoke("f:live")
    lab.delete_function("f")
    assert set(lab.trace.environments["ended_because"]) == {"function_deleted"}
    lab.create_function("f", duration=1)
    for name in ("f:1", "f:live"):
        with pytest.raises(ResourceNotFoundException):
            lab.invoke(name)
