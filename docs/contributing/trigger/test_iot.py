"""IoT: which messages reach a function, with what event, and what becomes of those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from lambdalab import Lab
from lambdalab.errors import InvalidSetting
from lambdalab.triggers.iot import ResourceAlreadyExistsException

READING = {"row": "10", "pos": "23", "moisture": "75"}  # the example of dg/services-iot
DRY = "SELECT * FROM 'greenhouse/+/moisture'"


def test_the_event_is_the_message(lab: Lab) -> None:
    seen: list[Any] = []
    water = lab.create_function("water", lambda event, context: seen.append(event), init=0)
    lab.iot.create_topic_rule("dry", DRY, water)
    assert lab.iot.publish("greenhouse/10/moisture", READING) == 1
    lab.run()
    assert seen == [READING]
    assert lab.trace.invocations.invocation_type.tolist() == ["Event"]
    assert lab.trace.requests[["caller", "status_code"]].values.tolist() == [["dry->water", 202]]


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("a/b", "a/b", 1), ("a/b", "a/c", 0), ("a/b", "A/b", 0), ("a/+", "a/b", 1),
        ("a/+", "a/b/c", 0), ("a/+/c", "a/b/c", 1), ("+", "a", 1), ("a/#", "a/b/c", 1),
        ("a/#", "a", 0), ("#", "a/b", 1), ("a.c", "abc", 0),
    ],
)  # fmt: skip
def test_topic_filters(lab: Lab, topic_filter: str, topic: str, matches: int) -> None:
    lab.create_function("water", duration=1)
    lab.iot.create_topic_rule("dry", f"SELECT * FROM '{topic_filter}'", "water")
    assert lab.iot.publish(topic, READING) == matches
    lab.run()
    assert len(lab.trace.invocations) == matches


def test_a_message_that_no_rule_wants_is_in_the_books(lab: Lab) -> None:
    lab.iot.publish("greenhouse/10/moisture", READING)
    lab.run()
    rows = lab.trace.queue_events
    assert rows.action.tolist() == ["sent", "filtered"]
    assert rows.queue.unique().tolist() == ["messages"]


def test_lambda_retries_what_fails_and_iot_what_is_refused(lab: Lab) -> None:
    lab.create_function("water", duration=1, failure_rate=1)
    lab.iot.create_topic_rule("dry", DRY, "water")
    lab.faults.service_error("water", end=0.5)
    lab.iot.publish("greenhouse/10/moisture", READING)
    lab.run()
    assert lab.trace.requests.status_code.tolist() == [500, 202]  # IoT's two tries
    assert len(lab.trace.attempts) == 3  # and Lambda's three


def test_without_permission_the_message_is_lost(lab: Lab) -> None:
    lab.create_function("water", duration=1)
    lab.iot.create_topic_rule("dry", DRY, "water")
    lab.remove_permission("water")
    lab.iot.publish("greenhouse/10/moisture", READING)
    lab.run()
    assert lab.trace.requests.status_code.tolist() == [403]
    assert lab.trace.queue_events.action.tolist()[-1] == "dropped"


def test_reset_keeps_the_rules_and_empties_the_books(lab: Lab) -> None:
    lab.create_function("water", duration=1)
    rule = lab.iot.create_topic_rule("dry", DRY, "water")
    digests = []
    for _ in range(2):
        lab.iot.publish("greenhouse/10/moisture", READING)
        lab.run()
        digests.append(lab.trace.digest())
        lab.reset()
    assert digests[0] == digests[1]
    assert lab.iot["dry"] is rule
    assert len(lab.trace.invocations) == 0


def test_what_is_refused(lab: Lab) -> None:
    lab.create_function("water", duration=1)
    rule = lab.iot.create_topic_rule("dry", DRY, "water")
    assert lab.iot.create_topic_rule("dry", DRY, "water") is rule  # the cell, run twice
    with pytest.raises(ResourceAlreadyExistsException, match="delete_topic_rule"):
        lab.iot.create_topic_rule("dry", "SELECT * FROM 'attic'", "water")
    lab.iot.delete_topic_rule("dry")
    assert "dry" not in lab.iot
    for sql in ("SELECT moisture FROM 'a'", "SELECT * FROM 'a/#/b'", "SELECT * FROM 'a+'", ""):
        with pytest.raises(InvalidSetting, match="sql="):
            lab.iot.create_topic_rule("wet", sql, "water")
    for topic in ("$aws/things", "a/+", "a/#", "a" * 257, ""):
        with pytest.raises(InvalidSetting, match="topic="):
            lab.iot.publish(topic, READING)
    with pytest.raises(InvalidSetting, match="131,072 bytes"):
        lab.iot.publish("a", {"note": "x" * 131_072})
    with pytest.raises(InvalidSetting, match="a JSON object"):
        lab.iot.publish("a", "dry")  # type: ignore[arg-type]
