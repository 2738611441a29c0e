"""Would Binder build this clone? Without Docker.

    python tools/binder_check.py .            # ask repo2docker what it would do; read binder/
    python tools/binder_check.py --install .  # also install the pins and run the notebooks

`jupyter-repo2docker --no-build` prints the Dockerfile it would use and needs no Docker, but runs
none of its steps. `--install` does the steps that are ours, in a fresh venv, on what is committed.
Neither sees the image's Ubuntu, apt.txt or the conda Python with its own JupyterLab.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

TOUR = "notebooks/00-tour.ipynb"
APP = "lambdalab/widgets/app/explorers.ipynb"


def dockerfile(clone: Path) -> str:
    """What repo2docker would feed to Docker."""
    words = ["--no-build", "--debug", "--user-id", "1000", "--user-name", "jovyan", str(clone)]
    command = [sys.executable, "-m", "repo2docker", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        sys.exit(f"repo2docker failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def problems(clone: Path) -> Iterator[str]:
    """Everything that would break the image or surprise its reader."""
    folder = clone / "binder"
    if (folder / "environment.yml").exists():
        yield "binder/environment.yml wins over requirements.txt: keep one"
    text = dockerfile(clone)
    for used in ('-r "binder/requirements.txt"', "./binder/postBuild"):
        if used not in text:
            yield f"repo2docker does not use {used}"
    yield from runtime_problems(folder / "runtime.txt", text)
    yield from script_problems(folder / "postBuild")
    yield from pin_problems(folder / "requirements.txt", clone / "pyproject.toml")
    for page in (TOUR, APP):
        if not (clone / page).exists():
            yield f"there is no {page} to open"


def runtime_problems(path: Path, text: str) -> Iterator[str]:
    """The Python asked for is one that repo2docker builds."""
    version = path.read_text().strip()
    if not re.fullmatch(r"python-3\.\d+", version):
        yield f"runtime.txt says {version!r}; it must say python-3.X"
    elif f"python={version.removeprefix('python-')}" not in text:
        yield f"repo2docker does not build for {version}"


def script_problems(path: Path) -> Iterator[str]:
    """postBuild can be executed, and opens the tour."""
    script = path.read_bytes()
    if not os.access(path, os.X_OK):
        yield "postBuild is not executable (git update-index --chmod=+x binder/postBuild)"
    if not script.startswith(b"#!"):
        yield "postBuild has no #! line"
    if b"\r" in script:
        yield "postBuild has Windows line ends"
    if TOUR.encode() not in script:
        yield f"postBuild does not open {TOUR}"


def pin_problems(path: Path, project: Path) -> Iterator[str]:
    """Each line is pinned, and the pins satisfy what the package asks for."""
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    pins = {}
    for line in filter(None, lines):
        name, equals, version = line.partition("==")
        if not equals:
            yield f"requirements.txt: {line} is not pinned"
        pins[name.lower()] = version
    for wanted in map(Requirement, tomllib.loads(project.read_text())["project"]["dependencies"]):
        if wanted.name not in pins:
            yield f"requirements.txt has no {wanted.name}, which lambdalab needs"
        elif not wanted.specifier.contains(pins[wanted.name], prereleases=True):
            yield f"requirements.txt: {wanted.name}=={pins[wanted.name]} is not {wanted.specifier}"


def install(clone: Path) -> None:
    """In a fresh venv and on what is committed: the pins, postBuild, the notebooks, the app."""
    with tempfile.TemporaryDirectory() as folder:
        env, copy = Path(folder, "env"), Path(folder, "clone")
        venv.create(env, with_pip=True)
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", clone, copy], check=True)
        path = f"{env / 'bin'}{os.pathsep}{os.environ['PATH']}"
        variables = dict(os.environ, PATH=path, VIRTUAL_ENV=str(env), PYTHONNOUSERSITE="1")
        variables.pop("PYTHONPATH", None)

        def run(*command: str) -> None:
            subprocess.run(command, cwd=copy, env=variables, stdin=subprocess.DEVNULL, check=True)

        # as repo2docker does it; an image that had to compile something would take minutes
        quick = ("--no-cache-dir", "--only-binary", ":all:")
        run("python", "-m", "pip", "install", "--quiet", *quick, "-r", "binder/requirements.txt")
        run("./binder/postBuild")
        run("python", "-m", "pip", "check")
        lessons = sorted((copy / "notebooks").glob("*.ipynb"))
        for notebook in (*lessons, copy / APP):
            run("jupyter", "execute", str(notebook.relative_to(copy)))


def main() -> int:
    """Check, print every problem, and install if asked and none was found."""
    parser = argparse.ArgumentParser(description="Would Binder build this clone?")
    parser.add_argument(
        "--install", action="store_true", help="also install the pins and run the notebooks"
    )
    parser.add_argument("clone", type=Path, nargs="?", default=Path())
    args = parser.parse_args()
    found = list(problems(args.clone.resolve()))
    print("\n".join(found) or "Binder would build it")
    if not found and args.install:
        install(args.clone.resolve())
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
