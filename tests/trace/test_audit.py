import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import AuditError
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.audit import audit, differences
from lambdalab.trace.schema import (
    PACKED,
    Action,
    AttemptOutcome,
    BatchOutcome,
    Cause,
    InvocationStatus,
    InvocationType,
    ParentKind,
)
from tests.trace.histories import World, change, rows_of


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    calls=st.integers(0, 15),
    events=st.integers(0, 15),
    messages=st.integers(0, 15),
    limit=st.integers(1, 6),
    failures=st.sampled_from([0.0, 0.3, 0.9]),
    until=st.none() | st.integers(0, 200_000_000),
)
def test_random_consistent_books_balance_whenever_they_are_read(
    seed: int, calls: int, events: int, messages: int, limit: int, failures: float,
    until: int | None,
) -> None:  # fmt: skip
    world = World(
        seed, calls=calls, events=events, messages=messages, limit=limit, failures=failures,
        until=until,
    )  # fmt: skip
    assert differences(world.run()) == []


def test_empty_books_balance() -> None:
    audit(Recorder())


@pytest.fixture
def books() -> Recorder:
    """Books with some of everything."""
    world = World(5, calls=20, events=20, messages=20, limit=4, failures=0.6)
    recorder = world.run()
    world.now += 1
    world.expire(world.ship)
    audit(recorder)
    return recorder


def where(books: Recorder, table: str, /, **fields: int) -> int:
    """The last row of a table in which the fields have these values."""
    rows = rows_of(books, table)
    fits = np.ones(len(rows), dtype=bool)
    for name, value in fields.items():
        fits &= rows[name] == value
    assert fits.any(), f"no row of {table} with {fields}"
    return int(np.flatnonzero(fits)[-1])


# what is falsified: table, how the row is found, the new values, what the audit says
CASES: list[tuple[str, dict[str, int], dict[str, int], str]] = [
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"completed_at": -1}, "in flight"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"completed_at": 5}, "before"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"network_us": 77}, "spans of an inv"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"attempts": 7}, "number of attempts"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"status": InvocationStatus.REFUSED},
     "refused and ran"),
    ("invocations", {"status": InvocationStatus.THROTTLED}, {"status": InvocationStatus.SUCCEEDED},
     "succeeded without one"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"status": InvocationStatus.FAILED},
     "without a failed last attempt"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"function_error": 1},
     "function_error does not agree"),
    ("invocations", {"parent_kind": ParentKind.BATCH}, {"parent_kind": ParentKind.NONE},
     "no batch as parent"),
    ("invocations", {"parent_kind": ParentKind.NONE}, {"parent_kind": ParentKind.BATCH, "parent": 1},
     "a batch and no mapping"),
    ("invocations", {"parent_kind": ParentKind.BATCH}, {"parent": 999}, "not in the books"),
    ("invocations", {"parent_kind": ParentKind.BATCH}, {"parent": 1}, "another's invocation"),
    ("invocations", {"parent_kind": ParentKind.NONE},
     {"parent_kind": ParentKind.REQUEST, "parent": 999}, "before its parent"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"cause": Cause.POLLED}, "cause is not"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"status": 55}, "not in its list"),
    ("invocations", {"status": InvocationStatus.SUCCEEDED}, {"function": 999}, "is no name"),
    ("invocations", {"status": InvocationStatus.THROTTLED},
     {"invocation_type": InvocationType.EVENT, "status": InvocationStatus.IN_FLIGHT,
      "completed_at": -1}, "not queued once"),
    ("invocations", {"status": InvocationStatus.FAILED, "invocation_type": InvocationType.EVENT},
     {"status": InvocationStatus.EXPIRED}, "did not end so"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"request": 9999}, "no row of invocations"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"environment": 0}, "no row of environments"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"ended_at": -1}, "running at once"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"duration_us": 3}, "spans of an attempt"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"attempt": 9}, "count from 1"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"billed_ms": 1}, "another time than"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"cost_nano": 1}, "costs differently"),
    ("attempts", {"outcome": AttemptOutcome.SUCCESS}, {"started_at": 3}, "goes back in time"),
    ("attempts", {"cold_start": 0}, {"cold_start": 1}, "started cold"),
    ("environments", {"because": 0}, {"ended_at": 10**10}, "without a reason"),
    ("environments", {"because": 1}, {"ended_at": 0}, "before ready_at"),
    ("environments", {"because": 1}, {"function": 1}, "another function's"),
    ("queue_events", {"action": Action.DELETED}, {"depth": 99}, "is not sent less ended"),
    ("queue_events", {"action": Action.DELETED}, {"in_flight": 99}, "more in flight"),
    ("queue_events", {"cause": Cause.POLLED}, {"in_flight": 0}, "went in less"),
    ("queue_events", {"action": Action.RETRY_SCHEDULED}, {"delayed": 0}, "went in less"),
    ("queue_events", {"action": Action.DELETED}, {"action": Action.RETURNED}, "sent less ended"),
    ("queue_events", {"action": Action.RETURNED}, {"action": Action.DELETED}, "ended twice"),
    ("queue_events", {"cause": Cause.POLLED}, {"receive_count": 9}, "rise by one"),
    ("queue_events", {"action": Action.DELETED}, {"event": 999_999}, "before it was sent"),
    ("queue_events", {"action": Action.DELETED}, {"queue": 0}, "never declared"),
    ("queue_events", {"action": Action.DELETED}, {"at": 0}, "goes back in time"),
    ("queue_events", {"action": Action.DELETED}, {"batch": 999}, "no row of batches"),
    ("queue_events", {"action": Action.DEAD_LETTERED, "cause": Cause.RETRIES_EXHAUSTED},
     {"cause": Cause.DELIVERY_FAILED}, "dead letters left"),
    ("queue_events", {"action": Action.SENT, "cause": Cause.DEAD_LETTER},
     {"cause": Cause.MESSAGE_SENT}, "dead letters left"),
    ("batches", {"outcome": 1}, {"records": 9}, "another number of records"),
    ("batches", {"outcome": 1}, {"completed_at": -1}, "in flight at once"),
    ("batches", {"outcome": 1}, {"failed_records": 1}, "failed records"),
    ("batches", {"outcome": 1}, {"request": 1}, "another's invocation"),
    ("batches", {"outcome": 1}, {"flushed_at": 0}, "goes back in time"),
    ("batch_records", {}, {"message": 999}, "never gave"),
    ("requests", {"status_code": 200}, {"answered_at": 0}, "before sent_at"),
    ("requests", {"status_code": 200}, {"try_number": 5}, "tries of a call"),
    ("scaling", {}, {"before": 9}, "where the last ended"),
    ("waits", {}, {"request": 1}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("table", "found", "falsified", "told"), CASES)
def test_one_false_field_is_told(
    books: Recorder, table: str, found: dict[str, int], falsified: dict[str, int], told: str
) -> None:
    change(books, table, where(books, table, **found), **falsified)
    with pytest.raises(AuditError, match=told or "."):
        audit(books)


@pytest.mark.parametrize(
    "table",
    ["invocations", "attempts", "queue_events", "batches", "batch_records", "waits", "scaling"],
)
def test_a_row_left_out_or_written_twice_is_told(books: Recorder, table: str) -> None:
    size, kept = PACKED[table].size, bytes(books.buffers[table])
    del books.buffers[table][size : 2 * size]
    assert differences(books)
    books.buffers[table][:] = kept + kept[-size:]
    assert differences(books)


@settings(max_examples=100)
@given(seed=st.integers(0, 50), data=st.data())
def test_a_queue_event_left_out_is_told_by_the_next_of_its_queue(
    seed: int, data: st.DataObject
) -> None:
    books = World(seed, calls=5, events=8, messages=8, failures=0.5).run()
    queues = rows_of(books, "queue_events")["queue"].tolist()
    followed = [place for place, queue in enumerate(queues) if queue in queues[place + 1 :]]
    place = data.draw(st.sampled_from(followed)) * PACKED["queue_events"].size
    del books.buffers["queue_events"][place : place + PACKED["queue_events"].size]
    assert differences(books)


def test_two_attempts_in_one_environment_at_a_time(books: Recorder) -> None:
    rows = rows_of(books, "attempts")
    same = np.flatnonzero(rows["environment"] == rows["environment"][0])
    first, second = int(same[0]), int(same[1])
    longer = int(rows["started_at"][second]) + 1
    change(books, "attempts", first, ended_at=longer)
    with pytest.raises(AuditError, match="two at a time"):
        audit(books)


def test_a_batch_that_claims_a_success_its_queue_knows_nothing_of() -> None:
    books = World(5, messages=20, failures=0.9, until=15_000_000).run()
    change(books, "batches", 0, outcome=BatchOutcome.SUCCESS, failed_records=0)
    with pytest.raises(AuditError, match=r"still in its queue: 1 \(b1\)"):
        audit(books)


def test_two_requests_that_led_to_one_invocation(books: Recorder) -> None:
    change(books, "requests", 1, request=int(rows_of(books, "requests")["request"][0]))
    with pytest.raises(AuditError, match="two requests led"):
        audit(books)


def test_every_difference_is_listed() -> None:
    books = World(1).run()
    change(books, "attempts", 0, max_memory_mb=50, attempt=2)
    change(books, "invocations", 0, network_us=9)
    with pytest.raises(AuditError) as caught:
        Trace(books).audit()
    assert "2 differences" in str(caught.value)
    assert len(caught.value.differences) == 2  # type: ignore[attr-defined]
    assert "r1" in str(caught.value)
    assert "a1" in str(caught.value)
