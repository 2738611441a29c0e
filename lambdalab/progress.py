"""Long work shows how far it is: a bar where somebody looks on, and nothing anywhere else.

Nothing is shown in the first second, nor where nobody would see it: not in a program whose standard error
is no terminal, not in a notebook that is run by a program (nbconvert, nbval, Voila), not under pytest. The
environment variable ``LAMBDALAB_PROGRESS`` decides where it is set: ``never`` or ``always``.

A bar is gone when the work is done. Showing it starts no thread and costs no event of a run anything: a
timer of the process (POSIX, main thread) asks the scheduler for a moment between two events.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from lambdalab.kernel.clock import US
from lambdalab.kernel.outside import monotonic, real
from lambdalab.trace.words import duration

if TYPE_CHECKING:
    from lambdalab.kernel.scheduler import Scheduler

SWITCH = "LAMBDALAB_PROGRESS"
PATIENCE = 1.0
"""Seconds of work before anything is shown."""
_BEAT = 0.25
_PAINT = 0.1  # seconds from one picture of a bar to the next
_COUNTED = "{desc} {percentage:3.0f}% {bar} {n_fmt} of {total_fmt} {unit} [{elapsed}<{remaining}]"
_SHARE = "{desc} {percentage:3.0f}% {bar} [{elapsed}<{remaining}]"
_ENDLESS = "{desc} [{elapsed}]"

Item = TypeVar("Item")
_hidden: list[str] = []
"""What shows its progress already, or is told to be silent: the work inside it is silent too."""


def watched() -> bool:
    """Whether somebody looks on: a person at a terminal, or one who ran this cell of a notebook."""
    said = os.environ.get(SWITCH, "").lower()
    if said in ("always", "never"):
        return said == "always"
    if "PYTEST_VERSION" in os.environ:  # nbval's kernels inherit it
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        return _asked_by_a_person(kernel)
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none (pythonw), or it is closed
        return False


def _asked_by_a_person(kernel: Any) -> bool:
    """Whether what runs now was sent by a page that could put a question to somebody.

    Pages of JupyterLab, Notebook and their kin say so in every request; programs that run notebooks
    (nbclient, and with it nbconvert and Voila; nbval) say that nobody could answer.
    """
    try:
        request = kernel.get_parent()
        return bool(request["content"]["allow_stdin"])
    except (AttributeError, KeyError, TypeError):
        return False


@contextmanager
def hidden(work: str = "") -> Iterator[None]:
    """While inside, nothing shows its progress."""
    _hidden.append(work)
    try:
        yield
    finally:
        _hidden.remove(work)


def counted(
    work: Iterable[Item], what: str, *, total: int | None = None, unit: str = ""
) -> Iterator[Item]:
    """Go through ``work`` and show how much of it is done; what runs inside it shows nothing.

    Parameters: ``what`` the bar says in front; ``total``, how much there is (by default ``len(work)``),
    and the ``unit`` it is counted in.

    >>> list(counted([1, 2, 3], "doc"))
    [1, 2, 3]
    """
    total = len(work) if total is None and isinstance(work, Sized) else total
    if _hidden or not watched():
        yield from work
        return
    shown, done, began = None, 0, monotonic()
    try:
        with hidden(what):
            for item in work:
                yield item
                done += 1
                if shown is None and monotonic() - began >= PATIENCE:
                    with real():
                        shown = _bar(total, began, desc=what, unit=unit, bar_format=_COUNTED)
                        shown.update(done)
                        shown.refresh()
                elif shown is not None:
                    with real():
                        shown.update(done - shown.n)
    finally:
        if shown is not None:
            with real():
                shown.close()


@contextmanager
def following(scheduler: Scheduler, until: int | None, what: str) -> Iterator[None]:
    """While inside, show how far a run of ``scheduler`` has come: virtual time, and events.

    Parameters: ``until`` (microseconds), where it will end, None where nobody knows; ``what`` the bar says
    in front. Shows nothing where the process has no such timer, or somebody else (a profiler) uses it.
    """
    if _hidden or not _timer_is_free() or not watched():
        yield
        return
    follower = _Follower(scheduler, until, what)
    beat = follower.beat
    previous = signal.signal(signal.SIGPROF, beat)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE, _BEAT)
    try:
        yield
    finally:
        if (
            signal.getsignal(signal.SIGPROF) == beat
        ):  # else a handler has begun a profile of its own
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, signal.SIG_IGN)  # forgets a beat that is under way
            signal.signal(signal.SIGPROF, previous)
        follower.close()


def _timer_is_free() -> bool:
    """Whether this is the main thread of a system that has the timer, and nobody uses it."""
    if threading.current_thread() is not threading.main_thread():
        return False
    if not hasattr(signal, "setitimer"):
        return False
    used = signal.getsignal(signal.SIGPROF) not in (signal.SIG_DFL, signal.SIG_IGN)
    return not used and signal.getitimer(signal.ITIMER_PROF)[0] == 0


class _Follower:
    """The bar of one run."""

    def __init__(self, scheduler: Scheduler, until: int | None, what: str) -> None:
        self._scheduler, self._until, self._what = scheduler, until, what
        self._began, self._from, self._first = monotonic(), scheduler.now, scheduler.sequence
        self._shown: Any = None
        self._broken = False

    def beat(self, _signum: int, _frame: object) -> None:
        """The timer's beat, which may come in the middle of anything: ask for a moment."""
        if not self._broken:
            self._scheduler.nudge(self.show)

    def show(self, _: object) -> None:
        """Between two events: draw."""
        scheduler, until = self._scheduler, self._until
        at = scheduler.now - self._from
        said = f"{self._what} · {duration(at)}"
        if until is not None:
            said += f" of {duration(until - self._from)}"
        said += f" · {scheduler.sequence - self._first:,} events"
        try:
            if self._shown is None:
                total = None if until is None else (until - self._from) / US
                form = _ENDLESS if total is None else _SHARE
                self._shown = _bar(total, self._began, desc=said, bar_format=form)
            self._shown.set_description_str(said, refresh=False)
            self._shown.n = at / US
            self._shown.refresh()
        except OSError:  # the terminal has gone
            self._broken = True

    def close(self) -> None:
        """The run is over."""
        if self._shown is not None:
            with suppress(OSError), real():
                self._shown.close()


def _bar(total: float | None, began: float, **how: Any) -> Any:
    """A bar of tqdm's that began when the work did and will leave nothing behind."""
    from time import time

    # a delay, however small, keeps it from drawing itself before it knows when the work began
    bar = _bars()(total=total, leave=False, mininterval=_PAINT, delay=1e-9, **how)
    bar.start_t = time() - (monotonic() - began)
    return bar


@cache
def _bars() -> Any:
    """tqdm's bar for this place, without the thread that watches over its bars and without a lock
    that other processes share (which may start one)."""
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[misc, type-arg, unused-ignore]
        monitor_interval = 0

    Bar.set_lock(threading.RLock())
    return Bar
