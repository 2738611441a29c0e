"""ll.sweep: settings and seeds in, a tidy frame out; the same wherever the runs happen."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lambdalab as ll
from lambdalab import scenarios
from lambdalab.errors import InvalidSetting, LabError, UnknownName, UnknownSetting
from lambdalab.trace.figures import figures

GRID = {"rate": [2, 8], "window": [0, 2, 5]}
SEEDS = 10
SITE = str(Path(ll.__file__).parents[1])


@pytest.fixture(scope="module")
def alone() -> Any:
    return ll.sweep(scenarios.Batching, GRID, seeds=SEEDS, workers=1)


def equal(a: Any, b: Any) -> None:
    """To the last bit, the table of runs too."""
    pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b), check_exact=True)
    pd.testing.assert_frame_equal(a.by_run, b.by_run, check_exact=True)


# ---- what comes out


def test_a_row_for_each_point_with_means_of_the_runs(alone) -> None:
    assert alone[["rate", "window"]].to_numpy().tolist() == [
        [rate, window] for rate in GRID["rate"] for window in GRID["window"]
    ]
    assert alone["runs"].tolist() == [SEEDS] * 6
    row = alone.iloc[4]
    runs = [figures(scenarios.batching(rate=8, window=2, seed=seed)) for seed in range(SEEDS)]
    for name in ("batches", "age_p50_s", "age_p95_s", "age_p99_s", "cost_usd", "throttles"):
        values = [run[name] for run in runs]
        assert row[name] == pytest.approx(np.mean(values), rel=1e-12)
        half = 2.262157162798205 * np.std(values, ddof=1) / np.sqrt(SEEDS)  # t of 9 degrees
        assert row[f"{name}_high"] - row[name] == pytest.approx(half, rel=1e-9, abs=1e-15)
        assert row[name] - row[f"{name}_low"] == pytest.approx(half, rel=1e-9, abs=1e-15)
    assert {"dead_letters", "cold_starts", "invocations"} <= set(alone.columns)


def test_every_point_has_the_same_seeds(alone) -> None:
    for _, runs in alone.by_run.groupby(["rate", "window"]):
        assert runs["seed"].tolist() == list(range(SEEDS))
    messages = ll.sweep(
        scenarios.Batching, {"window": [0, 5]}, seeds=3,
        metrics=lambda trace: {"sent": (trace.queue_events["action"] == "sent").sum()},
    ).by_run.pivot(index="seed", columns="window", values="sent")  # fmt: skip
    assert messages[0].tolist() == messages[5].tolist(), "the same traffic"
    assert messages[0].nunique() > 1


def test_seeds_may_be_named() -> None:
    found = ll.sweep(scenarios.Backoff, {}, seeds=["a", "b"])
    assert found.by_run["seed"].tolist() == ["a", "b"]
    assert len(found) == 1


def test_none_stays_none_beside_numbers() -> None:
    scenario = scenarios.Sqs(rate=1.0, seconds=5.0)
    found = ll.sweep(scenario, {"reserved_concurrency": [None, 5]}, seeds=np.int64(2))
    assert found["reserved_concurrency"].tolist() == [None, 5]
    assert found.by_run["reserved_concurrency"].tolist() == [None, None, 5, 5]
    assert found.short("attempts")["reserved_concurrency"].tolist() == [None, 5]
    free, five = ({"reserved_concurrency": value} for value in (None, 5))
    assert found.difference(free, five).loc["attempts", "runs"] == 2


def test_ways_to_name_a_scenario(own) -> None:
    by_class = ll.sweep(scenarios.Backoff, {"maximum_event_age": [60, 90]}, seeds=2)
    equal(by_class, ll.sweep(scenarios.backoff, {"maximum_event_age": [60, 90]}, seeds=2))
    base = scenarios.Backoff(maximum_retry_attempts=0)
    one = ll.sweep(base, {"maximum_event_age": np.array([60, 90])}, seeds=2)
    assert one["attempts"].tolist() == [1, 1], "the instance's other settings stay"
    points = ll.sweep(own.line, [{"x": 2}, {"x": 3, "y": 1}], seeds=[1, 3])
    assert points["y"].tolist() == [0, 1], "the default, where a point says nothing"
    assert points["value"].tolist() == [4, 7]
    assert points["none"].isna().all()
    assert ll.sweep(own.bill, {"rate": [1]}, seeds=2)["invocations"].iloc[0] > 5
    ages = ll.sweep(own.bill, {"rate": [1]}, seeds=2, metrics=lambda t: {"rows": len(t.attempts)})
    assert list(ages.columns[-3:]) == ["rows", "rows_low", "rows_high"]


# ---- what cannot be


@pytest.mark.parametrize(
    ("scenario", "grid", "says"),
    [
        (scenarios.Batching, {"windw": [1]}, "did you mean 'window'"),
        (scenarios.batching, {"windw": [1]}, "did you mean 'window'"),
        (scenarios.Batching(), [{"rates": 1}], "did you mean 'rate'"),
        (scenarios.burst, {"function": [1]}, "did you mean 'functions'"),
    ],
)
def test_an_unknown_setting_is_refused_before_anything_runs(scenario, grid, says) -> None:
    with pytest.raises(UnknownSetting, match=says):
        ll.sweep(scenario, grid)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scenario": 3}, "scenario=3"),
        ({"scenario": len}, "takes seed="),
        ({"grid": 5}, "grid=5"),
        ({"grid": {"window": 5}}, r"\[5\]"),
        ({"grid": {"window": "05"}}, "a list of values"),
        ({"grid": {"window": []}}, "at least one value"),
        ({"grid": {"window": {0, 5}}}, "a list of values"),
        ({"grid": {"seed": [1]}}, "seeds="),
        ({"grid": []}, "grid="),
        ({"seeds": 0}, "seeds=0"),
        ({"seeds": [1, 1]}, "different"),
        ({"seeds": [1, "a"]}, "different"),
        ({"seeds": True}, "seeds=True"),
        ({"seeds": 5.0}, r"seeds=5\.0"),
        ({"seeds": None}, "how many"),
        ({"seeds": {"a", "b"}}, "a list"),
        ({"workers": 0}, "workers=0"),
        ({"client": "tcp://x"}, "a Dask client"),
        ({"metrics": "p95"}, "metrics="),
    ],
)
def test_bad_arguments_say_what_would_do(arguments, says) -> None:
    given = {"scenario": scenarios.Batching, "grid": {"window": [0]}, "seeds": 1} | arguments
    with pytest.raises(InvalidSetting, match=says):
        ll.sweep(**given)


def test_a_value_over_the_limit_is_a_row_and_the_others_run() -> None:
    found = ll.sweep(scenarios.Batching, {"window": [0, 400]}, seeds=2)
    assert found["runs"].tolist() == [2, 0]
    assert found["failed_runs"].tolist() == [0, 2]
    assert found["error"][0] == ""
    assert found["error"][1].startswith("InvalidSetting: window=400: must be")
    assert found["batches"].isna().tolist() == [False, True]
    assert (found.by_run["error"] != "").tolist() == [False, False, True, True]


def test_a_run_that_fails_is_a_row_with_its_error(own) -> None:
    for workers in (1, 2):
        found = ll.sweep(own.stumbles, {"x": [1, 2]}, seeds=4, workers=workers)
        assert found["failed_runs"].tolist() == [1, 0]
        assert found["error"].tolist() == ["KeyError: ('stock', <object object>)", ""]
        assert found["value"].tolist() == [1, 2]
        failed = found.by_run[found.by_run["error"] != ""]
        assert failed[["x", "seed"]].to_numpy().tolist() == [[1, 2]]


def test_what_is_no_number_is_an_error_of_its_run() -> None:
    def metric(value: Any) -> str:
        name = {"x": 1, "metrics": lambda _: value}
        found = ll.sweep(lambda seed, x: {"v": x}, {"x": [1]}, seeds=1, metrics=name["metrics"])
        return str(found["error"].iloc[0])

    assert metric(3).startswith("InvalidSetting: metrics='int'")
    assert "a number, or None" in metric({"v": "many"})
    assert "a column of the result is called so" in metric({"x": 3})
    assert "another name" in metric({"runs": 3})
    assert metric({"v": True, "w": None}) == ""
    assert "what gives a trace" in ll.sweep(lambda seed: [1], {}, seeds=1)["error"].iloc[0]


# ---- wherever the runs happen


def test_two_processes_find_the_same(alone) -> None:
    equal(alone, ll.sweep(scenarios.Batching, GRID, seeds=SEEDS, workers=2))


def test_threads_find_the_same(alone) -> None:
    with ThreadPoolExecutor(3) as threads:
        equal(alone, ll.sweep(scenarios.batching, GRID, seeds=SEEDS, client=threads))


def test_processes_are_others_and_a_short_sweep_needs_none(own) -> None:
    both = ll.sweep(own.where, {"x": [1, 2]}, seeds=10, workers=2).by_run["process"]
    assert os.getpid() not in both.tolist()
    assert set(ll.sweep(own.where, {"x": [1]}, seeds=5).by_run["process"]) == {os.getpid()}


def test_a_process_that_dies_loses_only_the_run_that_killed_it(own) -> None:
    found = ll.sweep(own.dies, {"x": [1, 2, 3]}, seeds=6, workers=2)
    assert found["failed_runs"].tolist() == [0, 1, 0]
    lost = found.by_run[found.by_run["error"] != ""]
    assert lost[["x", "seed"]].to_numpy().tolist() == [[2, 3]]
    assert "out of memory" in lost["error"].iloc[0]


def test_functions_of_this_very_place_go_to_other_processes() -> None:
    pytest.importorskip("cloudpickle")
    offset = 10
    found = ll.sweep(lambda seed, x: {"v": x + seed + offset}, {"x": [1]}, seeds=3, workers=2)
    assert found["v"].tolist() == [12]


def test_without_cloudpickle_they_stay_in_this_one(monkeypatch) -> None:
    monkeypatch.setattr("lambdalab.sweeps.work._by_value", lambda: None)
    with pytest.warns(UserWarning, match="all runs happen in this process"):
        found = ll.sweep(lambda seed: {"v": os.getpid()}, {}, seeds=2, workers=2)
    assert found["v"].tolist() == [os.getpid()]


class Killing:
    """A Dask client that loses a worker in the middle of the work."""

    def __init__(self, client: Any, at: int) -> None:
        self._client, self._at, self.submitted, self.killed = client, at, 0, 0

    def submit(self, *args: Any, **how: Any) -> Any:
        self.submitted += 1
        if self.submitted == self._at:
            self.killed = next(iter(self._client.run(os.getpid).values()))
            os.kill(self.killed, signal.SIGKILL)
        return self._client.submit(*args, **how)


@pytest.fixture
def cluster(monkeypatch) -> Iterator[Any]:
    distributed = pytest.importorskip("dask.distributed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([SITE, os.environ.get("PYTHONPATH", "")]))
    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**workers) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.filterwarnings("ignore")  # a cluster's own
def test_a_cluster_that_loses_a_worker_finds_the_same(alone, cluster) -> None:
    client = Killing(cluster, at=20)
    equal(alone, ll.sweep(scenarios.Batching, GRID, seeds=SEEDS, client=client))
    assert client.submitted == 60
    assert client.killed not in cluster.run(os.getpid).values()


# ---- programs


def program(text: str, folder: Path, **how: Any) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(text)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([SITE, str(folder)])}
    return subprocess.Popen(
        [sys.executable, "program.py"], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how,
    )  # fmt: skip


def test_a_program_may_sweep_at_its_top_level(tmp_path) -> None:
    ran = program(
        "import lambdalab as ll\nprint('once')\n"
        "found = ll.sweep(ll.scenarios.Backoff, {}, seeds=4, workers=2)\n"
        "print(found['attempts'].tolist())\n",
        tmp_path,
    )  # fmt: skip
    out, err = ran.communicate(timeout=150)
    assert (out, err) == ("once\n[3.0]\n", "")


def runs_of(folder: Path) -> list[int]:
    """The processes that say in the folder that they run something."""
    return [int(path.name.split("-")[2]) for path in folder.glob("[0-9]-[0-9]*-*")]


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_it_keeps_what_it_has_and_leaves_no_process(
    own, tmp_path, monkeypatch, how
) -> None:
    text = (
        "import lambdalab as ll, own_scenarios\n"
        "found = ll.sweep(own_scenarios.waits, {'x': [0, 1], 'folder': ['.']}, seeds=4, workers=2,"
        " folder='out')\nprint(found['value'].tolist())\n"
    )
    ran = program(text, tmp_path, start_new_session=True)
    began = time.monotonic()
    while not list(tmp_path.glob("1-*-*")) or not (tmp_path / "out/point=0/runs.parquet").exists():
        assert time.monotonic() - began < 150
        assert ran.poll() is None, ran.communicate()[1]
    os.killpg(ran.pid, how) if how == signal.SIGINT else ran.send_signal(how)
    _, err = ran.communicate(timeout=150)
    assert ran.returncode == -how
    assert err.count("KeyboardInterrupt") == (how == signal.SIGINT)
    assert runs_of(tmp_path)
    while any(map(alive, runs_of(tmp_path))):
        assert time.monotonic() - began < 150, "an orphan"
    before = set(tmp_path.glob("0-*-*"))
    (tmp_path / "go").touch()
    monkeypatch.chdir(tmp_path)
    found = ll.sweep(own.waits, {"x": [0, 1], "folder": ["."]}, seeds=4, folder="out")
    assert found["value"].tolist() == [1.5, 2.5]
    assert set(tmp_path.glob("0-*-*")) == before, "what was finished was not done again"


# ---- the result


def test_the_result_goes_to_other_processes_and_its_parts_are_plain(alone) -> None:
    again = pickle.loads(pickle.dumps(alone))
    equal(alone, again)
    assert repr(again) == repr(alone)
    part = alone[alone["rate"] == 2]
    assert type(part) is pd.DataFrame
    assert len(part) == 3


def test_what_a_cell_shows_is_short(alone) -> None:
    lines = repr(alone).splitlines()
    assert lines[0] == "6 points of 10 runs; means ± half of the 95 % interval"
    assert max(map(len, lines)) <= 110
    assert len(lines[1].split()) <= 9
    assert "<table" in alone._repr_html_()
    short = alone.short("batches")
    assert list(short.columns) == ["rate", "window", "batches"]
    assert short["batches"][0].startswith(f"{alone['batches'][0]:,.4g}")
    with pytest.raises(UnknownName, match="did you mean 'batches'"):
        alone.short("batchs")


def test_differences_are_taken_run_by_run(alone) -> None:
    found = alone.difference({"rate": 8, "window": 0}, {"rate": 8, "window": 5})
    by_run = alone.by_run.set_index(["rate", "window", "seed"])
    for name in ("age_p50_s", "batches"):  # batches of one record each are as many as messages came
        runs, row = by_run[name], found.loc[name]
        apart = runs[8, 5] - runs[8, 0]
        assert row["difference"] == pytest.approx(apart.mean())
        half = 2.262157162798205 * apart.std() / np.sqrt(SEEDS)
        ends = apart.mean() - half, apart.mean() + half
        assert (row["low"], row["high"]) == pytest.approx(ends)
        assert row["runs"] == SEEDS
    assert found.loc["latency_p95_s", "runs"] == 0
    with pytest.raises(InvalidSetting, match="3 have these"):
        alone.difference({"rate": 8}, {"rate": 2})
    with pytest.raises(UnknownName, match="did you mean 'rate'"):
        alone.difference({"rates": 8}, {"rate": 2})


def test_a_sweep_inside_the_import_of_its_own_program_is_refused(monkeypatch) -> None:
    import multiprocessing

    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(LabError, match="__main__"):
        ll.sweep(scenarios.Backoff, {}, seeds=1)
