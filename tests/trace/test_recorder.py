from collections.abc import Callable

from lambdalab.trace import Recorder, Trace
from lambdalab.trace.schema import (
    AttemptOutcome,
    Cause,
    EnvironmentEnd,
    EnvironmentKind,
    InitType,
    InvocationStatus,
    InvocationType,
    ParentKind,
)


def call(books: Recorder, at: int) -> tuple[int, int, int]:
    """One modelled synchronous invocation begins; returns its request, attempt and caller's row."""
    bill, client = books.name("bill"), books.name("client")
    row = books.sent(client, 0, 1, at)
    request = books.invocation(
        bill, 0, InvocationType.REQUEST_RESPONSE, client, ParentKind.NONE, 0, at, 2
    )
    attempt = books.attempt(request, 1, 1, InitType.ON_DEMAND, at, at, True, 128, Cause.CALLED)
    return request, attempt, row


def test_names_are_interned() -> None:
    books = Recorder()
    assert books.name("") == 0
    assert books.name("bill") == books.name("bill") == 1
    assert books.names == ["", "bill"]


def test_ids_count_from_one_and_rows_from_zero() -> None:
    books = Recorder()
    assert call(books, 0) == (1, 0, 0)
    assert call(books, 1) == (2, 1, 1)
    assert books.environment(1, EnvironmentKind.ON_DEMAND, 0) == 1
    assert books.batch(1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0) == 1
    assert books.batch(1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0) == 2


def test_a_modelled_invocation_takes_at_most_150_bytes() -> None:
    books = Recorder()
    for at in range(100):
        request, attempt, row = call(books, at)
        books.attempt_done(attempt, at + 5, 0, 0, 5, 1, 40, AttemptOutcome.SUCCESS, 3)
        books.invocation_done(
            request, at + 5, InvocationStatus.SUCCEEDED, 200, 0, 1, 4, Cause.COMPLETED, 0, 0, 0
        )
        books.answered(row, at + 5, 200, False, request)
    assert books.nbytes <= 150 * 100


def test_what_is_in_flight_shows_as_such() -> None:
    books = Recorder()
    request, attempt, row = call(books, 1_000)
    environment = books.environment(books.name("bill"), EnvironmentKind.ON_DEMAND, 1_000)
    trace = Trace(books)
    invocation, run = trace.invocations.iloc[0], trace.attempts.iloc[0]
    assert (invocation.status, invocation.cause, run.outcome) == (
        "in_flight", "in_flight", "running"
    )  # fmt: skip
    assert invocation[["completed_at", "latency_ms", "network_ms"]].isna().all()
    assert run[["ended_at", "duration_ms", "billed_ms"]].isna().all()
    assert trace.environments.iloc[0][["ready_at", "ended_at", "init_ms"]].isna().all()
    assert trace.requests.iloc[0][["answered_at", "latency_ms"]].isna().all()

    books.environment_ready(environment, 3_000, 1_500)
    books.attempt_done(attempt, 9_000, 500, 1_500, 6_000, 6, 40, AttemptOutcome.SUCCESS, 3)
    books.invocation_done(
        request, 9_100, InvocationStatus.SUCCEEDED, 200, 0, 1, 4, Cause.COMPLETED, 100, 0,
        books.name("$LATEST"),
    )  # fmt: skip
    books.answered(row, 9_100, 200, False, request)
    books.environment_done(environment, 10_000, EnvironmentEnd.IDLE_EXPIRY)
    invocation, run = trace.invocations.iloc[0], trace.attempts.iloc[0]
    assert (invocation.latency_ms, invocation.handler_ms, invocation.status) == (
        8.1, 6.0, "succeeded"
    )  # fmt: skip
    assert (run.duration_ms, run.setup_ms, run.init_ms, run.billed_ms) == (6.0, 0.5, 1.5, 6.0)
    assert run.cost_usd == 3e-9
    kept = trace.environments.iloc[0]
    assert (kept.init_ms, kept.ended_because, kept.invocations, kept.busy_ms) == (
        1.5, "idle_expiry", 1, 8.0
    )  # fmt: skip
    trace.audit()


def test_every_fact_changes_the_version() -> None:
    books = Recorder()
    facts: list[Callable[[], object]] = [
        lambda: books.name("bill"),
        lambda: call(books, 1),
        lambda: books.attempt_done(0, 2, 0, 0, 1, 1, 1, 1, 1),
        lambda: books.attempt_error(0, "KeyError", "", b""),
        lambda: books.answered(0, 2, 200, False, 1),
        lambda: books.invocation_done(1, 2, 1, 200, 0, 1, 1, 1, 0, 0, 0),
        lambda: books.invocation_waited(1, 0, 0),
        lambda: books.environment(1, 0, 0),
        lambda: books.environment_ready(1, 1, 1),
        lambda: books.environment_done(1, 1, 1),
        lambda: books.batch(1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0),
        lambda: books.batch_records(1, [1, 2]),
        lambda: books.batch_done(1, 1, 1, 1, 0),
        lambda: books.queue_event(1, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, -1),
        lambda: books.scaling(1, 1, 0, 0, 1, 1),
        lambda: books.log(1, 1, 1, 1, "hello"),
        lambda: books.configured("bill", {"timeout": 3}),
        lambda: books.wired("sqs", "orders", {}),
    ]
    seen = [books.version()]
    for fact in facts:
        fact()
        seen.append(books.version())
    assert len(set(seen)) == len(facts) + 1


def test_a_reader_never_keeps_a_buffer_from_growing() -> None:
    books = Recorder()
    call(books, 0)
    trace = Trace(books)
    kept, rows = trace.attempts, trace._tables.rows("attempts")
    for at in range(1, 1000):
        call(books, at)
    assert len(kept) == len(rows) == 1
    assert len(trace.attempts) == 1000
