"""``calibrate``: logs in, modelled functions out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from lambdalab.calibration.fitting import fit_function
from lambdalab.calibration.reading import read
from lambdalab.calibration.result import Calibration
from lambdalab.errors import InvalidSetting

UNNAMED = "function"
"""What a function is called whose name no line tells."""


def calibrate(
    reports: Any, *, function: str | None = None, columns: Mapping[str, str] | None = None
) -> Calibration:
    """Fit modelled functions to real logs: durations, inits, memory, cold starts, idle expiry.

    Parameters
    ----------
    reports
        CloudWatch ``REPORT`` lines, in text or JSON (``platform.report``): a text, an iterable of lines, a
        path (``.gz`` too), or events as ``get_log_events`` and ``filter_log_events`` answer them. What
        ``aws logs tail``, the console and SAM put in front of a line (its time, its log stream) is read
        and used; other lines are left out, but tell of failures.
        Or an export of Logs Insights (CSV or JSON, a path or a table) with ``@timestamp``, ``@duration``,
        ``@initDuration``, ``@logStream`` ...; any table with one run a row; ``lab.trace.logs``,
        ``lab.trace.attempts`` or a trace.
    function
        The function's name, where the lines do not tell it (they do not, but their log group does); by
        default "function". Given, all lines are of it.
    columns
        Of a table with names of its own: what stands where, ``{"duration_ms": "took"}``. Known are
        ``function``, ``request_id``, ``environment_id`` (or the log stream), ``started_at``, ``ended_at``,
        ``cold_start``, ``duration_ms`` or ``duration_s``, ``init_ms`` or ``init_s``, ``billed_ms``,
        ``memory_mb``, ``max_memory_mb``, ``outcome``.

    Returns the :class:`~lambdalab.calibration.Calibration`, with a modelled function for each name:
    ``lab.create_function("f", **fit["f"].settings())``.

    Raises :class:`~lambdalab.errors.InvalidSetting` where there is no REPORT line, no duration, or one
    that seems to be in another unit; what was left out is counted. :class:`~lambdalab.errors.UnknownName`
    for a column that is not there.

    A line says how long a handler ran (*Duration*), and only in a cold start how long its init took.
    Times of day come from the line's time, which is the end of the run. How Lambda uses environments, and
    when it ends them, is in no line: it is told from the gaps between runs
    (:class:`~lambdalab.calibration.IdleExpiry`).

    Example
    -------
    >>> fit = calibrate(
    ...     "REPORT RequestId: 8f5 Duration: 1.77 ms Billed Duration: 2 ms Memory Size: 128 MB "
    ...     "Max Memory Used: 37 MB Init Duration: 95.13 ms"
    ... )
    >>> fit["function"].settings()
    {'duration': 0.00177, 'timeout': 3, 'init': 0.09513, 'memory_size': 128, 'memory': 37}
    """
    given = read(reports, columns)
    runs, repeated = _once(_named(given.runs, function))
    counts = runs["function"].value_counts()
    fitted = {
        str(name): fit_function(str(name), _of(runs, name), given.tells_errors, given.tells_cold)
        for name in sorted(counts.index, key=lambda name: (-counts[name], name))
    }
    return Calibration(MappingProxyType(fitted), runs, given.skipped, given.broken, repeated)


def _named(runs: pd.DataFrame, function: str | None) -> pd.DataFrame:
    """All runs with a function's name."""
    if function is None:
        return runs.assign(function=runs["function"].replace("", UNNAMED))
    if not isinstance(function, str) or not function:
        raise InvalidSetting("function", function, "the name of a function")
    return runs.assign(function=function)


def _once(runs: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Each run once, and how many stood there again: the same request, at the same time."""
    known = runs["ended_at"].notna() & (runs["request_id"] != "")
    again = runs.duplicated(["function", "request_id", "ended_at", "duration_ms"]) & known
    return runs[~again.to_numpy()].reset_index(drop=True), int(again.sum())


def _of(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    return runs[(runs["function"] == name).to_numpy()].reset_index(drop=True)
