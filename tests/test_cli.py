"""The command line, as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lambdalab
from lambdalab._version import __version__
from lambdalab.cli import demo

ROOT = Path(__file__).resolve().parents[1]


def command(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lambdalab", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=str(Path(lambdalab.__file__).parents[1])),
        check=False,
    )


def test_version() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"lambdalab {__version__}\n")


@pytest.mark.parametrize("words", [(), ("dmeo",), ("demo", "--nothing")], ids=" ".join)
def test_a_wrong_command_ends_with_the_usage(words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: lambdalab")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_demo_prints_the_tables_and_leaves_everything_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "my demo"
    done = command("demo", folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for table in demo.SHOWN:
        assert f"\n{table}: " in done.stdout
        assert f"\n{table}: 0 rows" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110, "it fits a terminal"
    assert {path.stem for path in (folder / "tables").glob("*.csv")} == set(demo.TABLES)
    pictures = list(folder.glob("*.png"))
    assert pictures
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    page = (folder / f"{demo.TOUR.stem}.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert demo.WIDGET not in page, "it tells its story without a network"


def test_away_from_a_clone_there_is_no_tour_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.export_tour(tmp_path / "tour.ipynb", tmp_path) is None
    assert capsys.readouterr().out.startswith("No tour: ")
    assert list(tmp_path.iterdir()) == []


def test_a_handler_in_a_process_of_its_own(tmp_path: Path) -> None:
    app = "print('loaded')\ndef handler(event, context):\n    return event['order']\n"
    (tmp_path / "app.py").write_text(app, encoding="utf-8")
    done = command("invoke", "app.py:handler", "--payload", '{"order": 1}', "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["invocations"][0]["payload"] == 1
    done = command("invoke", "app.py:handler", cwd=tmp_path)
    assert done.returncode == 1
    assert '"errorType": "KeyError"' in done.stdout


def test_a_scenario_in_a_process_of_its_own(tmp_path: Path) -> None:
    source = "import lambdalab as ll\nprint('begun')\nlab = ll.Lab()\nraise ValueError('no')\n"
    (tmp_path / "scenario.py").write_text(source, encoding="utf-8")
    done = command("run", "scenario.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "begun\n")
    assert done.stderr == "lambdalab run: scenario.py:4: ValueError: no\n"
