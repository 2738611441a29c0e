"""Why did this batch fire? A queue, its mapping, and traffic of a steady rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Poisson

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION, QUEUE = "bill", "orders"
_VISIBILITY = 6
"""The queue's visibility timeout in function timeouts, as AWS advises (dg/services-sqs-configure)."""


@dataclass(frozen=True, slots=True)
class Batching:
    """Messages that come at random to a queue, and the batches a mapping makes of them.

    Parameters
    ----------
    rate
        Messages a second on average, independent of each other (0.01 to 1,000).
    record_size
        Bytes of a message's body (1 to 262,144).
    batch_size
        Records at most in a batch (whole, 1 to 10,000; over 10 a window is needed).
    window
        ``maximum_batching_window`` in seconds (whole, 0 to 300).
    duration
        Seconds that the function works on a batch (0 to 900).
    seconds
        How long messages come (1 second to a day).
    maximum_concurrency
        Batches at a time, so that no more pollers take messages (whole, 2 to 1,000); None: five at the
        start, and more as messages wait.

    Example
    -------
    >>> trace = Batching(rate=3, window=5, seconds=10).run(seed=7)
    >>> trace.short.batches["cause"].tolist()
    ['batching_window', 'batch_size']
    """

    rate: float = 3.0
    record_size: int = 200
    batch_size: int = _RULES.mapping_batch_size_default
    window: int = 5
    duration: float = 0.2
    seconds: float = 30.0
    maximum_concurrency: int | None = None

    def __post_init__(self) -> None:
        rules = _RULES
        checks.number("rate", self.rate, 0.01, 1000, "messages a second")
        checks.whole(
            "record_size", self.record_size, 1, rules.sqs_message_size, "bytes",
            rules.source("sqs_message_size"),
        )  # fmt: skip
        checks.whole(
            "batch_size", self.batch_size, 1, rules.mapping_batch_size_maximum, "records",
            rules.source("mapping_batch_size_maximum"),
        )  # fmt: skip
        checks.whole(
            "window", self.window, 0, rules.mapping_window_maximum, "s",
            rules.source("mapping_window_maximum"),
        )  # fmt: skip
        checks.number(
            "duration", self.duration, 0, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip
        checks.number("seconds", self.seconds, 1, 86_400, "s")
        checks.maximum_concurrency(self.maximum_concurrency, rules)
        checks.messages(self, rules)

    def run(self, seed: int | str = 7) -> Trace:
        """Let the messages come, until the last one has been dealt with."""
        lab = Lab(seed=seed)
        timeout = self._timeout()
        lab.create_function(FUNCTION, duration=self.duration, timeout=timeout)
        orders = lab.sqs.create_queue(QUEUE, visibility_timeout=_VISIBILITY * timeout)
        lab.create_event_source_mapping(
            orders, FUNCTION, batch_size=self.batch_size, maximum_batching_window=self.window,
            maximum_concurrency=self.maximum_concurrency,
        )  # fmt: skip
        body = "x" * self.record_size
        lab.drive(orders, Poisson(self.rate), duration=self.seconds, payload=lambda i: body)
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        timeout, at_once = self._timeout(), self.maximum_concurrency
        most = "" if at_once is None else f", maximum_concurrency={at_once}"
        return checks.code(
            seed,
            f'lab.create_function("{FUNCTION}", duration={self.duration!r}, timeout={timeout})',
            f'orders = lab.sqs.create_queue("{QUEUE}", visibility_timeout={_VISIBILITY * timeout})',
            f'lab.create_event_source_mapping(orders, "{FUNCTION}", batch_size={self.batch_size}, '
            f"maximum_batching_window={self.window}{most})",
            f"lab.drive(orders, ll.Poisson({self.rate!r}), duration={self.seconds!r}, "
            f'payload=lambda i: "x" * {self.record_size})',
            "lab.run()",
        )

    def _timeout(self) -> int:
        """Enough for the function: the default where that is, else a second more than it works."""
        most: int = _RULES.timeout_maximum
        enough: int = max(_RULES.timeout_default, math.floor(self.duration) + 1)
        return min(enough, most)


def batching(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`Batching` with these settings."""
    return checks.made(Batching, settings).run(seed)
