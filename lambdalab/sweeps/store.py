"""A sweep's results on disk: what is finished stays, and a stopped sweep goes on where it was.

A folder has ``_sweep.json``, which says what the sweep is, and for each point of the grid a folder
``point=7/`` with ``runs.parquet``: a row for each run that is done; settings, seed, figures, error.
``pandas.read_parquet(folder)`` reads them all.

A sweep is the same where its scenario's name, settings and code, its metrics' code, grid and seeds are.
What a function of your own reads from outside itself (globals, other functions, files, attributes of its
object) is not looked at: where that has changed, give another folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import os
from collections import Counter
from collections.abc import Mapping, Set
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lambdalab._version import __version__
from lambdalab.errors import LabError, MissingExtra
from lambdalab.kernel.outside import monotonic
from lambdalab.sweeps.plan import Plan, Task
from lambdalab.sweeps.scenario import _ADDRESS, Seed
from lambdalab.sweeps.work import Outcome

MANIFEST, RUNS = "_sweep.json", "runs.parquet"
_FORMAT = 1
_OFTEN = 5.0
"""Seconds of work at most that are lost when the process is ended from outside."""


class Store:
    """The folder of one sweep; made where it is missing.

    Raises :class:`~lambdalab.errors.LabError` for a folder that has something else in it,
    :class:`~lambdalab.errors.MissingExtra` without pyarrow.
    """

    def __init__(self, folder: str | Path, plan: Plan) -> None:
        if not importlib.util.find_spec("pyarrow"):
            raise MissingExtra('folder= needs Parquet: pip install "lambdalab[scale]"')
        self.folder, self._plan = Path(folder), plan
        self._claim(identity(plan))
        self._settings = pd.DataFrame(
            {name: _column(plan.column(name)) for name in plan.names}, index=range(len(plan.points))
        )
        self.done: dict[Task, Outcome] = {}
        self._unwritten: set[int] = set()
        self._known: Counter[int] = Counter()
        self._written = monotonic()
        for point in range(len(plan.points)):
            self._read(point)
        self._known.update(task.point for task in self.done)

    def add(self, task: Task, outcome: Outcome) -> None:
        """Keep an outcome, if it is final; a point whose runs are all done is written at once."""
        if not outcome.final:
            return
        self.done[task] = outcome
        self._known[task.point] += 1
        self._unwritten.add(task.point)
        late = monotonic() - self._written > _OFTEN
        if late or self._known[task.point] == len(self._plan.seeds):
            self.write()

    def write(self) -> None:
        """Write what has not been written yet."""
        for point in sorted(self._unwritten):
            place = self.folder / f"point={point}"
            place.mkdir(exist_ok=True)
            unready = place / f".{RUNS}.{os.getpid()}"
            self._table(point).to_parquet(unready, index=False)
            os.replace(unready, place / RUNS)
        self._unwritten.clear()
        self._written = monotonic()

    def _table(self, point: int) -> pd.DataFrame:
        plan = self._plan
        tasks = [Task(point, seed) for seed in range(len(plan.seeds))]
        done = [task for task in tasks if task in self.done]
        table = self._settings.iloc[[point] * len(done)].reset_index(drop=True)
        table["seed"] = [plan.seeds[task.seed] for task in done]
        figures = pd.DataFrame([self.done[task].figures for task in done], dtype="float64")
        table["error"] = pd.Series([self.done[task].error for task in done], dtype="str")
        return pd.concat([table, figures], axis=1)

    def _read(self, point: int) -> None:
        try:
            path = self.folder / f"point={point}" / RUNS
            with open(
                path, "rb"
            ) as file:  # by its name pandas would take the folder's for a column
                table = pd.read_parquet(file)
            rows = table.drop(columns=self._plan.names).to_dict("records")
            number = {seed: place for place, seed in enumerate(self._plan.seeds)}
            for row in rows:
                seed: Seed = row.pop("seed")
                error = row.pop("error")
                task = Task(point, number[seed])
                self.done[task] = Outcome(
                    {} if error else {str(k): v for k, v in row.items()}, error
                )
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError):  # half a file: its runs are done again
            self.done = {task: kept for task, kept in self.done.items() if task.point != point}

    def _claim(self, ours: Mapping[str, Any]) -> None:
        """Make sure that what is in the folder is of this very sweep."""
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest = self.folder / MANIFEST
        try:
            theirs = json.loads(manifest.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if any(self.folder.iterdir()):
                raise LabError(f"{self.folder} is not empty, and holds no sweep") from None
            unready = manifest.with_name(f".{MANIFEST}.{os.getpid()}")
            unready.write_text(json.dumps(ours, indent=1), encoding="utf-8")
            os.replace(unready, manifest)
            return
        except ValueError as problem:
            raise LabError(f"{manifest} cannot be read: {problem}") from problem
        for part, mine in ours.items():
            if theirs.get(part) != mine:
                raise LabError(
                    f"{self.folder} holds another sweep: its {part} {_are(part)} "
                    f"{_short(theirs.get(part))}, not {_short(mine)}; give another folder"
                )


def identity(plan: Plan) -> dict[str, Any]:
    """What makes a sweep this one, as JSON: the same for the same sweep in any process."""
    scenario = plan.scenario
    return {
        "format": _FORMAT,
        "lambdalab": __version__,
        "scenario": scenario.name,
        "settings": _told(scenario.defaults()),
        "code": [_code(scenario.given), _code(scenario.metrics)],
        "grid": [_told(point) for point in plan.points],
        "seeds": list(plan.seeds),
    }


def _column(values: list[Any]) -> pd.Series[Any]:
    """A setting's values in one type for all points: numbers or truths as they are, else as text."""
    column = pd.Series(values)
    if column.dtype.kind in "biuf":
        return column
    return pd.Series([one if isinstance(one, str) else repr(one) for one in values], dtype="str")


def _told(settings: Mapping[str, Any]) -> dict[str, str]:
    return {name: _value(value) for name, value in settings.items()}


def _value(value: Any, seen: tuple[int, ...] = ()) -> str:
    if isinstance(value, Set):  # its order is another one in every process
        return repr(sorted(_value(one, seen) for one in value))
    if inspect.isroutine(value) or isinstance(value, partial):
        return _code(value, seen)
    return _ADDRESS.sub("", repr(value))


def _code(given: Any, seen: tuple[int, ...] = ()) -> str:
    """A mark of a function's or class's own text and of what it has bound, "" of none: another text is
    another sweep. ``seen`` are those that this one stands in: a function may know itself."""
    if given is None or id(given) in seen:
        return ""
    seen = (*seen, id(given))
    if isinstance(given, partial):
        bound = {"": given.args, **given.keywords}
        text = f"{_code(given.func, seen)} {_told(bound)}"
    else:
        text = f"{_text(given)} {[_bound(cell, seen) for cell in _cells(given)]}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(given: Any) -> str:
    """The source, as far as there is one."""
    named = given if inspect.isroutine(given) or isinstance(given, type) else type(given)
    try:
        return inspect.getsource(named)
    except (OSError, TypeError):  # typed at a prompt, or built in
        code = getattr(named, "__code__", None)
        if code is None:
            return _ADDRESS.sub("", repr(named))
        return _ADDRESS.sub("", f"{code.co_code!r} {code.co_names} {code.co_consts}")


def _cells(given: Any) -> tuple[Any, ...]:
    return getattr(inspect.unwrap(given), "__closure__", None) or ()


def _bound(cell: Any, seen: tuple[int, ...]) -> str:
    try:
        return _value(cell.cell_contents, seen)
    except ValueError:  # not bound yet
        return ""


def _are(part: str) -> str:
    return "are" if part.endswith("s") else "is"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
