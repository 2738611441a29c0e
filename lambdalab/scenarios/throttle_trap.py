"""Who dies without having been tried? A queue, a function that may run few at a time, and pollers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION, QUEUE, DEAD_LETTERS = "bill", "orders", "failed"
MAPPING = f"{QUEUE}->{FUNCTION}"
_MOST_MESSAGES = 20_000
_MOST_RESERVED = 900


@dataclass(frozen=True, slots=True)
class ThrottleTrap:
    """Messages that come together to a function whose reserved concurrency is small. No run fails.

    Parameters
    ----------
    messages
        How many come at once (whole, 1 to 20,000); ten make a batch.
    reserved_concurrency
        Batches that may run at the same time (whole, 1 to 900).
    maximum_concurrency
        Batches that the mapping may hold at the same time (whole, 2 to 1,000); None: five at the start,
        and more as messages wait.
    duration
        Seconds that the function works on a batch (0 or more, less than ``visibility_timeout``).
    max_receive_count
        Receives after which a message becomes a dead letter (whole, 1 to 1,000).
    visibility_timeout
        Seconds for which a received message is invisible (whole, 1 to 900); the function's timeout is as
        long, which is the least that AWS accepts.

    Example
    -------
    >>> trace = ThrottleTrap(messages=300).run(seed=7)
    >>> trace.attempts["outcome"].unique().tolist()
    ['success']
    >>> int((trace.queue_events["action"] == "dead_lettered").sum())
    40
    """

    messages: int = 800
    reserved_concurrency: int = 2
    maximum_concurrency: int | None = None
    duration: float = 25.0
    max_receive_count: int = 3
    visibility_timeout: int = _RULES.sqs_visibility_default

    def __post_init__(self) -> None:
        rules = _RULES
        checks.whole("messages", self.messages, 1, _MOST_MESSAGES, "messages")
        checks.whole(
            "reserved_concurrency", self.reserved_concurrency, 1, _MOST_RESERVED, "runs at a time"
        )
        checks.maximum_concurrency(self.maximum_concurrency, rules)
        checks.number(
            "duration", self.duration, 0, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip
        checks.whole(
            "max_receive_count", self.max_receive_count, 1, rules.sqs_max_receive_count_maximum,
            "receives", rules.source("sqs_max_receive_count_maximum"),
        )  # fmt: skip
        checks.whole(
            "visibility_timeout", self.visibility_timeout, 1, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip
        if self.duration >= self.visibility_timeout:
            limit = f"less than visibility_timeout ({self.visibility_timeout} s)"
            raise InvalidSetting("duration", self.duration, limit)

    def run(self, seed: int | str = 7) -> Trace:
        """Send the messages and let everything happen that follows."""
        lab = Lab(seed=seed)
        orders = lab.sqs.create_queue(
            QUEUE, visibility_timeout=self.visibility_timeout, dead_letter_queue=DEAD_LETTERS,
            max_receive_count=self.max_receive_count,
        )  # fmt: skip
        lab.create_function(
            FUNCTION, duration=self.duration, timeout=self.visibility_timeout,
            reserved_concurrency=self.reserved_concurrency,
        )  # fmt: skip
        lab.create_event_source_mapping(
            orders, FUNCTION, maximum_concurrency=self.maximum_concurrency
        )
        numbers, ten = range(1, self.messages + 1), _RULES.sqs_send_batch
        for first in range(0, self.messages, ten):
            orders.send_batch(numbers[first : first + ten])
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        at_once = self.maximum_concurrency
        most = "" if at_once is None else f", maximum_concurrency={at_once}"
        return checks.code(
            seed,
            f'orders = lab.sqs.create_queue("{QUEUE}", '
            f'visibility_timeout={self.visibility_timeout}, dead_letter_queue="{DEAD_LETTERS}", '
            f"max_receive_count={self.max_receive_count})",
            f'lab.create_function("{FUNCTION}", duration={self.duration!r}, '
            f"timeout={self.visibility_timeout}, reserved_concurrency={self.reserved_concurrency})",
            f'lab.create_event_source_mapping(orders, "{FUNCTION}"{most})',
            f"for first in range(1, {self.messages + 1}, 10):",
            f"    orders.send_batch(range(first, min(first + 10, {self.messages + 1})))",
            "lab.run()",
        )


def throttle_trap(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`ThrottleTrap` with these settings."""
    return checks.made(ThrottleTrap, settings).run(seed)
