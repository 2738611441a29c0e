"""Break one rule at a time and see whether the test named for it fails.

    python tools/break.py                 # all mutations of tools/mutations.py
    python tools/break.py --only NAME ... # some of them
    python tools/break.py --list

Each mutation is applied to a temporary copy of lambdalab/ and tests/, never to the clone. Its test
must pass in an unchanged copy and fail in the changed one; that the audit after it fails is not enough.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("lambdalab", "tests", "tools", "pyproject.toml", "README.md")
AT_ONCE = 2
PASSED, TESTS_FAILED = 0, 1  # pytest's exit status; 2 and above: it could not run the test
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


def copy_clone(folder: Path, root: Path = ROOT) -> None:
    """What the tests need, in a folder of its own."""
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=NOT_COPIED)
        elif source.exists():
            shutil.copy2(source, folder / name)


def apply(mutation: Mutation, folder: Path) -> str:
    """Change the copy; return what is wrong with the mutation, or nothing."""
    path = folder / "lambdalab" / mutation.file
    if not path.is_file():
        return f"there is no lambdalab/{mutation.file}"
    text = path.read_text(encoding="utf-8")
    found = text.count(mutation.old)
    if found != 1:
        return f"its old text stands {found} times in lambdalab/{mutation.file}, not once"
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    return ""


def run_tests(tests: Iterable[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy, against the copy's package."""
    env = dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
    env.pop("LAMBDALAB_SITE", None)
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=120")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def verdict(mutation: Mutation, unbroken: Path) -> str:
    """Nothing, if the test fails on the broken rule; else what happened."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_clone(folder, unbroken)
        problem = apply(mutation, folder)
        if problem:
            return problem
        after = run_tests([mutation.test], folder)
    if after.returncode == PASSED:
        return f"NOT CAUGHT by {mutation.test}"
    if after.returncode != TESTS_FAILED:
        return f"pytest could not run {mutation.test}\n{after.stdout[-1500:]}{after.stderr[-1500:]}"
    if "\nFAILED " not in after.stdout:  # the audit of conftest.py is an error of the teardown
        return f"NOT CAUGHT by {mutation.test}, only by the audit after it"
    return ""


def main() -> int:
    """Try the mutations asked for; print one line for each."""
    parser = argparse.ArgumentParser(description="Break one rule at a time.")
    names = [mutation.name for mutation in MUTATIONS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", default=names)
    parser.add_argument("--list", action="store_true", help="list the mutations and stop")
    args = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if mutation.name in args.only]
    if args.list:
        for mutation in chosen:
            print(f"{mutation.name:60} {mutation.fact:30} {mutation.file:30} {mutation.test}")
        return 0
    with tempfile.TemporaryDirectory() as name:
        unbroken = Path(name)
        copy_clone(unbroken)
        before = run_tests(dict.fromkeys(mutation.test for mutation in chosen), unbroken)
        if before.returncode != PASSED:
            print(
                f"tests fail on the unbroken rules\n{before.stdout[-5000:]}{before.stderr[-1500:]}"
            )
            return 1
        return try_all(chosen, unbroken)


def try_all(chosen: list[Mutation], unbroken: Path) -> int:
    """Try these mutations, each in a copy of the unbroken one; 1 if any is not caught."""
    bad = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = pool.map(partial(verdict, unbroken=unbroken), chosen)
        for mutation, problem in zip(chosen, verdicts, strict=True):
            bad += bool(problem)
            print(f"{mutation.name:60} {problem or f'OK: caught by {mutation.test}'}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} caught")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
