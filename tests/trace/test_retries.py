import pandas as pd

from lambdalab.trace import Recorder, Trace
from lambdalab.trace.schema import (
    Action,
    BatchOutcome,
    Cause,
    InvocationType,
    ParentKind,
    QueueKind,
)
from tests.trace.histories import S, World


def own_queue(*rows: tuple[float, int, int, float]) -> pd.DataFrame:
    """The retries of one asynchronous event with these (second, action, cause, delay)."""
    books = Recorder()
    bill = books.name("bill")
    books.invocation(bill, 0, InvocationType.EVENT, bill, ParentKind.NONE, 0, 0, 2)
    queue = books.queue("bill (events)", QueueKind.ASYNCHRONOUS)
    for at, action, cause, delay in ((0, Action.SENT, Cause.CALLED, 0), *rows):
        books.queue_event(
            round(at * S), queue, 1, action, 1, round(at * S), round(delay * S), 1, 0, cause, 0, 0,
            0, -1,
        )  # fmt: skip
    return Trace(books).retries


FAILED = (Action.RETRY_SCHEDULED, Cause.FUNCTION_ERROR, 60.0)
TRY = (Action.RECEIVED, Cause.RETRY_AFTER_ERROR, 0.0)
FIRST = (0.1, Action.RECEIVED, Cause.FIRST_ATTEMPT, 0.0)


def test_a_wait_after_an_error() -> None:
    waits = own_queue(
        FIRST, (1, *FAILED), (61, *TRY), (62, Action.RETRY_SCHEDULED, Cause.TIMEOUT, 120.0),
        (182, *TRY), (183, Action.DELETED, Cause.COMPLETED, 0),
    )  # fmt: skip
    assert list(waits.attempt) == [2, 3]
    assert list(waits.planned_ms) == list(waits.waited_ms) == [60_000, 120_000]
    assert list(waits.ended_as) == ["failed", "succeeded"]
    assert list(waits.cause) == ["function_error", "timeout"]
    assert set(waits.lane) == {"service"}
    assert (waits.event_id == waits.request_id).all()


def test_throttles_use_up_no_attempt() -> None:
    throttle = (Action.THROTTLED, Cause.THROTTLED_RESERVED)
    waits = own_queue(
        (0.1, *throttle, 1.0), (1.1, *throttle, 2.0), (3.1, *TRY), (4, Action.DELETED, 1, 0)
    )
    assert list(waits.attempt) == [1, 1]
    assert list(waits.ended_as) == ["throttled", "succeeded"]


def test_a_wait_that_is_not_over() -> None:
    waits = own_queue(FIRST, (1, *FAILED))
    assert waits.waited_ms.isna().all()
    assert list(waits.ended_as) == ["in_flight"]
    waits = own_queue(FIRST, (1, *FAILED), (61, *TRY))
    assert list(waits.ended_as) == ["in_flight"]
    assert list(waits.waited_ms) == [60_000]


def test_a_wait_that_ends_without_a_try() -> None:
    waits = own_queue(
        FIRST, (1, *FAILED), (30, Action.DEAD_LETTERED, Cause.EVENT_AGE_EXCEEDED, 0),
        (30, Action.EXPIRED, Cause.EVENT_AGE_EXCEEDED, 0),
    )  # fmt: skip
    assert list(waits.ended_as) == ["expired"]
    assert list(waits.waited_ms) == [29_000]


def test_the_last_try_fails_for_good() -> None:
    waits = own_queue(
        FIRST, (1, *FAILED), (61, *TRY), (62, Action.DROPPED, Cause.RETRIES_EXHAUSTED, 0)
    )
    assert list(waits.ended_as) == ["failed"]


def test_a_message_waits_from_the_end_of_its_batch() -> None:
    books = Recorder()
    orders = books.queue("orders", QueueKind.SQS)

    def note(at: int, action: int, cause: int, batch: int, count: int, visible: int = -1) -> None:
        books.queue_event(
            at * S, orders, 1, action, 1, at * S, 0, 0, batch, cause, 0, 0, count,
            visible * S if visible > 0 else -1,
        )  # fmt: skip

    note(0, Action.SENT, Cause.MESSAGE_SENT, 0, 0)
    note(1, Action.RECEIVED, Cause.POLLED, 0, 1, 31)
    books.batch(orders, orders, 0, 1, 0, 0, 1 * S, 0, 1, 10, 0, 0)
    books.batch_done(1, 3 * S, 1, BatchOutcome.FAILURE, 1)
    books.invocation(orders, 0, 0, orders, ParentKind.BATCH, 1, S, 2)
    note(31, Action.RETURNED, Cause.BATCH_FAILED, 1, 1, 31)
    note(32, Action.RECEIVED, Cause.POLLED, 0, 2, 62)
    note(62, Action.RETURNED, Cause.VISIBILITY_TIMEOUT, 0, 2)
    note(63, Action.DEAD_LETTERED, Cause.MAX_RECEIVE_COUNT, 0, 2)
    waits = Trace(books).retries
    assert list(waits.lane) == ["source", "source"]
    assert list(waits.planned_ms) == [28_000, 0]
    assert list(waits.waited_ms) == [29_000, 1_000]
    assert list(waits.attempt) == [2, 3]
    assert list(waits.ended_as) == ["failed", "dead_lettered"]
    assert waits.request_id[0] == Trace(books).invocations.request_id[0]


def test_the_end_of_a_delay_is_no_retry() -> None:
    books = Recorder()
    orders = books.queue("orders", QueueKind.SQS)
    books.queue_event(0, orders, 1, Action.SENT, 1, 0, S, 0, 0, Cause.MESSAGE_SENT, 0, 1, 0, S)
    books.queue_event(S, orders, 1, Action.RETURNED, 1, S, 0, 0, 0, Cause.DELAY, 0, 0, 0, S)
    assert len(Trace(books).retries) == 0


def test_a_caller_that_tries_again() -> None:
    books = Recorder()
    client, bill = books.name("client"), books.name("bill")
    for number, (status, at) in enumerate([(429, 0), (0, 2), (500, 5), (200, 9)], start=1):
        row = books.sent(client, 1, number, at * S)
        books.invocation(bill, 0, 0, client, ParentKind.NONE, 0, at * S, 2)
        books.answered(row, at * S + S, status, False, number)
    waits = Trace(books).retries
    assert list(waits.lane) == ["client"] * 3
    assert list(waits.cause) == ["throttled", "client_timeout", "server_error"]
    assert list(waits.waited_ms) == [1_000, 2_000, 3_000]
    assert list(waits.ended_as) == ["failed", "failed", "succeeded"]


def test_every_retry_of_a_random_run_is_there() -> None:
    trace = Trace(World(4, events=30, messages=30, calls=30, failures=0.6).run())
    waits, tried = trace.retries, trace.attempts
    service = waits[waits.lane == "service"]
    assert (service.cause == "function_error").sum() == (tried.cause == "retry_after_error").sum()
    actions = trace.queue_events.action
    returned = (actions == "returned").sum()
    assert (waits.lane == "source").sum() == returned > 0
    assert (waits.lane == "client").sum() == (trace.requests.tries > 1).sum() > 0
    assert waits["at"].is_monotonic_increasing
