"""Progress: a bar where somebody looks on, nothing elsewhere, and nothing about a run changes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import SimpleNamespace

import pytest

import lambdalab as ll
from lambdalab import progress, scenarios
from lambdalab.kernel.scheduler import Scheduler


@pytest.fixture
def looking_on(monkeypatch) -> None:
    """Somebody who sees a bar as soon as there is one."""
    monkeypatch.setenv(progress.SWITCH, "always")
    monkeypatch.setattr(progress, "PATIENCE", 1e-6)
    monkeypatch.setattr(progress, "_BEAT", 0.01)
    monkeypatch.setattr(progress, "_PAINT", 0)


@pytest.fixture
def no_pytest(monkeypatch) -> None:
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv(progress.SWITCH, raising=False)


def terminal(monkeypatch, is_one: bool) -> None:
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: is_one))


# ---- who looks on


def test_a_terminal_is_looked_at_and_a_file_is_not(monkeypatch, no_pytest) -> None:
    terminal(monkeypatch, True)
    assert progress.watched()
    terminal(monkeypatch, False)
    assert not progress.watched()
    monkeypatch.setattr(sys, "stderr", None)
    assert not progress.watched()


def test_under_pytest_nobody_looks(monkeypatch) -> None:
    terminal(monkeypatch, True)
    assert not progress.watched()


def test_the_switch_decides(monkeypatch, no_pytest) -> None:
    terminal(monkeypatch, True)
    monkeypatch.setenv(progress.SWITCH, "never")
    assert not progress.watched()
    terminal(monkeypatch, False)
    monkeypatch.setenv(progress.SWITCH, "always")
    assert progress.watched()


@pytest.mark.parametrize(
    ("request_", "seen"),
    [
        ({"content": {"allow_stdin": True}}, True),
        ({"content": {"allow_stdin": False}}, False),
        ({"content": {"data": "a slider's"}}, False),
        ({}, False),
    ],
)
def test_a_notebook_is_looked_at_where_a_page_could_be_asked(
    monkeypatch, no_pytest, request_, seen
) -> None:
    terminal(monkeypatch, True)
    kernel = SimpleNamespace(get_parent=lambda: request_)
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert progress.watched() is seen


CELL = """
import lambdalab as ll
from lambdalab import progress
progress.PATIENCE = 0.02
lab = ll.Lab(seed=7)
lab.create_function("bill", duration=0.1)
lab.drive("bill", ll.Poisson(100), count=60_000)
note = lab.run()
found = ll.sweep(ll.scenarios.Backoff, {}, seeds=12, workers=1)
"""


def test_a_kernel_shows_it_to_a_person_and_to_no_program(no_pytest) -> None:
    """What nbclient, nbconvert, nbval and Voila ask for has no output that nobody wrote."""
    manager = pytest.importorskip("jupyter_client.manager")
    site = os.path.dirname(os.path.dirname(ll.__file__))
    path = os.pathsep.join([site, os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        kernel, client = manager.start_new_kernel()
    try:

        def said(person: bool) -> list[str]:
            seen: list[dict[str, object]] = []
            client.execute_interactive(
                CELL, allow_stdin=person, output_hook=seen.append, timeout=60
            )
            assert not [m for m in seen if m["header"]["msg_type"] == "error"], seen
            return [str(message["content"]) for message in seen]

        assert not [text for text in said(False) if "events" in text or "sweep" in text[:200]][1:]
        texts = said(True)
        assert [text for text in texts if "lab · " in text and "events" in text]
        assert [text for text in texts if "'value': 'sweep" in text]
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


# ---- counted work


def test_counted_work_is_shown_and_gone_afterwards(looking_on, capsys) -> None:
    assert list(progress.counted(iter("abc"), "letters", total=3, unit="letter")) == list("abc")
    err = capsys.readouterr().err
    assert "letters  33%" in err
    assert "3 of 3 letter" in err
    assert err.endswith("\r"), "the line is free again"


def test_short_work_and_unwatched_work_show_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setenv(progress.SWITCH, "always")
    assert list(progress.counted([1, 2], "short")) == [1, 2]
    monkeypatch.setenv(progress.SWITCH, "never")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    assert list(progress.counted([1, 2], "unseen")) == [1, 2]
    assert capsys.readouterr().err == ""


def test_work_inside_shown_work_is_silent(looking_on, capsys) -> None:
    found = ll.sweep(scenarios.Batching, {}, seeds=3, workers=1)
    assert found["runs"].tolist() == [3]
    err = capsys.readouterr().err
    assert "sweep  33%" in err
    assert "lab ·" not in err
    assert not progress._hidden
    for _ in progress.counted([1], "outer"):
        busy(20_000).run()
    assert "lab ·" not in capsys.readouterr().err


def test_a_check_shows_its_rules(looking_on, capsys) -> None:
    lab = ll.Lab()
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_function("bill", duration=1, timeout=30)
    lab.create_event_source_mapping(orders, "bill")
    lab.check()
    assert "check 100%" in capsys.readouterr().err


# ---- a lab's run

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no such timer")


def busy(count: int = 60_000) -> ll.Lab:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.1, p99=0.5))
    lab.drive("bill", ll.Poisson(100), count=count)
    return lab


@posix
@pytest.mark.timeout(120, method="thread")
def test_a_run_tells_how_far_it_is_and_stays_the_same(looking_on, monkeypatch, capsys) -> None:
    before = threading.active_count(), signal.getsignal(signal.SIGPROF)
    lab = busy()
    lab.run(until="5min")
    lab.run()
    err = capsys.readouterr().err
    assert " of 300 s · " in err
    assert "% " in err
    assert "events" in err
    assert (threading.active_count(), signal.getsignal(signal.SIGPROF)) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    monkeypatch.setenv(progress.SWITCH, "never")
    unseen = busy()
    unseen.run(until="5min")
    unseen.run()
    assert capsys.readouterr().err == ""
    assert lab.trace.digest() == unseen.trace.digest()


@posix
def test_handlers_are_followed_too_and_keep_their_output(looking_on, capsys) -> None:
    lab = ll.Lab(seed=7)

    @lab.function(timeout=10)
    def put_order(event, context):
        import time

        time.sleep(0.1)
        print("stored")

    lab.drive(put_order, ll.Every(0.05), count=3_000)
    lab.run()
    assert "lab · " in capsys.readouterr().err
    assert (lab.trace.logs["message"] == "stored").sum() == 3_000


@posix
def test_somebody_elses_timer_is_left_alone(looking_on, capsys) -> None:
    previous = signal.signal(signal.SIGPROF, lambda *_: None)
    try:
        busy(20_000).run()
    finally:
        signal.signal(signal.SIGPROF, previous)
    assert capsys.readouterr().err == ""


@posix
def test_a_profile_that_begins_during_the_run_goes_on(looking_on) -> None:
    lab, beats = busy(20_000), []

    def beat(*_: object) -> None:
        beats.append(1)

    def payload(number: int) -> None:
        if number == 900:
            signal.signal(signal.SIGPROF, beat)
            signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)

    lab.drive("bill", ll.Every(0.1), count=1_000, payload=payload)
    try:
        lab.run()
        assert signal.getsignal(signal.SIGPROF) is beat
        while not beats:
            pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)


@posix
def test_off_the_main_thread_nothing_is_shown(looking_on, capsys) -> None:
    thread = threading.Thread(target=lambda: busy(20_000).run())
    thread.start()
    thread.join()
    assert capsys.readouterr().err == ""


# ---- the moment between two events


def test_a_nudge_comes_before_the_next_event_and_takes_no_time() -> None:
    scheduler, seen = Scheduler(), []

    def nudged(_: object) -> None:
        seen.append(("nudge", scheduler.now))

    scheduler.nudge(nudged)  # nothing runs: there is no next event
    scheduler.at(3, lambda _: [scheduler.nudge(nudged), scheduler.nudge(nudged)])
    scheduler.at(3, lambda _: seen.append(("event", scheduler.now)))
    scheduler.at(9, lambda _: scheduler.nudge(nudged))
    scheduler.run()
    assert seen == [("nudge", 3), ("nudge", 3), ("event", 3), ("nudge", 9)]
    assert (scheduler.now, scheduler.pending, scheduler.heap) == (9, 0, [])


def test_a_nudge_hides_neither_a_stop_nor_ctrl_c() -> None:
    scheduler, seen = Scheduler(), []

    def stops(_: object) -> None:
        scheduler.nudge(seen.append)
        scheduler.stop()
        scheduler.nudge(seen.append)

    scheduler.at(1, stops)
    scheduler.at(2, seen.append, "later")
    scheduler.run()
    assert (seen, scheduler.now) == ([], 1)
    scheduler.at(2, lambda _: [scheduler.nudge(seen.append), scheduler.interrupt()])
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert seen == ["later"]
    scheduler.run()
    assert (seen, scheduler.heap) == (["later"], [])
