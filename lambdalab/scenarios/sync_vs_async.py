"""Who waits? The same order sent twice at the same moment: once synchronously, once as an event."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import ServiceError
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.callers import ReadTimeoutError
from lambdalab.traffic.sdk import SdkClient

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_LONGEST_INIT = 10.0
_FRAME = len(b'{"order": ""}')
_LARGEST = 7 * 1024 * 1024
_MOST_TRIES = 10
_SLOW_START = 2 * _LONGEST_INIT + 5
"""No cold start takes so many seconds: an initialisation that is begun again included."""

FUNCTION = "put_order"
DEAD_LETTERS = "failed"
CLIENT = "client"
API, ORDERS, EVENTS = "shop", "/orders", "/events"
SENT = ("both", "RequestResponse", "Event")


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
    api
        True: both are sent through the REST API ``shop``, whose integrations wait for 29 s; False:
        straight to Lambda.
    client_timeout
        Seconds that the client waits for the answer of each try (0.1 to 900); AWS's SDKs wait for 60.
    client_tries
        How often the client sends an order at most (1 to 10): again after a timeout of its own, after a
        throttle and after a 5xx, as AWS's SDKs do; never after a function's error with status 200.
    sent
        ``"both"``, or only one of them: ``"RequestResponse"`` or ``"Event"``.

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
    api: bool = False
    client_timeout: float = _RULES.sdk_read_timeout
    client_tries: int = 1
    sent: str = "both"

    def __post_init__(self) -> None:
        low, high = _RULES.timeout_minimum, _RULES.timeout_maximum
        checks.number("duration", self.duration, 0, high, "s", _RULES.source("timeout_maximum"))
        checks.whole("timeout", self.timeout, low, high, "s", _RULES.source("timeout_maximum"))
        if self.init is not None:
            checks.number("init", self.init, 0, _LONGEST_INIT, "s")
        checks.whole("payload_bytes", self.payload_bytes, _FRAME, _LARGEST, "bytes")
        checks.flag("failing", self.failing)
        checks.flag("api", self.api)
        checks.number("client_timeout", self.client_timeout, 0.1, high, "s")
        checks.whole("client_tries", self.client_tries, 1, _MOST_TRIES, "tries")
        checks.one_of("sent", self.sent, SENT)

    def run(self, seed: int | str = 7) -> Trace:
        """Send what is to be sent, and let everything happen that follows."""
        lab = Lab(seed=seed)
        lab.create_function(FUNCTION, **self._function())
        client = SdkClient(
            read_timeout=self.client_timeout, max_attempts=self.client_tries, name=CLIENT
        )
        payload = {"order": "x" * (self.payload_bytes - _FRAME)}
        if self.api:
            self._through_api(lab, payload, client)
        else:
            for kind in self._kinds():
                with suppress(ServiceError, ReadTimeoutError):  # the books have it
                    lab.invoke(FUNCTION, payload, invocation_type=kind, caller=client)
        lab.run()
        return lab.trace

    def _through_api(self, lab: Lab, payload: dict[str, str], client: SdkClient) -> None:
        api = lab.api_gateway.create_rest_api(API)
        if "Event" in self._kinds():
            api.route(
                "POST", EVENTS, FUNCTION, proxy=False, invocation_type="Event",
                integration_responses={"": 202},
            )  # fmt: skip
            api.post(EVENTS, payload, caller=client)
        if "RequestResponse" in self._kinds():
            api.route("POST", ORDERS, FUNCTION)
            api.post(ORDERS, payload, caller=client)

    def _kinds(self) -> list[str]:
        """What is sent, the event first: it takes no time."""
        return [kind for kind in ("Event", "RequestResponse") if self.sent in ("both", kind)]

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        settings = "".join(
            f", {name}={self._told(value)}" for name, value in self._function().items()
        )
        return checks.code(
            seed,
            f'lab.create_function("{FUNCTION}"{settings})',
            f'payload = {{"order": "x" * {self.payload_bytes - _FRAME}}}',
            f"client = ll.SdkClient(read_timeout={self.client_timeout!r}, "
            f'max_attempts={self.client_tries}, name="{CLIENT}")',
            *(self._api_lines() if self.api else self._invoke_lines()),
            "lab.run()",
        )

    def _api_lines(self) -> list[str]:
        lines = [f'api = lab.api_gateway.create_rest_api("{API}")']
        if "Event" in self._kinds():
            lines += [
                f'api.route("POST", "{EVENTS}", "{FUNCTION}", proxy=False, '
                'invocation_type="Event", integration_responses={"": 202})',
                f'api.post("{EVENTS}", payload, caller=client)',
            ]
        if "RequestResponse" in self._kinds():
            lines += [
                f'api.route("POST", "{ORDERS}", "{FUNCTION}")',
                f'api.post("{ORDERS}", payload, caller=client)',
            ]
        return lines

    def _invoke_lines(self) -> list[str]:
        size, lines = self.payload_bytes, []
        works = min(self.duration, self.timeout) + _SLOW_START
        for kind in self._kinds():
            event = kind == "Event"
            asked = ', invocation_type="Event"' if event else ""
            call = f'lab.invoke("{FUNCTION}", payload{asked}, caller=client)'
            refused = size > (_RULES.asynchronous_payload if event else _RULES.synchronous_payload)
            if refused or (not event and self.client_timeout < works):
                error = "ll.ServiceError" if refused else "ll.ReadTimeoutError"
                lines += [
                    "try:",
                    f"    {call}",
                    f"except {error}:",
                    "    pass  # the books have it",
                ]
            else:
                lines.append(call)
        return lines

    def _told(self, value: Any) -> str:
        return f"lambda event: {self.duration!r}" if callable(value) else repr(value)

    def _function(self) -> dict[str, Any]:
        longer = self.duration > self.timeout  # meant: a plain number would be warned of
        settings: dict[str, Any] = {
            "duration": (lambda event: self.duration) if longer else self.duration,
            "timeout": self.timeout, "dead_letter_queue": DEAD_LETTERS,
        }  # fmt: skip
        if self.init is not None:
            settings["init"] = self.init
        if self.failing:
            settings["failure_rate"] = 1.0
        return settings


def sync_vs_async(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`SyncVsAsync` with these settings."""
    return checks.made(SyncVsAsync, settings).run(seed)
