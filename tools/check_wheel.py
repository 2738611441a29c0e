"""Look into the wheel and the sdist: all of the package, nothing else, licence, version, command.

python tools/check_wheel.py build/dist/*.whl build/dist/*.tar.gz
"""

from __future__ import annotations

import email
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIZE_LIMIT = 2_000_000  # bytes: it is a few hundred kilobytes of text


def generated(path: Path) -> bool:
    """Whether a file is some tool's cache."""
    return any(part.startswith((".", "__pycache__")) for part in path.parts)


def package_files() -> set[str]:
    """Every file of the package in the clone, as the wheel should name it."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "lambdalab").rglob("*")
        if path.is_file() and not generated(path.relative_to(ROOT))
    }


def version() -> str:
    """The version, from the one place that has it."""
    source = (ROOT / "lambdalab" / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+)"', source)
    return found[1] if found else "?"


def wheel_problems(path: Path) -> Iterator[str]:
    """What is wrong with the wheel."""
    with zipfile.ZipFile(path) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        info = {name for name in names if re.match(r"[^/]+\.dist-info/", name)}
        entry = {name.split("/", 1)[1]: name for name in info}
        metadata = email.message_from_bytes(archive.read(entry["METADATA"]))
        scripts = archive.read(entry["entry_points.txt"]) if "entry_points.txt" in entry else b""
    expected = package_files()
    yield from (f"missing: {name}" for name in sorted(expected - names))
    yield from (f"does not belong there: {name}" for name in sorted(names - info - expected))
    if not any(name.startswith("licenses/LICENSE") for name in entry):
        yield "no licence"
    if metadata["Version"] != version():
        yield f"version {metadata['Version']}, but lambdalab/_version.py says {version()}"
    if b"lambdalab = lambdalab.cli:main" not in scripts:
        yield "no `lambdalab` command"
    if path.stat().st_size > SIZE_LIMIT:
        yield f"{path.stat().st_size:,} bytes, more than {SIZE_LIMIT:,}"


def sdist_problems(path: Path) -> Iterator[str]:
    """What is wrong with the sdist: a wheel must be buildable from it alone."""
    with tarfile.open(path) as archive:
        names = {member.name.split("/", 1)[-1] for member in archive.getmembers()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", *package_files()}
    yield from (f"missing: {name}" for name in sorted(wanted - names))


def main() -> int:
    """Check each file named; print every problem."""
    paths = [Path(word) for word in sys.argv[1:]]
    if not paths:
        sys.exit(__doc__)
    found = 0
    for path in paths:
        for problem in wheel_problems(path) if path.suffix == ".whl" else sdist_problems(path):
            found += 1
            print(f"{path.name}: {problem}")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
