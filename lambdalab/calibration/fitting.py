"""From the runs of one function to what they say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lambdalab.calibration import distributions, idle
from lambdalab.calibration.distributions import Distribution
from lambdalab.calibration.figures import Figure, Floats, rate, share
from lambdalab.calibration.fitted import FittedFunction
from lambdalab.calibration.idle import Truths
from lambdalab.calibration.lines import ERROR, TIMEOUT
from lambdalab.rules import Rules
from lambdalab.trace.words import times

_RULES = Rules.as_of()
_CLEARLY = 0.1  # of the median: by so much cold runs must differ for the model to tell them apart
_FEW = 30  # runs: below, every figure is a guess
_US = 1e6


def fit_function(
    name: str, runs: pd.DataFrame, tells_errors: bool, tells_cold: bool
) -> FittedFunction:
    """What the runs of one function say.

    ``tells_errors``, ``tells_cold``: whether its log tells of raised exceptions, and of cold starts.
    """
    took = runs["duration_ms"].to_numpy(dtype=float) / 1000
    cold = runs["cold_start"].to_numpy(dtype=bool)
    late = (runs["outcome"] == TIMEOUT).to_numpy()
    failed = late | (runs["outcome"] == ERROR).to_numpy()
    timeout = _timeout(took, late)
    duration = _durations(took, cold, late, timeout)
    cold_duration = _if_different(took[cold & ~late], duration) if not cold.all() else None
    init = runs["init_ms"].to_numpy(dtype=float) / 1000
    has_init = np.isfinite(init)
    inits = distributions.fit(init[has_init]) if has_init.any() else None
    first = inits
    if cold_duration is not None and has_init.any():
        longer = took[has_init] - duration.p50.value
        first = distributions.fit(np.maximum(init[has_init] + longer, 0.0))
    rate_, unevenness = _arrivals(runs)
    found = _idle(runs) if tells_cold else None
    return FittedFunction(
        name, runs, duration, cold_duration, inits, first,
        memory=_memory(runs), memory_size=_memory_size(runs),
        cold_share=share(int(cold.sum()), len(runs) if tells_cold else 0),
        failure_share=share(int(failed.sum()), len(runs)),
        timeout_share=share(int(late.sum()), len(runs)), failures_are_told=tells_errors,
        rate=rate_, unevenness=unevenness, idle_expiry=found,
        timeout=timeout,
        notes=tuple(_notes(runs, duration, cold_duration, found, tells_errors, tells_cold)),
    )  # fmt: skip


def _durations(took: Floats, cold: Truths, late: Truths, timeout: int) -> Distribution:
    """Of warm runs, where there are any; those that were cut off are as long as the timeout."""
    of = ~cold if (~cold).any() else np.ones(len(took), dtype=bool)
    return distributions.fit(took[of & ~late], int((of & late).sum()), float(timeout))


def _if_different(cold: Floats, warm: Distribution) -> Distribution | None:
    """Cold runs' durations, if their median lies clearly beside that of warm ones."""
    if len(cold) < 2:
        return None
    found = distributions.fit(cold)
    apart = abs(found.p50.value - warm.p50.value) > _CLEARLY * warm.p50.value
    beside = found.p50.low > warm.p50.high or found.p50.high < warm.p50.low
    return found if apart and beside else None


def _memory(runs: pd.DataFrame) -> Figure | None:
    known = runs["max_memory_mb"].dropna().to_numpy(dtype=float)
    if not len(known):
        return None
    highest = float(known.max())
    return Figure(highest, float(np.median(known)), highest, len(known), "MB")


def _memory_size(runs: pd.DataFrame) -> int | None:
    known = runs["memory_mb"].dropna().to_numpy(dtype=float)
    return round(float(known[-1])) if len(known) else None


def _timeout(took: Floats, late: Truths) -> int:
    """Whole seconds: where runs were cut off, else long enough that none is."""
    if late.any():
        seconds = round(float(np.median(took[late])))
    else:
        seconds = max(math.ceil(2 * float(took.max())), _RULES.timeout_default)
    least, most = int(_RULES.timeout_minimum), int(_RULES.timeout_maximum)
    return min(max(seconds, least), most)


def _seconds(column: pd.Series[Any]) -> Floats:
    """Moments as seconds since 1970."""
    whole = column.astype("datetime64[us, UTC]").astype("int64").to_numpy()
    return np.asarray(whole / _US, dtype=np.float64)


def _arrivals(runs: pd.DataFrame) -> tuple[Figure | None, float | None]:
    timed = runs["started_at"].dropna()
    if len(timed) < 2:
        return None, None
    at = np.sort(_seconds(timed))
    span = float(at[-1] - at[0])
    if span <= 0:
        return None, None
    gaps = np.diff(at)
    return rate(len(gaps), span), round(float(gaps.std() / gaps.mean()), 3)


def _idle(runs: pd.DataFrame) -> idle.IdleExpiry | None:
    """Idle expiry; a cold run was asked for before its init."""
    if runs["started_at"].isna().any() or len(runs) < 2:
        return None
    asked = (
        _seconds(runs["started_at"]) - np.nan_to_num(runs["init_ms"].to_numpy(dtype=float)) / 1000
    )
    order = np.argsort(asked, kind="stable")
    names = runs["environment_id"].tolist()
    cold = runs["cold_start"].to_numpy(dtype=bool)
    return idle.fit(
        asked[order],
        _seconds(runs["ended_at"])[order],
        cold[order],
        [names[n] for n in order.tolist()],
    )


def _notes(
    runs: pd.DataFrame,
    duration: Distribution,
    cold: Distribution | None,
    found: idle.IdleExpiry | None,
    tells_errors: bool,
    tells_cold: bool,
) -> Iterator[str]:
    if len(runs) < _FEW:
        yield f"{times(len(runs), 'run')} only: look at the intervals"
    if runs["started_at"].isna().any():
        yield "not all runs have a time: no arrival rate, no idle expiry"
    if not tells_cold:
        yield "no column tells which runs were cold (init_ms, cold_start): warm and cold are one"
    if cold is not None:
        more = cold.p50.value - duration.p50.value
        told = f"cold runs take {abs(more):.3g} s {'longer' if more > 0 else 'less'} in the handler"
        yield f"{told}: settings() has it in init"
    if not tells_errors:
        yield "no line tells of an exception that a handler raised: plain REPORT lines never do"
    if found is not None and not found.known:
        yield "no environments in these lines: each run was given to the one that became idle last"
