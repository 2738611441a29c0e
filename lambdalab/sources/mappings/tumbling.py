"""Tumbling windows: a state that goes from one invocation to the next, and ends with its window.

* A record belongs to the window in which it came to its stream; windows follow each other without a gap,
  from 1970 on. Each invocation gets the window's state so far, and must answer with the next.
* A window is over when a record of a later one comes, when its shard ends, or when it has been quiet for
  ``stream_tumbling_quiet`` after its end. Its last invocation (``isFinalInvokeForWindow``) gets the
  records that are left, often none.
* A state over 1 MB ends its window early: the next invocation is its last. Records of the same time
  that come after it begin again with an empty state.

Ours, where the guide is silent: the windows of a shard are those of the mapping's setting when they
begin; the final invocation is tried until it succeeds, at most until the stream keeps no record of its
window, and where its records are given up by the limits for retries and age, it goes on without them; an
answer that names the first record of its batch as failed leaves the state as it was.

Sources: event-source-mappings.md 4 of the reference (dg/services-ddb-windows),
dg/services-kinesis-windows.
"""

from __future__ import annotations

from lambdalab.functions.outcome import decode, encode, encode_text
from lambdalab.kernel.clock import US, Clock
from lambdalab.sources.streams.shard import StreamRecord

_MEMBERS = (
    ', "window": {{"start": "{}", "end": "{}"}}, "state": {}, "shardId": {}, "eventSourceARN": {}, '
    '"isFinalInvokeForWindow": {}, "isWindowTerminatedEarly": {}}}'
)


class Window:
    """One window of one shard. Times are microseconds since the lab's start.

    Parameters: the moment of a record in it; its length in seconds; the lab's clock; the source's ARN;
    the most bytes of a state. Attributes: ``start`` and ``end`` (no more in it), ``state`` as JSON,
    ``early``: whether its state has grown too large.

    >>> Window(70 * US, 60, Clock("2025-01-07"), "s", "arn", 100).told
    ('2025-01-07T00:01:00Z', '2025-01-07T00:02:00Z')
    """

    __slots__ = ("_arn", "_clock", "_largest", "_shard_id", "early", "end", "start", "state")

    def __init__(
        self, at: int, seconds: int, clock: Clock, shard_id: str, arn: str, largest: int
    ) -> None:
        length = seconds * US
        epoch = clock.epoch_us(at)
        self.start = at - epoch % length
        self.end = self.start + length
        self.state, self.early = b"{}", False
        self._clock, self._shard_id, self._arn, self._largest = clock, shard_id, arn, largest

    def holds(self, record: StreamRecord) -> bool:
        """Whether a record came before its end."""
        return record.arrived_at < self.end

    @property
    def told(self) -> tuple[str, str]:
        """Start and end as the event has them."""
        start, end = (self._clock.datetime(at) for at in (self.start, self.end))
        form = "%Y-%m-%dT%H:%M:%SZ"
        return start.strftime(form), end.strftime(form)

    def event(self, payload: bytes, final: bool) -> bytes:
        """The event of a window: that of its records with the window's members."""
        return payload[:-1] + self._members(final)

    @property
    def extra(self) -> int:
        """Bytes by which an event of the window is longer than its records alone make it."""
        return len(self._members(False)) - 1

    def _members(self, final: bool) -> bytes:
        return _MEMBERS.format(
            *self.told, self.state.decode(), encode_text(self._shard_id), encode_text(self._arn),
            str(final).lower(), str(self.early).lower(),
        ).encode()  # fmt: skip

    def keep(self, state: bytes) -> None:
        """The state is now this; too large a one ends the window."""
        self.state = state
        self.early = self.early or len(state) > self._largest


def state_in(response: bytes) -> bytes | None:
    """The state that a function's answer hands on, as JSON; None where it has none.

    >>> state_in(b'{"state": {"sum": 3}}'), state_in(b"null")
    (b'{"sum": 3}', None)
    """
    try:
        answer = decode(response)
    except ValueError:
        return None
    if not isinstance(answer, dict) or "state" not in answer:
        return None
    return encode(answer["state"])
