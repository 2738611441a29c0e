"""What is installed: the hints' marker, the examples' data, no tests, one version."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lambdalab
from lambdalab._version import __version__

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(lambdalab.__file__).parent
SITE = os.environ.get("LAMBDALAB_SITE")


@pytest.mark.skipif(not SITE, reason="not under `make test`: the package is the source tree's")
def test_the_tests_see_the_installed_wheel() -> None:
    assert Path(str(SITE), "lambdalab") == PACKAGE
    where = "import lambdalab; print(lambdalab.__file__)"
    done = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == PACKAGE


def test_type_checkers_will_read_the_hints() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_the_examples_bring_their_data() -> None:
    assert list((PACKAGE / "examples" / "orders").glob("**/*.jsonl"))


@pytest.mark.skipif(not SITE, reason="not under `make test`: the package is the source tree's")
def test_nothing_but_the_package_is_installed() -> None:
    files = importlib.metadata.files("lambdalab") or []
    tops = {file.parts[0] for file in files if not file.parts[0].endswith(".dist-info")}
    assert tops - {"..", "bin"} == {"lambdalab"}
    assert not [file for file in files if "tests" in file.parts or file.name.startswith("test_")]


def test_the_version_stands_in_one_place() -> None:
    assert importlib.metadata.version("lambdalab") == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    setting = re.compile(r"^\s*_*version_*\s*[:=]\s*[\"']?\d+\.\d", re.MULTILINE)
    places = [*PACKAGE.rglob("*.py"), ROOT / "pyproject.toml", ROOT / "CITATION.cff"]
    found = [path.name for path in places if setting.search(path.read_text(encoding="utf-8"))]
    assert found == ["_version.py"]
