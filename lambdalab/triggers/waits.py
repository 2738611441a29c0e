"""How long EventBridge and its Scheduler wait before they try a target again.

Both say that they go on for 24 hours and up to 185 times, with an exponential back-off and jitter, and
neither says which (ebug/eb-rule-retry-policy; scheduler/managing-targets). The waits here are a choice
that makes the two numbers agree: they double from ``target_retry_first_wait`` on and stay at
``target_retry_longest_wait``, and each is drawn evenly from the upper half of what it could be.
"""

from __future__ import annotations

from lambdalab.kernel.clock import US
from lambdalab.triggers.parts import Parts

_DOUBLINGS = 40  # more would only make a big number of which the longest wait is taken anyway


def retry_wait_us(parts: Parts, tries: int, maximum_retry_attempts: int, stream: str) -> int | None:
    """The wait after so many tries, in microseconds; None when no retry is left.

    Parameters
    ----------
    parts
        The lab's: its rules, and the run's chance.
    tries
        How often the target has been tried: 1 after the first one.
    maximum_retry_attempts
        How many retries the target's settings allow.
    stream
        The name of the stream of chance, as in "waits/nightly": one for each way to a target.
    """
    if tries > maximum_retry_attempts:
        return None
    first: float = parts.rules.target_retry_first_wait * 2.0 ** min(tries - 1, _DOUBLINGS)
    wait: float = min(first, parts.rules.target_retry_longest_wait)
    drawn: float = (1 + parts.streams.stream(stream).uniform()) / 2
    return round(wait * drawn * US)
