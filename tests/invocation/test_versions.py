"""Publishing versions, and pointing aliases at them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
)

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def changed(lab: ll.Lab, times: int) -> None:
    """Publish f so many times, each time with other memory."""
    for n in range(times):
        lab.update_function("f", memory_size=200 + n)
        lab.publish_version("f")


@pytest.fixture
def lab() -> ll.Lab:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.1)
    return lab


def test_numbers_rise_from_one(lab: ll.Lab) -> None:
    changed(lab, 3)
    function = lab._functions.find("f")
    assert list(function.versions) == ["1", "2", "3"]
    assert [version.arn for version in function.versions.values()] == [
        f"{ARN}:1", f"{ARN}:2", f"{ARN}:3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"reserved_concurrency": 5}, {"maximum_retry_attempts": 0}, {"maximum_event_age": 60},
        {"dead_letter_queue": "failed"}, {"memory_size": 128},
    ],
    ids=lambda settings: next(iter(settings)),
)  # fmt: skip
def test_what_is_not_part_of_a_version_makes_no_new_one(
    lab: ll.Lab, settings: dict[str, object]
) -> None:
    one = lab.publish_version("f", "first")
    lab.update_function("f", **settings)
    assert lab.publish_version("f", "again") is one
    assert one.description == "first"


@pytest.mark.parametrize(
    "settings",
    [
        {"memory_size": 129}, {"timeout": 4}, {"environment": {"STAGE": "1"}}, {"duration": 0.2},
        {"architecture": "arm64"}, {"runtime": "python3.12"}, {"log_format": "JSON"},
        {"failure_rate": 0.5}, {"init": 1}, {"idle_expiry": 5},
    ],
    ids=lambda settings: next(iter(settings)),
)  # fmt: skip
def test_every_other_setting_makes_a_new_one(lab: ll.Lab, settings: dict[str, object]) -> None:
    lab.publish_version("f")
    lab.update_function("f", **settings)
    assert lab.publish_version("f").number == "2"


def test_going_back_to_the_version_before_last_is_a_change(lab: ll.Lab) -> None:
    lab.publish_version("f")
    lab.update_function("f", memory_size=256)
    lab.publish_version("f")
    lab.update_function("f", memory_size=128)
    assert lab.publish_version("f").number == "3"


def test_code_that_differs_makes_a_new_one(lab: ll.Lab) -> None:
    source = "def lambda_handler(event, context): return {}"
    lab.create_function("g", source.format(1))
    assert lab.publish_version("g").number == "1"
    lab.update_function("g", source.format(1))
    assert lab.publish_version("g").number == "1", "the same text is the same code"
    lab.update_function("g", source.format(2))
    assert lab.publish_version("g").number == "2"


def test_a_number_is_never_used_again(lab: ll.Lab) -> None:
    """Not even where the function has been deleted and made again (dg/versioning-intro)."""
    changed(lab, 2)
    lab.delete_function("f")
    lab.create_function("f", duration=0.1)
    assert lab.publish_version("f").number == "3"
    with pytest.raises(ResourceNotFoundException):
        lab.invoke("f:1")


def test_settings_of_a_version_cannot_be_changed(lab: ll.Lab) -> None:
    version = lab.publish_version("f")
    with pytest.raises(AttributeError):
        version.settings.memory_size = 1  # type: ignore[misc]
    lab.put_function_concurrency("f", 5)
    lab.put_function_event_invoke_config("f", maximum_retry_attempts=0)
    assert version.settings.reserved_concurrency is None


# ---------------------------------------------------------------------- aliases


@pytest.mark.parametrize("name", ["live", "A-b_9", "1a", "a" * 128])
def test_names_of_aliases(lab: ll.Lab, name: str) -> None:
    lab.publish_version("f")
    alias = lab.create_alias("f", name, "1")
    assert alias.arn == f"{ARN}:{name}"
    assert lab.invoke(f"f:{name}").executed_version == "1"


@pytest.mark.parametrize("name", ["", "1", "42", "a b", "ä", "a" * 129, "$LATEST", "a:b"])
def test_names_that_no_alias_can_have(lab: ll.Lab, name: str) -> None:
    lab.publish_version("f")
    with pytest.raises(InvalidSetting, match="name="):
        lab.create_alias("f", name, "1")


def test_an_alias_there_is_already(lab: ll.Lab) -> None:
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    with pytest.raises(ResourceConflictException, match=f"Alias already exists: {ARN}:live"):
        lab.create_alias("f", "live", "1")


def test_an_alias_of_what_is_not_there(lab: ll.Lab) -> None:
    lab.publish_version("f")
    with pytest.raises(ResourceNotFoundException, match=f"Function not found: {ARN}:2"):
        lab.create_alias("f", "live", "2")
    with pytest.raises(ResourceNotFoundException, match=f"Function not found: {ARN}:3"):
        lab.create_alias("f", "live", "1", routing={"3": 0.5})
    lab.create_alias("f", "live", "1")
    with pytest.raises(ResourceNotFoundException):
        lab.update_alias("f", "live", "2")
    with pytest.raises(ResourceNotFoundException, match="did you mean 'live'"):
        lab.update_alias("f", "lief", "1")
    with pytest.raises(ResourceNotFoundException, match=f"Cannot find alias arn: {ARN}:dead"):
        lab.delete_alias("f", "dead")
    assert lab.invoke("f:live").executed_version == "1"


@pytest.mark.parametrize(
    "routing",
    [{"2": -0.1}, {"2": 1.1}, {"2": "0.5"}, {"2": True}, {"1": 0.5}, {"2": 0.1, "3": 0.1},
     {"$LATEST": 0.5}],
    ids=str,
)  # fmt: skip
def test_weights_that_cannot_be(lab: ll.Lab, routing: dict[str, float]) -> None:
    changed(lab, 3)
    with pytest.raises(InvalidSetting, match="routing="):
        lab.create_alias("f", "live", "1", routing=routing)
    lab.create_alias("f", "live", "1")
    with pytest.raises(InvalidSetting, match="routing="):
        lab.update_alias("f", "live", routing=routing)
    assert lab.update_alias("f", "live").routing == {}


def test_latest_shares_with_nobody(lab: ll.Lab) -> None:
    lab.publish_version("f")
    lab.create_alias("f", "dev", "$LATEST")
    assert lab.invoke("f:dev").executed_version == "$LATEST"
    with pytest.raises(InvalidSetting, match="routing="):
        lab.update_alias("f", "dev", routing={"1": 0.5})


def test_what_is_not_given_stays(lab: ll.Lab) -> None:
    changed(lab, 2)
    lab.create_alias("f", "live", "1", routing={"2": 0.25}, description="canary")
    alias = lab.update_alias("f", "live", description="still")
    assert (alias.function_version, dict(alias.routing)) == ("1", {"2": 0.25})
    alias = lab.update_alias("f", "live", routing={"2": 0.5})
    assert (alias.function_version, alias.description) == ("1", "still")
    alias = lab.update_alias("f", "live", "2", routing={})
    assert (alias.function_version, dict(alias.routing)) == ("2", {})
    assert repr(alias) == "<alias f:live: version 2>"


def test_an_alias_in_use_is_not_deleted(lab: ll.Lab) -> None:
    """Traffic, mappings and events that go by it would have nowhere to go."""
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.create_alias("f", "other", "1")
    lab.drive("f:live", ll.Every(1), count=3)
    lab.advance(0.5)
    with pytest.raises(ResourceConflictException, match=r"traffic from lab.drive"):
        lab.delete_alias("f", "live")
    lab.delete_alias("f", "other")
    lab.run()
    lab.invoke("f:live", invocation_type="Event")
    with pytest.raises(ResourceConflictException, match=r"lab.run\(\) ends them"):
        lab.delete_alias("f", "live")
    lab.run()
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "f:live")
    with pytest.raises(ResourceConflictException, match="mapping orders->f:live"):
        lab.delete_alias("f", "live")
    assert set(lab.trace.invocations["status"]) == {"succeeded"}


def test_a_deleted_alias_is_unknown_until_it_is_made_again(lab: ll.Lab) -> None:
    changed(lab, 2)
    lab.create_alias("f", "live", "1")
    lab.invoke("f:live")
    lab.delete_alias("f", "live")
    with pytest.raises(ResourceNotFoundException):
        lab.invoke("f:live")
    lab.create_alias("f", "live", "2")
    assert lab.invoke("f:live").executed_version == "2"


def test_a_mapping_follows_its_alias(lab: ll.Lab) -> None:
    changed(lab, 2)
    lab.create_alias("f", "live", "1")
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "f:live", batch_size=1)
    orders.send({"n": 1})
    lab.run()
    lab.update_alias("f", "live", "2")
    orders.send({"n": 2})
    lab.run()
    assert lab.trace.invocations["executed_version"].tolist() == ["1", "2"]
    assert lab.trace.invocations["qualifier"].tolist() == ["live", "live"]


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["update", "publish", "move", "reset", "delete"]), max_size=12))
def test_reset_and_all_else_keep_versions_and_aliases(steps: list[str]) -> None:
    lab = ll.Lab(seed=1)
    lab.create_function("f", duration=0.1)
    memory, versions, moved, changed = 128, {}, "$LATEST", True
    lab.create_alias("f", "live", moved)
    last = 0
    for step in steps:
        if step == "update":
            memory, changed = memory + 1, True
            lab.update_function("f", memory_size=memory)
        elif step == "publish":
            last += changed
            assert lab.publish_version("f").number == str(last)
            versions[str(last)], changed = memory, False
        elif step == "move" and versions:
            moved = next(iter(versions))
            lab.update_alias("f", "live", moved)
        elif step == "reset":
            lab.reset()
        elif step == "delete":
            lab.delete_function("f")
            lab.create_function("f", duration=0.1, memory_size=memory)
            lab.create_alias("f", "live", "$LATEST")
            versions, moved, changed = {}, "$LATEST", True
        expected = {**versions, "$LATEST": memory}
        for number, size in expected.items():
            lab.invoke(f"f:{number}")
            assert lab.trace.attempts["memory_mb"].iloc[-1] == size
        assert lab.invoke("f:live").executed_version == moved
        if step == "reset":
            last_kept = max(map(int, versions), default=0)
            last = max(last_kept, lab._functions.find("f").published)
    lab.audit()
