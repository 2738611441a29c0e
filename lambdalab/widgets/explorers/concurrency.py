"""How many environments does it take? One function, its traffic, and the limits on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lambdalab import plots
from lambdalab.plots import words
from lambdalab.plots.figures import key_figures
from lambdalab.scenarios import Concurrency
from lambdalab.scenarios.concurrency import ARRIVALS
from lambdalab.widgets.controls import Control, choice, magnitude, number, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.explorers.concurrency_why import crowd, why
from lambdalab.widgets.predicting import Question, numbered

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace
    from lambdalab.widgets.facts import Why

_MOST_LANES, _MOST_BARS = 14, 250
"""As many environments and runs can be told apart as lanes and bars."""


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
        "seldom": {"rate": 1 / 900, "calls": 8},
        "ping keeps warm": {
            "rate": 1 / 300, "arrivals": "ping", "calls": 12, "burst": 10, "duration": 0.5,
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
        """Calls, throttles, environments, cold starts, the most at once, how long clients waited."""
        found = key_figures(trace)
        runs, cold = len(trace.attempts), int(trace.attempts["cold_start"].sum())
        share = f" ({100 * cold / runs:.3g} %)" if runs else ""
        return {
            "calls": f"{int(found['invocations']):,}",
            "throttled": f"{int(found['refused or throttled']):,}",
            "environments": f"{len(trace.environments):,}",
            "cold starts": f"{cold:,}{share}",
            "clients waited, median": words.known(found["client waited, median s"]),
            "p95": words.known(found["client waited, p95 s"]),
        }

    def explain(self, trace: Trace) -> Why:
        """Which limit refused, who spilled over, what ended idle, or how many overlapped."""
        return why(trace)

    def ask(self, trace: Trace) -> Question:
        """How many are refused, spill over or begin cold: by what the traffic and the limits are."""
        calls, runs = trace.invocations, trace.attempts
        refused = int((calls["status"] == "throttled").sum())
        cold = int(runs["cold_start"].sum())
        if (trace.environments["kind"] == "provisioned").any():
            spilled = int((runs["init_type"] == "on_demand").sum())
            return numbered(
                "How many calls will provisioned concurrency not be able to serve?",
                spilled + refused, (0, len(calls) // 2, len(calls)), "call",
            )  # fmt: skip
        moment = crowd(trace)
        limited = trace.settings(str(calls["function"].iloc[0]))["reserved_concurrency"] is not None
        at_once = int((calls["requested_at"] == moment).sum()) if moment is not None else 0
        if limited or at_once > 10 * _MOST_LANES:
            wrong = (0, at_once or len(calls) // 2, len(calls))
            return numbered("How many calls will be throttled?", refused, wrong, "call")
        if moment is not None:
            begun = runs["started_at"] == moment
            cold = int((runs["cold_start"] & begun).sum())
            return numbered(
                f"{at_once:,} calls will come at the same moment. How many of them will begin cold?",
                cold, (0, 1, at_once - 1, at_once), "call",
            )  # fmt: skip
        wrong = (0, 1, len(calls) // 2, len(calls))
        return numbered(f"How many of {len(calls):,} calls will begin cold?", cold, wrong, "call")


def _shows(trace: Trace, other: Trace | None = None) -> str:
    """The name of the plot that tells most; of two runs side by side one that suits both."""
    fits = {_fitting(run) for run in (trace, other) if run is not None}
    return fits.pop() if len(fits) == 1 else "concurrency"


def _fitting(trace: Trace) -> str:
    homes: Any = trace.environments
    limited = (trace.invocations["status"] == "throttled").any()
    if limited or (homes["kind"] == "provisioned").any() or len(homes) > _MOST_LANES:
        return "concurrency"
    if np.any(homes["ended_because"] == "idle_expiry"):
        return "cold_starts"
    return "timeline" if len(trace.attempts) <= _MOST_BARS else "concurrency"
