"""One request to run a function, from its acceptance to its end, and how an attempt at it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.trace.schema import Cause, InvocationStatus

if TYPE_CHECKING:
    from lambdalab.errors import ServiceError
    from lambdalab.functions.environments import Environment, Fleet
    from lambdalab.functions.function import Function
    from lambdalab.functions.mishaps import Plan
    from lambdalab.functions.outcome import Failure
    from lambdalab.functions.target import Target
    from lambdalab.functions.version import Version


class Call:
    """What is under way for one request id.

    ``ended`` is called by the runner when an attempt is over; ``answered`` by the front door or the
    event queue when the request itself is. Times are microseconds since the lab's start.
    """

    __slots__ = (
        "accepted_at", "answered", "attempts", "billed_ms", "cause", "chain", "client_context", "cold",
        "duration_us", "ended", "environment", "error", "failure", "fault", "fleet", "function",
        "handler_at", "init_status", "init_us", "invoke_init_status", "log", "max_memory_mb", "outcome",
        "payload", "queued_us", "request", "response", "row", "setup_us", "started_at", "status", "target",
        "throttles", "version", "waiting_us",
    )  # fmt: skip

    def __init__(
        self,
        request: int,
        target: Target,
        payload: bytes,
        accepted_at: int,
        answered: Callable[[Call], None] | None,
    ) -> None:
        self.request = request
        self.target = target
        self.function: Function = target.function
        self.version: Version = target.resolve() if target.qualifier else target.function.latest
        """The version that runs; an asynchronous event's is resolved anew for each attempt."""
        self.payload = payload
        self.accepted_at = accepted_at
        self.answered = answered
        self.ended: Callable[[Call], None]
        self.status = InvocationStatus.IN_FLIGHT
        self.cause = Cause.IN_FLIGHT
        self.error: ServiceError | None = None
        self.attempts = 0
        self.chain: dict[str, int] | None = None
        """How often each function has been invoked on the way here; None: by nobody in the lab."""
        self.client_context: dict[str, Any] | None = None
        self.started_at = accepted_at
        self.cold = False
        self.failure: Failure | None = None
        self.response = b""
        # the attempt under way, or the last one; set where it begins or ends
        self.fleet: Fleet
        self.environment: Environment
        self.fault: Plan | None
        """What ``lab.faults`` has in store for the attempt."""
        self.row: int
        self.handler_at: int
        self.setup_us: int
        self.init_us: int
        self.init_status: int
        self.invoke_init_status: int
        self.duration_us: int
        self.billed_ms: int
        self.max_memory_mb: int
        self.outcome: int
        self.log: list[tuple[int, int, str]] | None = None
        """What it wrote: when, for which request (0: in the init), and what."""
        # an asynchronous event's stay in Lambda's queue; set where it is accepted
        self.throttles: int
        self.queued_us: int
        self.waiting_us: int

    @property
    def failed(self) -> bool:
        """Whether the last attempt ended in a function error."""
        return self.failure is not None
