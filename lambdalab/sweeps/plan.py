"""Which runs there will be: every point of the grid with every seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from lambdalab.errors import InvalidSetting
from lambdalab.sweeps.scenario import Scenario, Seed, Settings

Grid = Mapping[str, Iterable[Any]] | Iterable[Settings]


@dataclass(frozen=True)
class Task:
    """One run: the numbers of its point and of its seed."""

    point: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """``points``, settings by name; ``seeds``; and ``problems``, by point, of those that cannot run."""

    scenario: Scenario
    points: tuple[Settings, ...]
    seeds: tuple[Seed, ...]
    problems: Mapping[int, str]

    @classmethod
    def of(cls, scenario: Scenario, grid: Grid, seeds: int | Iterable[Seed]) -> Plan:
        """The plan for a grid; raises for what no run could be made of, before any is."""
        points = tuple(_points(grid))
        names = dict.fromkeys(name for point in points for name in point)
        scenario.check_names(names)
        problems = {
            number: problem
            for number, point in enumerate(points)
            if (problem := scenario.problem(point))
        }
        return cls(scenario, points, _seeds(seeds), problems)

    @property
    def names(self) -> list[str]:
        """The settings that the grid has, in its order."""
        return list(dict.fromkeys(name for point in self.points for name in point))

    def column(self, name: str) -> list[Any]:
        """A setting's value at each point, its default where the point says nothing."""
        default = self.scenario.defaults().get(name)
        return [point.get(name, default) for point in self.points]

    def tasks(self) -> list[Task]:
        """Every run that can be, point after point."""
        return [
            Task(point, seed)
            for point in range(len(self.points))
            if point not in self.problems
            for seed in range(len(self.seeds))
        ]


def _points(grid: Grid) -> list[Settings]:
    limit = "{setting: values}, or a list of {setting: value}"
    if isinstance(grid, Mapping):
        values = [_values(str(name), given) for name, given in grid.items()]
        names = list(map(str, grid))
        return [dict(zip(names, point, strict=True)) for point in itertools.product(*values)]
    if isinstance(grid, str) or not isinstance(grid, Iterable):
        raise InvalidSetting("grid", grid, limit)
    points = list(grid)
    if not points or not all(isinstance(point, Mapping) for point in points):
        raise InvalidSetting("grid", grid, limit)
    return [{str(name): _plain(value) for name, value in point.items()} for point in points]


def _values(name: str, given: Any) -> list[Any]:
    # a set's order is another one in every process
    if isinstance(given, (str, Mapping, Set)) or not isinstance(given, Iterable):
        raise InvalidSetting(f"grid[{name!r}]", given, f"a list of values: [{given!r}]")
    values = [_plain(value) for value in given]
    if not values:
        raise InvalidSetting(f"grid[{name!r}]", given, "at least one value")
    return values


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's, which is what settings are."""
    return value.item() if isinstance(value, np.generic) else value


def _seeds(given: int | Iterable[Seed]) -> tuple[Seed, ...]:
    limit = "how many (1 or more), or a list of different whole numbers, or of different texts"
    given = _plain(given)
    many = isinstance(given, Iterable) and not isinstance(given, (str, Set))
    if isinstance(given, bool) or not (many or isinstance(given, int)):
        raise InvalidSetting("seeds", given, limit)
    seeds = tuple(range(given)) if isinstance(given, int) else tuple(map(_plain, given))
    kinds = {type(seed) for seed in seeds}
    if kinds not in ({int}, {str}) or len(set(seeds)) < len(seeds):
        raise InvalidSetting("seeds", given, limit)
    return seeds
