"""What a sweep found: a row for each point of the grid, and behind it a row for each run."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.sweeps.intervals import means
from lambdalab.sweeps.plan import Plan, Task
from lambdalab.sweeps.work import Outcome
from lambdalab.trace.words import times

_COLUMNS, _ROWS = 9, 40
_FIRST = (
    *("age_p95_s", "latency_p95_s", "cost_usd", "throttles", "dead_letters", "failed"),
    *("batch_mean", "cold_starts", "attempts"),
)
"""Of a trace's figures those that are shown, where they differ; the rest when asked for."""


class Sweep(pd.DataFrame):
    """A sweep's result: a DataFrame with a row for each point of the grid.

    Its columns are the settings; ``runs``, how many went well; ``failed_runs``; ``error``, of the first
    that failed (else ""); and for each metric ``<metric>``, its mean over the runs, ``<metric>_low`` and
    ``<metric>_high``, the ends of the 95 % interval of that mean (Student's t over the seeds, which are
    independent; NaN of fewer than two runs). Runs where a metric is NaN (an age where nothing had one)
    are left out of it. ``by_run`` is the table of all runs: settings, ``seed``, each metric, ``error``.

    What is selected or computed from it is an ordinary DataFrame.
    """

    _metadata: ClassVar[list[str]] = ["by_run", "settings", "metrics"]
    by_run: pd.DataFrame
    settings: list[str]
    metrics: list[str]

    @classmethod
    def of(cls, plan: Plan, done: Mapping[Task, Outcome]) -> Sweep:
        """The result of a plan, all of whose runs are done."""
        by_run, metrics = _by_run(plan, done)
        points = _points(plan, by_run, metrics)
        found = cls(points)
        found.by_run, found.settings, found.metrics = by_run, plan.names, metrics
        return found

    def short(self, *metrics: str) -> pd.DataFrame:
        """The view that people read: settings that vary, and means with half their interval.

        ``metrics`` are shown; by default the first that differ between points, as many as there is room
        for. Raises :class:`~lambdalab.errors.UnknownName` for one that is not there.
        """
        for name in metrics:
            if name not in self.metrics:
                raise UnknownName("metric in this sweep", name, self.metrics)
        varied = [name for name in self.settings if len({repr(one) for one in self[name]}) > 1]
        shown = self[varied].copy()
        for name in metrics or self._telling(_COLUMNS - len(varied) - 1):
            half = (self[f"{name}_high"] - self[name]).to_numpy()
            pairs = zip(self[name].to_numpy(), half, strict=True)
            shown[name] = [_written(mean, wide) for mean, wide in pairs]
        if self["failed_runs"].any():
            shown["error"] = [_begin(text) for text in self["error"]]
        return pd.DataFrame(shown)

    def difference(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> pd.DataFrame:
        """What changes from point ``a`` to point ``b``: each metric's mean difference, run by run.

        Every point has the same seeds, so each run of ``b`` is compared with that of ``a`` which saw the
        same traffic: far fewer runs show a difference than means side by side. ``a`` and ``b`` are
        settings that only one point has (``{"window": 5}``).

        Returns a row for each metric: ``difference`` (b - a), ``low`` and ``high`` of its 95 % interval,
        and ``runs``, how many pairs there were. An interval without 0 is a difference that chance would
        hardly make.
        """
        first, second = self._runs_of("a", a), self._runs_of("b", b)
        apart = second[self.metrics].to_numpy() - first[self.metrics].to_numpy()
        mean, half = means(apart)
        return pd.DataFrame(
            {
                "difference": mean, "low": mean - half, "high": mean + half,
                "runs": (~np.isnan(apart)).sum(axis=0),
            },
            index=pd.Index(self.metrics, name="metric"),
        )  # fmt: skip

    def _runs_of(self, which: str, point: Mapping[str, Any]) -> pd.DataFrame:
        for name in point:
            if name not in self.settings:
                raise UnknownName("setting in this sweep", name, self.settings)
        fits = np.ones(len(self), dtype=bool)
        for name, value in point.items():
            fits &= np.array([bool(one == value) for one in self[name]])
        if fits.sum() != 1:
            limit = f"settings that one point has ({int(fits.sum())} have these)"
            raise InvalidSetting(which, dict(point), limit)
        each = len(self.by_run) // len(self)
        at = int(fits.argmax()) * each
        return self.by_run.iloc[at : at + each]

    def _telling(self, most: int) -> list[str]:
        least = 1 if len(self) > 1 else 0  # nothing differs from the only point there is
        differ = [name for name in self.metrics if self[name].nunique() > least]
        known = [name for name in _FIRST if name in differ]
        if len(differ) <= most:  # room for all, also for those of a user's own
            known += [name for name in differ if name not in known]
        return (known or differ or self.metrics)[: max(most, 1)]

    def _heading(self) -> str:
        points, each = len(self), len(self.by_run) // max(len(self), 1)
        failed = int(self["failed_runs"].sum())
        text = f"{times(points, 'point')} of {times(each, 'run')}"
        return f"{text}; {times(failed, 'run')} failed" if failed else text

    def __repr__(self) -> str:
        if not _is_whole(self):
            return super().__repr__()
        table = self.short().to_string(index=False, max_rows=_ROWS)
        return f"{self._heading()}; means ± half of the 95 % interval\n{table}"

    def _repr_html_(self) -> str:
        if not _is_whole(self):
            return str(pd.DataFrame(self)._repr_html_())  # type: ignore[operator]
        table = self.short().to_html(index=False, max_rows=_ROWS, escape=True)
        heading = html.escape(f"{self._heading()}; means ± half of the 95 % interval")
        return f"<div><b>Sweep</b>: {heading}{table}</div>"


def _is_whole(found: Sweep) -> bool:
    """Whether it is as it was made: columns may have been taken away since."""
    settings, metrics = getattr(found, "settings", None), getattr(found, "metrics", None)
    if settings is None or metrics is None or not isinstance(found.by_run, pd.DataFrame):
        return False
    return {*settings, "failed_runs", "error", *metrics} <= set(found.columns)


def _by_run(plan: Plan, done: Mapping[Task, Outcome]) -> tuple[pd.DataFrame, list[str]]:
    tasks = [Task(p, s) for p in range(len(plan.points)) for s in range(len(plan.seeds))]
    failed = {point: Outcome({}, problem) for point, problem in plan.problems.items()}
    outcomes = [failed.get(task.point) or done[task] for task in tasks]
    columns: dict[str, Any] = {}
    for name in plan.names:
        values = plan.column(name)
        columns[name] = _column([values[task.point] for task in tasks])
    columns["seed"] = pd.Series([plan.seeds[task.seed] for task in tasks])
    metrics = list(dict.fromkeys(name for outcome in outcomes for name in outcome.figures))
    for name in metrics:
        columns[name] = np.array([outcome.figures.get(name, np.nan) for outcome in outcomes])
    columns["error"] = pd.Series([outcome.error for outcome in outcomes], dtype="str")
    return pd.DataFrame(columns), metrics


def _points(plan: Plan, by_run: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    points, each = len(plan.points), len(plan.seeds)
    columns: dict[str, Any] = {name: _column(plan.column(name)) for name in plan.names}
    errors = by_run["error"].to_numpy().reshape(points, each)
    failed = errors != ""
    columns["runs"] = (~failed).sum(axis=1)
    columns["failed_runs"] = failed.sum(axis=1)
    first = [next((text for text in row if text), "") for row in errors]
    columns["error"] = pd.Series(first, dtype="str")
    values = by_run[list(metrics)].to_numpy(dtype=float).reshape(points, each, len(metrics))
    found = [means(rows) for rows in values]
    for number, name in enumerate(metrics):
        mean = np.array([row[number] for row, _ in found])
        half = np.array([row[number] for _, row in found])
        columns[name] = mean
        columns[f"{name}_low"], columns[f"{name}_high"] = mean - half, mean + half
    return pd.DataFrame(columns)


def _column(values: list[Any]) -> pd.Series[Any]:
    """A setting's values; where one is None, which is no number, as they are."""
    return pd.Series(values, dtype=object if any(one is None for one in values) else None)


def _written(mean: float, half: float) -> str:
    if np.isnan(mean):
        return "–"
    return f"{mean:,.4g}" if np.isnan(half) or not half else f"{mean:,.4g} ± {half:,.2g}"


def _begin(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
