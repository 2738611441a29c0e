"""Mappings as things: made, changed, disabled, enabled and deleted while records flow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ResourceInUseException,
    ResourceNotFoundException,
    UnknownName,
)

SLOW = {"mapping_transition": 60}


def made(**quotas: float) -> ll.Lab:
    """A lab with a function and a queue."""
    lab = ll.Lab(quotas=quotas)
    lab.create_function("bill", duration=1)
    lab.sqs.create_queue("orders")
    return lab


def received(lab: ll.Lab) -> list[float]:
    """When messages were received, in seconds."""
    events = lab.trace.short.queue_events
    return events[events["action"] == "received"]["t_s"].tolist()


# ---- states -------------------------------------------------------------------------------------


def test_a_mapping_is_enabled_at_once_by_default() -> None:
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    assert (mapping.state, mapping.state_transition_reason) == ("Enabled", "USER_INITIATED")


def test_one_that_is_made_disabled_is_disabled_at_once() -> None:
    lab = made(**SLOW)
    assert lab.create_event_source_mapping("orders", "bill", enabled=False).state == "Disabled"


def test_a_mapping_polls_when_its_creation_is_over() -> None:
    lab = made(**SLOW)
    mapping = lab.create_event_source_mapping("orders", "bill")
    lab.sqs["orders"].send("x")
    assert mapping.state == "Creating"
    lab.run()  # does not end before the mapping polls
    assert mapping.state == "Enabled"
    assert received(lab) == [60.0]


def test_an_update_takes_its_time_and_what_held_before_holds_meanwhile() -> None:
    lab = made(**SLOW)
    mapping = lab.create_event_source_mapping("orders", "bill")
    lab.run()
    mapping.update(batch_size=1)
    assert (mapping.state, mapping.settings.batch_size) == ("Updating", 1)
    lab.sqs["orders"].send_batch(["a", "b"])  # received as before: both at once
    lab.run()
    assert mapping.state == "Enabled"
    lab.sqs["orders"].send_batch(["c", "d"])
    lab.run()
    assert lab.trace.batches["records"].tolist() == [2, 1, 1]


def test_disabling_and_enabling_take_their_time() -> None:
    lab = made(**SLOW)
    mapping = lab.create_event_source_mapping("orders", "bill")
    lab.run()
    states = [mapping.disable().state]
    lab.sqs["orders"].send("x")
    lab.run()
    states += [mapping.state, mapping.enable().state]
    lab.run()
    assert [*states, mapping.state] == ["Disabling", "Disabled", "Enabling", "Enabled"]
    assert received(lab) == [180.0]


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_mapping_in_transition_cannot_be_changed(change: str) -> None:
    lab = made(**SLOW)
    mapping = lab.create_event_source_mapping("orders", "bill")
    with pytest.raises(ResourceInUseException, match="Creating") as refused:
        getattr(mapping, change)()
    assert refused.value.status_code == 400
    lab.run()
    getattr(mapping, change)()


def test_the_books_know_its_state() -> None:
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    mapping.disable()
    assert lab.trace.wired("mapping")[mapping.name]["state"] == "Disabled"


# ---- deleting -----------------------------------------------------------------------------------


def test_a_mapping_is_deleted_when_what_it_has_received_is_done_with() -> None:
    lab = made()
    orders = lab.sqs["orders"]
    mapping = lab.create_event_source_mapping(orders, "bill", batch_size=1)
    orders.send_batch(list("abcdefg"))  # five pollers: two messages stay
    lab.run(until=0.5)
    assert lab.delete_event_source_mapping("orders->bill") is mapping
    assert mapping.state == "Deleting"
    assert lab.list_event_source_mappings() == [mapping]
    lab.run()
    assert mapping.state == "Deleted"
    assert (orders.depth, len(received(lab)), lab.list_event_source_mappings()) == (2, 5, [])


def test_an_open_batch_goes_its_way_before_its_mapping_is_gone() -> None:
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill", maximum_batching_window=20)
    lab.sqs["orders"].send("x")
    lab.run(until=1)
    mapping.delete()
    lab.run()
    assert mapping.state == "Deleted"
    assert lab.trace.batches["outcome"].tolist() == ["success"]


def test_after_a_mapping_is_gone_it_cannot_be_used_and_another_can_be_made() -> None:
    lab = made()
    first = lab.create_event_source_mapping("orders", "bill")
    first.delete()
    assert first.state == "Deleted"
    with pytest.raises(ResourceNotFoundException, match="does not exist"):
        first.update(batch_size=1)
    second = lab.create_event_source_mapping("orders", "bill")
    assert first.uuid != second.uuid
    lab.sqs["orders"].send("x")
    lab.run()
    assert lab.sqs["orders"].depth == 0


def test_while_it_is_being_deleted_its_place_is_taken() -> None:
    lab = made(**SLOW)
    mapping = lab.create_event_source_mapping("orders", "bill")
    lab.run()
    mapping.delete()
    with pytest.raises(ResourceConflictException, match=mapping.uuid):
        lab.create_event_source_mapping("orders", "bill")
    lab.run()
    lab.create_event_source_mapping("orders", "bill")


def test_a_deleted_mapping_leaves_its_function_free_to_go() -> None:
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    with pytest.raises(ResourceConflictException, match="orders->bill"):
        lab.delete_function("bill")
    mapping.delete()
    lab.delete_function("bill")


def test_reset_keeps_what_is_there_and_forgets_what_is_being_deleted() -> None:
    lab = made(**SLOW)
    kept = lab.create_event_source_mapping("orders", "bill")
    lab.sqs.create_queue("returns")
    other = lab.create_event_source_mapping("returns", "bill")
    lab.run()
    other.delete()
    lab.reset()
    assert lab.list_event_source_mappings() == [kept]
    assert kept.state == "Creating"
    lab.run()
    assert kept.state == "Enabled"


@given(
    st.lists(
        st.tuples(st.sampled_from(["disable", "enable", "delete", "make"]), st.integers(1, 40)),
        max_size=8,
    ),
    st.sampled_from([0, 3]),
)
def test_whatever_becomes_of_mappings_no_message_is_lost(
    acts: list[tuple[str, int]], transition: int
) -> None:
    """Every message is dealt with once a mapping polls in the end; none twice."""
    lab = made(mapping_transition=transition)
    orders = lab.sqs["orders"]
    lab.create_event_source_mapping(orders, "bill", batch_size=2)
    lab.drive(orders, ll.Every(0.7), count=60)
    for act, seconds in acts:
        lab.advance(seconds)
        mappings = lab.list_event_source_mappings()
        if act == "make" and not mappings:
            lab.create_event_source_mapping(orders, "bill")
        elif act != "make" and mappings and mappings[0].state in ("Enabled", "Disabled"):
            getattr(mappings[0], act)()
    lab.run()
    if not lab.list_event_source_mappings():
        lab.create_event_source_mapping(orders, "bill")
    elif not lab.list_event_source_mappings()[0].settings.enabled:
        lab.list_event_source_mappings()[0].enable()
    lab.run()
    events = lab.trace.queue_events
    assert orders.depth == 0
    assert (events["action"] == "deleted").sum() == 60
    lab.audit()


# ---- finding and refusing -----------------------------------------------------------------------


def test_a_mapping_is_found_by_handle_name_and_uuid() -> None:
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    for given_as in (mapping, mapping.name, mapping.uuid):
        assert lab.update_event_source_mapping(given_as, batch_size=3) is mapping
    assert lab.list_event_source_mappings(source="orders", function="bill") == [mapping]
    lab.create_function("ship", duration=1)
    assert lab.list_event_source_mappings(function="ship") == []
    with pytest.raises(UnknownName, match="did you mean 'orders->bill'"):
        lab.update_event_source_mapping("orders-bill")


def test_sources_are_found_by_handle_name_and_arn() -> None:
    lab = made()
    orders = lab.sqs["orders"]
    for given_as in (orders, "orders", orders.arn):
        mapping = lab.create_event_source_mapping(given_as, "bill")
        assert mapping.source is orders
        mapping.delete()


ARN = "arn:aws:{}:us-east-1:123456789012:{}"


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ("order", UnknownName, "did you mean 'orders'"),
        (None, InvalidParameterValueException, "Unrecognized event source"),
        (ARN.format("sqs", "o"), InvalidParameterValueException, "NonExistentQueue"),
        (
            ARN.format("kinesis", "stream/s"),
            InvalidParameterValueException,
            "Stream not found: arn",
        ),
        (ARN.format("s3", "b"), InvalidParameterValueException, "Unrecognized event source"),
        (ARN.format("kafka", "cluster/c"), InvalidParameterValueException, "Amazon MSK is not sim"),
        (ARN.format("mq", "broker:b"), InvalidParameterValueException, "Amazon MQ is not sim"),
        (ARN.format("rds", "cluster:c"), InvalidParameterValueException, "DocumentDB is not sim"),
    ],
)
def test_sources_that_are_not_there(source: object, error: type[Exception], told: str) -> None:
    lab = made()
    with pytest.raises(error, match=told):
        lab.create_event_source_mapping(source, "bill")
    assert lab.list_event_source_mappings() == []


@pytest.mark.parametrize(("attribute", "told"), [("msk", "Amazon MSK"), ("mq", "Amazon MQ")])
def test_services_that_are_not_simulated_say_so(attribute: str, told: str) -> None:
    with pytest.raises(AttributeError, match=f"{told} is not simulated"):
        getattr(made(), attribute)


@pytest.mark.parametrize("setting", ["topics", "queues", "self_managed_event_source"])
def test_settings_of_sources_that_are_not_simulated(setting: str) -> None:
    with pytest.raises(InvalidSetting, match="is not simulated as an event source"):
        made().create_event_source_mapping("orders", "bill", **{setting: ["x"]})


def test_a_name_that_a_queue_and_a_stream_have_is_no_name() -> None:
    lab = made()
    lab.kinesis.create_stream("orders")
    with pytest.raises(InvalidSetting, match="a queue and a stream of this name"):
        lab.create_event_source_mapping("orders", "bill")
    lab.create_event_source_mapping(lab.sqs["orders"], "bill")


def test_a_source_of_another_lab_is_unknown() -> None:
    with pytest.raises(UnknownName, match="is of another lab"):
        made().create_event_source_mapping(made().sqs["orders"], "bill")


def test_the_same_two_are_connected_once() -> None:
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    with pytest.raises(ResourceConflictException) as refused:
        lab.create_event_source_mapping("orders", "bill")
    assert str(refused.value).startswith(
        'An event source mapping with SQS arn (" arn:aws:sqs:us-east-1:123456789012:orders ") and '
        'function (" bill ") already exists. Please '
        f"update or delete the existing mapping with UUID {mapping.uuid}"
    )


def test_what_was_deleted_is_no_more_whoever_is_asked() -> None:
    """By its handle; a name or a UUID that nothing has is a mistake of another kind."""
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    lab.delete_event_source_mapping(mapping)
    for again in (
        mapping.delete, lambda: lab.delete_event_source_mapping(mapping),
        lambda: lab.update_event_source_mapping(mapping, batch_size=5),
    ):  # fmt: skip
        with pytest.raises(ResourceNotFoundException) as refused:
            again()
        assert refused.value.message == "The resource you requested does not exist."
    with pytest.raises(UnknownName):
        lab.delete_event_source_mapping(mapping.uuid)
    with pytest.raises(UnknownName):
        made().delete_event_source_mapping(mapping)


def test_it_can_get_another_function_or_version() -> None:
    """It keeps its name and its UUID (recorded: LS:test_sqs_event_source_mapping_update)."""
    lab = made()
    lab.create_function("ship", duration=1, timeout=5)
    lab.publish_version("ship")
    mapping = lab.create_event_source_mapping("orders", "bill", batch_size=1)
    uuid, orders = mapping.uuid, lab.sqs["orders"]
    orders.send("a")
    lab.run(until=0.5)  # under way: it ends where it began
    mapping.update(function="ship:1", batch_size=2)
    orders.send("b")
    lab.run()
    calls = lab.trace.invocations
    assert calls[["function", "qualifier"]].values.tolist() == [["bill", "$LATEST"], ["ship", "1"]]
    assert (mapping.uuid, mapping.name, mapping.function.name) == (uuid, "orders->bill", "ship")
    assert lab.trace.wired("mapping")["orders->bill"]["function"] == "ship"
    lab.delete_function("bill")


def test_another_function_holds_when_the_update_is_over() -> None:
    lab = made(**SLOW)
    lab.create_function("ship", duration=1)
    stream = lab.kinesis.create_stream("clicks")
    mapping = lab.create_event_source_mapping(stream, "bill", starting_position="TRIM_HORIZON")
    lab.run()
    mapping.update(function="ship")
    stream.put_record("x", "key")
    lab.run(until=130)
    stream.put_record("y", "key")
    lab.run()
    assert lab.trace.invocations["function"].tolist() == ["bill", "ship"]


def test_another_function_is_checked_before_anything_happens() -> None:
    lab = made()
    lab.create_function("ship", duration=1)
    lab.create_function("slow", duration=1, timeout=60)
    mapping = lab.create_event_source_mapping("orders", "bill")
    other = lab.create_event_source_mapping("orders", "ship")
    for function, error, told in (
        ("bil", InvalidParameterValueException, "Function does not exist"),
        ("ship", ResourceConflictException, other.uuid),
        ("slow", InvalidParameterValueException, "less than Function timeout"),
    ):
        with pytest.raises(error, match=told):
            mapping.update(function=function)
    assert mapping.function.name == "bill"


def test_the_name_of_one_that_got_another_function_stays_taken() -> None:
    lab = made()
    lab.create_function("ship", duration=1)
    lab.create_event_source_mapping("orders", "bill").update(function="ship")
    second = lab.create_event_source_mapping("orders", "bill")
    assert second.name == "orders->bill (2)"
    with pytest.raises(ResourceConflictException):
        lab.create_event_source_mapping("orders", "ship")
    lab.sqs["orders"].send("x")
    lab.run()


def test_a_mapping_goes_although_messages_it_held_came_back_meanwhile() -> None:
    lab = ll.Lab()
    lab.create_function("bill", duration=1, reserved_concurrency=0)
    orders = lab.sqs.create_queue("orders")
    mapping = lab.create_event_source_mapping(
        orders, "bill", maximum_concurrency=2, batch_size=100, maximum_batching_window=1
    )
    for _ in range(300):
        orders.send("x" * 102_400)  # of a receive of ten not all fit in the batch
    lab.run(until=5)
    mapping.delete()
    assert mapping.state == "Deleting"
    lab.run(until=400)
    assert mapping.state == "Deleted"
    assert orders.depth == 300
    assert lab.list_event_source_mappings() == []


def test_reset_ends_a_deletion() -> None:
    lab = made(mapping_transition=5)
    mapping = lab.create_event_source_mapping("orders", "bill", enabled=False)
    mapping.delete()
    lab.reset()
    assert mapping.state == "Deleted"
    with pytest.raises(ResourceNotFoundException):
        mapping.enable()


def test_a_mapping_that_does_harm_can_be_switched_off() -> None:
    """The function's timeout was raised above the visibility timeout meanwhile, which AWS lets happen."""
    lab = made()
    mapping = lab.create_event_source_mapping("orders", "bill")
    lab.update_function("bill", timeout=60)
    with pytest.raises(InvalidParameterValueException, match="less than Function timeout"):
        mapping.update(batch_size=5)
    assert mapping.disable().state == "Disabled"
    with pytest.raises(InvalidParameterValueException, match="less than Function timeout"):
        mapping.enable()


def test_records_given_up_during_an_update_go_where_the_old_settings_say() -> None:
    lab = made(**SLOW)
    lab.create_function("count", duration=1, failure_rate=1)
    stream, failed = lab.kinesis.create_stream("clicks"), lab.sqs.create_queue("failed")
    mapping = lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=0
    )
    lab.run()
    mapping.update(on_failure=failed)
    for given_up in (0, 1):
        stream.put_record("x", "key")
        lab.run(until=lab.elapsed + 100)
        assert failed.depth == given_up
