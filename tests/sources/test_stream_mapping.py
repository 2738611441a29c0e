"""Mappings of streams as things: settings, states, what the books have of them."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    LabClosed,
    ResourceConflictException,
    ResourceNotFoundException,
    UnknownName,
    UnknownSetting,
    ValidationException,
)
from tests.sources.streams import connect, counting, ends, fail_at, make, put


def test_disabled_it_reads_nothing_and_goes_on_where_it_was() -> None:
    lab, clicks = make()
    seen = counting(lab)
    mapping = connect(lab, clicks, "count", enabled=False)
    assert mapping.state == "Disabled"
    put(clicks, 0)
    lab.run()
    assert seen == []
    mapping.update(enabled=True)
    lab.run()
    assert (seen, mapping.state) == ([[0]], "Enabled")
    mapping.update(enabled=False)
    put(clicks, 1)
    lab.advance(10)
    assert mapping.behind == 1
    mapping.update(enabled=True)
    lab.run()
    assert seen == [[0], [1]]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"starting_position": None}, InvalidParameterValueException),
        ({"starting_position": "FIRST"}, ValidationException),
        ({"starting_position": "AT_TIMESTAMP"}, InvalidSetting),
        ({"starting_position_timestamp": 0}, InvalidParameterValueException),
        ({"starting_position_timestamp": 3}, InvalidSetting),
        (
            {"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "x"},
            InvalidSetting,
        ),
        ({"batch_size": 0}, InvalidSetting),
        ({"batch_size": 10_001}, InvalidSetting),
        ({"maximum_batching_window": 301}, InvalidSetting),
        ({"parallelization_factor": 0}, InvalidSetting),
        ({"parallelization_factor": 11}, InvalidSetting),
        ({"maximum_retry_attempts": -2}, InvalidSetting),
        ({"maximum_retry_attempts": 10_001}, InvalidSetting),
        ({"maximum_record_age": 0}, InvalidSetting),
        ({"maximum_record_age": 59}, InvalidSetting),
        ({"maximum_record_age": 604_801}, InvalidSetting),
        ({"maximum_record_age": True}, InvalidSetting),
        ({"bisect_batch_on_function_error": 1}, InvalidSetting),
        ({"enabled": None, "function_response_types": ["x"]}, InvalidSetting),
        ({"on_failure": "nobody"}, UnknownName),
        ({"on_failure": 5}, InvalidSetting),
        ({"on_failure": "count"}, InvalidParameterValueException),
        ({"on_failure": "other"}, InvalidSetting),
        (
            {"on_failure": "arn:aws:sns:us-east-1:123456789012:topic"},
            InvalidParameterValueException,
        ),
        ({"on_failure": "arn:aws:s3:::bucket"}, InvalidParameterValueException),
        ({"on_failure": "failed.fifo"}, InvalidSetting),
        ({"on_success": "failed"}, InvalidSetting),
        ({"maximum_concurrency": 2}, InvalidSetting),
        ({"tumbling_window": -1}, InvalidSetting),
        ({"tumbling_window": 901}, InvalidSetting),
        ({"tumbling_window": 60, "parallelization_factor": 2}, InvalidSetting),
        ({"filter_criteria": {"Filters": [{"Pattern": "[]"}]}}, InvalidParameterValueException),
        (
            {"filter_criteria": {"Filters": [{"Pattern": {"data": ["x"]}}]}},
            InvalidParameterValueException,
        ),
        ({"batching_window": 5}, UnknownSetting),
        ({"rules": 5}, UnknownSetting),
        ({"verb": 5}, UnknownSetting),
        (
            {"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": 1},
            InvalidSetting,
        ),
    ],
)
def test_settings_that_cannot_be(
    lab: ll.Lab, given: dict[str, Any], error: type[Exception]
) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    lab.create_function("other", duration=0.1)
    lab.sqs.create_queue("failed")
    with pytest.raises(error):
        connect(lab, clicks, "count", **given)
    assert lab.list_event_source_mappings() == []


def test_where_it_starts_cannot_be_changed(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    mapping = connect(lab, clicks, "count", maximum_record_age=60, batch_size=10_000)
    with pytest.raises(InvalidSetting, match="starting_position"):
        mapping.update(starting_position="LATEST")
    with pytest.raises(UnknownSetting, match="source"):
        mapping.update(source="clicks")
    mapping.update(maximum_record_age=None)
    assert mapping.settings.maximum_record_age == -1
    assert repr(mapping) == (
        "<mapping clicks->count: TRIM_HORIZON, batch size 10,000, batching window 0 s>"
    )
    assert "clicks-&gt;count" in mapping._repr_html_()


def test_two_are_connected_once(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    mapping = connect(lab, clicks, "count")
    with pytest.raises(ResourceConflictException, match="already exists"):
        connect(lab, clicks, "count")
    found = lab._mappings
    assert found["clicks->count"] is mapping
    assert list(found) == [mapping]
    with pytest.raises(UnknownName):
        found["clicks"]
    lab.close()
    with pytest.raises(LabClosed):
        mapping.update(batch_size=5)


def test_another_run_leaves_the_same_books() -> None:
    lab, clicks = make(shards=2)
    counting(lab, fail_at(7))
    connect(
        lab, clicks, "count", batch_size=5, maximum_retry_attempts=2, parallelization_factor=2,
        bisect_batch_on_function_error=True,
    )  # fmt: skip
    digests = []
    for _ in range(2):
        for number in range(40):
            clicks.put_record(number, f"k{number % 7}")
        clicks.split_shard("shardId-000000000001")
        lab.run()
        digests.append(str(lab.trace.digest()))
        lab.reset()
    assert digests[0] == digests[1]


def test_limits_name_their_source(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    for given, told in (
        ({"maximum_record_age": 30}, r"maximum_record_age=30: must be -1 .* 60 to 604,800 s"),
        ({"tumbling_window": 1_000}, r"tumbling_window=1000: must be .*900.*botocore"),
        ({"starting_position": "AT_TIMESTAMP"}, r"starting_position_timestamp=None: must be given"),
        ({"on_success": "q"}, r"on_failure alone"),
    ):
        with pytest.raises(InvalidSetting, match=told):
            connect(lab, clicks, "count", **given)


def test_what_the_books_have_of_it() -> None:
    lab, clicks = make()
    counting(lab)
    failed = lab.sqs.create_queue("failed")
    mapping = connect(
        lab, clicks, "count", on_failure="failed", tumbling_window=30, starting_position="AT_TIMESTAMP",
        starting_position_timestamp=0, filter_criteria={"Filters": [{"Pattern": {"data": {"a": [1]}}}]},
    )  # fmt: skip
    told = lab._books.wiring["mapping"]["clicks->count"]
    assert told["source"] == "clicks"
    assert told["on_failure"] == failed.arn
    assert told["tumbling_window"] == 30
    assert told["filter_criteria"] == {"Filters": [{"Pattern": '{"data":{"a":[1]}}'}]}
    assert (told["state"], mapping.state_transition_reason) == ("Enabled", "User action")
    assert repr(mapping) == (
        "<mapping clicks->count: AT_TIMESTAMP, batch size 100, batching window 0 s, "
        "tumbling window 30 s, 1 filter, failures to 'failed'>"
    )


def test_deleted_it_finishes_what_is_under_way() -> None:
    lab, clicks = make()
    lab.create_function("count", duration=5, timeout=10, init=0)
    mapping = connect(lab, clicks, "count", batch_size=1)
    put(clicks, 0, 1)
    lab.run(until=2)
    mapping.delete()
    assert mapping.state == "Deleting"
    put(clicks, 2)
    lab.run()
    assert lab.trace.batches.outcome.tolist() == ["success"]
    assert lab.list_event_source_mappings() == []
    assert ends(lab) == {("deleted", "batch_succeeded"): 1, ("dropped", "mapping_deleted"): 1}
    with pytest.raises(ResourceNotFoundException):
        mapping.update(batch_size=2)
    fresh = connect(lab, clicks, "count", batch_size=3)
    assert fresh.uuid != mapping.uuid
    lab.run()
    assert lab.trace.batches.records.tolist() == [1, 3], "from the oldest record once more"


def test_deleted_it_tries_nothing_again() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    mapping = connect(lab, clicks, "count")
    put(clicks, 0)
    lab.run(until=1)
    mapping.delete()
    tries = len(seen)
    lab.run()
    assert len(seen) == tries
    assert lab.elapsed < 100
    assert ends(lab) == {("dropped", "mapping_deleted"): 1}
    lab.audit()
    lab.reset()
    assert lab.list_event_source_mappings() == []


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"maximum_batching_window": 300}, None),
        ({"tumbling_window": 900}, {"state": {}}),
        ({"maximum_batching_window": 0}, "fails"),
    ],
)
def test_deleted_it_keeps_no_run_alive(given: dict[str, Any], answer: Any) -> None:
    """Neither by a window that is open, nor by a batch that was to be tried again."""

    def reply(found: list[int]) -> Any:
        if answer == "fails":
            raise RuntimeError
        return answer

    lab, clicks = make()
    counting(lab, reply)
    mapping = connect(lab, clicks, "count", **given)
    put(clicks, 1)
    lab.advance(20)
    mapping.delete()
    assert mapping.state == "Deleted"
    lab.run()
    assert lab.elapsed == 20


def test_a_transition_takes_its_time() -> None:
    lab, clicks = make(mapping_transition=5)
    seen = counting(lab)
    put(clicks, 0)
    mapping = connect(lab, clicks, "count", starting_position="TRIM_HORIZON")
    assert mapping.state == "Creating"
    put(clicks, 1)
    lab.run(until=4)
    assert seen == []
    lab.run()
    assert (seen, mapping.state) == ([[0, 1]], "Enabled")
    mapping.update(enabled=False)
    put(clicks, 2)
    lab.run()
    assert (len(seen), mapping.state) == (1, "Disabled")
