"""Numbers as a lecturer reads them out: durations, counts, sizes."""

from __future__ import annotations

import math

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_KB, _MB = 1024, 1024 * 1024


def duration(seconds: float) -> str:
    """A length of time in few signs: "0.15 s", "66.2 s", "15 min 0 s", "5 h 57 min".

    >>> [duration(s) for s in (0.0004, 0.15, 2, 66.24, 300, 898, 21_420, 180_000)]
    ['0.4 ms', '0.15 s', '2.00 s', '66.2 s', '300 s', '14 min 58 s', '5 h 57 min', '2 d 2 h']
    """
    if 0 < seconds < 0.01:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 10 * _MINUTE:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < 2 * _HOUR:
        return _two(seconds, _MINUTE, "min", 1, "s")
    if seconds < 2 * _DAY:
        return _two(seconds, _HOUR, "h", _MINUTE, "min")
    return _two(seconds, _DAY, "d", _HOUR, "h")


def known(seconds: float) -> str:
    """A duration; a dash where it is not known (NaN)."""
    return "–" if math.isnan(seconds) else duration(seconds)


def _two(seconds: float, large: int, name: str, small: int, rest: str) -> str:
    whole, left = divmod(round(seconds / small) * small, large)
    return f"{whole:.0f} {name} {left // small:.0f} {rest}" if left else f"{whole:.0f} {name}"


def shortened(name: str, longest: int) -> str:
    """A name of at most so many letters: of a longer one the beginning and the end.

    >>> shortened("orders", 9), shortened("orders-of-bicycles", 9)
    ('orders', 'orde…cles')
    """
    if len(name) <= longest:
        return name
    end = (longest - 1) // 2
    return f"{name[: longest - 1 - end]}…{name[-end:]}"


def tick(seconds: float) -> str:
    """A length of time as a tick label: "1 s", "10 min", "6 h".

    >>> [tick(s) for s in (0.5, 1, 30, 60, 600, 5400, 21_600, 432_000)]
    ['0.5 s', '1 s', '30 s', '1 min', '10 min', '1.5 h', '6 h', '5 d']
    """
    if seconds >= 2 * _DAY:
        return f"{seconds / _DAY:g} d"
    if seconds < _MINUTE:
        return f"{seconds:g} s"
    return f"{seconds / _MINUTE:g} min" if seconds < _HOUR else f"{seconds / _HOUR:g} h"


def count(number: int, thing: str, things: str = "") -> str:
    """A number of things: "1 batch", "1,204 batches".

    >>> count(1, "attempt"), count(1204, "batch", "batches")
    ('1 attempt', '1,204 batches')
    """
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def times(number: int) -> str:
    """How often.

    >>> times(1), times(2), times(1204)
    ('once', 'twice', '1,204 times')
    """
    return "once" if number == 1 else "twice" if number == 2 else f"{number:,} times"


def rate(number: float) -> str:
    """So many a second, in few digits.

    >>> [rate(n) for n in (0.25, 12.345, 1000, 17_241.4)]
    ['0.25', '12.3', '1,000', '17,241']
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def size(number: float) -> str:
    """Bytes as people say them: "812 B", "100 KB", "5.98 MB".

    >>> size(812), size(102_400), size(6_270_484)
    ('812 B', '100 KB', '5.98 MB')
    """
    if number < _KB:
        return f"{number:.0f} B"
    return f"{number / _KB:.0f} KB" if number < _MB else f"{number / _MB:.2f} MB"


def reason(cause: str) -> str:
    """What a wait came after, as text: "throttled_reserved" is "a throttle (reserved)"."""
    kind, _, which = cause.partition("_")
    if kind == "throttled" and which:
        return f"a throttle ({which})"
    text = "injected throttle" if cause == "injected" else plain(cause)
    return f"an {text}" if text[0] in "aeiou" else f"a {text}"


def plain(word: str) -> str:
    """A word of the books as text: "retries_exhausted" is "retries exhausted"."""
    return word.replace("_", " ")


def money(usd: float) -> str:
    """US dollars: cents where there are any, else three digits that count.

    >>> [money(usd) for usd in (0, 1234.5, 3.999, 0.0421, 0.00000208)]
    ['$0', '$1,234.50', '$4.00', '$0.0421', '$0.00000208']
    """
    if not usd:
        return "$0"
    if abs(usd) >= 1:
        return f"${usd:,.2f}"
    digits = 2 - math.floor(math.log10(abs(usd)))
    return f"${usd:.{digits}f}"
