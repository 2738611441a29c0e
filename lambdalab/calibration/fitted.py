"""One function as its logs show it: figures, distributions, and the model that takes its place."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from lambdalab.calibration.distributions import Distribution, kind
from lambdalab.calibration.figures import Figure
from lambdalab.calibration.idle import IdleExpiry
from lambdalab.errors import InvalidSetting
from lambdalab.trace.words import times
from lambdalab.traffic.arrivals import Poisson, Replay

if TYPE_CHECKING:
    from lambdalab.functions.function import Function
    from lambdalab.lab import Lab


@dataclass(frozen=True, slots=True, repr=False)
class FittedFunction:
    """What the logs of one function say.

    Shares are fractions; a :class:`~lambdalab.calibration.Figure` has ``value``, ``low``, ``high`` (of its
    95 % interval), ``n`` and ``unit``.

    Attributes
    ----------
    name
        The function's.
    runs
        The table of its runs: times in UTC, lengths in milliseconds, memory in MB.
    duration
        The :class:`~lambdalab.calibration.Distribution` of warm runs that were not cut off (of all, where
        none was warm).
    cold_duration
        That of cold ones, without their init, where they clearly take another time than warm ones; else
        None.
    init
        That of Init Duration (of Restore Duration with SnapStart); None where no line tells one.
    first_init
        What ``settings()`` gives as ``init=``: the same, or with what cold runs take longer in the
        handler.
    memory
        MB, the highest that any run reported; None where no line tells.
    memory_size
        MB, what the function has had last; None where no line tells.
    cold_share, failure_share, timeout_share
        Of all runs. Failures include timeouts. Where a table does not tell which runs were cold,
        ``cold_share.n`` is 0 and its value NaN.
    failures_are_told
        Whether the logs tell of exceptions that a handler raised: plain REPORT lines do not.
    rate
        Arrivals a second, from the first run to the last; None without times.
    unevenness
        Standard deviation of the gaps between arrivals over their mean: 1 for independent callers, 0 for
        a steady beat, more for bursts; None without times.
    idle_expiry
        The :class:`~lambdalab.calibration.IdleExpiry`; None without times, or where no environment stood
        idle.
    timeout
        Seconds: that of the runs that were cut off, else twice the longest run (3 at least), for a line
        does not tell it.
    notes
        What these figures do not say, in sentences.
    """

    name: str
    runs: pd.DataFrame = field(repr=False)
    duration: Distribution
    cold_duration: Distribution | None
    init: Distribution | None
    first_init: Distribution | None
    memory: Figure | None
    memory_size: int | None
    cold_share: Figure
    failure_share: Figure
    timeout_share: Figure
    failures_are_told: bool
    rate: Figure | None
    unevenness: float | None
    idle_expiry: IdleExpiry | None
    timeout: int
    notes: tuple[str, ...]

    @property
    def cold_starts(self) -> int:
        """How many of the runs were cold."""
        return int(self.runs["cold_start"].sum())

    def settings(self, **changes: Any) -> dict[str, Any]:
        """What ``lab.create_function(name, **settings)`` takes: the model of this function.

        Parameters: ``changes`` take the place of what was found, or are added (``memory_size=512``).
        What the logs do not tell is left out, so that the lab's own default holds. ``failure_rate`` is the
        share of failures among runs that were not cut off; timeouts come from durations that reach
        ``timeout``.
        """
        found: dict[str, Any] = {"duration": self.duration.model, "timeout": self.timeout}
        if self.first_init is not None:
            found["init"] = self.first_init.model
        if self.memory_size is not None:
            found["memory_size"] = self.memory_size
            if self.memory is not None:
                found["memory"] = min(round(self.memory.value), self.memory_size)
        if self.idle_expiry is not None and self.idle_expiry.model is not None:
            found["idle_expiry"] = self.idle_expiry.model
        ends = self.runs["outcome"].value_counts()
        if failed := int(ends.get("error", 0)):
            found["failure_rate"] = round(
                failed / (len(self.runs) - int(ends.get("timeout", 0))), 6
            )
        return found | changes

    def create(self, lab: Lab, name: str | None = None, **changes: Any) -> Function:
        """Create the modelled function in a lab.

        Parameters: the ``lab``; a ``name``, by default its own; ``changes`` as in :meth:`settings`.
        Returns what ``lab.create_function`` returns; raises what it raises.
        """
        return lab.create_function(name or self.name, **self.settings(**changes))

    @property
    def arrivals(self) -> Poisson:
        """Independent callers, as many a second as there were.

        Raises :class:`~lambdalab.errors.InvalidSetting` where the runs have no times.
        """
        return Poisson(rate=float(f"{self._known_rate().value:.6g}"))

    @property
    def replay(self) -> Replay:
        """The recorded runs once more: each at its time, and as long as it took then.

        Give the function ``duration=replay.duration``, or leave it its model and replay arrivals only.
        Raises :class:`~lambdalab.errors.InvalidSetting` where the runs have no times.
        """
        self._known_rate()
        runs = self.runs[self.runs["started_at"].notna()].sort_values("started_at", kind="stable")
        at = runs["started_at"].astype("datetime64[us, UTC]").astype("int64") / 1e6
        return Replay(at.tolist(), durations=(runs["duration_ms"] / 1000).tolist())

    def _known_rate(self) -> Figure:
        if self.rate is None:
            limit = "of runs at two times or more: these lines have none"
            raise InvalidSetting("arrivals", self.name, limit)
        return self.rate

    def row(self) -> dict[str, Any]:
        """Its row of :meth:`.Calibration.summary`."""
        init, idle = self.init, self.idle_expiry
        return {
            "runs": len(self.runs),
            "rate_per_s": self.rate.value if self.rate else float("nan"),
            "duration": kind(self.duration.model),
            "distance": self.duration.distance,
            "p50_ms": self.duration.p50.value * 1000,
            "p99_ms": self.duration.p99.value * 1000,
            "init_p50_ms": init.p50.value * 1000 if init else float("nan"),
            "memory_mb": self.memory.value if self.memory else float("nan"),
            "cold_share": self.cold_share.value,
            "failure_share": self.failure_share.value,
            "idle_expiry_s": _middle(idle),
            "idle_low_s": idle.low if idle else float("nan"),
            "idle_high_s": idle.high if idle else float("nan"),
        }

    def lines(self) -> list[tuple[str, str]]:
        """What it says for a person: a subject and a sentence each."""
        told = [("runs", f"{len(self.runs):,}")]
        if self.cold_share.n:
            told = [("runs", f"{len(self.runs):,}, {times(self.cold_starts, 'cold start')}")]
        if self.rate is not None:
            told[0] = ("runs", f"{told[0][1]}, {self.rate.value:.3g} a second")
        told.append(("duration", _distribution(self.duration)))
        if self.cold_duration is not None:
            told.append(("cold runs", _distribution(self.cold_duration)))
        if self.init is not None:
            told.append(("init", _distribution(self.init)))
        if self.memory is not None:
            size = f" of {self.memory_size:,} MB" if self.memory_size else ""
            told.append(("memory", f"{self.memory.value:,.0f} MB at most{size}"))
        if self.cold_share.n:
            told.append(("cold share", self.cold_share.told()))
        whose = "failures" if self.failures_are_told else "cut off"
        told.append(
            (whose, (self.failure_share if self.failures_are_told else self.timeout_share).told())
        )
        cut = self.timeout_share.value > 0
        why = "as runs were cut off" if cut else "none was cut off, twice the longest"
        told.append(("timeout", f"{self.timeout} s ({why})"))
        if self.idle_expiry is not None:
            told.append(("idle expiry", self.idle_expiry.told()))
        return told + [("note", note) for note in self.notes]

    def __repr__(self) -> str:
        told = "\n".join(f"  {subject:<12} {sentence}" for subject, sentence in self.lines())
        return f"{self.name}\n{told}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(subject)}</th><td style='text-align:left'>{html.escape(said)}</td></tr>"
            for subject, said in self.lines()
        )
        return f"<div><b>{html.escape(self.name)}</b><table>{rows}</table></div>"


def _distribution(found: Distribution) -> str:
    model = found.model if not isinstance(found.model, float) else f"{found.model:g} s"
    if found.p50.high == float("inf"):
        return f"{model}; n={found.p50.n:,}"
    low, high = (found.p50.low * 1000, found.p50.high * 1000)
    return f"{model}; median {found.p50.value * 1000:.4g} ms ({low:.4g} to {high:.4g}), n={found.p50.n:,}"


def _middle(idle: IdleExpiry | None) -> float:
    if idle is None or idle.model is None:
        return float("nan")
    return idle.model if isinstance(idle.model, float) else idle.model.median
