"""What does one bad record hold up? A stream, or a FIFO queue, in which one record cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Every

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
KINDS = ("stream", "fifo")
FUNCTION, STREAM, QUEUE, FAILED = "count", "clicks", "orders.fifo", "failed"
FOREVER = -1
_MOST_RECORDS, _MOST_RATE = 50_000, 500
_FASTEST = 0.01
_TIMEOUT, _VISIBILITY, _RETENTION = 60, 360, 86_400
_REPORT = ("ReportBatchItemFailures",)
_HANDLER = """
import time

def handler(event, context):
    time.sleep({duration!r})
    for n, record in enumerate(event["Records"]):
        if {test}:
            {fails}
"""
_RAISES = 'raise ValueError("m{poison} cannot be read")'
_NAMES = {
    "stream": 'return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}',
    "fifo": 'return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} '
    'for r in event["Records"][n:]]}',
}
_TESTS = {
    "stream": 'record["kinesis"]["partitionKey"] == "m{poison}"',
    "fifo": 'record["body"] == "m{poison}"',
}


@dataclass(frozen=True, slots=True)
class Shard:
    """Records that come one by one to a function which cannot read one of them.

    A stream's mapping tries a failed batch again until it succeeds, is given up or grows too old, and
    hands over nothing behind it in the meantime. In a FIFO queue the same holds for the message group.

    Parameters
    ----------
    kind
        ``"stream"``: the Kinesis stream ``clicks``. ``"fifo"``: the queue ``orders.fifo``, which keeps its
        messages for a day, with a visibility timeout of 360 s.
    shards
        Shards of the stream, each record's decided by its own partition key; of a queue message groups,
        taken in turn (whole, 1 to 100).
    parallelization_factor
        Batches of one shard at a time (whole, 1 to 10). Of streams alone.
    records, rate
        How many come (whole, 2 to 50,000), and how many a second (0.01 to 500).
    poison
        Which of them cannot be read, counted from 1 (whole).
    batch_size
        Records of a batch at most (whole, 1 to 10,000; of a queue 10 at most).
    duration
        Seconds that the function works on a batch (0 to 59).
    maximum_retry_attempts
        Tries after the first one (0 to 10,000); -1: without limit. Of a queue it is one less than
        ``max_receive_count``, and needs ``on_failure``: without it the queue has no limit.
    maximum_record_age
        Seconds after which a record is given up (60 to 604,800); -1: when its stream lets it go, after a
        day. Of streams alone.
    bisect
        Whether a failed batch is cut in two (``bisect_batch_on_function_error``). Of streams alone.
    partial
        Whether the function names the first record that failed (``ReportBatchItemFailures``) instead of
        raising.
    on_failure
        Whether what is given up goes to ``failed``: the on-failure destination of the stream's mapping, or
        the dead-letter queue.

    Example
    -------
    >>> trace = Shard(bisect=True, maximum_retry_attempts=3, records=100, poison=42).run()
    >>> ended = trace.queue_events.query("action == 'dropped'")
    >>> [trace.ids.parse(event)[1] for event in ended["event_id"]], set(ended["cause"])
    ([42], {'retries_exhausted'})
    """

    kind: str = "stream"
    shards: int = 1
    parallelization_factor: int = 1
    records: int = 200
    rate: float = 10.0
    poison: int = 57
    batch_size: int = _RULES.stream_batch_size_default
    duration: float = 0.1
    maximum_retry_attempts: int = FOREVER
    maximum_record_age: int = FOREVER
    bisect: bool = False
    partial: bool = False
    on_failure: bool = False

    def __post_init__(self) -> None:
        rules = _RULES
        checks.one_of("kind", self.kind, KINDS)
        checks.whole("shards", self.shards, 1, 100, "shards")
        checks.whole("parallelization_factor", self.parallelization_factor, 1, 10, "batches")
        checks.whole("records", self.records, 2, _MOST_RECORDS, "records")
        checks.number("rate", self.rate, _FASTEST, _MOST_RATE, "records a second")
        checks.whole("poison", self.poison, 1, self.records, "(it is one of the records)")
        checks.whole(
            "batch_size", self.batch_size, 1, rules.mapping_batch_size_maximum, "records",
            rules.source("mapping_batch_size_maximum"),
        )  # fmt: skip
        checks.number("duration", self.duration, 0, _TIMEOUT - 1, "s")
        checks.whole("maximum_retry_attempts", self.maximum_retry_attempts, -1, 10_000, "tries")
        age = self.maximum_record_age
        if age != FOREVER:
            checks.whole("maximum_record_age", age, 60, 604_800, "s, or -1")
        for name in ("bisect", "partial", "on_failure"):
            checks.flag(name, getattr(self, name))
        if self.records / self.shards / self.rate > _RETENTION:
            limit = f"more: {self.records:,} records at that rate come for longer than a day"
            raise InvalidSetting("rate", self.rate, limit)

    def run(self, seed: int | str = 7) -> Trace:
        """Let the records come, until the last one is dealt with or gone."""
        lab = Lab(seed=seed)
        lab.create_function(FUNCTION, code=self._handler(), timeout=_TIMEOUT)
        if self.kind == "stream":
            self._stream(lab)
        else:
            self._fifo(lab)
        lab.run()
        return lab.trace

    def _stream(self, lab: Lab) -> None:
        clicks = lab.kinesis.create_stream(STREAM, shard_count=self.shards)
        settings = self._mapping()
        if self.on_failure:
            settings["on_failure"] = lab.sqs.create_queue(FAILED)
        lab.create_event_source_mapping(clicks, FUNCTION, **settings)
        lab.drive(
            clicks, Every(1 / self.rate), count=self.records, partition_key=lambda i: f"m{i + 1}"
        )

    def _fifo(self, lab: Lab) -> None:
        orders = lab.sqs.create_queue(QUEUE, **self._queue())
        lab.create_event_source_mapping(orders, FUNCTION, **self._mapping())
        lab.drive(
            orders, Every(1 / self.rate), count=self.records, payload=lambda i: f"m{i + 1}",
            message_group_id=lambda i: f"g{i % self.shards + 1}",
        )  # fmt: skip

    def _handler(self) -> str:
        fails = (_NAMES[self.kind] if self.partial else _RAISES).replace(
            "{poison}", str(self.poison)
        )
        test = _TESTS[self.kind].replace("{poison}", str(self.poison))
        return _HANDLER.format(duration=self.duration, test=test, fails=fails)

    def _queue(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "content_based_deduplication": True, "visibility_timeout": _VISIBILITY,
            "retention": _RETENTION,
        }  # fmt: skip
        if self.on_failure:
            settings["dead_letter_queue"] = f"{FAILED}.fifo"
            if self.maximum_retry_attempts != FOREVER:
                settings["max_receive_count"] = min(self.maximum_retry_attempts + 1, 1000)
        return settings

    def _mapping(self) -> dict[str, Any]:
        """The settings of the mapping, those that are no defaults."""
        settings: dict[str, Any] = {}
        if self.kind == "stream":
            settings["starting_position"] = "TRIM_HORIZON"
            named = {
                "parallelization_factor": (self.parallelization_factor, 1),
                "maximum_retry_attempts": (self.maximum_retry_attempts, FOREVER),
                "maximum_record_age": (self.maximum_record_age, FOREVER),
                "bisect_batch_on_function_error": (self.bisect, False),
            }
            settings |= {name: value for name, (value, usual) in named.items() if value != usual}
        most = _RULES.mapping_fifo_batch_size_maximum
        settings["batch_size"] = (
            self.batch_size if self.kind == "stream" else min(self.batch_size, most)
        )
        if self.partial:
            settings["function_response_types"] = _REPORT
        return settings

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        told = {name: repr(value) for name, value in self._mapping().items()}
        if self.kind == "stream":
            if self.on_failure:
                told["on_failure"] = f'lab.sqs.create_queue("{FAILED}")'
            made = f'source = lab.kinesis.create_stream("{STREAM}", shard_count={self.shards})'
            sent = 'partition_key=lambda i: f"m{i + 1}"'
        else:
            made = f'source = lab.sqs.create_queue("{QUEUE}"{_told(self._queue(), repr)})'
            groups = f'f"g{{i % {self.shards} + 1}}"'
            sent = f'payload=lambda i: f"m{{i + 1}}", message_group_id=lambda i: {groups}'
        return checks.code(
            seed,
            f'code = """{self._handler()}"""',
            f'lab.create_function("{FUNCTION}", code=code, timeout={_TIMEOUT})',
            made,
            f'lab.create_event_source_mapping(source, "{FUNCTION}"{_told(told, str)})',
            f"lab.drive(source, ll.Every({1 / self.rate!r}), count={self.records}, {sent})",
            "lab.run()",
        )


def _told(settings: dict[str, Any], told: Any) -> str:
    return "".join(f", {name}={told(value)}" for name, value in settings.items())


def shard(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`Shard` with these settings."""
    return checks.made(Shard, settings).run(seed)
