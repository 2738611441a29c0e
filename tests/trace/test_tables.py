import pandas as pd
import pytest

from lambdalab.trace import Recorder, Trace
from lambdalab.trace.causes import CAUSES
from lambdalab.trace.codes import CLOSED_LISTS, Cause
from lambdalab.trace.schema import InvocationStatus, InvocationType, ParentKind
from lambdalab.trace.tables import TABLES
from tests.trace.histories import World, rows_of


@pytest.fixture(scope="module")
def books() -> Recorder:
    return World(3, calls=20, events=20, messages=20, failures=0.5).run()


@pytest.fixture(scope="module")
def trace(books: Recorder) -> Trace:
    return Trace(books)


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_the_columns_and_types_of_a_full_one(trace: Trace, table: str) -> None:
    empty, full = getattr(Trace(Recorder()), table), getattr(trace, table)
    assert len(full)
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    for column in full:
        assert empty[column].dtype == full[column].dtype, column


@pytest.mark.parametrize("table", TABLES)
def test_types_follow_the_names_of_the_columns(trace: Trace, table: str) -> None:
    for name, column in getattr(trace, table).items():
        if str(name).endswith("_at") or name == "at":
            assert column.dtype == "datetime64[us, UTC]", name
        elif str(name).endswith(("_ms", "_usd")):
            assert column.dtype == "float64", name
        elif str(name).endswith("_bytes"):
            assert column.dtype == "int64", name
        elif str(name).endswith("_id"):
            assert column.dtype == "str", name


def test_closed_lists_are_categories_in_their_order(trace: Trace) -> None:
    for column, name in (
        ("invocation_type", "InvocationType"),
        ("status", "InvocationStatus"),
        ("function_error", "FunctionError"),
        ("parent_kind", "ParentKind"),
    ):
        categories = trace.invocations[column].cat.categories
        assert tuple(categories) == CLOSED_LISTS[name].names
    for table, allowed in CAUSES.items():
        categories = getattr(trace, table)["cause"].cat.categories
        assert list(categories) == [Cause.names[code] for code in allowed]


@pytest.mark.parametrize(
    "table", [name for name in TABLES if name not in ("requests", "logs", "faults")]
)
def test_a_cause_is_always_filled(trace: Trace, table: str) -> None:
    column = "ended_because" if table == "environments" else "cause"
    assert getattr(trace, table)[column].notna().all()


def test_ids_tie_the_tables_together(trace: Trace) -> None:
    known = set(trace.invocations.request_id)
    assert set(trace.attempts.request_id) <= known
    assert set(trace.requests.request_id) <= known
    assert set(trace.attempts.environment_id) <= set(trace.environments.environment_id)
    mapped = trace.invocations[trace.invocations.source == "orders->ship"]
    assert len(mapped)
    assert set(mapped.parent_id) == set(trace.batches.batch_id)
    assert set(trace.batches.request_id) == set(mapped.request_id)
    assert (mapped.parent_kind == "batch").all()
    events = trace.queue_events
    assert set(events.event_id[events.kind == "asynchronous"]) <= known
    assert not set(events.event_id[events.kind == "sqs"]) & known


def test_spans_add_up_to_the_latency(trace: Trace) -> None:
    names = ("network", "queued", "waiting", "setup", "init", "handler", "overhead")
    total = sum(trace.invocations[f"{name}_ms"] for name in names)
    assert (total - trace.invocations.latency_ms).abs().max() < 1e-6


def test_attempts_name_their_function_and_what_failed(trace: Trace) -> None:
    tried = trace.attempts.merge(trace.invocations, on="request_id", suffixes=("", "_of"))
    assert (tried.function == tried.function_of).all()
    failed = trace.attempts[trace.attempts.outcome == "error"]
    assert set(failed.error_type) == {"KeyError"}
    assert set(failed.error_message) == {"'stock'"}
    assert set(trace.attempts.error_type) == {"", "KeyError"}


def test_an_attempt_waits_from_queued_at(trace: Trace) -> None:
    tried = trace.attempts
    waited = tried.started_at - tried.queued_at
    first = tried.cause == "first_attempt"
    assert (waited[first] == pd.Timedelta("100ms")).all()
    assert (waited[tried.cause == "called"] == pd.Timedelta(0)).all()


def test_depths_are_visible_in_flight_and_delayed(trace: Trace) -> None:
    events = trace.queue_events
    assert (events.depth == events.visible + events.in_flight + events.delayed).all()


def test_environments_count_their_work(trace: Trace) -> None:
    work = trace.attempts.groupby("environment_id").size()
    homes = trace.environments.set_index("environment_id")
    assert (homes.invocations == work).all()
    assert homes.log_stream.str.startswith("2025/01/07/[$LATEST]").all()
    assert homes.log_stream.is_unique


def test_a_batch_counts_its_invocations(trace: Trace) -> None:
    assert (trace.batches.invocations == 1).all()


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (Cause.THROTTLED_ACCOUNT, "ConcurrentInvocationLimitExceeded"),
        (Cause.THROTTLED_RESERVED, "ReservedFunctionConcurrentInvocationLimitExceeded"),
    ],
)
def test_a_throttle_has_the_reason_of_aws(cause: int, reason: str) -> None:
    books = Recorder()
    bill = books.name("bill")
    kind = InvocationType.REQUEST_RESPONSE
    books.invocation(bill, 0, kind, bill, ParentKind.REQUEST, 0, 0, 2)
    books.invocation(bill, 0, kind, bill, ParentKind.NONE, 0, 0, 2)
    books.invocation_done(2, 0, InvocationStatus.THROTTLED, 429, 0, 0, 0, cause, 0, 0, 0)
    assert list(Trace(books).invocations.throttle_reason) == ["", reason]


def test_parents_of_every_kind() -> None:
    books = Recorder()
    bill = books.name("bill")
    for kind in (ParentKind.NONE, ParentKind.REQUEST, ParentKind.BATCH, ParentKind.MESSAGE):
        books.invocation(bill, 0, InvocationType.REQUEST_RESPONSE, bill, kind, 1, 0, 2)
    trace = Trace(books)
    ids = trace._tables.ids
    assert list(trace.invocations.parent_id) == [
        "", ids.request(1), ids.batch(1), ids.message(1)
    ]  # fmt: skip


def test_tables_are_kept_until_something_happens(books: Recorder) -> None:
    trace = Trace(books)
    before = trace.invocations
    assert trace.invocations is before
    books.configured("bill", {})
    assert trace.invocations is not before
    pd.testing.assert_frame_equal(trace.invocations, before)
    assert len(rows_of(books, "invocations")) == len(before)
