"""How many environments does it take? One function, its traffic, and the limits on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lambdalab import plots
from lambdalab.plots import words
from lambdalab.scenarios import Concurrency
from lambdalab.scenarios.concurrency import ARRIVALS, FUNCTION
from lambdalab.widgets.controls import Control, choice, magnitude, number, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.explorers.concurrency_why import crowd, why
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question, numbered

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_MOST_LANES, _MOST_BARS = 14, 250
"""As many environments and runs can be told apart as lanes and bars."""
_SPECK = 0.005
"""Of the width of a picture: in a shorter bar nobody sees the cold part."""
_MANY = 100
"""Calls at the same moment: of more it is asked how many are refused, of fewer how many begin cold."""


class ConcurrencyExplorer(Explorer):
    """How many environments does it take? One function, its traffic, and the limits on both.

    Cures: "cold starts come once", "one ping keeps all warm".
    """

    name = "concurrency"
    heading = "How many environments does it take? Calls that overlap, cold starts and limits"
    scenario = Concurrency
    tall = 4.0
    presets: ClassVar = {
        "steady": {},
        "Poisson": {"arrivals": "poisson"},
        "seldom": {"rate": 0.001, "calls": 8},
        "ping keeps warm": {
            "rate": 0.004, "arrivals": "ping", "calls": 12, "burst": 10, "duration": 0.5,
        },
        "burst of 5,000": {
            "rate": 20.0, "arrivals": "burst", "calls": 400, "burst": 5000, "duration": 1.0,
        },
        "burst, quota 10,000": {
            "rate": 20.0, "arrivals": "burst", "calls": 400, "burst": 5000, "duration": 1.0,
            "account": 10_000,
        },
        "reserved 5": {"arrivals": "poisson", "reserved": 5},
        "provisioned 50": {
            "rate": 20.0, "arrivals": "poisson", "calls": 600, "duration": 2.0, "provisioned": 50,
        },
    }  # fmt: skip

    def controls(self) -> list[Control]:
        """The traffic, then the function, then the limits."""
        return [
            choice("arrivals", "calls come", ARRIVALS),
            magnitude("rate", "rate (calls/s)", -3, 2, ".3g", meant=lambda rate: round(rate, 6)),
            whole("calls", "calls, without the burst", 1, 1000),
            magnitude("burst", "burst (calls at once)", 0, 3.7, ",d", meant=round),
            number("duration", "function works (s)", 0.0, 30.0, 0.1),
            number("init", "init in a cold start (s)", 0.0, 10.0, 0.1),
            whole("idle_expiry", "idle expiry (s)", 10, 3600, 10),
            whole("account", "account limit", 1000, 10_000, 500),
            whole(
                "reserved", "reserved (0: none)", 0, 100,
                shown=lambda value: value or 0, meant=lambda value: value or None,
            ),
            whole("provisioned", "provisioned", 0, 100),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Lanes where there are few environments, their lives where they end, else the curve."""
        axes: Axes = plots.PLOTS[_shows(trace, other)](trace, ax=ax)
        return axes

    def drawing(self) -> str:
        """That plot."""
        other = self._kept[1] if self._kept else None
        return f"trace.plot.{_shows(self.trace, other)}()"

    def figures(self, trace: Trace) -> dict[str, str]:
        """Calls, throttles, environments, cold starts, how long those who were served waited."""
        table = trace.invocations
        took = table["latency_ms"][(table["status"] == "succeeded").to_numpy()]
        runs, cold = len(trace.attempts), int(trace.attempts["cold_start"].sum())
        share = f" ({100 * cold / runs:.3g} %)" if runs else ""
        return {
            "calls": f"{len(table):,}",
            "throttled": f"{int((table['status'] == 'throttled').sum()):,}",
            "environments": f"{len(trace.environments):,}",
            "cold starts": f"{cold:,}{share}",
            "served after, median": words.known(float(took.median()) / 1000),
            "at most": words.known(float(took.max()) / 1000),
        }

    def explain(self, trace: Trace) -> Why:
        """Which limit refused, who spilled over, what ended idle, or how many overlapped."""
        return why(trace)

    def ask(self, trace: Trace) -> Question:
        """How many are refused, spill over or begin cold: by what the traffic and the limits are."""
        calls, runs = trace.invocations, trace.attempts
        refused = int((calls["status"] == "throttled").sum())
        if (trace.environments["kind"] == "provisioned").any():
            spilled = int((runs["init_type"] == "on_demand").sum())
            return _part(
                "How many of {} will find no provisioned environment free?",
                spilled + refused,
                len(calls),
            )
        moment = crowd(trace)
        limited = trace.settings(FUNCTION)["reserved_concurrency"] is not None
        at_once = int((calls["requested_at"] == moment).sum()) if moment is not None else 0
        if limited or at_once > _MANY:
            return _part("How many of {} will be throttled?", refused, len(calls))
        if moment is not None:
            cold = int((runs["cold_start"] & (runs["started_at"] == moment)).sum())
            return numbered(
                f"{at_once:,} calls will come at the same moment. How many of them will begin cold?",
                cold, (0, 1, at_once - 1, at_once), "call",
            )  # fmt: skip
        cold = int(runs["cold_start"].sum())
        wrong = {1, len(calls)}
        if cold in wrong:
            wrong.add(max(len(calls) // 4, 2))
        return numbered(
            f"How many of {len(calls):,} calls will begin cold?", cold, tuple(wrong), "call"
        )


_PARTS = ("none", "a few: less than a tenth", "up to a half", "more than a half", "all")


def _part(text: str, some: int, every: int) -> Question:
    """A question whose answer is a part of all calls: none, a few ... all.

    >>> _part("How many of {} wait?", 3, 60).answer
    'a few: less than a tenth'
    """
    share = some / every
    place = 0 if not some else 1 if share < 0.1 else 2 if share <= 0.5 else 3 if share < 1 else 4
    return Question(text.format(words.count(every, "call")), _PARTS, _PARTS[place])


def _shows(trace: Trace, other: Trace | None = None) -> str:
    """The name of the plot that tells most; of two runs side by side one that suits both."""
    fits = {_fitting(run) for run in (trace, other) if run is not None}
    return fits.pop() if len(fits) == 1 else "concurrency"


def _specks(trace: Trace) -> bool:
    """Whether runs are too short for their bars to show which began cold."""
    tell = Telling(trace)
    took = tell.number("attempts", "started_at..ended_at", how="max")
    return took < _SPECK * tell.number("attempts", "started_at", how="max")


def _fitting(trace: Trace) -> str:
    homes: Any = trace.environments
    limited = (trace.invocations["status"] == "throttled").any()
    if limited or (homes["kind"] == "provisioned").any() or len(homes) > _MOST_LANES:
        return "concurrency"
    if np.any(homes["ended_because"] == "idle_expiry") or _specks(trace):
        return "cold_starts"
    return "timeline" if len(trace.attempts) <= _MOST_BARS else "concurrency"
