"""Time to live: which items DynamoDB deletes by itself, when, and what the stream tells of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.sources.dynamodb.table import Table

START = 1_736_208_000  # 2025-01-07
HOUR = 3600
DAY = 24 * HOUR
AT_ONCE = {"dynamodb_ttl_delay": (0, 0), "environment_setup": 0.0}


def make(*, at_once: bool = True, view: str | None = "NEW_AND_OLD_IMAGES") -> tuple[ll.Lab, Table]:
    lab = ll.Lab(seed=7, quotas=AT_ONCE if at_once else None)
    return lab, lab.dynamodb.create_table("sessions", time_to_live="ends", stream_view_type=view)


def test_an_item_goes_when_its_time_is_over() -> None:
    lab, sessions = make()
    sessions.put_item({"id": "1", "ends": START + 60})
    lab.run(until=59)
    assert len(sessions) == 1
    lab.run(until=60)
    assert len(sessions) == 0
    record = sessions.stream.records[-1].json()
    assert list(record) == [
        "eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb",
        "userIdentity", "eventSourceARN",
    ]  # fmt: skip
    assert record["eventName"] == "REMOVE"
    assert record["userIdentity"] == {
        "type": "Service",
        "principalId": "dynamodb.amazonaws.com",
    }
    assert record["dynamodb"]["OldImage"]["ends"] == {"N": str(START + 60)}
    assert record["dynamodb"]["ApproximateCreationDateTime"] == START + 60


def test_only_dynamodbs_own_deletes_name_a_user() -> None:
    _, sessions = make()
    sessions.put_item({"id": "1", "ends": START + 60})
    sessions.delete_item({"id": "1"})
    assert all("userIdentity" not in record.json() for record in sessions.stream.records)


@pytest.mark.parametrize(
    "ends",
    [
        None, str(START + 60), True, {START + 60}, START - 6 * 365 * DAY, 10**30, -1,
        (START + 60) * 1000,
    ],
)  # fmt: skip
def test_an_item_without_a_moment_stays(ends: Any) -> None:
    lab, sessions = make()
    sessions.put_item({"id": "1", "ends": ends})
    sessions.put_item({"id": "2"})
    lab.run(until="30d")
    assert len(sessions) == 2


def test_a_moment_that_is_past_already_counts() -> None:
    lab, sessions = make()
    sessions.put_item({"id": "1", "ends": START - 4 * 365 * DAY})
    assert len(sessions) == 1, "not within the put"
    lab.advance(1)
    assert len(sessions) == 0


def test_part_of_a_second_counts() -> None:
    lab, sessions = make()
    sessions.put_item({"id": "1", "ends": Decimal(START) + Decimal("1.5")})
    lab.run(until=1.4)
    assert len(sessions) == 1
    lab.run(until=1.5)
    assert len(sessions) == 0


def test_the_last_put_decides() -> None:
    lab, sessions = make()
    for number, later in enumerate([100, None, 30]):
        sessions.put_item({"id": str(number), "ends": START + 60})
        again = {} if later is None else {"ends": START + later}
        sessions.put_item({"id": str(number)} | again)
    sessions.put_item({"id": "3", "ends": START + 60})
    sessions.delete_item({"id": "3"})
    sessions.put_item({"id": "3"})
    lab.run(until=60)
    assert [item["id"] for item in sessions.items] == ["0", "1", "3"]
    lab.run(until=100)
    assert [item["id"] for item in sessions.items] == ["1", "3"]


def test_a_delete_comes_up_to_two_days_late() -> None:
    lab, sessions = make(at_once=False, view="KEYS_ONLY")
    for number in range(200):
        sessions.put_item({"id": str(number), "ends": START})
    lab.run(until=10)
    assert len(sessions) > 190, "until then it can be read"
    lab.run(until=DAY)
    assert 60 < len(sessions) < 140
    lab.run(until=2 * DAY)
    assert len(sessions) == 0


def test_the_delay_is_a_rule() -> None:
    lab = ll.Lab(quotas={"dynamodb_ttl_delay": (HOUR, HOUR)})
    sessions = lab.dynamodb.create_table("sessions", time_to_live="ends")
    sessions.put_item({"id": "1", "ends": START + 60})
    lab.run(until=HOUR + 59)
    assert len(sessions) == 1
    lab.run(until=HOUR + 60)
    assert len(sessions) == 0


def test_a_delete_keeps_no_run_alive_even_with_a_mapping() -> None:
    lab, sessions = make()
    gone: list[Any] = []
    lab.create_function("forget", lambda event, context: gone.extend(event["Records"]))
    lab.create_event_source_mapping(
        sessions, "forget", starting_position="LATEST",
        filter_criteria={"Filters": [{"Pattern": '{"userIdentity": {"type": ["Service"]}}'}]},
    )  # fmt: skip
    sessions.put_item({"id": "1", "ends": START + HOUR})
    assert lab.run().ran_s < 5
    assert len(sessions) == 1
    lab.run(until=HOUR + 5)
    assert (len(sessions), len(gone)) == (0, 1)
    assert lab.run().ran_s == 0


def test_time_to_live_is_switched_on_off_and_moved() -> None:
    lab = ll.Lab(quotas=AT_ONCE)
    sessions = lab.dynamodb.create_table("sessions")
    sessions.put_item({"id": "1", "ends": START + 60, "other": START + 120})
    sessions.update(time_to_live="ends")
    sessions.update(time_to_live=None)
    lab.run(until=60)
    assert len(sessions) == 1
    sessions.update(time_to_live="other")
    lab.run(until=119)
    assert len(sessions) == 1
    lab.run(until=120)
    assert len(sessions) == 0
    with pytest.raises(InvalidSetting, match="the name of an attribute"):
        sessions.update(time_to_live="")


def test_a_new_run_forgets_what_was_coming() -> None:
    lab, sessions = make()
    sessions.put_item({"id": "1", "ends": START + 60})
    lab.reset()
    sessions.put_item({"id": "1"})
    lab.run(until="1h")
    assert len(sessions) == 1
    sessions.put_item({"id": "1", "ends": START + 2 * HOUR})
    lab.run(until="2h")
    assert len(sessions) == 0


def test_a_table_without_a_stream_deletes_too() -> None:
    lab, sessions = make(view=None)
    sessions.put_item({"id": "1", "ends": START + 60})
    lab.run(until=60)
    assert len(sessions) == 0
    assert len(lab.trace.queue_events) == 0
