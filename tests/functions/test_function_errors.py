"""What users' code may do without breaking the lab: the event ends, its capacity is free again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ResourceConflictException


class Broken(Exception):
    error_type = object()

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no code")


class Items(dict[str, int]):
    def items(self) -> Any:
        raise KeyError("items")


def surrogate(event: Any, context: Any) -> None:
    raise ValueError("x\udcff")


def broken(event: Any, context: Any) -> None:
    raise Broken


def odd_result(event: Any, context: Any) -> Any:
    return Items(a=1)


@pytest.mark.parametrize("handler", [surrogate, broken, odd_result], ids=lambda h: h.__name__)
def test_awkward_errors_end_the_event(lab: ll.Lab, handler: Callable[..., Any]) -> None:
    lab.create_function(
        "f", handler, dead_letter_queue="dead", reserved_concurrency=1, maximum_retry_attempts=0
    )
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["failed"]
    assert lab.sqs["dead"].depth == 1
    assert "Unhandled" in repr(lab.invoke("f"))


def test_the_type_of_an_error_is_its_class(lab: ll.Lab) -> None:
    class Mine(Exception):
        error_type = "Hacked"

    def handler(event: Any, context: Any) -> None:
        raise Mine("text")

    lab.create_function("f", handler)
    assert lab.invoke("f").payload["errorType"] == "Mine"


def test_bytes_are_a_response_as_they_are(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: b'{"a":1}')
    lab.create_function("g", lambda event, context: b"\x00no json")
    assert (lab.invoke("f").payload, lab.invoke("g").payload) == ({"a": 1}, b"\x00no json")


def test_leaving_at_import_is_an_exit(lab: ll.Lab) -> None:
    lab.create_function("f", "import sys\nsys.exit(1)\ndef lambda_handler(event, context): ...")
    assert lab.invoke("f").payload["errorType"] == "Runtime.ExitError"


def test_a_log_is_utf_8(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: print("x\ud800"))
    reply = lab.invoke("f")
    assert "x\\ud800" in reply.log
    assert reply.log_result


def test_a_lab_may_be_used_from_one_thread_after_the_other(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: threading.get_ident() != 0)
    thread = threading.Thread(target=lambda: lab.invoke("f"))
    thread.start()
    thread.join()
    assert lab.invoke("f").payload is True
    lab.reset()


def test_a_function_in_use_cannot_be_deleted(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.create_function("g", duration=1)
    lab.create_event_source_mapping(lab.sqs.create_queue("q"), "f")
    with pytest.raises(ResourceConflictException, match="mapping q->f"):
        lab.delete_function("f")
    lab.invoke("g", {}, invocation_type="Event")
    with pytest.raises(ResourceConflictException, match="under way"):
        lab.delete_function("g")
    lab.run()
    lab.delete_function("g")


def test_a_function_made_again_runs_its_new_code(lab: ll.Lab) -> None:
    seen: list[str] = []
    for code in ("old", "new"):
        lab.create_function("f", lambda event, context, code=code: seen.append(code))
        lab.invoke("f", {}, invocation_type="Event")
        lab.run()
        lab.invoke("f")
        lab.delete_function("f")
    assert seen == ["old", "old", "new", "new"]


@pytest.mark.parametrize("payload", [b"no json", b"{"])
def test_traffic_with_a_payload_that_is_no_json_is_refused(lab: ll.Lab, payload: bytes) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(InvalidSetting, match="payload"):
        lab.drive("f", ll.Every(1), count=3, payload=payload)
    assert lab.run().ran_s == 0


def test_a_failure_rate_belongs_to_a_model(lab: ll.Lab) -> None:
    with pytest.raises(InvalidSetting, match="failure_rate"):
        lab.create_function("f", lambda event, context: 1, failure_rate=0.5)


def test_without_idle_time_every_start_is_cold(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, idle_expiry=0)
    for _ in range(3):
        lab.invoke("f")
    lab.drive("f", ll.Every(2), count=2)
    lab.run()
    assert lab.trace.attempts["cold_start"].tolist() == [True] * 5


def test_a_thread_that_fails_is_logged_without_paths_of_this_machine(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> None:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    lab.create_function("f", handler)
    log = lab.invoke("f").log
    assert "Exception in thread" in log
    assert "ZeroDivisionError" in log
    files = [line.split('"')[1] for line in log.splitlines() if line.strip().startswith("File ")]
    assert files == ["/var/task/test_function_errors.py"]


def test_milliseconds_in_a_log_are_those_of_the_clock(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> None:
        logging.getLogger().warning("x")

    lab.create_function("f", handler, init=0.084)
    assert "2025-01-07T00:00:00.234Z" in lab.invoke("f").log


def test_a_dead_letter_queue_is_one_of_this_lab(lab: ll.Lab) -> None:
    theirs = ll.Lab().sqs.create_queue("theirs")
    for wrong in (theirs, 5, lab.create_function("other", duration=1)):
        with pytest.raises(ll.LabError):
            lab.create_function("f", duration=1, dead_letter_queue=wrong)
    assert "theirs" not in lab.sqs


def test_an_init_callable_that_fails_is_an_init_error(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, init=lambda event: 1 / 0, reserved_concurrency=1)
    for _ in range(2):
        assert lab.invoke("f").payload["errorType"] == "ZeroDivisionError"
    assert lab.trace.attempts["outcome"].tolist() == ["init_error"] * 2


def test_a_distribution_of_ones_own_may_fail_in_traffic(lab: ll.Lab) -> None:
    class Mine:
        median = 1.0

        def sampler(self, stream: Any) -> Callable[[Any], int]:
            return lambda event: 1 // 0

    lab.create_function("f", duration=Mine(), reserved_concurrency=1)
    lab.drive("f", ll.Every(1), count=3)
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["failed"] * 3


def test_a_payload_given_goes_before_the_replays_own(lab: ll.Lab) -> None:
    seen: list[Any] = []
    lab.create_function("f", lambda event, context: seen.append(event))
    lab.drive("f", ll.Replay([0, 1], durations=[2, 3]), payload={"mine": 1})
    lab.run()
    lab.drive("f", ll.Replay([5], durations=[4]))
    lab.run()
    assert seen == [{"mine": 1}, {"mine": 1}, {"duration": 4.0}]
