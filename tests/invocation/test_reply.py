"""Replies: complete to ask, telling to look at."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.invocation.reply import FunctionFailed


def noisy(lab: ll.Lab, lines: int, text: str = "line") -> ll.Lab:
    @lab.function
    def talk(event: object, context: object) -> str:
        for n in range(lines):
            print(text, n)
        return "done"

    return lab


def test_a_reply_shows_status_result_time_and_log(lab: ll.Lab) -> None:
    lab.function(lambda event, context: {"ok": 1}, name="f")  # type: ignore[call-overload]
    first, *log = repr(lab.invoke("f")).splitlines()
    assert first == '200 · {"ok": 1} · 0.23 s · cold'
    assert [line.split()[0] for line in log[:4]] == ["INIT_START", "START", "END", "REPORT"]
    assert repr(lab.invoke("f")).startswith('200 · {"ok": 1} · 0.00 s · warm')


def test_an_event_reply_says_that_time_stands_still(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    reply = lab.invoke("f", invocation_type="Event")
    assert repr(reply) == ("202, empty payload · queued as r1 · time stands still until lab.run()")
    assert (reply.log, reply.log_result) == ("", "")
    assert "nothing run" in repr(lab.invoke("f", invocation_type="DryRun"))


def test_a_failed_reply_shows_the_exception(lab: ll.Lab) -> None:
    @lab.function
    def fail(event: object, context: object) -> None:
        raise KeyError("stock")

    assert repr(lab.invoke(fail)).startswith("200 · Unhandled KeyError('stock') · ")
    lab.create_function("slow", duration=lambda event: 9)
    assert "Unhandled Sandbox.Timedout: " in repr(lab.invoke("slow")).splitlines()[0]


def test_a_long_result_and_a_long_log_are_cut(lab: ll.Lab) -> None:
    noisy(lab, 100)
    text = repr(lab.invoke("talk"))
    assert re.search(r"\n  \.\.\. 9\d lines before\n", text)
    assert "line 99" in text
    assert len(text.splitlines()) < 20
    lab.function(lambda event, context: "x" * 1000, name="long")  # type: ignore[call-overload]
    assert len(repr(lab.invoke("long")).splitlines()[0]) < 100


def test_the_log_result_is_the_last_4_kb_in_base64(lab: ll.Lab) -> None:
    noisy(lab, 500)
    reply = lab.invoke("talk")
    tail = base64.b64decode(reply.log_result)
    assert len(tail) == 4096
    assert tail.decode() == reply.log
    assert "REPORT RequestId: " in reply.log
    assert "START RequestId" not in reply.log


def test_a_log_cut_within_a_character_is_still_text(lab: ll.Lab) -> None:
    noisy(lab, 900, "é")
    assert len(lab.invoke("talk").log.encode()) in (4095, 4096)


def test_html_is_escaped(lab: ll.Lab) -> None:
    lab.function(lambda event, context: "<b>", name="f")  # type: ignore[call-overload]
    html = lab.invoke("f")._repr_html_()
    assert "&lt;b&gt;" in html
    assert '<b>"' not in html


def test_raise_for_error(lab: ll.Lab) -> None:
    lab.create_function("good", duration=1)
    reply = lab.invoke("good")
    assert reply.raise_for_error() is reply
    lab.create_function("slow", duration=lambda event: 9)
    with pytest.raises(FunctionFailed, match=r"Sandbox\.Timedout: .*Task timed out"):
        lab.invoke("slow").raise_for_error()
    event = lab.invoke("slow", invocation_type="Event")
    assert event.raise_for_error() is event


def test_ids(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.invoke("f")
    reply = lab.invoke("f")
    assert reply.request == "r2"
    assert reply.request_id.startswith("00000002-")
    assert str(uuid.UUID(reply.request_id)) == reply.request_id
    assert uuid.UUID(reply.request_id).version == 4


def test_what_no_runtime_catches_is_raised_again_but_for_an_exit(lab: ll.Lab) -> None:
    """What a test's timeout throws into a handler reaches the test; on AWS the runtime has exited."""

    class Stopped(BaseException):
        pass

    def handler(event: Any, context: Any) -> None:
        raise Stopped("by the test") if event else SystemExit(3)

    lab.create_function("f", handler)
    reply = lab.invoke("f", [1])
    assert "Runtime.ExitError" in repr(reply)
    with pytest.raises(Stopped, match="by the test"):
        reply.raise_for_error()
    with pytest.raises(FunctionFailed, match="exit status 3"):
        lab.invoke("f", []).raise_for_error()
