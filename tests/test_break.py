"""The mutations of tools/mutations.py still fit the code they break; `make break` applies them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lambdalab

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"
FACTS = ROOT / "docs" / "fidelity.md"
PACKAGE = Path(lambdalab.__file__).parent


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(TOOLS)  # for the parts it is made of
        spec.loader.exec_module(module)
    return module


MUTATIONS = load("mutations").MUTATIONS


def test_each_mutation_changes_one_place() -> None:
    for mutation in MUTATIONS:
        source = (PACKAGE / mutation.file).read_text(encoding="utf-8")
        assert source.count(mutation.old) == 1, mutation.name
        assert mutation.old != mutation.new, mutation.name
        if mutation.file.endswith(".py"):
            compile(source.replace(mutation.old, mutation.new), mutation.name, "exec")


def test_each_mutation_names_a_test_there_is() -> None:
    for mutation in MUTATIONS:
        path, _, node = mutation.test.partition("::")
        name = node.split("::")[-1].partition("[")[0]
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), mutation.name


def test_each_fact_is_in_the_map_with_the_test() -> None:
    cells = [line.split(" | ") for line in FACTS.read_text(encoding="utf-8").splitlines()]
    shown_by = {row[0].removeprefix("| "): row[-1] for row in cells if len(row) > 1}
    for mutation in MUTATIONS:
        if mutation.fact:
            assert f"`{mutation.test}`" in shown_by[mutation.fact], mutation.name


def test_names_are_unique() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(names) == len(set(names))
