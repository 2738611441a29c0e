"""The table of runs: one row for each, whatever columns they came in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lambdalab.calibration.lines import ERROR, OUTCOMES, SUCCESS, Run, group_name
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.rules import Rules

COLUMNS = (
    "function", "request_id", "environment_id", "started_at", "ended_at", "cold_start", "duration_ms",
    "init_ms", "billed_ms", "memory_mb", "max_memory_mb", "outcome",
)  # fmt: skip
"""What is known of a run; times in UTC. What its log does not tell is NaN, NaT or ""."""

KNOWN: dict[str, tuple[str, ...]] = {
    "function": ("function", "functionname", "log", "loggroup"),
    "request_id": ("requestid",),
    "environment_id": ("environmentid", "logstream", "logstreamname"),
    "started_at": ("startedat", "starttime"),
    "ended_at": ("endedat", "at", "timestamp", "endtime"),
    "cold_start": ("coldstart", "iscold"),
    "duration_ms": ("durationms",),
    "duration_s": ("durations",),
    "init_ms": ("initms", "initdurationms", "restoredurationms"),
    "init_s": ("inits", "initdurations"),
    "billed_ms": ("billedms", "billeddurationms"),
    "memory_mb": ("memorymb", "memorysizemb", "memorysize"),
    "max_memory_mb": ("maxmemorymb", "maxmemoryusedmb", "maxmemoryused"),
    "outcome": ("outcome", "status"),
}
"""What a column stands for, and the names by which it is found, without ``@``, ``_``, spaces and case."""

_DISCOVERED = {"duration": "duration_ms", "initduration": "init_ms", "billedduration": "billed_ms"}
_RULES = Rules.as_of()
_MEGA = 1e6
_THOUSAND = (900.0, 1500.0)  # billed over measured, where one is in milliseconds and one in seconds
_LITTLE = 0.02  # and where it is the other way round
_SHORT_MS = 0.5  # no run of real code is shorter


def of_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """The table of what was read from lines."""
    columns = {
        "function": [run.function for run in runs],
        "request_id": [run.request_id for run in runs],
        "environment_id": [run.environment for run in runs],
        "ended_at": _moments(np.array([run.ended for run in runs], dtype=float)),
        "outcome": [run.outcome for run in runs],
    }
    for name in ("duration_ms", "init_ms", "billed_ms", "memory_mb", "max_memory_mb"):
        columns[name] = np.array([getattr(run, name) for run in runs], dtype=float)
    return _whole(pd.DataFrame(columns))


def of_frame(frame: pd.DataFrame, given: Mapping[str, str] | None) -> pd.DataFrame:
    """The table of what stands in another one.

    ``given`` says which of its columns stands for what, where names do not.

    Raises :class:`~lambdalab.errors.InvalidSetting` for a table without durations, and where seconds
    and milliseconds seem to have been mistaken for each other.
    """
    found = _found(frame, given or {})
    if "duration_s" in found:
        found["duration_ms"] = pd.Series(_numbers(found.pop("duration_s"), "duration_s") * 1000)
    if "init_s" in found:
        found["init_ms"] = pd.Series(_numbers(found.pop("init_s"), "init_s") * 1000)
    if "duration_ms" not in found:
        raise _without_durations(frame)
    columns: dict[str, Any] = {}
    for name in ("duration_ms", "init_ms", "billed_ms", "memory_mb", "max_memory_mb"):
        if name in found:
            columns[name] = _numbers(found[name], name)
    for name in ("memory_mb", "max_memory_mb"):
        if name in columns:  # Logs Insights tells them in bytes, a megabyte being a million
            columns[name] = np.where(columns[name] >= _MEGA, columns[name] / _MEGA, columns[name])
    for name in ("function", "request_id", "environment_id"):
        if name in found:
            columns[name] = found[name].fillna("").astype(str).to_numpy()
    if "function" in columns:
        columns["function"] = [group_name(name) or name for name in columns["function"]]
    for name in ("started_at", "ended_at"):
        if name in found:
            columns[name] = _times(found[name], name)
    if "cold_start" in found:
        columns["cold_start"] = _truths(found["cold_start"])
    columns["outcome"] = _outcomes(found, frame)
    table = pd.DataFrame(columns)
    kept = np.isfinite(table["duration_ms"].to_numpy())  # rows of other lines than REPORT have none
    table = table[kept].reset_index(drop=True)
    _check_units(table)
    return _whole(table)


def tells_cold(frame: pd.DataFrame, given: Mapping[str, str] | None) -> bool:
    """Whether any column says which runs were cold."""
    return not {"cold_start", "init_ms", "init_s"}.isdisjoint(_found(frame, given or {}))


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """All columns, in their order, and rows in that of time."""
    rows = len(table)
    for name in ("function", "request_id", "environment_id"):
        if name not in table:
            table[name] = [""] * rows
    for name in ("init_ms", "billed_ms", "memory_mb", "max_memory_mb"):
        if name not in table:
            table[name] = np.full(rows, np.nan)
    init = table["init_ms"].to_numpy(dtype=float)
    if "cold_start" not in table:
        table["cold_start"] = init > 0
    table["init_ms"] = np.where(init > 0, init, np.nan)
    took = pd.to_timedelta((table["duration_ms"] * 1000).round(), unit="us")
    if "ended_at" not in table:
        table["ended_at"] = (
            table["started_at"] + took if "started_at" in table else _moments(np.full(rows, np.nan))
        )
    table["started_at"] = table["ended_at"] - took  # of the handler: a cold start comes before it
    return table[list(COLUMNS)].sort_values("ended_at", kind="stable", ignore_index=True)


def _found(frame: pd.DataFrame, given: Mapping[str, str]) -> dict[str, pd.Series[Any]]:
    """The columns by what they stand for."""
    columns = [str(name) for name in frame.columns]
    for meaning, name in given.items():
        if meaning not in KNOWN:
            raise UnknownName("column of a run", meaning, KNOWN)
        if name not in columns:
            raise UnknownName("column in this table", name, columns)
    found: dict[str, pd.Series[Any]] = {}
    taken = set(given.values())
    for name in columns:
        plain = re.sub(r"[@_ ]", "", name).lower()
        if name.startswith("@") and plain in _DISCOVERED:
            meaning = _DISCOVERED[plain]
        else:
            meaning = next((m for m, names in KNOWN.items() if plain in names), "")
        if meaning and name not in taken and meaning not in given:
            found.setdefault(meaning, frame[name])
    return found | {meaning: frame[name] for meaning, name in given.items()}


def _without_durations(frame: pd.DataFrame) -> InvalidSetting:
    columns = ", ".join(map(str, frame.columns[:12])) or "none"
    limit = (
        "a table with a column duration_ms or duration_s, @duration of Logs Insights, or @message with "
        f"REPORT lines; it has: {columns}"
    )
    vague = [name for name in frame.columns if re.search("dur|elapsed|latency", str(name), re.I)]
    if vague:
        limit += f". If {vague[0]!r} is it: columns={{'duration_ms': {str(vague[0])!r}}} (or 'duration_s')"
    return InvalidSetting("reports", f"a table of {len(frame):,} rows", limit)


def _numbers(column: pd.Series[Any], name: str) -> Any:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    spoilt = np.isnan(numbers) & column.notna().to_numpy() & (column.astype(str) != "").to_numpy()
    if spoilt.any():
        raise InvalidSetting(name, str(column[spoilt].iloc[0]), "a column of numbers")
    if (numbers < 0).any():
        raise InvalidSetting(name, float(np.nanmin(numbers)), "0 or more in every row")
    return numbers


def _times(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Moments, from dates, ISO text, or seconds or milliseconds since 1970."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True).reset_index(drop=True)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if np.isfinite(numbers).any():
        middle = float(np.nanmedian(numbers))
        if middle > 1e14:
            limit = "dates, or seconds or milliseconds since 1970"
            raise InvalidSetting(name, f"numbers about {middle:.3g}", limit)
        return _moments(numbers / 1000 if middle > 1e11 else numbers)
    moments = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    if moments.isna().all() and column.notna().any():
        limit = "dates, or seconds or milliseconds since 1970"
        raise InvalidSetting(name, str(column.dropna().iloc[0]), limit)
    return moments.reset_index(drop=True)


def _moments(values: Any) -> pd.Series[Any]:
    """Seconds since 1970 as moments, to the microsecond."""
    whole = pd.Series(np.round(values * 1e6)).astype("Int64")
    return pd.to_datetime(whole, unit="us", utc=True)


def _truths(column: pd.Series[Any]) -> Any:
    return column.astype(str).str.lower().isin(("true", "1", "1.0", "yes", "cold")).to_numpy()


def _outcomes(found: Mapping[str, pd.Series[Any]], frame: pd.DataFrame) -> list[str]:
    if "outcome" not in found:
        return [SUCCESS] * len(frame)
    told = found["outcome"].astype(object).where(found["outcome"].notna(), SUCCESS).astype(str)
    words = [word.lower() or SUCCESS for word in told]
    return [word if word in OUTCOMES else ERROR for word in words]


def _check_units(table: pd.DataFrame) -> None:
    """Refuse what looks like seconds taken for milliseconds, or the other way round."""
    table = table[(table["duration_ms"] > 0).to_numpy()]
    took = table["duration_ms"].to_numpy(dtype=float)
    if not len(took):
        return
    limit_ms = _RULES.timeout_maximum * 1000
    source = _RULES.source("timeout_maximum")
    if took.max() > 2 * limit_ms:
        limit = f"at most {limit_ms:,} ms: are these microseconds, or milliseconds named seconds?"
        raise InvalidSetting("duration_ms", float(took.max()), limit, source)
    unit = "milliseconds: these look like seconds (name them duration_s)"
    if "billed_ms" not in table:
        if float(np.median(took)) < _SHORT_MS:
            raise InvalidSetting("duration_ms", f"{float(np.median(took)):g} in the middle", unit)
        return
    billed = table["billed_ms"].to_numpy(dtype=float)
    known = np.isfinite(billed)
    if not known.any():
        return
    ratio = float(np.median(billed[known] / took[known]))
    if _THOUSAND[0] <= ratio <= _THOUSAND[1] and float(np.median(billed[known])) >= 10:
        raise InvalidSetting("duration_ms", f"{float(np.median(took)):g} in the middle", unit)
    if ratio < _LITTLE:
        limit = "in one unit with duration_ms: what is billed is never less than the duration"
        raise InvalidSetting(
            "billed_ms", f"{float(np.median(billed[known])):g} in the middle", limit
        )
