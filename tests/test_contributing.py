"""CONTRIBUTING.md's worked example, followed to the letter in a copy of the package."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lambdalab

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs" / "contributing" / "trigger"
NEW = re.compile(r"^`([\w/]+\.py)`[^\n`]*:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGED = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(
    r"^```python\n(import lambdalab.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
TRACED = """
import lambdalab as ll
lab = ll.Lab(seed=7)
lab.create_function("water", duration=1)
rule = lab.iot.create_topic_rule("dry", "SELECT * FROM 'greenhouse/#'", "water")
assert lab.iot["dry"] is rule and "iot" in dir(lab)
lab.iot.publish("greenhouse/10", {"moisture": "75"})
lab.run()
lab.audit()
trace = lab.trace
assert trace.requests[["caller", "status_code"]].values.tolist() == [["dry->water", 202]]
assert trace.invocations[["function", "source"]].values.tolist() == [["water", "dry->water"]]
assert trace.attempts.outcome.tolist() == ["success"]
assert set(trace.queue_events.queue) == {"messages", "dry->water", "water (events)"}
"""
RULES = """
import sys
sys.path.insert(0, "tests")
import test_imports as house
(new,) = [each for each in house.modules() if each.name == "lambdalab.triggers.iot"]
house.test_every_module_stands_in_a_known_room()
names = ("arrows_point_down", "libraries_stay_in_their_rooms", "no_room_wants_a_wall")
rules = [getattr(house, f"test_{name}") for name in names]
for rule in rules:
    rule(new)
print(len(rules), "rules")
"""


def new_files() -> dict[str, str]:
    """What the page says of each new file, its blocks put together in order."""
    found: dict[str, list[str]] = {}
    for path, block in NEW.findall(TEXT):
        found.setdefault(path, []).append(block.rstrip("\n"))
    return {path: "\n\n\n".join(parts) + "\n" for path, parts in found.items()}


def change(folder: Path, diff: str) -> str:
    """Make the changes of a diff, whose places are found by the lines around them; its file's name."""
    name, *hunks = re.split(r"^@@ .*\n", diff.removeprefix("--- "), flags=re.MULTILINE)
    path = folder / name.strip()
    text = path.read_text(encoding="utf-8")
    for hunk in hunks:
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if not line.startswith("+"))
        after = "".join(line[1:] for line in lines if not line.startswith("-"))
        assert text.count(before) == 1, f"{name.strip()} has no such place, or several:\n{before}"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    return name.strip()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of its tests' frame, with the page's changes."""
    folder = tmp_path_factory.mktemp("house")
    package = Path(str(lambdalab.__file__)).parent
    shutil.copytree(package, folder / "lambdalab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "pyproject.toml",
        "tests/conftest.py",
        "tests/test_imports.py",
        "docs/fidelity.md",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name, text in new_files().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        assert not path.exists(), f"{name} is there already"
        path.write_text(text, encoding="utf-8")
    for diff in CHANGED.findall(TEXT):
        change(folder, diff)
    return folder


def python(house: Path, *words: str) -> str:
    """What Python says there, with the copy's package; a failure shows all of it."""
    env = dict(os.environ, PYTHONPATH=str(house), PYTHONDONTWRITEBYTECODE="1", MPLBACKEND="agg")
    env.pop("LAMBDALAB_SITE", None)
    done = subprocess.run(
        [sys.executable, *words], cwd=house, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_holds_the_example_to_the_letter() -> None:
    files = new_files()
    assert list(files) == ["lambdalab/triggers/iot.py", "tests/triggers/test_iot.py"]
    for name, text in files.items():
        assert text == (EXAMPLE / Path(name).name).read_text(encoding="utf-8")
    assert "".join(CHANGED.findall(TEXT)) == (EXAMPLE / "wiring.diff").read_text(encoding="utf-8")


def test_a_trigger_is_one_new_file_two_lines_and_its_numbers(house: Path) -> None:
    changed = {re.match(r"--- (\S+)", diff)[1]: diff for diff in CHANGED.findall(TEXT)}  # type: ignore[index]
    assert set(changed) == {
        "lambdalab/trigger_rules.py", "lambdalab/triggers/registry.py", "docs/fidelity.md"
    }  # fmt: skip
    assert len(re.findall(r"^\+", changed["lambdalab/triggers/registry.py"], re.MULTILINE)) == 2
    rows = changed["docs/fidelity.md"].splitlines()
    for path, test in NAMED_TEST.findall(next(row for row in rows if row.startswith("+"))):
        assert f"def {test}(" in (house / path).read_text(encoding="utf-8")


def test_its_own_test_and_its_doctests_pass(house: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--doctest-modules")
    files = ("tests/triggers/test_iot.py", "lambdalab/triggers/iot.py")
    said = python(house, "-m", "pytest", *options, *files)
    assert int(re.search(r"(\d+) passed", said)[1]) >= 20  # type: ignore[index]
    assert "failed" not in said


def test_the_rules_of_the_house_hold_for_it(house: Path) -> None:
    assert python(house, "-c", RULES) == "3 rules\n"


def test_what_it_looks_like(house: Path) -> None:
    ((code, shown),) = RUN.findall(TEXT)
    assert python(house, "-c", code).rstrip() == shown.rstrip()


def test_its_events_are_in_the_books_and_the_books_balance(house: Path) -> None:
    python(house, "-c", TRACED)


def test_links_and_targets_are_there() -> None:
    for page in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            place, _, anchor = target.partition("#")
            if "://" not in target:
                assert (ROOT / place).exists() or not place, f"{page}: {target}"
            if not place:
                heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
                assert anchor in {
                    re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in heads
                }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z]+)", TEXT)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_the_parts_of_make_test_are_named() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("run_tests", ROOT / "tools" / "run_tests.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "tools"))
    assert re.findall(r"^\| `(\w+)` \| .* \| [\w ]+ \|$", TEXT, re.MULTILINE) == list(module.PARTS)
