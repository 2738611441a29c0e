"""Failures on demand: what each does, to whom and when, and what it leaves in the books."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    AuditError,
    InvalidParameterValueException,
    InvalidSetting,
    LabClosed,
    ResourceNotFoundException,
    ServiceException,
    TooManyRequestsException,
    UnknownName,
)
from lambdalab.trace.codes import FaultKind
from lambdalab.traffic.traffic import Traffic

KILLED = "Runtime exited with error: signal: killed"


@pytest.fixture
def bill(lab: ll.Lab) -> Any:
    """A modelled function that takes a second, and is warm."""
    made = lab.create_function("bill", duration=1, timeout=10)
    lab.invoke(made)
    return made


@pytest.fixture
def seen() -> list[str]:
    """What the handler ``work`` has done."""
    return []


@pytest.fixture
def work(lab: ll.Lab, seen: list[str]) -> Callable[[Any, Any], Any]:
    """A handler that takes two seconds, and is warm."""

    @lab.function(timeout=10)
    def work(event: Any, context: Any) -> Any:
        try:
            seen.append(f"has {context.get_remaining_time_in_millis()} ms")
            time.sleep(2)
            if event.get("raise"):
                raise KeyError("stock")
            seen.append("done")
            return {"ok": True}
        finally:
            seen.append("finally")

    lab.invoke(work, {})
    seen.clear()
    return work


def last(lab: ll.Lab) -> Any:
    """The last attempt."""
    return lab.trace.attempts.iloc[-1]


def struck(lab: ll.Lab) -> list[tuple[str, str, str]]:
    """Each time a fault struck: its kind, its subject and the request."""
    rows = lab.trace.short.faults
    return list(zip(rows["kind"], rows["subject"], rows["request"], strict=True))


# ---- a run that fails


def test_a_run_ends_in_an_exception(lab: ll.Lab, bill: Any) -> None:
    fault = lab.faults.fail(bill, error_type="Broken", message="for the lesson")
    reply = lab.invoke(bill)
    assert (reply.status_code, reply.function_error) == (200, "Unhandled")
    assert json.loads(reply.body) == {
        "errorMessage": "for the lesson", "errorType": "Broken", "requestId": reply.request_id,
        "stackTrace": [],
    }  # fmt: skip
    assert (last(lab).outcome, last(lab).error_type, last(lab).duration_ms) == (
        "error",
        "Broken",
        1000,
    )
    assert struck(lab) == [("fail", "bill", "r2")]
    assert fault.count == 1
    assert lab.trace.story("r2").lines[2][1] == "lab.faults makes the run fail"


def test_a_handler_works_and_its_result_is_lost(lab: ll.Lab, work: Any, seen: list[str]) -> None:
    lab.faults.fail(work)
    reply = lab.invoke(work, {})
    assert seen == ["has 10000 ms", "done", "finally"]
    assert reply.payload["errorType"] == "InjectedFault"
    assert reply.payload["stackTrace"] == []
    assert "[ERROR] InjectedFault: lab.faults made this run fail" in reply.log
    assert last(lab).duration_ms == 2000


def test_a_run_that_fails_by_itself_does_so_in_its_own_way(lab: ll.Lab, work: Any) -> None:
    fault = lab.faults.fail(work)
    reply = lab.invoke(work, {"raise": True})
    assert reply.payload["errorType"] == "KeyError"
    assert fault.count == 0
    assert len(lab.trace.faults) == 0


def test_an_event_is_retried_until_the_fault_is_over(lab: ll.Lab, bill: Any) -> None:
    lab.faults.fail(bill, end="1min")
    lab.invoke(bill, invocation_type="Event")
    lab.run()
    assert lab.trace.attempts.outcome.tolist()[1:] == ["error", "success"]
    assert lab.trace.invocations.status.iloc[-1] == "succeeded"


# ---- a run that takes longer


def test_a_model_takes_longer(lab: ll.Lab, bill: Any) -> None:
    fault = lab.faults.slow(bill, by="2s")
    lab.invoke(bill)
    fault.stop()
    lab.faults.slow(bill)
    lab.invoke(bill)
    assert lab.trace.attempts.duration_ms.tolist() == [1000, 3000, 2000]
    assert struck(lab) == [("slow", "bill", "r2"), ("slow", "bill", "r3")]


def test_what_slows_adds_up(lab: ll.Lab, bill: Any) -> None:
    lab.faults.slow(bill, by=2)
    lab.faults.slow(bill, factor=3)
    lab.invoke(bill)
    assert last(lab).duration_ms == 1000 + 2000 + 2000


def test_a_delay_leaves_the_handler_less_time(lab: ll.Lab, work: Any, seen: list[str]) -> None:
    lab.faults.slow(work, by=3)
    assert lab.invoke(work, {}).payload == {"ok": True}
    assert seen[0] == "has 7000 ms"
    assert last(lab).duration_ms == 5000


def test_a_factor_holds_back_an_error_too(lab: ll.Lab, work: Any, seen: list[str]) -> None:
    lab.faults.slow(work, factor=2.5)
    assert lab.invoke(work, {"raise": True}).payload["errorType"] == "KeyError"
    assert seen == ["has 10000 ms", "finally"]
    assert last(lab).duration_ms == 5000


def test_an_error_has_the_frames_of_the_user_alone(lab: ll.Lab, work: Any) -> None:
    plain = lab.invoke(work, {"raise": True}).payload["stackTrace"]
    lab.faults.slow(work)
    assert lab.invoke(work, {"raise": True}).payload["stackTrace"] == plain
    assert len(plain) == 1


@pytest.mark.parametrize("manner", [{"by": 9.5}, {"factor": 11}])
def test_the_timeout_binds(lab: ll.Lab, work: Any, bill: Any, manner: dict[str, float]) -> None:
    for function in (work, bill):
        lab.faults.slow(function, **manner)
        reply = lab.invoke(function, {})
        assert reply.payload["errorType"] == "Sandbox.Timedout"
        assert (last(lab).outcome, last(lab).duration_ms) == ("timeout", 10_000)


# ---- refused


def test_calls_are_throttled(lab: ll.Lab, bill: Any) -> None:
    lab.faults.throttle(bill, probability=1)
    with pytest.raises(TooManyRequestsException) as refused:
        lab.invoke(bill)
    assert (refused.value.status_code, refused.value.fields["Reason"]) == (
        429, "ConcurrentInvocationLimitExceeded"
    )  # fmt: skip
    row = lab.trace.invocations.iloc[-1]
    assert (row.status, row.status_code, row.cause, row.attempts) == (
        "throttled",
        429,
        "injected",
        0,
    )
    limits = lab.trace.scaling.query("kind == 'throttle'")
    assert limits[["before", "after", "cause"]].values.tolist() == [[0, 0, "injected"]]
    assert struck(lab) == [("throttle", "bill", "r2")]


def test_events_back_off_from_a_throttle(lab: ll.Lab, bill: Any) -> None:
    lab.faults.throttle(bill, end=5)
    assert lab.invoke(bill, invocation_type="Event").status_code == 202
    lab.run()
    waits = lab.trace.retries
    assert set(waits.cause) == {"injected"}
    assert waits.ended_as.tolist()[-1] == "succeeded"
    assert last(lab).cause == "retry_after_throttle"
    assert lab.trace.invocations.status.iloc[-1] == "succeeded"
    assert len(waits) == len(struck(lab)) > 1


def test_a_batch_is_kept_through_a_throttle(lab: ll.Lab, bill: Any) -> None:
    orders = lab.sqs.create_queue("orders")
    lab.faults.throttle(bill, end=lab.elapsed + 2)
    lab.create_event_source_mapping(orders, bill)
    orders.send("a")
    lab.run()
    assert lab.trace.batches.outcome.tolist() == ["success"]
    assert lab.trace.batches.invocations.tolist() == [1 + len(struck(lab))]


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_the_service_fails_at_invoke(lab: ll.Lab, bill: Any, kind: str) -> None:
    fault = lab.faults.service_error(bill)
    with pytest.raises(ServiceException) as failed:
        lab.invoke(bill, invocation_type=kind)
    assert (failed.value.status_code, failed.value.code) == (500, "ServiceException")
    row = lab.trace.invocations.iloc[-1]
    assert (row.status, row.status_code, row.cause, row.attempts) == (
        "refused",
        500,
        "service_error",
        0,
    )
    assert lab.trace.requests.status_code.iloc[-1] == 500
    assert struck(lab) == [("service_error", "bill", "r2")]
    assert fault.count == 1
    assert lab.trace.queue_events.empty


def test_an_accepted_event_waits_while_the_service_fails(lab: ll.Lab, bill: Any) -> None:
    lab.put_function_event_invoke_config(bill, maximum_retry_attempts=0)
    lab.invoke(bill, invocation_type="Event")
    lab.faults.service_error(bill, end=lab.elapsed + 10)
    lab.run()
    events = lab.trace.queue_events
    assert "throttled" not in set(events.action)
    assert set(events.cause[events.action == "retry_scheduled"]) == {"service_error"}
    assert last(lab).cause == "retry_after_service_error"
    assert lab.trace.invocations.status.iloc[-1] == "succeeded", "no retry was used up"


def test_a_batch_waits_for_the_service_to_recover(lab: ll.Lab, bill: Any) -> None:
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, bill)
    lab.faults.service_error(bill, end=lab.elapsed + 2)
    orders.send("a")
    lab.run()
    assert lab.trace.batches.outcome.tolist() == ["success"]
    assert lab.trace.invocations.cause.tolist()[-3:] == ["service_error"] * 2 + ["completed"]


# ---- killed


def test_a_model_is_killed(lab: ll.Lab, bill: Any) -> None:
    lab.faults.kill(bill, after=0.4)
    reply = lab.invoke(bill)
    assert reply.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {reply.request_id} Error: {KILLED}",
    }
    assert (last(lab).outcome, last(lab).duration_ms) == ("killed", 400)
    assert lab.trace.invocations.cause.iloc[-1] == "killed"
    assert struck(lab) == [("kill", "bill", "r2")]
    assert "Status: error\tError Type: Runtime.ExitError" in reply.log


def test_a_killed_handler_runs_no_finally(lab: ll.Lab, work: Any, seen: list[str]) -> None:
    lab.faults.kill(work, after=1.5)
    reply = lab.invoke(work, {})
    assert seen == ["has 10000 ms"]
    assert reply.payload["errorMessage"].endswith(KILLED)
    assert (last(lab).outcome, last(lab).duration_ms) == ("killed", 1500)


def test_after_it_the_environment_initialises_again(lab: ll.Lab, work: Any, bill: Any) -> None:
    for function in (work, bill):
        lab.faults.kill(function, after=1)
        lab.invoke(function, {})
        lab.faults.clear()
        lab.invoke(function, {})
        row = last(lab)
        assert (row.cold_start, row.invoke_init_status, row.outcome) == (
            False,
            "success",
            "success",
        )
        assert row.environment_id == lab.trace.attempts.environment_id.iloc[-2]


def test_by_default_the_work_is_done_and_the_answer_lost(
    lab: ll.Lab, work: Any, seen: list[str], bill: Any
) -> None:
    for function, took in ((work, 2000), (bill, 1000)):
        lab.faults.kill(function)
        assert lab.invoke(function, {}).payload["errorMessage"].endswith(KILLED)
        assert (last(lab).outcome, last(lab).duration_ms) == ("killed", took)
    assert seen == ["has 10000 ms", "done", "finally"]


def test_a_handler_can_be_killed_before_it_begins(lab: ll.Lab, work: Any, seen: list[str]) -> None:
    lab.faults.kill(work, after=0)
    lab.invoke(work, {})
    assert seen == []
    assert (last(lab).outcome, last(lab).duration_ms) == ("killed", 0)


def test_a_run_that_is_over_sooner_is_not_killed(lab: ll.Lab, work: Any, bill: Any) -> None:
    faults = [lab.faults.kill(function, after=8) for function in (work, bill)]
    assert lab.invoke(work, {}).payload == {"ok": True}
    assert lab.invoke(bill).function_error is None
    before = lab.elapsed
    lab.run()
    assert lab.elapsed == before, "nothing was left to happen"
    assert [fault.count for fault in faults] == [0, 0]


def test_threads_die_with_their_process(lab: ll.Lab) -> None:
    import threading

    steps: list[str] = []

    @lab.function(timeout=10)
    def threaded(event: Any, context: Any) -> None:
        def beside() -> None:
            time.sleep(3)
            steps.append("beside")

        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
        steps.append("joined")

    lab.faults.kill(threaded, after=1)
    assert lab.invoke(threaded, {}).payload["errorMessage"].endswith(KILLED)
    lab.faults.clear()
    lab.run()
    assert steps == []
    lab.invoke(threaded, {})
    assert steps == ["beside", "joined"]


def test_a_killed_caller_leaves_its_call_to_end(lab: ll.Lab, bill: Any) -> None:
    @lab.function(timeout=10)
    def caller(event: Any, context: Any) -> Any:
        return lab.invoke("bill").payload

    lab.faults.kill(caller, after=0.5)
    assert lab.invoke(caller, {}).payload["errorMessage"].endswith(KILLED)
    lab.run()
    calls = lab.trace.invocations
    assert calls.status[calls.function == "bill"].tolist() == ["succeeded", "succeeded"]


# ---- delivered twice


def test_a_deleted_message_comes_back_once(lab: ll.Lab, bill: Any) -> None:
    orders = lab.sqs.create_queue("orders", visibility_timeout=60)
    lab.create_event_source_mapping(orders, bill)
    fault = lab.faults.duplicate(orders)
    orders.send("a")
    orders.send("b")
    begun = lab.elapsed
    lab.run()
    events = lab.trace.short.queue_events.query("event == 'm1'")
    assert events.action.tolist() == [
        "sent", "received", "deleted", "sent", "returned", "received", "deleted"
    ]  # fmt: skip
    assert events.cause.tolist()[3] == "duplicate"
    assert events.t_s.tolist()[4] - begun == pytest.approx(60, abs=0.01)
    assert (fault.count, orders.depth) == (2, 0)
    rows = lab.trace.short.faults
    assert rows.message.tolist() == ["m1", "m2"]
    assert set(rows.subject) == {"orders"}
    assert "comes back to 'orders'" in repr(lab.trace.story("m1"))
    assert "lab.faults has m1 come back" in repr(lab.trace.story("r2"))
    sent = lab.trace.metrics(period=3600).query("metric == 'NumberOfMessagesSent'")
    assert sent["sum"].tolist() == [2], "nobody sent the copies"
    assert lab.trace.retries.empty


def test_a_caller_who_deletes_sees_a_message_again(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.faults.duplicate("orders")
    orders.send("a")
    orders.delete(orders.receive()[0])
    lab.advance(31)
    again = orders.receive()
    assert [message.receive_count for message in again] == [2]
    orders.delete(again[0])
    lab.advance(31)
    assert orders.depth == 0


def test_what_nobody_received_or_what_is_purged_is_gone(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    lab.faults.duplicate(orders)
    orders.delete(orders.send("a"))
    orders.send("b")
    orders.receive()
    orders.purge()
    lab.advance(60)
    assert orders.depth == 0
    assert len(lab.trace.faults) == 0


def test_an_event_runs_twice_though_it_succeeded(lab: ll.Lab, bill: Any) -> None:
    fault = lab.faults.duplicate(bill)
    reply = lab.invoke(bill, invocation_type="Event")
    lab.run()
    attempts = lab.trace.attempts.query(f"request_id == '{reply.request_id}'")
    assert attempts.outcome.tolist() == ["success", "success"]
    assert attempts.cause.tolist() == ["first_attempt", "duplicate"]
    assert struck(lab) == [("duplicate", "bill", "r2")]
    assert fault.count == 1
    assert lab.trace.invocations.status.iloc[-1] == "succeeded"


# ---- when, how often, and until when


def test_it_strikes_from_its_start_up_to_its_end(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1, init=0.1)
    lab.drive("f", ll.Every(1), count=10)
    lab.faults.throttle("f", start=3, end="6s")
    lab.run()
    refused = lab.trace.short.invocations.query("status == 'throttled'")
    assert refused.t_s.tolist() == [3, 4, 5]


def test_dates_are_taken(lab: ll.Lab, bill: Any) -> None:
    fault = lab.faults.throttle(bill, start="2025-01-07 00:01", end="2025-01-07 00:02")
    assert (fault.terms.start_us, fault.terms.end_us) == (60_000_000, 120_000_000)
    lab.invoke(bill)


def test_a_probability_is_drawn_for_each_try(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    fault = lab.faults.fail("f", probability=0.25)
    lab.drive("f", ll.Every(1), count=2_000)
    lab.run()
    assert 400 < fault.count < 600
    assert fault.count == (lab.trace.attempts.outcome == "error").sum() == len(lab.trace.faults)


def test_probability_zero_never_strikes(lab: ll.Lab, bill: Any) -> None:
    lab.faults.fail(bill, probability=0)
    assert lab.invoke(bill).function_error is None


def failures(*others: str) -> list[str]:
    """Which of 200 requests fail by chance, with other faults beside."""
    lab = ll.Lab(seed=3)
    lab.create_function("f", duration=0.1)
    fault = lab.faults.fail("f", probability=0.2, error_type="Mine")
    for other in others:
        getattr(lab.faults, other)("f", probability=0.3)
    lab.drive("f", ll.Every(5), count=200)
    lab.run()
    assert fault.stream == "faults/fail/f"
    attempts = lab.trace.attempts
    return attempts.request_id[attempts.error_type == "Mine"].tolist()


def test_another_fault_shifts_no_draws() -> None:
    assert failures("slow") == failures("fail") == failures() != []


def test_a_run_under_way_goes_on_as_it_was(lab: ll.Lab, bill: Any) -> None:
    lab.drive(bill, ll.Burst(3))
    lab.advance(0.5)
    lab.faults.fail(bill)
    lab.faults.slow(bill)
    lab.run()
    assert set(lab.trace.attempts.outcome) == {"success"}


def test_stop_and_clear_end_it(lab: ll.Lab, bill: Any) -> None:
    one, two = lab.faults.fail(bill), lab.faults.slow(bill)
    assert (len(lab.faults), list(lab.faults)) == (2, [one, two])
    one.stop()
    one.stop()
    assert lab.invoke(bill).function_error is None
    lab.faults.clear()
    assert (len(lab.faults), bill.faults) == (0, [])
    lab.reset()
    lab.invoke(bill)
    assert len(lab.trace.faults) == 0


def test_a_reset_begins_it_anew(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.2)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "f")
    faults = [lab.faults.fail("f", probability=0.4), lab.faults.duplicate(orders, probability=0.5)]

    def run() -> tuple[str, list[int]]:
        lab.drive(orders, ll.Every(1), count=50)
        lab.run()
        return lab.trace.digest(), [fault.count for fault in faults]

    first = run()
    lab.reset()
    assert [fault.count for fault in faults] == [0, 0]
    assert run() == first
    assert min(first[1]) > 0


def test_it_ends_with_its_function(lab: ll.Lab, bill: Any) -> None:
    lab.faults.fail(bill)
    lab.delete_function(bill)
    lab.create_function("bill", duration=1)
    assert lab.invoke("bill").function_error is None
    assert len(lab.faults) == 0


def test_a_cell_run_twice_keeps_it(lab: ll.Lab) -> None:
    for _ in range(2):

        @lab.function
        def again(event: Any, context: Any) -> None:
            return None

        if not len(lab.faults):
            lab.faults.fail("again")
    assert lab.invoke("again").payload["errorType"] == "InjectedFault"


def test_all_versions_of_a_function_are_struck(lab: ll.Lab, bill: Any) -> None:
    lab.publish_version(bill)
    lab.faults.fail(bill)
    assert lab.invoke("bill:1").function_error == "Unhandled"


def test_without_faults_the_lane_is_taken_again(lab: ll.Lab, bill: Any) -> None:
    fault = lab.faults.fail(bill)
    lab.drive(bill, ll.Every(2), count=3)
    lab.run(until=lab.elapsed + 3)
    assert lab._books.journal.count == 0
    fault.stop()
    lab.run()
    assert lab._books.journal.count > 0


# ---- what is refused


@pytest.mark.parametrize(
    ("verb", "given", "told"),
    [
        ("fail", {"probability": 1.5}, "probability=1.5: must be a number from 0 to 1"),
        ("fail", {"probability": True}, "probability=True"),
        ("fail", {"probability": float("nan")}, "probability=nan"),
        ("fail", {"start": 10, "end": 10}, "end=10: must be after the start, 10 s"),
        ("fail", {"end": "soon"}, "end='soon'"),
        ("fail", {"start": -1}, "start=-1"),
        ("fail", {"error_type": ""}, "error_type=''"),
        ("fail", {"message": 5}, "message=5"),
        ("slow", {"factor": 1}, "factor=1: must be a number above 1"),
        ("slow", {"factor": "2"}, "factor='2'"),
        ("slow", {"factor": float("inf")}, "factor=inf"),
        ("slow", {"by": 0}, "by=0: must be above 0"),
        ("slow", {"by": -3}, "by=-3"),
        ("slow", {"by": 1, "factor": 2}, "factor=2: must be left out where by= is given"),
        ("kill", {"after": -1}, "after=-1"),
        ("throttle", {"probability": "often"}, "probability='often'"),
        ("service_error", {"probability": -0.1}, "probability=-0.1"),
        ("duplicate", {"probability": 2}, "probability=2"),
    ],
)
def test_bad_input_is_named(
    lab: ll.Lab, bill: Any, verb: str, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidSetting) as refused:
        getattr(lab.faults, verb)(bill, **given)
    assert told in str(refused.value)
    assert (len(lab.faults), bill.faults) == (0, [])


def test_what_there_is_not_is_told(lab: ll.Lab, bill: Any) -> None:
    with pytest.raises(ResourceNotFoundException, match="did you mean 'bill'"):
        lab.faults.fail("bil")
    with pytest.raises(
        UnknownName,
        match=r"there is no function, queue, stream or table 'bil'.*did you mean 'bill'",
    ):
        lab.faults.duplicate("bil")
    with pytest.raises(UnknownName):
        lab.faults.duplicate(ll.Lab().sqs.create_queue("orders"))
    lab.publish_version(bill)
    for verb in (lab.faults.fail, lab.faults.duplicate):
        with pytest.raises(InvalidParameterValueException, match="the whole function bill"):
            verb("bill:1")


def test_a_closed_lab_has_no_new_faults(lab: ll.Lab, bill: Any) -> None:
    lab.close()
    with pytest.raises(LabClosed):
        lab.faults.fail(bill)


# ---- what people see


def test_it_tells_what_it_does(lab: ll.Lab, bill: Any) -> None:
    assert repr(lab.faults) == f"<faults: none. Kinds: {', '.join(FaultKind.names)}>"
    lab.faults.fail(bill, probability=0.2, start=60, end="2min")
    lab.faults.slow(bill, by=2)
    lab.faults.slow(bill)
    lab.faults.kill(bill)
    stopped = lab.faults.kill(bill, after=1)
    stopped.stop()
    assert repr(lab.faults).splitlines() == [
        "<faults>",
        "  <fault: fail 'bill', with InjectedFault, with probability 0.2, from 60 s on, until 120 s; "
        "has struck 0 times>",
        "  <fault: slow 'bill', by 2 s; has struck 0 times>",
        "  <fault: slow 'bill', 2 times; has struck 0 times>",
        "  <fault: kill 'bill', before it answers; has struck 0 times>",
    ]
    assert repr(stopped) == "<fault: kill 'bill', after 1 s; has struck 0 times; stopped>"
    assert "&lt;fault: slow" in lab.faults._repr_html_()
    assert stopped._repr_html_().startswith("<code>&lt;fault")
    assert "<fault: slow 'bill', by 2 s" in repr(lab)
    lab.invoke(bill)
    assert "has struck once" in repr(list(lab.faults)[1])


def test_findings_say_what_was_injected(lab: ll.Lab, bill: Any) -> None:
    lab.faults.throttle(bill)
    with pytest.raises(TooManyRequestsException):
        lab.invoke(bill)
    found = {finding.kind: finding for finding in lab.trace.findings()}
    assert set(found) == {"injected faults"}, "and no advice to raise a limit"
    assert "struck 1 time (1 throttle)" in found["injected faults"].advice
    assert found["injected faults"].subject == "bill"


def test_a_saved_trace_keeps_them(lab: ll.Lab, bill: Any, tmp_path: Any) -> None:
    lab.faults.fail(bill)
    lab.invoke(bill)
    lab.trace.save(tmp_path)
    loaded = type(lab.trace).load(tmp_path)
    assert loaded.digest() == lab.trace.digest()
    assert loaded.faults.values.tolist() == lab.trace.faults.values.tolist()


@pytest.mark.no_audit
@pytest.mark.parametrize("verb", ["fail", "kill", "throttle", "duplicate"])
def test_the_audit_looks_for_what_a_fault_did(lab: ll.Lab, bill: Any, verb: str) -> None:
    kind = ["fail", "slow", "throttle", "service_error", "kill", "duplicate"].index(verb)
    lab._books.fault(lab._scheduler.now, kind, lab._books.name("bill"), 1, 0)
    with pytest.raises(AuditError, match=f"a fault, {verb}, has left no trace"):
        lab.audit()


# ---- anything, anywhere

chances = st.sampled_from([1.0, 0.5, 0.1])
windows = st.sampled_from([(None, None), (5, 20), (0, "10s"), ("15s", None)])
kinds = st.one_of(
    st.tuples(st.just("fail"), st.just({})),
    st.tuples(st.just("slow"), st.sampled_from([{}, {"by": 0.7}, {"factor": 20}])),
    st.tuples(st.just("throttle"), st.just({})),
    st.tuples(st.just("service_error"), st.just({})),
    st.tuples(st.just("kill"), st.sampled_from([{}, {"after": 0}, {"after": 0.25}])),
    st.tuples(st.just("duplicate"), st.just({})),
)
faults = st.tuples(kinds, st.sampled_from(["model", "real", "orders"]), chances, windows)


def run(seed: int, chosen: list[Any], limit: int) -> str:
    """A lab with traffic of every kind and these faults; its digest."""
    lab = ll.Lab(seed=seed, quotas={"account_concurrency": 100 + limit})
    lab.create_function("model", duration=ll.Exponential(0.3), timeout=3, failure_rate=0.05)
    lab.create_function("worker", duration=0.2, reserved_concurrency=1, dead_letter_queue="dead")

    @lab.function(timeout=3, dead_letter_queue="dead")
    def real(event: Any, context: Any) -> Any:
        time.sleep(0.3)
        if event.get("n", 1) % 7 == 0:
            raise ValueError("seven")
        return lab.invoke("worker", event, invocation_type="Event").status_code

    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=20, dead_letter_queue="dead", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "model", batch_size=3)
    for (verb, manner), target, probability, (start, end) in chosen:
        if target == "orders" and verb != "duplicate":
            target = "worker"
        getattr(lab.faults, verb)(target, probability=probability, start=start, end=end, **manner)
    lab.drive("model", ll.Poisson(4), duration=25)
    lab.drive("real", ll.Every(1.5), count=12, payload=lambda n: {"n": n})
    lab.drive("model", ll.Every(3), count=6, invocation_type="Event", payload=lambda n: {"n": n})
    lab.drive(orders, ll.Poisson(1), duration=20)
    lab.run(until=12)
    lab.audit()
    lab.run()
    lab.audit()
    assert all(fault.count == counted(lab, fault) for fault in lab.faults if lonely(lab, fault))
    lab.close()
    return lab.trace.digest()


def lonely(lab: ll.Lab, fault: Any) -> bool:
    """Whether it is the only one of its kind at its target."""
    return sum((f.kind, f.target) == (fault.kind, fault.target) for f in lab.faults) == 1


def counted(lab: ll.Lab, fault: Any) -> int:
    rows = lab.trace.faults
    return int(((rows.kind == FaultKind.names[fault.kind]) & (rows.subject == fault.target)).sum())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.lists(faults, max_size=4), st.sampled_from([2, 20]))
def test_the_books_balance_and_repeat_with_any_faults(
    seed: int, chosen: list[Any], limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        first = run(seed, chosen, limit)
        patch.setattr(Traffic, "fast", False)
        assert run(seed, chosen, limit) == first


def test_what_a_run_begins_with_meets_the_faults_of_that_run(lab: ll.Lab) -> None:
    """A bucket that notifies sends a test event at the very beginning of each run."""
    lab.create_function("thumb", duration=0.1)
    topic = lab.sns.create_topic("news")
    topic.subscribe("thumb")
    lab.s3.create_bucket("box").notify(topic)
    lab.run()
    lab.faults.service_error("thumb", start=20, end=80)
    lab.advance(30)
    lab.reset()
    lab.run()
    sent = lab.trace.invocations
    assert len(sent) == 1
    assert sent["cause"].tolist() == ["completed"]
    assert not len(lab.trace.faults)
