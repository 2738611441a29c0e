"""Leaving the process: the handler is gone at once, the notebook stays."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.kernel.surroundings_helper import Left, Place, in_a_run


@in_a_run
class TestLeaving:
    @pytest.mark.parametrize(
        ("leave", "status", "number"),
        [
            (lambda: os._exit(3), 3, None),
            (os.abort, None, signal.SIGABRT),
            (lambda: os.kill(os.getpid(), signal.SIGKILL), None, signal.SIGKILL),
            (lambda: os.kill(0, signal.SIGTERM), None, signal.SIGTERM),
            (lambda: os.killpg(os.getpgrp(), signal.SIGTERM), None, signal.SIGTERM),
            (lambda: signal.raise_signal(signal.SIGSEGV), None, signal.SIGSEGV),
        ],
    )
    def test_no_except_or_finally_of_the_handler_runs(
        self, leave: Callable[[], Any], status: int | None, number: int | None
    ) -> None:
        ran: list[str] = []

        def handler() -> None:
            try:
                # Looked up anew: the parameter was made before the run.
                name = getattr(leave, "__name__", "")
                (os.abort if name == "abort" else leave)()
            except BaseException:
                ran.append("except")
            finally:
                ran.append("finally")

        left = Place().run(handler)
        assert isinstance(left, Left)
        assert (left.exit_status, left.signal) == (status, number)
        assert ran == []

    def test_asking_whether_a_process_lives_is_no_exit(self) -> None:
        assert Place().run(lambda: os.kill(os.getpid(), 0)) is None

    def test_outside_a_signal_reaches_the_process(self) -> None:
        got: list[int] = []
        old = signal.signal(signal.SIGUSR1, lambda number, _frame: got.append(number))
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, old)
        assert got == [signal.SIGUSR1]


@in_a_run
class TestRefused:
    @pytest.mark.parametrize("name", ["fork", "forkpty", "execv", "execvpe"])
    def test_with_the_reason(self, name: str) -> None:
        with pytest.raises(
            OSError, match=f"os.{name} is not simulated: it would .* use subprocess|subprocess"
        ):
            Place().run(lambda: getattr(os, name)("/bin/true", [], {}))


@in_a_run
class TestSignals:
    def test_are_accepted_and_not_armed(self) -> None:
        before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT)]

        def handler() -> list[Any]:
            return [
                signal.signal(signal.SIGTERM, print),
                signal.getsignal(signal.SIGTERM),
                signal.signal(signal.SIGTERM, signal.SIG_IGN),
                signal.getsignal(signal.SIGINT),
                signal.alarm(1),
                signal.setitimer(signal.ITIMER_REAL, 0.01),
                signal.getitimer(signal.ITIMER_REAL),
                signal.set_wakeup_fd(-1),
            ]

        assert Place().run(handler) == [
            signal.SIG_DFL, print, print, signal.default_int_handler, 0, (0.0, 0.0), (0.0, 0.0), -1,
        ]  # fmt: skip
        assert [
            signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT)
        ] == before
        assert signal.getitimer(signal.ITIMER_REAL)[1] == 0.0

    def test_wrong_arguments_are_errors(self) -> None:
        with pytest.raises(TypeError, match=r"must be signal\.SIG_IGN"):
            Place().run(lambda: signal.signal(signal.SIGTERM, 5))
        with pytest.raises(ValueError, match="out of range"):
            Place().run(lambda: signal.signal(999, print))

    def test_a_new_process_has_none_set(self) -> None:
        place = Place()
        place.run(lambda: signal.signal(signal.SIGTERM, print))
        place.surroundings.reset()
        assert place.run(lambda: signal.getsignal(signal.SIGTERM)) == signal.SIG_DFL

    def test_atexit_is_not_the_notebooks(self) -> None:
        before = atexit._ncallbacks()
        assert Place().run(lambda: atexit.register(print)) is print
        assert atexit._ncallbacks() == before

    def test_a_signal_to_oneself_is_taken_by_the_handlers_own_handler(self) -> None:
        def handler() -> list[Any]:
            got: list[Any] = []
            signal.signal(signal.SIGUSR1, lambda number, frame: got.append((number, frame is None)))
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.kill(os.getpid(), signal.SIGUSR1)
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGCHLD)
            return got

        assert Place().run(handler) == [(signal.SIGUSR1, False)]

    def test_an_interrupt_is_an_exception_unless_set_otherwise(self) -> None:
        with pytest.raises(KeyboardInterrupt):
            Place().run(lambda: os.kill(os.getpid(), signal.SIGINT))

    def test_what_cannot_be_caught_is_not(self) -> None:
        def handler() -> None:
            signal.signal(signal.SIGKILL, signal.SIG_IGN)
            os.kill(os.getpid(), signal.SIGKILL)

        left = Place().run(handler)
        assert isinstance(left, Left)
        assert left.signal == signal.SIGKILL
