"""Who calls, with how much patience: what every caller is made of, a browser, and one that queues.

A caller is a setting (``ll.Browser(...)``, ``ll.SdkClient(...)``); what it remembers from call to call
in one run of a lab is its :class:`Manner`. How a call is carried out stands in :mod:`.calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lambdalab.errors import InvalidSetting, LabError
from lambdalab.kernel.clock import microseconds
from lambdalab.traffic.driver import Turns

if TYPE_CHECKING:
    from lambdalab.traffic.calls import Calls

Go = Callable[[], None]
NO_MORE = -1
"""Instead of a wait: the caller does not try again."""


class ReadTimeoutError(LabError, TimeoutError):
    """A caller stopped waiting for a function (the name is botocore's). The function runs on.

    Attributes: ``waited``, the seconds it waited for its last try; ``request`` ("r3") and ``request_id``
    of the invocation that goes on without it, "" where there was none; ``tries``.
    """

    def __init__(
        self, function: str, waited: float, request: int, request_id: str, tries: int
    ) -> None:
        self.waited, self.request_id, self.tries = waited, request_id, tries
        self.request = f"r{request}" if request else ""
        goes_on = f"; it runs on ({self.request})" if request else ""
        often = f" in {tries} tries" if tries > 1 else ""
        super().__init__(f"no answer from {function!r} within {waited:g} s{often}{goes_on}")


class Tries(Protocol):
    """The tries of one call, as its caller sees them."""

    def heard(self, status_code: int) -> int:
        """A try is over (status 0: no answer in time). Microseconds to wait before the next one, or
        :data:`NO_MORE`."""


class Manner:
    """How a caller goes about its calls in one run: as long as it takes, and once.

    Attributes: ``name`` in the books; ``timeout_us``, how long it waits for the answer of a try (0: for
    ever); ``turns``, which a call has to wait for before it begins and keeps until it is over.
    """

    timeout_us = 0
    turns: tuple[Turns, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self) -> Tries:
        """A call begins."""
        return self

    def send(self, go: Go) -> None:
        """Let a try go out: at once, or as soon as the caller lets itself."""
        go()

    def heard(self, _status_code: int) -> int:
        """One try, whatever comes of it."""
        return NO_MORE


class Caller(Protocol):
    """What ``caller=`` accepts."""

    def manner(self, calls: Calls) -> Manner:
        """How this caller begins a run."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Browser:
    """Somebody who waits for a page, for so long, and does not ask again.

    What was asked for goes on without them: a function runs to its end and is billed.

    Parameters
    ----------
    gives_up_after
        Seconds from sending to giving up; more than 0.
    name
        Who called, in ``requests``.

    Example
    -------
    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> slow = lab.create_function("slow", duration=40, timeout=60)
    >>> lab.invoke("slow", caller=ll.Browser(gives_up_after=30))
    Traceback (most recent call last):
    lambdalab.traffic.callers.ReadTimeoutError: no answer from 'slow' within 30 s; it runs on (r1)
    """

    gives_up_after: float = 30
    name: str = "browser"

    def __post_init__(self) -> None:
        patience("gives_up_after", self.gives_up_after)
        check_name(self.name)

    def manner(self, calls: Calls) -> Manner:
        """See :class:`Caller`."""
        manner = Manner(self.name)
        manner.timeout_us = microseconds(self.gives_up_after)
        return manner


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class QueueingCaller:
    """A caller with a queue of its own: it calls one at a time, in order, whatever comes in.

    A call that waits for its turn stands in ``requests`` from when it came in; a wrapped caller's own
    patience begins when its try is sent, and its turn lasts until its last try is over.

    Parameters
    ----------
    concurrency
        How many calls may be under way at once.
    caller
        Who makes them: another caller, such as an :class:`SdkClient`; None: one try each, and all the
        time in the world.
    name
        Who called, in ``requests``; None: as the wrapped caller is called, or "queue".

    The queue belongs to this object: whatever is called with it waits in it.

    Example
    -------
    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7, quotas={"environment_setup": 0})
    >>> bill = lab.create_function("bill", duration=1, init=0)
    >>> lab.drive("bill", ll.Burst(3), caller=ll.QueueingCaller())
    >>> note = lab.run()
    >>> lab.trace.requests["latency_ms"].tolist()
    [1000.0, 2000.0, 3000.0]
    """

    concurrency: int = 1
    caller: Any = None
    name: str | None = None

    def __post_init__(self) -> None:
        good = isinstance(self.concurrency, int) and not isinstance(self.concurrency, bool)
        if not good or self.concurrency < 1:
            raise InvalidSetting("concurrency", self.concurrency, "a whole number, 1 or more")
        check_caller(self.caller)
        if self.name is not None:
            check_name(self.name)

    def manner(self, calls: Calls) -> Manner:
        """See :class:`Caller`."""
        inner = None if self.caller is None else calls.manner(self.caller)
        name = self.name or ("queue" if inner is None else inner.name)
        return _Queueing(name, Turns(self.concurrency), inner or Manner(name))


class _Queueing(Manner):
    """Somebody's manner, with turns before it."""

    def __init__(self, name: str, turns: Turns, inner: Manner) -> None:
        super().__init__(name)
        self.turns, self.timeout_us = (turns, *inner.turns), inner.timeout_us
        self.begin, self.send = inner.begin, inner.send  # type: ignore[method-assign]


def check_caller(caller: object) -> None:
    """Raise :class:`~lambdalab.errors.InvalidSetting` unless it is a caller, or None."""
    if caller is not None and (isinstance(caller, type) or not hasattr(caller, "manner")):
        known = "SdkClient(...), Browser(...), QueueingCaller(...) or None"
        raise InvalidSetting("caller", caller, f"a caller: {known}")


def check_name(name: object) -> None:
    """Raise :class:`~lambdalab.errors.InvalidSetting` unless it can stand in the books."""
    if not isinstance(name, str) or not name:
        raise InvalidSetting("name", name, "a text")


def patience(setting: str, value: object) -> int:
    """A time to wait, in microseconds; raises where it is none, or 0."""
    found = microseconds(value, setting)
    if not found:
        raise InvalidSetting(setting, value, "more than 0 seconds")
    return found
