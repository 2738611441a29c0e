import html
import re
from collections.abc import Callable

import pytest

import lambdalab as ll
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.schema import (
    Action,
    AttemptOutcome,
    BatchOutcome,
    Cause,
    InvocationStatus,
    InvocationType,
    QueueKind,
)
from tests.trace.histories import S, World


def runs(count: int, outcome: int, *, cold: bool = False) -> Recorder:
    books = Recorder()
    bill = books.name("bill")
    for number in range(count):
        books.environment(bill, 0, number)
        books.invocation(bill, 0, 0, bill, 0, 0, number, 2)
        row = books.attempt(number + 1, 1, number + 1, 0, number, number, cold, 128, Cause.CALLED)
        books.attempt_done(row, number + 3 * S, S, S, S, 3000, 40, outcome, 1)
    return books


def timeouts() -> Recorder:
    return runs(2, AttemptOutcome.TIMEOUT)


def cold_starts() -> Recorder:
    return runs(60, AttemptOutcome.SUCCESS, cold=True)


def throttles() -> Recorder:
    books = Recorder()
    bill = books.name("bill")
    books.invocation(bill, 0, 0, bill, 0, 0, 0, 2)
    status, cause = InvocationStatus.THROTTLED, Cause.THROTTLED_RESERVED
    books.invocation_done(1, 0, status, 429, 0, 0, 0, cause, 0, 0, 0)
    return books


def events(*rows: tuple[int, int], kind: int = QueueKind.ASYNCHRONOUS) -> Recorder:
    books = Recorder()
    bill = books.name("bill")
    books.invocation(bill, 0, InvocationType.EVENT, bill, 0, 0, 0, 2)
    queue = books.queue("bill (events)" if kind == QueueKind.ASYNCHRONOUS else "orders", kind)
    receives = 0
    for action, cause in rows:
        receives += action == Action.RECEIVED
        books.queue_event(0, queue, 1, action, 1, 0, 0, 1, 0, cause, 0, 0, receives, -1)
    return books


def lost_events() -> Recorder:
    return events((Action.SENT, Cause.CALLED), (Action.DROPPED, Cause.RETRIES_EXHAUSTED))


def backing_off() -> Recorder:
    return events((Action.SENT, Cause.CALLED), (Action.THROTTLED, Cause.THROTTLED_ACCOUNT))


def lost_messages() -> Recorder:
    sent, gone = (Action.SENT, Cause.MESSAGE_SENT), (Action.EXPIRED, Cause.RETENTION)
    return events(sent, gone, kind=QueueKind.SQS)


def received_often() -> Recorder:
    sent, again = (Action.SENT, Cause.MESSAGE_SENT), (Action.RECEIVED, Cause.POLLED)
    return events(sent, *[again] * 5, kind=QueueKind.SQS)


def failures() -> Recorder:
    return runs(3, AttemptOutcome.ERROR)


def dead_letters() -> Recorder:
    return events((Action.SENT, Cause.DEAD_LETTER), kind=QueueKind.SQS)


def whole_batches() -> Recorder:
    books = Recorder()
    mapping = books.name("orders->bill")
    books.batch(mapping, mapping, 0, 1, 0, 0, 0, 0, 10, 100, 0, 0)
    books.batch_done(1, 1, 0, BatchOutcome.FAILURE, 10)
    return books


@pytest.mark.parametrize(
    ("make", "kind", "subject", "says", "rows"),
    [
        (timeouts, "timeouts", "bill", "2 attempts timed out, and 6.0 s", 2),
        (cold_starts, "cold starts", "bill", "60 cold starts in 60 runs (100.0 %), 120.0 s", 60),
        (throttles, "throttles", "bill", "1 time a call was answered with 429", 1),
        (backing_off, "throttles", "bill", "1 time an event had to wait", 1),
        (failures, "failures", "bill", "All 3 attempts failed, most often with error.", 3),
        (dead_letters, "unread dead letters", "orders", "1 dead letter lies in it", 1),
        (lost_events, "lost events", "bill", "dead_letter_queue", 1),
        (lost_messages, "lost messages", "orders", "retention", 1),
        (
            received_often,
            "received often",
            "orders",
            "1 message was received more than 3 times, at most 5 times",
            1,
        ),
        (whole_batches, "whole batches", "orders->bill", "1 batch failed whole", 1),
    ],
)
def test_what_happened_is_told_and_proved(
    make: Callable[[], Recorder], kind: str, subject: str, says: str, rows: int
) -> None:
    found = Trace(make()).findings()
    assert [(f.kind, f.subject, len(f.rows)) for f in found] == [(kind, subject, rows)]
    assert says in found[0].advice
    assert subject in repr(found)
    assert html.escape(subject) in found._repr_html_()
    assert "<table" in found[0]._repr_html_()


def test_a_dead_letter_is_not_lost() -> None:
    books = events(
        (Action.SENT, Cause.CALLED),
        (Action.DEAD_LETTERED, Cause.RETRIES_EXHAUSTED),
        (Action.DROPPED, Cause.RETRIES_EXHAUSTED),
    )
    assert Trace(books).findings() == ()


@pytest.mark.parametrize(
    "then",
    [
        (Action.RECEIVED, Cause.RECEIVED_BY_CALLER),
        (Action.DELETED, Cause.PURGED),
        (Action.DEAD_LETTERED, Cause.MAX_RECEIVE_COUNT),
    ],
)
def test_a_dead_letter_that_was_read_or_is_gone_is_no_finding(then: tuple[int, int]) -> None:
    books = events((Action.SENT, Cause.DEAD_LETTER), then, kind=QueueKind.SQS)
    assert Trace(books).findings() == ()


def test_half_the_attempts_may_fail_and_what_was_killed_does_not_count() -> None:
    for count, outcome in ((3, AttemptOutcome.SUCCESS), (9, AttemptOutcome.KILLED)):
        assert Trace(runs(count, outcome)).findings() == ()


def test_the_count_of_a_sentence_is_that_of_its_rows() -> None:
    for seed in range(4):
        world = World(seed, calls=40, events=30, messages=30, failures=0.8, limit=2)
        for found in Trace(world.run()).findings():
            counts = {int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", found.advice)}
            assert len(found.rows) in counts, found


def test_nothing_to_remark() -> None:
    found = Trace(Recorder()).findings()
    assert len(found) == 0
    assert repr(found) == "nothing to remark"
    assert "nothing" in found._repr_html_()


def test_a_busy_run_has_several() -> None:
    found = Trace(World(3, calls=40, events=30, messages=30, failures=0.6).run()).findings()
    assert len({f.kind for f in found}) >= 3
    assert all(len(f.rows) for f in found)


def test_a_throttle_is_told_with_the_limit_that_bound(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.001, init=0, reserved_concurrency=2)
    lab.drive("f", ll.Every(0.01), count=300)
    lab.run()
    (found,) = (one for one in lab.trace.findings() if one.kind == "throttles")
    causes = lab.trace.invocations["cause"].value_counts()
    assert causes["throttled_reserved_rate"] > causes["throttled_reserved"] > 0
    told = (
        found.advice.index("ten requests a second"),
        found.advice.index("its reserved concurrency"),
    )
    assert told == tuple(sorted(told)), "the commonest first"
    assert f"({causes['throttled_reserved_rate']:,})" in found.advice


def test_a_recursive_loop_is_told(lab: ll.Lab) -> None:
    @lab.function
    def again(event: object, context: object) -> None:
        lab.invoke(again, invocation_type="Event")

    lab.invoke(again, invocation_type="Event")
    lab.run()
    (found,) = (one for one in lab.trace.findings() if one.kind == "recursive loops")
    assert (found.subject, len(found.rows)) == ("again", 1)


def test_a_record_that_did_not_arrive_is_told(lab: ll.Lab) -> None:
    lab.sqs.create_queue("done")

    @lab.function(on_success="done")
    def large(event: object, context: object) -> str:
        return "x" * 2_000_000

    lab.invoke(large, invocation_type="Event")
    lab.run()
    (found,) = (one for one in lab.trace.findings() if one.kind == "undelivered")
    assert (found.subject, len(found.rows)) == ("large", 1)


def test_whole_batches_where_failed_records_could_be_named(lab: ll.Lab) -> None:
    """A mapping that takes names of failed records is not told to; its handler is."""
    queue = lab.sqs.create_queue("q")
    lab.create_function("f", duration=0.1, failure_rate=1)
    mapping = lab.create_event_source_mapping(queue, "f")
    names = ["ReportBatchItemFailures"]
    for says, kinds in (("With function_response_types", []), ("A handler that catches", names)):
        mapping.update(function_response_types=kinds)
        lab.reset()
        for _ in range(3):
            queue.send("x")
        lab.run(until=20)
        (found,) = [one for one in lab.trace.findings() if one.kind == "whole batches"]
        assert says in found.advice
