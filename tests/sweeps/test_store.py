"""folder=: what is finished stays; the same sweep goes on, another one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pandas as pd
import pytest

import lambdalab as ll
from lambdalab import scenarios
from lambdalab.errors import LabError, MissingExtra

pytest.importorskip("pyarrow")
GRID = {"x": [1, 2, 3]}


class Counting:
    """A scenario that counts its runs, and stops at one."""

    def __init__(self, stop: int | None = None) -> None:
        self.runs, self.stop = 0, stop

    def __call__(self, seed: int, x: int = 0) -> dict[str, float]:
        if self.runs == self.stop:
            raise KeyboardInterrupt
        self.runs += 1
        if (x, seed) == (2, 1):
            raise ValueError("no stock")
        return {"value": x * seed + 0.1, "none": float("nan")}


def swept(folder, stop: int | None = None, **how):
    scenario = Counting(stop)
    found = ll.sweep(scenario, **({"grid": GRID, "seeds": 4, "workers": 1} | how), folder=folder)
    return found, scenario.runs


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path) -> None:
    whole, runs = swept(None)
    assert runs == 12
    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "out", stop=6)
    found, runs = swept(tmp_path / "out")
    assert runs == 6
    pd.testing.assert_frame_equal(found.by_run, whole.by_run, check_exact=True)
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(whole), check_exact=True)
    assert swept(tmp_path / "out")[1] == 0


def test_other_tools_read_it(tmp_path) -> None:
    found, _ = swept(tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out")
    assert table["x"].tolist() == found.by_run["x"].tolist()
    assert table["value"].tolist()[:5] == found.by_run["value"].tolist()[:5]
    assert table["error"].tolist() == found.by_run["error"].tolist()
    assert json.loads((tmp_path / "out/_sweep.json").read_text())["seeds"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"seeds": 5}, r"its seeds are \[0, 1, 2, 3\]"),
        ({"grid": {"x": [1, 2]}}, "its grid is"),
        ({"metrics": lambda found: {"v": found["value"]}}, "its code is"),
        ({"scenario": scenarios.Backoff, "grid": {}}, "its scenario is"),
    ],
)
def test_another_sweep_is_refused(tmp_path, how, says) -> None:
    swept(tmp_path)
    with pytest.raises(LabError, match=says):
        ll.sweep(**({"scenario": Counting(), "grid": GRID, "seeds": 4} | how), folder=tmp_path)


def test_what_a_function_has_bound_is_of_its_code(tmp_path) -> None:
    def bound(number: int) -> Callable[..., dict[str, float]]:
        def scenario(seed: int) -> dict[str, float]:
            return {"value": seed * number, "self": float(scenario is not None)}

        return scenario

    def other(seed: int, number: int) -> dict[str, float]:
        return {"value": -number}

    for made in (bound, lambda number: partial(other, number=number)):
        folder = tmp_path / made.__name__.strip("<>")
        for _ in range(2):
            ll.sweep(made(3), {}, seeds=2, workers=1, folder=folder)
        with pytest.raises(LabError, match="holds another sweep"):
            ll.sweep(made(4), {}, seeds=2, workers=1, folder=folder)


def test_another_version_and_other_settings_are_another_sweep(tmp_path, monkeypatch) -> None:
    ll.sweep(scenarios.Backoff(), {}, seeds=1, folder=tmp_path)
    other = scenarios.Backoff(maximum_retry_attempts=0)
    with pytest.raises(LabError, match="its settings are"):
        ll.sweep(other, {}, seeds=1, folder=tmp_path)
    monkeypatch.setattr("lambdalab.sweeps.store.__version__", "999")
    with pytest.raises(LabError, match="its lambdalab is"):
        ll.sweep(scenarios.Backoff(), {}, seeds=1, folder=tmp_path)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LabError, match="holds no sweep"):
        swept(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "_sweep.json").write_text("{")
    with pytest.raises(LabError, match="cannot be read"):
        swept(broken)


def test_half_a_file_is_done_again(tmp_path) -> None:
    whole, _ = swept(tmp_path)
    place = tmp_path / "point=1" / "runs.parquet"
    place.write_bytes(place.read_bytes()[:100])
    found, runs = swept(tmp_path)
    assert runs == 4
    pd.testing.assert_frame_equal(found.by_run, whole.by_run, check_exact=True)


def test_what_could_not_be_run_is_tried_again(tmp_path) -> None:
    """A run whose process was lost says nothing about the run."""
    from lambdalab.sweeps.plan import Plan, Task
    from lambdalab.sweeps.scenario import Scenario
    from lambdalab.sweeps.store import Store
    from lambdalab.sweeps.work import Outcome

    plan = Plan.of(Scenario(Counting()), GRID, 2)
    store = Store(tmp_path, plan)
    store.add(Task(0, 0), Outcome({}, "lost", final=False))
    store.add(Task(0, 1), Outcome({"value": 1.0}))
    store.write()
    assert list(Store(tmp_path, plan).done) == [Task(0, 1)]


def test_settings_of_any_kind(tmp_path) -> None:
    def scenario(seed, how):
        return {"value": 1}

    grid = {"how": [None, 2.5, "text", ll.LogNormal(p50=1, p99=2), [1, 2]]}
    found = ll.sweep(scenario, grid, seeds=["a"], workers=1, folder=tmp_path)
    assert found["how"].tolist()[2:] == ["text", ll.LogNormal(p50=1, p99=2), [1, 2]]
    again = ll.sweep(scenario, grid, seeds=["a"], workers=1, folder=tmp_path)
    pd.testing.assert_frame_equal(found.by_run, again.by_run)
    assert pd.read_parquet(tmp_path)["how"].tolist()[1] == "2.5"


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"lambdalab\[scale\]"):
        swept(tmp_path)
