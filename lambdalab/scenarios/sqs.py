"""What will this queue do to this function? Everything that matters of it in one row."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambdalab.functions.durations import LogNormal
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.trace.figures import figures
from lambdalab.traffic.arrivals import Poisson

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION, QUEUE, DEAD_LETTERS = "worker", "queue", "dead-letters"
_MOST_RESERVED = _RULES.account_concurrency - _RULES.unreserved_minimum
_MONTH = 30 * 86_400
_MUCH = 0.25
"""A queue that has so much of all messages in the end has got more than can be worked on."""
_NOTE = (
    "cost_month_usd: Lambda's requests and GB-seconds, for 30 days at this rate, without free tier; "
    "not in it: SQS's requests, logs, data transfer"
)


@dataclass(frozen=True, slots=True)
class Sqs:
    """Messages that come to a queue, its mapping, and a function that works on them.

    Parameters
    ----------
    rate
        Messages a second on average, independent of each other (0.01 to 1,000).
    duration
        Seconds that the function works on a batch (0 to 900): always, or half of the time where ``p99``
        is given.
    p99
        Seconds that one batch in a hundred exceeds (not below ``duration``); None: all take the same.
    failure_rate
        Share of the runs that fail, at random (0 to 1).
    batch_size, window
        Records at most in a batch (1 to 10,000), and seconds to wait for them (0 to 300).
    record_size
        Bytes of a message's body (1 to 262,144).
    visibility_timeout
        Seconds (whole, not below ``timeout``); None: six times ``timeout`` and the window, as AWS advises.
    max_receive_count
        Receives after which a message becomes a dead letter (1 to 1,000).
    timeout
        The function's, in seconds (whole, 1 to 900); None: the least whole number above twice what one
        batch in a hundred exceeds, at least 3.
    reserved_concurrency, maximum_concurrency
        Of the function (runs at a time), of the mapping (batches at a time); None: not limited.
    memory_size
        MB.
    seconds
        How long messages come (1 second to a day).

    Example
    -------
    >>> Sqs(rate=5, seconds=60).run().plot.queue_depth().get_xlabel()
    'virtual time (s)'
    """

    rate: float = 10.0
    duration: float = 0.2
    p99: float | None = None
    failure_rate: float = 0.0
    batch_size: int = _RULES.mapping_batch_size_default
    window: int = 0
    record_size: int = 1024
    visibility_timeout: int | None = None
    max_receive_count: int = 5
    timeout: int | None = None
    reserved_concurrency: int | None = None
    maximum_concurrency: int | None = None
    memory_size: int = _RULES.memory_default
    seconds: float = 300.0

    def __post_init__(self) -> None:
        rules = _RULES
        checks.number("rate", self.rate, 0.01, 1000, "messages a second")
        longest, source = rules.timeout_maximum, rules.source("timeout_maximum")
        checks.number("duration", self.duration, 0, longest, "s", source)
        if self.p99 is not None:
            checks.number("p99", self.p99, max(self.duration, 1e-6), longest, "s", source)
            checks.number("duration", self.duration, 1e-6, longest, "s, where p99 is given", source)
        checks.number("failure_rate", self.failure_rate, 0, 1, "of the runs")
        for name, low, rule, unit in (
            ("batch_size", 1, "mapping_batch_size_maximum", "records"),
            ("window", 0, "mapping_window_maximum", "s"),
            ("record_size", 1, "sqs_message_size", "bytes"),
            ("max_receive_count", 1, "sqs_max_receive_count_maximum", "receives"),
            ("memory_size", rules.memory_minimum, "memory_maximum", "MB"),
        ):
            value, most = getattr(self, name), getattr(rules, rule)
            checks.whole(name, value, low, most, unit, rules.source(rule))
        checks.maximum_concurrency(self.maximum_concurrency, rules)
        if self.reserved_concurrency is not None:
            checks.whole(
                "reserved_concurrency",
                self.reserved_concurrency,
                0,
                _MOST_RESERVED,
                "runs at a time",
            )
        if self.timeout is not None:
            checks.whole("timeout", self.timeout, rules.timeout_minimum, longest, "s", source)
        if self.visibility_timeout is not None:
            checks.whole(
                "visibility_timeout", self.visibility_timeout, self.function_timeout,
                rules.sqs_visibility_maximum, "s (not below the function's timeout)",
                rules.source("sqs_visibility_maximum"),
            )  # fmt: skip
        checks.number("seconds", self.seconds, 1, 86_400, "s")
        checks.messages(self, rules)

    @property
    def function_timeout(self) -> int:
        """The function's timeout in seconds: the one given, or enough."""
        if self.timeout is not None:
            return self.timeout
        longest = self.duration if self.p99 is None else self.p99
        enough: int = max(_RULES.timeout_default, math.floor(2 * longest) + 1)
        return int(min(enough, _RULES.timeout_maximum))

    @property
    def queue_visibility(self) -> int:
        """The queue's visibility timeout in seconds: the one given, or the least that AWS advises."""
        if self.visibility_timeout is not None:
            return self.visibility_timeout
        advised = _RULES.mapping_visibility_factor * self.function_timeout + self.window
        return int(min(advised, _RULES.sqs_visibility_maximum))

    def run(self, seed: int | str = 7) -> Trace:
        """Let the messages come, until nothing is left of them in the queue."""
        lab = Lab(seed=seed)
        queue = lab.sqs.create_queue(
            QUEUE, visibility_timeout=self.queue_visibility, dead_letter_queue=DEAD_LETTERS,
            max_receive_count=self.max_receive_count,
        )  # fmt: skip
        takes = self.duration if self.p99 is None else LogNormal(p50=self.duration, p99=self.p99)
        lab.create_function(FUNCTION, duration=takes, **self._function())
        lab.create_event_source_mapping(queue, FUNCTION, **self._mapping())
        body = "x" * self.record_size
        lab.drive(queue, Poisson(self.rate), duration=self.seconds, payload=lambda i: body)
        lab.run()
        return lab.trace

    def _function(self) -> dict[str, Any]:
        settings = {
            "timeout": self.function_timeout, "memory_size": self.memory_size,
            "failure_rate": self.failure_rate, "reserved_concurrency": self.reserved_concurrency,
        }  # fmt: skip
        return {name: value for name, value in settings.items() if value is not None}

    def _mapping(self) -> dict[str, Any]:
        settings = {
            "batch_size": self.batch_size, "maximum_batching_window": self.window,
            "maximum_concurrency": self.maximum_concurrency,
        }  # fmt: skip
        return {name: value for name, value in settings.items() if value is not None}

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        p50 = repr(self.duration)
        takes = p50 if self.p99 is None else f"ll.LogNormal(p50={p50}, p99={self.p99!r})"
        function, mapping = (
            "".join(f", {name}={value!r}" for name, value in settings.items())
            for settings in (self._function(), self._mapping())
        )
        return checks.code(
            seed,
            f'queue = lab.sqs.create_queue("{QUEUE}", visibility_timeout={self.queue_visibility}, '
            f'dead_letter_queue="{DEAD_LETTERS}", max_receive_count={self.max_receive_count})',
            f'lab.create_function("{FUNCTION}", duration={takes}{function})',
            f'lab.create_event_source_mapping(queue, "{FUNCTION}"{mapping})',
            f"lab.drive(queue, ll.Poisson({self.rate!r}), duration={self.seconds!r}, "
            f'payload=lambda i: "x" * {self.record_size})',
            "lab.run()",
        )


@dataclass(frozen=True, slots=True, eq=False)
class SqsSummary:
    """What came of it: one row to read, and the run behind it.

    Attributes
    ----------
    settings
        The :class:`Sqs` that was run.
    trace
        The run: go on with ``summary.trace.plot.queue_depth()``, ``.findings()``, ``.batches``.
    table
        A DataFrame of one row: ``invocations`` (runs; refused ones are ``throttles``), ``batch_mean``
        (records), ``age_p50_s``, ``age_p95_s``, ``age_p99_s`` (of a message when it was dealt with),
        ``cost_month_usd`` (Lambda's requests and GB-seconds for 30 days at this rate), ``dead_letters``,
        ``throttles``.
    """

    settings: Sqs
    trace: Trace
    table: pd.DataFrame = field(repr=False)

    @property
    def notes(self) -> list[str]:
        """What must be known to read the row: what is in the cost; whether the queue only grew."""
        sent = self.trace.queue_events
        sent = sent[(sent["queue"] == QUEUE) & (sent["cause"] == "message_sent")]
        left = int(sent["depth"].iloc[-1]) if len(sent) else 0
        if left <= _MUCH * len(sent):
            return [_NOTE]
        grew = (
            f"the queue only grows: {left:,} of {len(sent):,} messages were left when the last one came, "
            "so ages say more of how long messages came than of the settings"
        )
        return [grew, _NOTE]

    def __repr__(self) -> str:
        return "\n".join([self.table.to_string(index=False, float_format=_told), *self.notes])

    def _repr_html_(self) -> str:
        table = self.table.to_html(index=False, float_format=_told, border=0)
        notes = "<br>".join(html.escape(note) for note in self.notes)
        return f"{table}<small>{notes}</small>"


def _told(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 1 or not value else f"{value:.3g}"


def _summary(settings: Sqs, trace: Trace) -> SqsSummary:
    import pandas as pd

    found = figures(trace)
    row = {
        "invocations": int(found["attempts"]),
        "batch_mean": found["batch_mean"],
        **{f"age_{share}_s": found[f"age_{share}_s"] for share in ("p50", "p95", "p99")},
        "cost_month_usd": found["cost_usd"] * _MONTH / settings.seconds,
        "dead_letters": int(found["dead_letters"]),
        "throttles": int(found["throttles"]),
    }
    return SqsSummary(settings, trace, pd.DataFrame([row]))


def sqs(*, seed: int | str = 7, **settings: Any) -> SqsSummary:
    """What a queue will do to a function: run :class:`Sqs` with these settings.

    Raises :class:`~lambdalab.errors.UnknownSetting` for one that it has not (with the nearest), and
    :class:`~lambdalab.errors.InvalidSetting` for a value out of range.

    Example
    -------
    >>> found = sqs(rate=20, duration=0.5, p99=3.0, window=5, batch_size=50)
    >>> found.table.columns.tolist()[:3]
    ['invocations', 'batch_mean', 'age_p50_s']
    >>> found.trace.summary().empty
    False
    """
    chosen = checks.made(Sqs, settings)
    return _summary(chosen, chosen.run(seed))
