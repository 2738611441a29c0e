"""Every Python block of the README runs, in order, and prints exactly what the README says."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pytest

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


def test_what_it_prints_fits_the_page() -> None:
    blocks = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 112


def test_links_and_pictures_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", TEXT)
    local = [target for target in targets if "://" not in target]
    assert not [target for target in local if not (ROOT / target).exists()]
