"""Who waits? The same order sent twice at the same moment: once synchronously, once as an event."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import ServiceError
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_LONGEST_INIT = 10.0
_FRAME = len(b'{"order": ""}')
_LARGEST = 7 * 1024 * 1024

FUNCTION = "put_order"
DEAD_LETTERS = "failed"


@dataclass(frozen=True, slots=True)
class SyncVsAsync:
    """One function, called twice at time zero: ``Event`` (r1) and ``RequestResponse`` (r2).

    Both find no environment and start one, so that the two journeys differ in nothing but who waits.

    Parameters
    ----------
    duration
        Seconds that the handler works (0 to 900).
    timeout
        Seconds after which Lambda stops it (whole, 1 to 900).
    init
        Seconds of the function's own initialisation in a cold start (0 to 10); None: drawn from what
        was measured for its runtime.
    payload_bytes
        Size of the event that is sent (13 bytes to 7 MB). Over 256 KB an ``Event`` is refused, over
        6 MB both are.
    failing
        True: every run of the function raises. The synchronous caller hears of it; the event is tried
        again, and ends in the dead-letter queue ``failed``.

    Example
    -------
    >>> trace = SyncVsAsync(duration=2.0).run(seed=7)
    >>> trace.short.requests[["latency_s", "status"]].to_string(index=False)
    ' latency_s  status\\n     0.000     202\\n     2.235     200'
    """

    duration: float = 2.0
    timeout: int = _RULES.timeout_default
    init: float | None = None
    payload_bytes: int = 100
    failing: bool = False

    def __post_init__(self) -> None:
        low, high = _RULES.timeout_minimum, _RULES.timeout_maximum
        checks.number("duration", self.duration, 0, high, "s", _RULES.source("timeout_maximum"))
        checks.whole("timeout", self.timeout, low, high, "s", _RULES.source("timeout_maximum"))
        if self.init is not None:
            checks.number("init", self.init, 0, _LONGEST_INIT, "s")
        checks.whole("payload_bytes", self.payload_bytes, _FRAME, _LARGEST, "bytes")
        checks.flag("failing", self.failing)

    def run(self, seed: int | str = 7) -> Trace:
        """Send both, and let everything happen that follows."""
        lab = Lab(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a duration above the timeout is meant
            lab.create_function(FUNCTION, **self._function())
        payload = {"order": "x" * (self.payload_bytes - _FRAME)}
        for invocation_type in ("Event", "RequestResponse"):
            with suppress(ServiceError):  # too large: the books say so
                lab.invoke(FUNCTION, payload, invocation_type=invocation_type)
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        settings = "".join(f", {name}={value!r}" for name, value in self._function().items())
        calls = [
            f'lab.invoke("{FUNCTION}", payload, invocation_type="Event")',
            f'lab.invoke("{FUNCTION}", payload)',
        ]
        lines = [
            f'lab.create_function("{FUNCTION}"{settings})',
            f'payload = {{"order": "x" * {self.payload_bytes - _FRAME}}}',
        ]
        limits = (_RULES.asynchronous_payload, _RULES.synchronous_payload)
        for call, most in zip(calls, limits, strict=True):
            refused = self.payload_bytes > most
            lines += ["try:", f"    {call}", "except ll.ServiceError as refused:", "    print(refused)"] \
                if refused else [call]  # fmt: skip
        return checks.code(seed, *lines, "lab.run()")

    def _function(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "duration": self.duration, "timeout": self.timeout,
            "dead_letter_queue": DEAD_LETTERS,
        }  # fmt: skip
        if self.init is not None:
            settings["init"] = self.init
        if self.failing:
            settings["failure_rate"] = 1.0
        return settings


def sync_vs_async(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`SyncVsAsync` with these settings."""
    return SyncVsAsync(**settings).run(seed)
