"""What a bus takes: entries one by one, and all of a call together."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.triggers.eventbridge.entries import Entry

GOOD = {"Source": "shop", "DetailType": "paid", "Detail": '{"order": 1}'}
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def test_the_event(lab: ll.Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def hear(event: Any, context: Any) -> None:
        seen.append(event)

    bus = lab.eventbridge.create_event_bus("shop")
    bus.put_rule("all", event_pattern={"source": ["my.app"]}).put_target(hear)
    lab.advance(1.5)
    result = bus.put_event(source="my.app", detail_type="MyType", detail={"k": 1})
    lab.run()
    assert seen == [
        {
            "version": "0", "id": result.event_id, "detail-type": "MyType", "source": "my.app",
            "account": "123456789012", "time": "2025-01-07T00:00:01Z", "region": "us-east-1",
            "resources": [], "detail": {"k": 1},
        }
    ]  # fmt: skip
    assert list(seen[0]) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        ({**GOOD, "Source": ""}, "InvalidArgument", "Source is a required argument."),
        ({"Source": "a", "Detail": "{}"}, "InvalidArgument", "DetailType is a required argument."),
        ({"Source": "a", "DetailType": "b"}, "InvalidArgument", "Detail is a required argument."),
        ({**GOOD, "Detail": "text"}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Detail": "[1]"}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Detail": '"{}"'}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Detail": '{"a": NaN}'}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Detail": '{"a": "\\ud800"}'}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Detail": [1]}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Detail": '{"a":' * 40_000}, "MalformedDetail", "Detail is malformed."),
        ({**GOOD, "Source": "aws.s3"}, "NotAuthorizedForSourceException", "for the source."),
    ],
)  # fmt: skip
def test_an_entry_fails_alone(lab: ll.Lab, entry: object, code: str, message: str) -> None:
    results = lab.eventbridge["default"].put_events([GOOD, entry, GOOD])
    assert [result.good for result in results] == [True, False, True]
    assert results.failed_entry_count == 1
    assert results[1].error_code == code
    assert str(results[1].error_message).endswith(message)
    assert results[1].event_id is None
    assert len(lab.trace.queue_events) == 4  # two events, each sent and filtered


@pytest.mark.parametrize("entries", [[], [GOOD] * 11])
def test_ten_at_a_time(lab: ll.Lab, entries: list[object]) -> None:
    bus = lab.eventbridge["default"]
    with pytest.raises(ValidationException, match="at 'entries' failed to satisfy constraint"):
        bus.put_events(entries)
    assert len(bus.put_events([GOOD] * 10)) == 10


@pytest.mark.parametrize(("rules", "most"), [("2025-01-07", 262_144), ("2026-01-29", 1_048_576)])
def test_size_together(rules: str, most: int) -> None:
    with ll.Lab(rules=rules) as lab:
        bus = lab.eventbridge["default"]
        half = {**GOOD, "Detail": json.dumps({"x": "é" * 100}, ensure_ascii=False)}
        size = Entry("shop", "paid", half["Detail"]).size
        full = {**GOOD, "Detail": json.dumps({"x": "y" * (most - size - 8 - len('{"x": ""}'))})}
        assert bus.put_events([half, full])[1].good
        before = len(lab.trace.queue_events)
        with pytest.raises(
            ValidationException, match=r"Total size of the entries .* over the limit"
        ):
            bus.put_events([half, {**full, "Resources": ["a"]}])
        assert len(lab.trace.queue_events) == before
        with pytest.raises(ValidationException, match="Total size"):
            bus.put_events([half, {**full, "Time": dt.datetime(2025, 1, 1)}])


@given(
    st.lists(
        st.builds(Entry, texts, texts, texts, st.tuples(texts, texts), st.sampled_from(["", "t"]))
    )
)
def test_sizes_count_as_documented(entries: list[Entry]) -> None:
    for entry in entries:
        parts = [entry.source, entry.detail_type, entry.detail, *entry.resources]
        assert entry.size == len("".join(parts).encode()) + 14 * bool(entry.time)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=10))
def test_a_call_is_taken_whole_or_not_at_all(sizes: list[int]) -> None:
    with ll.Lab(quotas={"eventbridge_entry_size": 600}) as lab:
        entries = [{**GOOD, "Detail": json.dumps({"x": "y" * size})} for size in sizes]
        total = sum(len("shop") + len("paid") + len(entry["Detail"]) for entry in entries)
        bus = lab.eventbridge["default"]
        if total > 600:
            with pytest.raises(ValidationException, match="Total size"):
                bus.put_events(entries)
            assert len(lab.trace.queue_events) == 0
        else:
            assert bus.put_events(entries).failed_entry_count == 0


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**GOOD, "Sauce": 1}, "did you mean 'source'"), ({**GOOD, "Source": 5}, "a text"),
        ({**GOOD, "Resources": "arn"}, "a list of texts"), ({**GOOD, "Time": "noon"}, "a datetime"),
        ({**GOOD, "Detail": {1, 2}}, "a JSON object"), ("text", "mappings"),
        ({**GOOD, "EventBusName": "b"}, "go to the bus"),
    ],
)  # fmt: skip
def test_parts_of_the_wrong_kind(lab: ll.Lab, entry: object, words: str) -> None:
    with pytest.raises(InvalidSetting, match=words):
        lab.eventbridge["default"].put_events([GOOD, entry])
    assert len(lab.trace.queue_events) == 0


def test_time_and_resources(lab: ll.Lab) -> None:
    queue, bus = lab.sqs.create_queue("q"), lab.eventbridge["default"]
    bus.put_rule("all", event_pattern={"source": ["s"]}).put_target(queue)
    zone = dt.timezone(dt.timedelta(hours=2))
    for time in (dt.datetime(2024, 12, 31, 1, tzinfo=zone), "2022-01-01", dt.date(2022, 1, 1)):
        bus.put_event(source="s", detail_type="t", detail="{}", time=time, resources=["arn:x"])
    lab.run()
    events = [json.loads(message.body) for message in queue.receive(10)]
    assert [e["time"] for e in events] == ["2024-12-30T23:00:00Z", *["2022-01-01T00:00:00Z"] * 2]
    assert events[0]["resources"] == ["arn:x"]
