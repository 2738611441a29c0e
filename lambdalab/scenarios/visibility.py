"""How long must a message be invisible? A queue's messages, and work that may last too long or fail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION, QUEUE, DEAD_LETTERS = "charge", "orders", "failed"
_REPORT = "ReportBatchItemFailures"
_MOST_MESSAGES = 1_000
_SOURCE = """
import math, os, random, time

def lambda_handler(event, context):
    time.sleep(random.lognormvariate(math.log({p50!r}), {sigma!r}))
    bad = os.environ["BAD"].split(",")
    failed = [record for record in event["Records"] if record["body"] in bad]
{raises}    return {{"batchItemFailures": [{{"itemIdentifier": r["messageId"]}} for r in failed]}}
"""
_RAISES = """    if failed:
        raise ValueError(f"order {failed[0]['body']} has no price")
"""
_Z99 = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """Messages that come together, and what becomes of them while and after the function has them.

    Parameters
    ----------
    visibility_timeout
        Seconds for which a received message is invisible (whole, 1 to 43,200). AWS refuses less than
        the function's timeout when the mapping is made, but not later.
    p50, p99
        Seconds that the function works on a batch: the median, and what one in a hundred exceeds (0.01 to
        900, ``p99`` not below ``p50``).
    window
        ``maximum_batching_window`` in seconds (whole, 0 to 300). Where there is one, Lambda makes the
        visibility timeout longer if window and function timeout would pass it.
    max_receive_count
        Receives after which a message becomes a dead letter (whole, 1 to 1,000).
    partial_failures
        True: the function names the messages that failed (``ReportBatchItemFailures``). False: it raises.
    bad
        How many of the messages always fail (whole, 0 to ``messages``).
    redrive
        True: when all is over the function is mended, and the dead letters are sent back.
    messages
        How many there are (whole, 1 to 1,000); they come at once, ten in a batch.
    timeout
        The function's, in seconds (whole, 1 to 900).

    Example
    -------
    >>> trace = Visibility(p50=2.0, p99=5.0, bad=1, messages=10).run(seed=7)
    >>> trace.batches[["records", "failed_records"]].to_numpy().tolist()
    [[10, 10], [10, 10], [10, 10]]
    """

    visibility_timeout: int = _RULES.sqs_visibility_default
    p50: float = 34.0
    p99: float = 55.0
    window: int = 0
    max_receive_count: int = 3
    partial_failures: bool = False
    bad: int = 0
    redrive: bool = False
    messages: int = 30
    timeout: int = 60

    def __post_init__(self) -> None:
        rules = _RULES
        checks.whole(
            "visibility_timeout", self.visibility_timeout, 1, rules.sqs_visibility_maximum, "s",
            rules.source("sqs_visibility_maximum"),
        )  # fmt: skip
        for name in ("p50", "p99"):
            checks.number(
                name, getattr(self, name), 0.01, rules.timeout_maximum, "s",
                rules.source("timeout_maximum"),
            )  # fmt: skip
        if self.p99 < self.p50:
            raise InvalidSetting("p99", self.p99, f"at least p50 ({self.p50:g} s)")
        checks.whole(
            "window", self.window, 0, rules.mapping_window_maximum, "s",
            rules.source("mapping_window_maximum"),
        )  # fmt: skip
        checks.whole(
            "max_receive_count", self.max_receive_count, 1, rules.sqs_max_receive_count_maximum,
            "receives", rules.source("sqs_max_receive_count_maximum"),
        )  # fmt: skip
        checks.flag("partial_failures", self.partial_failures)
        checks.flag("redrive", self.redrive)
        checks.whole("messages", self.messages, 1, _MOST_MESSAGES, "messages")
        checks.whole("bad", self.bad, 0, self.messages, "messages")
        checks.whole(
            "timeout", self.timeout, rules.timeout_minimum, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip

    def run(self, seed: int | str = 7) -> Trace:
        """Send the messages and let everything happen that follows."""
        lab = Lab(seed=seed)
        orders = lab.sqs.create_queue(
            QUEUE, visibility_timeout=max(self.visibility_timeout, self.timeout),
            dead_letter_queue=DEAD_LETTERS, max_receive_count=self.max_receive_count,
        )  # fmt: skip
        lab.create_function(
            FUNCTION, self._source(), timeout=self.timeout, environment={"BAD": self._bad()}
        )
        lab.create_event_source_mapping(
            orders, FUNCTION, maximum_batching_window=self.window,
            function_response_types=[_REPORT] if self.partial_failures else None,
        )  # fmt: skip
        if self.visibility_timeout < self.timeout:
            orders.update(visibility_timeout=self.visibility_timeout)
        bodies = [str(number) for number in range(1, self.messages + 1)]
        for first in range(0, self.messages, _RULES.sqs_send_batch):
            orders.send_batch(bodies[first : first + _RULES.sqs_send_batch])
        lab.run()
        if self.redrive:
            lab.update_function(FUNCTION, environment={"BAD": ""})
            lab.sqs[DEAD_LETTERS].start_message_move_task()
            lab.run()
        return lab.trace

    def _bad(self) -> str:
        """The orders that always fail, as far from each other as they can be: "3,8"."""
        return ",".join(
            str(round((n + 0.5) * self.messages / self.bad + 0.5)) for n in range(self.bad)
        )

    def _source(self) -> str:
        sigma = math.log(self.p99 / self.p50) / _Z99
        return _SOURCE.format(
            p50=self.p50, sigma=sigma, raises="" if self.partial_failures else _RAISES
        )

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        reports = f', function_response_types=["{_REPORT}"]' if self.partial_failures else ""
        return checks.code(
            seed,
            f'orders = lab.sqs.create_queue("{QUEUE}", '
            f"visibility_timeout={max(self.visibility_timeout, self.timeout)}, "
            f'dead_letter_queue="{DEAD_LETTERS}", max_receive_count={self.max_receive_count})',
            f'SOURCE = """{self._source()}"""',
            f'lab.create_function("{FUNCTION}", SOURCE, timeout={self.timeout}, '
            f'environment={{"BAD": "{self._bad()}"}})',
            f'lab.create_event_source_mapping(orders, "{FUNCTION}", '
            f"maximum_batching_window={self.window}{reports})",
            *self._afterwards(),
        )

    def _afterwards(self) -> list[str]:
        """The lines after the mapping has been made."""
        lines = [
            f"bodies = [str(number) for number in range(1, {self.messages + 1})]",
            f"for first in range(0, {self.messages}, 10):",
            "    orders.send_batch(bodies[first : first + 10])",
            "lab.run()",
        ]
        if self.visibility_timeout < self.timeout:
            update = f"orders.update(visibility_timeout={self.visibility_timeout})"
            lines.insert(0, f"{update}  # AWS checks it when the mapping is made, and no more")
        if self.redrive:
            lines += [
                f'lab.update_function("{FUNCTION}", environment={{"BAD": ""}})  # it is mended',
                f'lab.sqs["{DEAD_LETTERS}"].start_message_move_task()',
                "lab.run()",
            ]
        return lines


def visibility(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`Visibility` with these settings."""
    return checks.made(Visibility, settings).run(seed)
