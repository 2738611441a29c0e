"""What the assertions let pass, what they do not, and what they say of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab import testing
from lambdalab.errors import InsideHandler, InvalidSetting, LabClosed, UnknownName
from lambdalab.testing import (
    assert_dead_lettered,
    assert_failed,
    assert_invoked,
    assert_latency,
    assert_no_lost_events,
    assert_no_throttles,
    assert_retried,
    assert_same_trace,
    assert_succeeded,
    run_until,
)
from lambdalab.trace.fates import FATES, fates


def told(check: Any, *given: Any, **named: Any) -> str:
    """What a failed assertion says."""
    with pytest.raises(AssertionError) as failed:
        check(*given, **named)
    return str(failed.value)


@pytest.fixture
def wired(lab: ll.Lab) -> ll.Lab:
    """Functions that fail for odd orders, each with another place for them; and a queue."""

    def put_order(event: Any, context: Any) -> None:
        time.sleep(1)
        if event["order"] % 2:
            raise KeyError("stock")

    lab.create_function("kept", put_order, timeout=10, dead_letter_queue="failed")
    records = lab.sqs.create_queue("records")
    lab.create_function("told", put_order, timeout=10, on_success=records, on_failure=records)
    lab.create_function("bare", put_order, timeout=10, maximum_retry_attempts=0)

    def bill(event: Any, context: Any) -> dict[str, Any]:
        failed = [r["messageId"] for r in event["Records"] if r["body"] == '{"order": 1}']
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}

    lab.create_function("bill", bill)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=60, dead_letter_queue="orders-dlq", max_receive_count=3
    )
    lab.create_event_source_mapping(
        orders, "bill", function_response_types=["ReportBatchItemFailures"]
    )
    return lab


def event(lab: ll.Lab, function: str, order: int) -> Any:
    return lab.invoke(function, {"order": order}, invocation_type="Event")


# ---- no event is lost ----------------------------------------------------------------------------


def test_what_was_dealt_with_is_not_lost(wired: ll.Lab) -> None:
    for function in ("kept", "bare"):
        event(wired, function, 2)
    wired.sqs["orders"].send({"order": 2})
    wired.invoke("bare", {"order": 1})  # its caller has been told
    wired.run()
    assert_no_lost_events(wired)
    assert_no_lost_events(wired.trace)


def test_what_is_in_flight_is_told_with_the_way_out(wired: ll.Lab) -> None:
    event(wired, "kept", 2)
    wired.sqs["orders"].send({"order": 2})
    said = told(assert_no_lost_events, wired)
    assert said.splitlines()[0] == "2 events were not dealt with"
    assert "r1: Lambda has queued it since 0 s and not yet tried it" in said
    assert "'orders'" in said
    assert "lab.run()" in said
    kept_in = told(assert_no_lost_events, wired, kept_in="orders")
    assert "'orders'" in kept_in, "it may lie there at the end, and this is not the end"
    assert_no_lost_events(wired, allow="in_flight")
    wired.run()
    assert_no_lost_events(wired)


def test_a_synchronous_call_that_still_runs_is_in_flight(wired: ll.Lab) -> None:
    wired.drive("kept", ll.Every(1), count=1, payload={"order": 2})
    wired.advance(0.5)
    assert "'kept'" in told(assert_no_lost_events, wired)
    wired.run()
    assert_no_lost_events(wired)


def test_every_fate_is_named_with_ids_causes_and_the_story_of_the_worst(wired: ll.Lab) -> None:
    for function in ("kept", "told", "bare"):
        event(wired, function, 1)
    event(wired, "told", 2)
    for order in (1, 2):
        wired.sqs["orders"].send({"order": order})
    wired.run()
    said = told(assert_no_lost_events, wired)
    lines = said.splitlines()
    assert lines[0] == "5 events were not dealt with"
    places = [line.split() for line in lines if line.startswith("  ") and line.endswith(":")]
    assert [" ".join([words[0], *words[-2:]]) for words in places] == [
        "dropped 'bare (events)':",
        "dead_lettered queue), 'failed':",
        "dead_lettered queue), 'orders-dlq':",
        "on_failure destination), 'records':",
        "unread takes), 'records':",
    ]
    assert "    r3: given up" in said
    assert "of r1 (retries_exhausted" in said
    assert "m1: from 'orders' (max_receive_count" in said
    assert "of r2 (retries_exhausted" in said
    assert "The first of them: r3: bare, Event, failed\n" in said
    assert "kept_in=['failed', 'orders-dlq', 'records']" in said


def test_what_is_allowed_and_where_messages_may_lie(wired: ll.Lab) -> None:
    for function in ("kept", "told", "bare"):
        event(wired, function, 1)
    event(wired, "told", 2)
    wired.run()
    every = {"dropped", "dead_lettered", "on_failure", "unread"}
    assert_no_lost_events(wired, allow=every)
    for word in every:
        assert f"  {word} (" in told(assert_no_lost_events, wired, allow=every - {word})
    assert_no_lost_events(wired, allow="dropped", kept_in=["failed", wired.sqs["records"]])
    assert "'failed'" in told(assert_no_lost_events, wired, allow="dropped", kept_in="records")
    assert "dropped" in told(assert_no_lost_events, wired, kept_in=("failed", "records"))


def test_an_event_that_grew_too_old(lab: ll.Lab) -> None:
    lab.create_function("busy", duration=1, maximum_event_age=60)
    lab.faults.throttle("busy")
    lab.invoke("busy", {}, invocation_type="Event")
    lab.run()
    assert "expired (" in told(assert_no_lost_events, lab)
    assert_no_lost_events(lab, allow="expired")


def test_a_dead_letter_that_a_function_has_dealt_with_is_no_loss(wired: ll.Lab) -> None:
    wired.create_function("mend", duration=0.1)
    wired.create_event_source_mapping(wired.sqs["failed"], "mend")
    event(wired, "kept", 1)
    wired.run()
    assert_no_lost_events(wired)
    assert_dead_lettered(wired, "failed", 1)


def test_what_a_topic_could_not_hand_on(lab: ll.Lab) -> None:
    topic = lab.sns.create_topic("news")
    lab.create_function("tell", duration=0.1, failure_rate=1, maximum_retry_attempts=0)
    topic.subscribe("tell")
    topic.publish("x")
    lab.run()
    assert "tell (events)" in told(assert_no_lost_events, lab)


def test_records_of_a_stream_count_from_when_a_mapping_is_there_to_read_them(lab: ll.Lab) -> None:
    stream = lab.kinesis.create_stream("clicks")
    stream.put_record("early", "k")
    lab.run()
    assert_no_lost_events(lab)  # nobody was to read it
    lab.create_function("count", duration=0.1, failure_rate=1)
    lab.create_event_source_mapping(
        stream, "count", starting_position="LATEST", maximum_retry_attempts=0
    )
    lab.run(until=5)
    stream.put_record("late", "k")
    assert "'clicks'" in told(assert_no_lost_events, lab)
    lab.run()
    assert "dropped (" in told(assert_no_lost_events, lab)


@given(
    failure_rate=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    retries=st.integers(0, 2),
    kept=st.booleans(),
    until=st.sampled_from([None, 1, 90]),
    seed=st.integers(0, 99),
)
def test_every_accepted_event_is_dealt_with_or_told(
    failure_rate: float, retries: int, kept: bool, until: float | None, seed: int
) -> None:
    lab = ll.Lab(seed=seed)
    where: dict[str, Any] = {"dead_letter_queue": "failed"} if kept else {}
    lab.create_function(
        "f", duration=0.5, failure_rate=failure_rate, maximum_retry_attempts=retries, **where
    )
    lab.drive("f", ll.Every(0.2), count=10, invocation_type="Event")
    lab.run(until=until)
    status = lab.trace.invocations["status"]
    told_of = fates(lab.trace._tables)
    assert len(told_of) + (status == "succeeded").sum() == len(status)
    assert len({fate.id for fate in told_of}) == len(told_of)
    assert {fate.word for fate in told_of} <= ({"dead_lettered"} if kept else {"dropped"}) | {
        "in_flight"
    }


@pytest.mark.parametrize(
    ("named", "error", "said"),
    [
        ({"allow": "dropd"}, InvalidSetting, "'dropped'"),
        ({"allow": ["dropped", "lost"]}, InvalidSetting, "'lost'"),
        ({"kept_in": "faild"}, UnknownName, "did you mean 'failed'"),
    ],
)
def test_a_slip_of_the_pen_is_no_failed_assertion(
    wired: ll.Lab, named: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        assert_no_lost_events(wired, **named)


def test_every_word_may_be_allowed(lab: ll.Lab) -> None:
    assert_no_lost_events(lab, allow=FATES)


# ---- one event -----------------------------------------------------------------------------------


def test_succeeded_and_failed_of_requests_and_messages(wired: ll.Lab) -> None:
    good, bad = event(wired, "kept", 2), event(wired, "kept", 1)
    fine, poor = (wired.sqs["orders"].send({"order": order}) for order in (2, 1))
    assert "it is not over yet" in told(assert_succeeded, wired, good)
    assert "it is not over yet" in told(assert_failed, wired, poor)
    wired.run()
    assert_succeeded(wired, good, "r1", wired.trace.ids.request(1), fine)
    assert_failed(wired, bad)
    assert_failed(wired, poor)
    said = told(assert_succeeded, wired, good, bad)
    assert said.startswith("r2 has not succeeded: it failed\nr2: kept, Event, failed\n")
    assert "dead-letter queue" in told(assert_succeeded, wired, poor)
    assert told(assert_failed, wired, fine).startswith("m1 has not failed: it succeeded\nm1: ")


def test_what_it_failed_with(wired: ll.Lab, lab: ll.Lab) -> None:
    reply = wired.invoke("bare", {"order": 1})
    assert_failed(wired, reply, KeyError)
    assert_failed(wired, reply, "KeyError")
    assert "failed with KeyError or error, not ValueError" in told(
        assert_failed, wired, reply, ValueError
    )
    errors = [KeyError, ValueError, IndexError]

    def moody(event: Any, context: Any) -> None:
        raise errors.pop(0)

    lab.create_function("moody", moody)
    reply = event(lab, "moody", 1)
    lab.run()
    assert_failed(lab, reply, IndexError)
    assert "failed with IndexError or error" in told(assert_failed, lab, reply, KeyError)
    lab.create_function("slow", lambda event, context: time.sleep(5), timeout=2)
    assert_failed(lab, lab.invoke("slow", {}), "timeout")
    queue = lab.sqs.create_queue("short", dead_letter_queue="dead", max_receive_count=1)
    lab.create_event_source_mapping(queue, "slow")
    message = queue.send("x")
    lab.run()
    assert_failed(lab, message, "timeout")


def test_retried_counts_the_tries_after_the_first(wired: ll.Lab) -> None:
    good, bad = event(wired, "kept", 2), event(wired, "kept", 1)
    fine, poor = (wired.sqs["orders"].send({"order": order}) for order in (2, 1))
    wired.run()
    for thing in (bad, poor):
        assert_retried(wired, thing)
        assert_retried(wired, thing, times=2)
    for thing in (good, fine):
        assert_retried(wired, thing, times=0)
    assert told(assert_retried, wired, good).startswith("r1 was never tried again\nr1: ")
    assert told(assert_retried, wired, bad, 1).startswith("r2 was tried again 2 times, not once\n")
    assert told(assert_retried, wired, poor, 0).startswith(
        "m2 was tried again 2 times, not never\nm2: "
    )


def test_a_caller_that_tries_again(lab: ll.Lab) -> None:
    lab.create_function("busy", duration=0.5)
    lab.faults.throttle("busy", end=0.2)
    reply = lab.invoke("busy", {}, caller=ll.SdkClient())
    assert reply.tries > 1
    assert_retried(lab, reply, times=reply.tries - 1)


def test_what_has_no_such_end(wired: ll.Lab) -> None:
    event(wired, "kept", 2)
    wired.sqs["orders"].send({"order": 2})
    wired.run()
    with pytest.raises(UnknownName, match="no request 'r9'"):
        assert_succeeded(wired, "r9")
    with pytest.raises(UnknownName, match="no id"):
        assert_failed(wired, "kept")
    with pytest.raises(InvalidSetting, match="request"):
        assert_retried(wired, "e1")
    with pytest.raises(InvalidSetting, match="at least one"):
        assert_succeeded(wired)
    with pytest.raises(InvalidSetting, match="times=-1"):
        assert_retried(wired, "r1", times=-1)


def test_messages_that_are_gone_for_another_reason(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    queue = lab.sqs.create_queue("q")
    pattern = {"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]}
    mapping = lab.create_event_source_mapping(queue, "f", filter_criteria=pattern)
    unwanted = queue.send({"kind": "b"})
    lab.run()
    assert_no_lost_events(lab)
    assert "no filter matched" in told(assert_succeeded, lab, unwanted)
    mapping.update(enabled=False)
    lab.run(until=300)
    left = queue.send({"kind": "a"})
    assert "is switched off" in told(assert_no_lost_events, lab)
    queue.purge()
    assert "purged" in told(assert_succeeded, lab, left)


# ---- queues and functions ------------------------------------------------------------------------


def test_dead_letters_are_counted_where_they_arrive(wired: ll.Lab) -> None:
    assert_dead_lettered(wired, "failed", 0)
    for order in (1, 3, 2):
        event(wired, "kept", order)
        event(wired, "told", order)
    assert "Not over yet: r1, r3" in told(assert_dead_lettered, wired, "failed")
    wired.run()
    assert_dead_lettered(wired, "failed", 2)
    assert_dead_lettered(wired, wired.sqs["records"], 2)  # the record of the third is of a success
    said = told(assert_dead_lettered, wired, "failed", 1)
    assert said.startswith("2 dead letters arrived in 'failed', not 1\n")
    assert "of r1 (retries_exhausted" in said
    said = told(assert_dead_lettered, wired, "orders-dlq")
    assert said.startswith("no dead letter arrived in 'orders-dlq'\n")
    assert "2 in 'failed', 2 in 'records'" in said
    with pytest.raises(UnknownName, match="faild"):
        assert_dead_lettered(wired, "faild", 0)


def test_runs_are_counted_as_cloudwatch_does(wired: ll.Lab) -> None:
    assert_invoked(wired, "kept", times=0)
    assert told(assert_invoked, wired, "kept") == "kept ran never"
    event(wired, "kept", 1)
    wired.run()
    assert_invoked(wired, "kept")
    assert_invoked(wired, "kept", times=3)
    said = told(assert_invoked, wired, "kept", times=1)
    assert said.startswith("kept ran 3 times, not once\n")
    assert "r1 attempt 2: error (retry_after_error)" in said
    with pytest.raises(UnknownName, match="did you mean 'kept'"):
        assert_invoked(wired, "kep", times=0)


def test_a_function_may_be_given_by_itself(lab: ll.Lab) -> None:
    @lab.function(name="renamed")
    def handler(event: Any, context: Any) -> None: ...

    lab.invoke(handler, {})
    assert_invoked(lab, handler, times=1)
    assert_invoked(lab.trace, "renamed", times=1)
    model = lab.create_function("model", duration=1)
    assert_invoked(lab, model, times=0)


def test_throttles_are_told_by_the_limit_that_bound(lab: ll.Lab) -> None:
    lab.create_function("narrow", duration=5, timeout=10, reserved_concurrency=1)
    lab.create_function("wide", duration=1)
    assert_no_throttles(lab)
    for _ in range(2):
        lab.drive("narrow", ll.Burst(2), count=2)
        lab.run()
    for _ in range(2):
        lab.invoke("narrow", {}, invocation_type="Event")
    lab.run()
    assert_no_throttles(lab, "wide")
    said = told(assert_no_throttles, lab, "narrow")
    assert "throttled_reserved" in said.splitlines()[0]
    assert "narrow, RequestResponse, throttled" in said
    assert told(assert_no_throttles, lab).startswith("functions throttled")
    lab.create_function("later", duration=5, timeout=10, reserved_concurrency=1)
    for _ in range(2):
        lab.invoke("later", {}, invocation_type="Event")
    lab.run()
    said = told(assert_no_throttles, lab, "later")
    assert said.startswith("later throttled "), "nobody but Lambda's own queue was refused"
    assert "later, Event, succeeded" in said
    assert "Invoked and not run: 2 throttled_reserved" in told(
        assert_invoked, lab, "narrow", times=9
    )


def test_latency_of_functions_and_of_queues(wired: ll.Lab) -> None:
    for order in (2, 4, 1):
        event(wired, "kept", order)
    wired.run()
    assert_latency(wired, "kept", "10min")
    assert_latency(wired, "kept", 5, share=0.6)
    said = told(assert_latency, wired, "kept", "1min")
    assert said.startswith("2 of 3 of kept took 60 s at most; the slowest took ")
    assert "\nr3: kept, Event, failed\n" in said
    assert "70% asked for" in told(assert_latency, wired, "kept", 5, share=0.7)
    orders = wired.sqs["orders"]
    orders.send({"order": 1})
    wired.advance(170)
    assert_latency(wired, orders, 180)
    assert "0 of 1 of orders" in told(assert_latency, wired, orders, 100)  # still there
    wired.run()
    assert_latency(wired, "orders", 181)
    wired.create_function("slow", duration=300, timeout=400)
    event(wired, "slow", 2)
    wired.advance(100)
    wired.invoke("kept", {"order": 2})
    assert "0 of 1 of slow" in told(assert_latency, wired, "slow", 90), "so far it is 100 s"


def test_latency_of_nothing_does_not_pass(wired: ll.Lab) -> None:
    assert told(assert_latency, wired, "kept", 1) == "nothing to measure: kept has had no request"
    assert "no message" in told(assert_latency, wired, "orders", 1)


def test_what_cannot_be_measured(wired: ll.Lab) -> None:
    with pytest.raises(UnknownName, match="function or queue 'ordrs'"):
        assert_latency(wired, "ordrs", 1)
    with pytest.raises(InvalidSetting, match="at_most"):
        assert_latency(wired, "kept", "soon")
    with pytest.raises(InvalidSetting, match="share=0"):
        assert_latency(wired, "kept", 1, share=0)
    wired.sqs.create_queue("kept")
    with pytest.raises(InvalidSetting, match="one of several"):
        assert_latency(wired, "kept", 1)
    with pytest.raises(InvalidSetting, match="a Lab or a Trace"):
        assert_no_throttles("lab")  # type: ignore[arg-type]


# ---- traces and time -----------------------------------------------------------------------------


def run_of(seed: int, duration: float = 0.2, count: int = 5) -> ll.Lab:
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=duration)
    lab.drive("bill", ll.Every(1), count=count)
    lab.run()
    return lab


def test_the_same_run_is_the_same_trace() -> None:
    one = run_of(7)
    assert_same_trace(one, run_of(7))
    before = one.trace
    one.reset()
    one.drive("bill", ll.Every(1), count=5)
    one.run()
    assert_same_trace(before, one.trace)


def test_the_first_row_that_differs_is_told() -> None:
    said = told(assert_same_trace, run_of(7), run_of(7, duration=0.3))
    assert said.splitlines()[0] == "the traces differ first in invocations, row 0, at 0.431589 s"
    assert "  handler_ms: 200.0 | 300.0" in said
    assert "attempts in row 0" in said
    said = told(assert_same_trace, run_of(7), run_of(7, count=4))
    assert said.splitlines()[0] == "the traces differ first in logs, row 13, at 4 s"
    assert said.splitlines()[1].startswith("  only the first has it: at=2025-01-07 00:00:04+00:00,")
    assert "message=START RequestId" in said.splitlines()[1]
    assert "invocations in row 4" in said
    said = told(assert_same_trace, run_of(7), run_of(8))
    assert "(their seeds are 7 and 8)" in said
    assert "_id" not in said, "ids of two seeds differ by their tails, which tells nothing"
    assert "log_stream" not in said


def test_what_lies_beside_the_rows_counts_too(lab: ll.Lab) -> None:
    other = ll.Lab(seed=7)
    for one, payload in ((lab, b"[1]"), (other, b"[2]")):
        one.create_function("bill", lambda event, context: None)
        one.invoke("bill", payload, invocation_type="Event")
        one.run()
    assert "differ in the payload of r1" in told(assert_same_trace, lab, other)


def test_the_clock_stops_where_it_has_come_true(wired: ll.Lab) -> None:
    event(wired, "kept", 1)
    at = run_until(wired, lambda: len(wired.trace.attempts) == 2)
    assert at == wired.elapsed
    assert wired.trace.attempts["started_at"].iloc[1] == wired.now
    assert run_until(wired, lambda: True) == at
    wired.run()
    assert_retried(wired, "r1", times=2)


def test_a_run_in_steps_is_the_same_run(wired: ll.Lab) -> None:
    orders = wired.sqs["orders"]
    for _ in range(2):
        before = wired.trace
        wired.reset()
        wired.drive(orders, ll.Every(1), count=20, payload=lambda i: {"order": i})
        if before.requests.empty:
            wired.run()
        else:
            run_until(wired, lambda: len(orders.messages) == 0 and wired.elapsed > 200)
            wired.run()
    assert_same_trace(before, wired)


def test_what_does_not_come_true_in_time(wired: ll.Lab) -> None:
    event(wired, "kept", 1)
    said = told(run_until, wired, lambda: False, within="2min")
    assert said.startswith("it has not come true within 120 s (the lab is at 120 s)\n")
    assert "In flight: r1." in said
    assert wired.elapsed == 120
    wired.run()
    assert "Nothing is in flight." in told(run_until, wired, lambda: False, within=1)


def test_what_happens_when_nothing_is_in_flight(lab: ll.Lab) -> None:
    lab.sqs.create_queue("q", retention=60).send("x")
    assert run_until(lab, lambda: len(lab.sqs["q"].messages) == 0) == pytest.approx(60)
    assert "expired (" in told(assert_no_lost_events, lab)


def test_where_time_cannot_be_moved(lab: ll.Lab) -> None:
    seen: list[str] = []

    @lab.function
    def handler(event: Any, context: Any) -> None:
        with pytest.raises(InsideHandler):
            run_until(lab, lambda: True)
        seen.append("yes")

    lab.invoke(handler, {})
    assert seen == ["yes"]
    with pytest.raises(InvalidSetting, match="condition"):
        run_until(lab, 3)  # type: ignore[arg-type]
    lab.close()
    with pytest.raises(LabClosed):
        run_until(lab, lambda: True)


def test_a_saved_trace_is_as_good_as_the_lab(wired: ll.Lab, tmp_path: Path) -> None:
    bad = event(wired, "kept", 1)
    wired.sqs["orders"].send({"order": 2})
    wired.run()
    loaded = ll.Trace.load(wired.trace.save(tmp_path))
    assert_no_lost_events(loaded, kept_in="failed")
    assert_dead_lettered(loaded, "failed", 1)
    assert_invoked(loaded, "kept", times=3)
    assert_retried(loaded, bad.request, times=2)
    assert_same_trace(loaded, wired)
    assert told(assert_no_lost_events, loaded) == told(assert_no_lost_events, wired)


# ---- the package ---------------------------------------------------------------------------------


def python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        env={"PYTHONPATH": str(Path(ll.__file__).parents[1]), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_assertions_work_where_pytest_is_not_installed() -> None:
    program = """
import sys
sys.modules["pytest"] = None
import lambdalab as ll
assert "lambdalab.testing" not in sys.modules
from lambdalab.testing import *
lab = ll.Lab()
assert_no_lost_events(lab)
print("lab_aws" in dir(sys.modules["lambdalab.testing"]))
"""
    assert python(program) == "False"


def test_importing_lambdalab_does_not_import_pytest() -> None:
    assert python("import lambdalab, sys; print('pytest' in sys.modules)") == "False"


def test_a_star_import_brings_the_assertions_and_no_fixture_called_lab() -> None:
    assert testing.__all__ == sorted(testing.__all__)
    assert {name.split("_")[0] for name in testing.__all__} == {"assert", "run"}
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "testing.md"
    text = page.read_text(encoding="utf-8")
    for name in testing.__all__:
        assert f"autofunction:: lambdalab.testing.{name}\n" in text
