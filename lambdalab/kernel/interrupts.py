"""Ctrl-C during a run that has no handlers: it ends between two events, and none is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lambdalab.kernel.scheduler import Scheduler


@contextmanager
def interruptible(scheduler: Scheduler) -> Iterator[None]:
    """While inside, Ctrl-C ends ``scheduler.run()`` with KeyboardInterrupt after the event under way.

    Off the main thread, where Python delivers no signals, this does nothing.
    """
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda _signum, _frame: scheduler.interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
