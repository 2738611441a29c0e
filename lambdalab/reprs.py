"""What the lab shows of itself where a cell ends with it: short, stable, telling."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lambdalab.kernel.clock import US, Clock
from lambdalab.rules import Rules
from lambdalab.trace.words import cold_starts, seconds

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_MOST = 8


class RunNote:
    """What a run did: how far it went, and which messages it left lying for want of a consumer.

    Also which schedules go on, where the run did not wait for them.

    >>> RunNote(0, 196_200_000, Clock("2025-01-07"), {"failed": 1})
    ran 196.2 s, to 2025-01-07 00:03:16 · 1 message lies in 'failed'
    >>> RunNote(0, 0, Clock("2025-01-07"), {}, ["schedule 'weekly'"])
    ran 0 s, to 2025-01-07 00:00:00 · schedule 'weekly' goes on: give run() an until=
    """

    def __init__(
        self,
        before: int,
        after: int,
        clock: Clock,
        left: Mapping[str, int],
        ticking: Sequence[str] = (),
    ) -> None:
        self.ran_s = (after - before) / US
        self.now = clock.datetime(after)
        self.left, self.ticking = dict(left), list(ticking)

    def __repr__(self) -> str:
        lying = ", ".join(
            f"{n:,} message{'' if n == 1 else 's'} lie{'s' if n == 1 else ''} in {queue!r}"
            for queue, n in self.left.items()
        )
        text = f"ran {seconds(round(self.ran_s, 3))} s, to {self.now:%Y-%m-%d %H:%M:%S}"
        return " · ".join(filter(None, (text, lying, self._going_on())))

    def _going_on(self) -> str:
        if not self.ticking:
            return ""
        more = len(self.ticking) - 3
        names = ", ".join(self.ticking[:3]) + (f" and {more} more" if more > 0 else "")
        return f"{names} go{'es' if len(self.ticking) == 1 else ''} on: give run() an until="

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def lab_text(
    seed: int | str,
    now: dt.datetime,
    elapsed: float,
    rules: Rules,
    trace: Trace,
    wiring: Mapping[str, Sequence[object]],
) -> str:
    """The lab in a few lines: its date and rules, what it is made of, how often it started cold."""
    changed = "".join(f", {name}={value}" for name, value in rules.quotas.items())
    lines = [
        f"Lab(seed={seed!r}) · {now:%Y-%m-%d %H:%M:%S} ({seconds(round(elapsed, 3))} s) · "
        f"rules of {rules.date}{changed}"
    ]
    for things in wiring.values():
        lines += [f"  {thing!r}" for thing in things[:_MOST]]
        if len(things) > _MOST:
            lines.append(f"  ... and {len(things) - _MOST} more")
    attempts = trace.attempts
    cold = int(attempts["cold_start"].sum())
    invoked = int((attempts["attempt"] == 1).sum())
    lines.append(f"  {cold_starts(cold, len(attempts), invoked)}")
    return "\n".join(lines)
