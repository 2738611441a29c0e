"""What makes a handler's world virtual while the lab runs, and takes it off again.

Every shim *dispatches*: the task running in this thread, else the real thing. So a notebook's own
threads and event loop keep real time. They are put on once for all runs of the process that
overlap, and taken off in reverse order.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from lambdalab.errors import LabError
from lambdalab.kernel.shims.chance import Chance
from lambdalab.kernel.shims.clocks import Clocks
from lambdalab.kernel.shims.counters import Counters
from lambdalab.kernel.shims.environ import Environ
from lambdalab.kernel.shims.executors import Executors
from lambdalab.kernel.shims.exits import Exits
from lambdalab.kernel.shims.files import Files
from lambdalab.kernel.shims.hosts import Hosts
from lambdalab.kernel.shims.locals_ import Locals
from lambdalab.kernel.shims.logs import Logs
from lambdalab.kernel.shims.loops import Loops
from lambdalab.kernel.shims.modules import Modules
from lambdalab.kernel.shims.network import Network
from lambdalab.kernel.shims.streams import Streams
from lambdalab.kernel.shims.threads import Threads
from lambdalab.kernel.shims.warnings_ import Warnings
from lambdalab.kernel.shims.zone import Zone


class Shim(Protocol):
    """One thing made virtual."""

    def on(self) -> None:
        """Dispatch from now on."""

    def off(self) -> None:
        """Leave everything as it was."""


_KINDS: tuple[type[Shim], ...] = (
    Clocks,
    Zone,
    Threads,
    Executors,
    Locals,
    Loops,
    Counters,
    Environ,
    Streams,
    Logs,
    Files,
    Exits,
    Chance,
    Modules,
    Network,
    Hosts,
    Warnings,
)
_Kind = TypeVar("_Kind")
_shims: list[Shim] = []  # made once; their closures are kept between runs
_users = 0
_lock = allocate_lock()


def install() -> None:
    """Put all shims on, unless they are.

    Raises :class:`LabError` while freezegun or time-machine has the clocks.
    """
    global _users
    with _lock:
        if _users == 0:
            refuse_other_clocks()
            _put_on(_made())
        else:
            _found(Streams).again()
            _found(Warnings).again()
        _users += 1


def uninstall() -> None:
    """Take them off after the last user."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for shim in reversed(_shims):
                shim.off()
        else:
            _found(Streams).back()


@contextmanager
def installed() -> Iterator[None]:
    """:func:`install` and, whatever happens, :func:`uninstall`."""
    install()
    try:
        yield
    finally:
        uninstall()


def level() -> str:
    """Which clock shims run: "re-aim", or "adopt" and why."""
    clocks = _found(Clocks)
    return f"{clocks.level} ({clocks.why})" if clocks.why else clocks.level


def handlers_changed(may_hold_clocks: Callable[[], bool]) -> None:
    """Tell that a handler was registered: the next run looks for clocks it bound early, if it may."""
    if _shims:
        _found(Clocks).handlers_changed(may_hold_clocks)


def refuse_other_clocks() -> None:
    """Raise :class:`LabError` while another library has replaced the clocks."""
    freezegun, time_machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    for name, active in (
        ("freezegun", getattr(freezegun, "freeze_factories", None)),
        ("time-machine", getattr(time_machine, "traveller_stack", None)),
    ):
        if active:
            raise LabError(
                f"{name} is active: a lab has its own clock, and the two would fight over it. "
                "Leave its block before the lab runs; Lab(start=...) sets the lab's date"
            )


def _made() -> list[Shim]:
    if not _shims:
        _shims.extend([kind() for kind in _KINDS])
    return _shims


def _found(kind: type[_Kind]) -> _Kind:
    """The shim of that kind."""
    shim = _made()[_KINDS.index(kind)]
    assert isinstance(shim, kind)
    return shim


def _put_on(shims: list[Shim]) -> None:
    for position, shim in enumerate(shims):
        try:
            shim.on()
        except BaseException:
            for earlier in reversed(shims[:position]):
                earlier.off()
            raise
