"""Everything `make test` runs, part after part, each timed; the last lines count what happened.

    python tools/run_tests.py                  # all parts
    python tools/run_tests.py --only unit docs # some of them
    python tools/run_tests.py --list

The package is built once; every test then runs against the installed wheel, from a copy of the
clone that has no `lambdalab/` folder, so that nothing can be imported from the source tree by
accident. Nothing is skipped silently: each skip is printed with its reason. With `CI` set, a
missing browser or AWS CLI is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fidelity as map_of_facts
from outcomes import Outcome, closing_lines, read_junit

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
DIST = BUILD / "dist"
SITE = BUILD / "site"  # the wheel, installed
CLONE = BUILD / "clone"  # the clone without the package
REPORTS = BUILD / "reports"
NOT_COPIED = shutil.ignore_patterns(
    "lambdalab", "build", "dist", ".*", "__pycache__", "*.egg-info", "node_modules"
)
README_TEST = "tests/test_readme.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM_PACKAGES = ("chromium", "fonts-dejavu-core")
AWS_CLIS = ("/usr/local/bin/aws", "/usr/bin/aws")


def environment() -> dict[str, str]:
    """The tests' environment: the installed wheel comes before anything else."""
    env = dict(os.environ, PYTHONPATH=str(SITE), LAMBDALAB_SITE=str(SITE), PYTHONUNBUFFERED="1")
    env.setdefault("LAMBDALAB_DATA", str(ROOT.parent / "shared" / "data"))
    return env


def call(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """Run a command with its output on ours and nothing on its stdin; return its exit status."""
    sys.stdout.flush()
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, check=False).returncode


def steps(outcome: Outcome, *commands: tuple[str, tuple[str | Path, ...]]) -> None:
    """Run named commands from the root; each counts as one passed or failed."""
    for name, command in commands:
        print(f"-- {name}")
        outcome.count(name, call(sys.executable, *command) == 0)


def pytest(outcome: Outcome, part: str, *options: str, env: dict[str, str] | None = None) -> None:
    """Run pytest in the copied clone and add up its report."""
    report = REPORTS / f"{part}.xml"
    report.unlink(missing_ok=True)
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options)
    status = call(sys.executable, *command, cwd=CLONE, env=env or environment())
    read_junit(outcome, report, status)


# ---- the parts


def check(outcome: Outcome) -> None:
    """ruff and mypy, on the sources."""
    steps(
        outcome,
        ("ruff check", ("-m", "ruff", "check", ".")),
        ("ruff format", ("-m", "ruff", "format", "--check", ".")),
        ("mypy", ("-m", "mypy")),
    )


def fidelity(outcome: Outcome) -> None:
    """docs/fidelity.md: every fact of AWS's is shown by a test, or says why not."""
    report = map_of_facts.check(map_of_facts.MAP.read_text(encoding="utf-8"))
    outcome.says = str(report)
    print(outcome.says)
    for problem in report.problems:
        outcome.count(f"{map_of_facts.MAP.name}: {problem}", False)
    outcome.passed += not report.problems  # the map is one thing; its tests are counted elsewhere


def wheel(outcome: Outcome) -> None:
    """Build wheel and sdist, check them, install the wheel beside the clone's copy."""
    for folder in (DIST, SITE, CLONE):
        shutil.rmtree(folder, ignore_errors=True)
    build = ("-m", "build", "--no-isolation", "--outdir", DIST, ".")
    steps(outcome, ("build", build))
    if outcome.failed:
        return
    wheels, sdists = sorted(DIST.glob("*.whl")), sorted(DIST.glob("*.tar.gz"))
    quiet = ("--quiet", "--disable-pip-version-check")
    made = [str(path) for path in (*wheels, *sdists)]
    steps(
        outcome,
        ("twine check", ("-m", "twine", "check", "--strict", *made)),
        ("contents", ("tools/check_wheel.py", *made)),
        ("install", ("-m", "pip", "install", *quiet, "--no-deps", "--target", SITE, made[0])),
    )
    shutil.copytree(ROOT, CLONE, ignore=NOT_COPIED, symlinks=True)
    # on a fresh machine this writes a line about fonts to stderr: not into a notebook's first cell
    call(sys.executable, "-c", "import matplotlib.font_manager")


def unit(outcome: Outcome) -> None:
    """tests/ on two processes."""
    left_to_others = ("--ignore=tests/browser", f"--ignore={README_TEST}")
    slowest = ("--durations=15", "--durations-min=2")
    options = ("-n", "2", "--dist", "worksteal", *slowest, *left_to_others, "tests")
    if not find_aws_cli():
        install("AWS CLI of version 2", "the tests with it", "awscli")
    env = environment()
    if find_aws_cli() or env.get("CI"):
        env["AWS_CLI_REQUIRED"] = "1"
    pytest(outcome, "unit", *options, env=env)


def world(outcome: Outcome) -> None:
    """500 random labs, seeded by the commit, each held against an independent reckoning."""
    seed = commit()[:12] or "0"
    command = ("-m", "tests.world", "--n", "500", "--seed", seed, "--jobs", "2")
    print(f"-- python {' '.join(command)}")
    good = call(sys.executable, *command, cwd=CLONE, env=environment()) == 0
    outcome.count(f"python {' '.join(command)}", good)


def commit() -> str:
    """The commit that is checked out; "" where there is no git."""
    git = shutil.which("git")
    if git is None:
        return ""
    asked = subprocess.run(
        (git, "rev-parse", "HEAD"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def docs(outcome: Outcome) -> None:
    """The doctests, and the README's blocks."""
    handlers = SITE / "lambdalab" / "examples" / "*" / "handlers" / "*"
    left_out = f"--ignore-glob={handlers}"  # a user's code: it is loaded, not imported
    pytest(outcome, "docs", "--doctest-modules", left_out, "--pyargs", "lambdalab", README_TEST)


def notebooks(outcome: Outcome) -> None:
    """Every stored output is what the cell gives now (nbval), and the store is sound."""
    if not list((ROOT / "notebooks").glob("*.ipynb")):
        outcome.skip("notebooks", "there are none yet")
        return
    steps(outcome, ("stored notebooks", ("tools/check_notebooks.py", "notebooks")))
    sanitize = "tests/nbval_sanitize.cfg"
    options = ("--nbval", "--nbval-sanitize-with", sanitize, "-n", "2", "--dist", "loadfile")
    pytest(outcome, "notebooks", *options, "notebooks")


def site(outcome: Outcome) -> None:
    """The site: sphinx with every warning an error, every link checked, offline."""
    steps(outcome, ("site", ("tools/make_docs.py",)))


def browser(outcome: Outcome) -> None:
    """Notebooks in JupyterLab, Notebook 7 and Voila, in a real browser."""
    if not list((ROOT / "tests" / "browser").glob("test_*.py")):
        outcome.skip("tests/browser", "there are none yet")
        return
    if not find_browser():
        install("Chromium", "the browser tests", *CHROMIUM_PACKAGES)
    env = environment()
    env.setdefault("SHOTS", str(BUILD / "shots"))
    if find_browser() or env.get("CI"):
        env["BROWSER_REQUIRED"] = "1"
    pytest(outcome, "browser", "-n", "2", "--dist", "loadfile", "tests/browser", env=env)


def binder(outcome: Outcome) -> None:
    """Would Binder build this clone?"""
    steps(outcome, ("binder", ("tools/binder_check.py", ".")))


PARTS: dict[str, Callable[[Outcome], None]] = {
    part.__name__: part
    for part in (check, fidelity, wheel, unit, world, docs, notebooks, site, browser, binder)
}
NEED_THE_WHEEL = {"unit", "world", "docs", "notebooks", "browser"}


# ---- what no wheel brings: the browser, the AWS CLI


def find_browser() -> str | None:
    """The browser that tests/browser/conftest.py would take."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


def find_aws_cli() -> str | None:
    """The AWS CLI, version 2, that tests/aws/endpoint/shell.py would take; PyPI's is version 1."""
    named = os.environ.get("AWS_CLI")
    found = [named] if named else [*AWS_CLIS, *(f"{place}/aws" for place in os.get_exec_path())]
    for path in filter(shutil.which, found):
        asked = subprocess.run((path, "--version"), capture_output=True, text=True, check=False)
        if asked.stdout.startswith("aws-cli/2."):
            return path
    return None


def install(what: str, where: str, *packages: str) -> None:
    """As root on Debian and its kin, install packages; elsewhere leave the machine alone."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"no {what} here, and no right to install it: {where} cannot run")
        return
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    call("apt-get", "update", "-q", env=env)
    call("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages, env=env)


# ---- the command


def run(name: str) -> Outcome:
    """Run one part; an exception in it is a failure of that part."""
    print(f"\n==== {name}: {(PARTS[name].__doc__ or '').splitlines()[0]}")
    outcome, began = Outcome(name), time.monotonic()
    try:
        PARTS[name](outcome)
    except Exception as error:
        outcome.count(f"{type(error).__name__}: {error}", False)
    outcome.seconds = time.monotonic() - began
    return outcome


def main() -> int:
    """Run the parts asked for and print the closing table."""
    parser = argparse.ArgumentParser(description="Run the tests.")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="only these parts")
    parser.add_argument("--list", action="store_true", help="list the parts and stop")
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{n:10} {(p.__doc__ or '').splitlines()[0]}" for n, p in PARTS.items()))
        return 0
    wanted = set(args.only or PARTS)
    if wanted & NEED_THE_WHEEL:
        wanted.add("wheel")
    REPORTS.mkdir(parents=True, exist_ok=True)
    outcomes = []
    with contextlib.suppress(KeyboardInterrupt):
        for name in (part for part in PARTS if part in wanted):
            outcomes.append(run(name))
            if name == "wheel" and not (SITE / "lambdalab").is_dir():
                outcomes[-1].notes.append("the later parts were not run: there is no wheel")
                break
    print("\n".join(closing_lines(outcomes)))
    interrupted = len(outcomes) < len(wanted)
    return int(interrupted or any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
