"""Every Python block of the README runs, in order, and prints exactly what the README says."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def load(name: str) -> ModuleType:
    """A script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_python_block_prints_what_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python tools/readme.py --update` writes what they print now."""
    monkeypatch.chdir(tmp_path)
    readme = load("readme")
    assert readme.blocks(TEXT), "the README shows no code"
    with mpl.rc_context({"backend": "agg"}):
        for block, printed in readme.run(TEXT):
            assert printed.rstrip() == block.shown.rstrip(), f"README.md, line {block.line}"


def test_the_first_screen_has_what_a_newcomer_needs() -> None:
    for needed in ("make demo", "make test", "python -m lambdalab demo", "docs/pictures/"):
        assert needed in TEXT
    assert "FILL" not in TEXT


def test_the_figures_of_trust_are_those_of_the_map() -> None:
    """Facts covered of all: as tools/fidelity.py counts them."""
    fidelity = load("fidelity")
    report = fidelity.check(fidelity.MAP.read_text(encoding="utf-8"))
    shown, left_out, later = (
        int(re.search(pattern, TEXT)[1])  # type: ignore[index]
        for pattern in (
            r"(\d+) of \d+ known to us",
            r"(\d+) are not simulated",
            r"(\d+) comes? later",
        )
    )
    assert f"{shown} facts built and tested, {left_out} not simulated, {later} for later" in str(
        report
    )
    assert re.search(rf"{shown} of {shown + left_out + later} known", TEXT)


def test_what_it_prints_fits_the_page() -> None:
    blocks = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 112


def test_links_and_pictures_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", TEXT)
    local = [target for target in targets if "://" not in target]
    assert not [target for target in local if not (ROOT / target).exists()]


def test_the_film_is_small_moves_and_tells_something_where_it_stands_still() -> None:
    """`python tools/make_film.py` makes it; many pages show its first picture only."""
    path = ROOT / "docs" / "pictures" / "film.gif"
    assert path.name in TEXT[:2000]
    assert path.stat().st_size <= 1_000_000
    with Image.open(path) as film:
        first = np.asarray(film.convert("RGB")).astype(int)
        assert film.n_frames > 60
        assert film.info["duration"] >= 2_000, "the first picture is gone before it is read"
        film.seek(film.n_frames // 2)
        assert (np.asarray(film.convert("RGB")).astype(int) != first).any(axis=2).mean() > 0.002
    dead_letter = np.abs(first - np.array([0xCC, 0x79, 0xA7])).max(axis=2) < 24
    assert dead_letter.sum() > 100, "the first picture shows no dead letter"
    dark = (first.max(axis=2) < 90).mean()
    assert 0.005 < dark < 0.2, "the first picture has no words"
