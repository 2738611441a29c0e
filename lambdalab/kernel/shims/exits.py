"""Leaving the process from a handler: the environment ends, the notebook does not."""

from __future__ import annotations

import atexit
import errno
import functools
import os
import signal
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from lambdalab.kernel.current import current
from lambdalab.kernel.shims.environ import Names

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import Surroundings

_UNSTOPPABLE = {getattr(signal, name, None) for name in ("SIGKILL", "SIGSTOP")}
_HARMLESS = {
    getattr(signal, name, None) for name in ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGPIPE")
}  # ignored unless a program asks for them; Python ignores the last
REFUSED = "fork forkpty execl execle execlp execlpe execv execve execvp execvpe"


class Exits:
    """Catches ``os._exit``, ``os.abort`` and signals to oneself; refuses fork; arms no signal.

    A handler that exits so is parked for good: nothing of it runs any more, no ``finally`` either, as
    in a process that has gone. (``sys.exit`` is an exception; the runner sees it.) Handlers may set
    signal handlers, which a signal to oneself calls, and alarms, and are told that it worked; but none is
    armed: the process's signals belong to the notebook and to the lab's guard.
    """

    def __init__(self) -> None:
        self._names = names = Names()
        names.dispatch(os, "_exit", lambda _, status=0: _leave(exit_status=status))
        names.dispatch(os, "abort", lambda _: _leave(signal=signal.SIGABRT))
        names.dispatch(signal, "raise_signal", _strike)
        for name in ("kill", "killpg"):
            if hasattr(os, name):
                names.put(os, name, _kill(getattr(os, name)))
        for name in REFUSED.split():
            names.dispatch(os, name, functools.partial(_refuse, name))
        names.dispatch(signal, "signal", _signal)
        names.dispatch(signal, "getsignal", _getsignal)
        names.dispatch(signal, "alarm", lambda _, seconds: 0)
        names.dispatch(signal, "setitimer", lambda _, which, seconds, interval=0.0: (0.0, 0.0))
        names.dispatch(signal, "getitimer", lambda _, which: (0.0, 0.0))
        names.dispatch(signal, "set_wakeup_fd", lambda _, fd, **options: -1)
        names.dispatch(signal, "siginterrupt", lambda _, number, flag: None)
        weakref.finalize(
            self, int
        ).detach()  # its own registration is made once, and not by a handler
        names.dispatch(atexit, "register", lambda _, function, *args, **kwargs: function)

    def on(self) -> None:
        """Dispatch."""
        self._names.on()

    def off(self) -> None:
        """Stop."""
        self._names.off()


def _leave(exit_status: int | None = None, signal: int | None = None) -> None:
    task = current()
    assert task is not None
    task.tasks.leave(exit_status=exit_status, signal=None if signal is None else int(signal))


def _strike(surroundings: Surroundings, number: int) -> None:
    """A signal to oneself: what the handler has set for it, else what it does by default."""
    action = _getsignal(surroundings, number)
    if number in _UNSTOPPABLE or action == signal.SIG_DFL:
        if number not in _HARMLESS:
            _leave(signal=number)
    elif callable(action):
        action(int(number), sys._getframe(1))


def _kill(real: Callable[[int, int], None]) -> Callable[[int, int], None]:
    @functools.wraps(real)
    def kill(process: int, number: int, /) -> None:
        task = current()
        if task is None or not number or process not in _oneself():
            real(process, number)
        else:
            _strike(cast("Surroundings", task.surroundings), number)

    return kill


def _oneself() -> tuple[int, ...]:
    return os.getpid(), 0, -1, os.getpgrp() if hasattr(os, "getpgrp") else 0


def _refuse(name: str, _surroundings: Surroundings, *_args: Any, **_kwargs: Any) -> None:
    reason = "would copy" if "fork" in name else "would replace"
    raise OSError(
        errno.ENOSYS,
        f"os.{name} is not simulated: it {reason} the process that the whole lab runs in;"
        " start a child with subprocess instead",
    )


def _signal(surroundings: Surroundings, number: int, handler: Any) -> Any:
    before = _getsignal(surroundings, number)
    if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
        raise TypeError(
            "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object"
        )
    surroundings.signals[number] = handler
    return before


def _getsignal(surroundings: Surroundings, number: int) -> Any:
    if number not in signal.valid_signals():
        raise ValueError("signal number out of range")
    default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    return surroundings.signals.get(number, default)
