"""The house: who may import whom, which room may use which library, how big a room may be."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SPEC = importlib.util.find_spec("lambdalab")
assert SPEC is not None
PACKAGE = Path(str(SPEC.origin)).parent

# From top to bottom; a room imports only itself and what stands below it.
ROOMS = (
    *("__init__", "__main__", "cli", "testing", "quiz", "widgets", "plots", "sweeps", "advice"),
    *(
        "scenarios",
        "examples",
        "aws",
        "calibration",
        "lab",
        "clock_verbs",
        "progress",
        "verbs",
        "mapping_verbs",
        "template_verbs",
        "trigger_verbs",
        "reprs",
        "faults",
        "traffic",
        "triggers",
    ),
    *("sources", "invocation", "functions", "trace", "kernel", "rules"),
    *("api_rules", "trigger_rules", "source_rules", "errors", "_version"),
)

# The few doors that open upward. Each is opened by name when first used, never by an import
# statement: these modules may look names up, and nobody else.
OPENERS = {"__init__", "aws", "lab", "trace"}  # aws: a service's own module, when first asked
LOADERS = {"functions", "kernel"}  # they import a handler's modules, never ours

# Who may import what from outside, beside the standard library.
EVERYWHERE = {"numpy", "orjson", "lambdalab"}
LIBRARIES = {
    "pandas": {"trace", *ROOMS[: ROOMS.index("lab")]},
    "matplotlib": {"plots"},
    "ipywidgets": {"widgets"},
    "anywidget": {"widgets"},
    "traitlets": {"widgets"},
    "greenlet": {"kernel"},
    "tqdm": {"progress"},
    "boto3": {"aws"},
    "botocore": {"aws"},
    "moto": {"aws"},
    "h11": {"aws"},
    "uvicorn": {"aws"},
    "werkzeug": {"aws"},
    "cfn_tools": {"aws"},
    "cloud_radar": {"aws"},
    "samtranslator": {"aws"},
    "yaml": {"aws"},
    "cloudpickle": {"sweeps"},
    "pyarrow": {"trace"},
    "pytest": {"testing"},
    "nbclient": {"cli"},
    "nbconvert": {"cli"},
    "nbformat": {"cli"},
}
MODULE_LINES, FUNCTION_LINES = 400, 60


@dataclass(frozen=True)
class Module:
    """A source file of the package."""

    path: Path
    name: str  # lambdalab.trace.recorder; a package by its own name
    room: str
    tree: ast.Module
    lines: int

    def __repr__(self) -> str:
        return self.name


@cache
def modules() -> list[Module]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).with_suffix("").parts
        dotted = inside[:-1] if inside[-1] == "__init__" else inside
        source = path.read_text(encoding="utf-8")
        name = ".".join(("lambdalab", *dotted))
        found.append(Module(path, name, inside[0], ast.parse(source), source.count("\n")))
    return found


def code() -> list[Module]:
    """All modules but the handlers of the examples, which are a user's code, not the house's."""
    return [m for m in modules() if m.room != "examples" or "lambdalab" in imports_of(m)]


def names() -> set[str]:
    return {module.name for module in modules()}


def imported(module: Module) -> Iterator[str]:
    """Full names of what a module imports, wherever in it the statement stands."""
    is_package = module.path.name == "__init__.py"
    package = module.name if is_package else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join(parents[: len(parents) - node.level + 1] + ([base] if base else []))
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in names() else base


def imports_of(module: Module) -> set[str]:
    return {name.partition(".")[0] for name in imported(module)}


def room_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def test_every_module_stands_in_a_known_room() -> None:
    assert {module.room for module in modules()} <= set(ROOMS)


@pytest.mark.parametrize("module", code(), ids=repr)
def test_arrows_point_down(module: Module) -> None:
    height = {room: place for place, room in enumerate(reversed(ROOMS))}
    upward = [
        name
        for name in imported(module)
        if name.partition(".")[0] == "lambdalab" and height[room_of(name)] > height[module.room]
    ]
    assert not upward, f"{module.name} stands below what it imports"


@pytest.mark.parametrize("module", code(), ids=repr)
def test_libraries_stay_in_their_rooms(module: Module) -> None:
    for library in imports_of(module) - set(sys.stdlib_module_names) - EVERYWHERE:
        assert library in LIBRARIES, f"{module.name} imports {library}, which no room may"
        assert module.room in LIBRARIES[library], f"{library} has no place in {module.name}"


def test_only_the_doors_look_modules_up_by_name() -> None:
    """`importlib.import_module` anywhere else would be an arrow this file cannot see."""
    hidden = [
        f"{module.name}:{node.lineno}"
        for module in code()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
        and module.room not in OPENERS | LOADERS
    ]
    assert not hidden


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("module", modules(), ids=repr)
def test_no_room_wants_a_wall(module: Module) -> None:
    assert module.lines <= MODULE_LINES, f"{module.name} has {module.lines} lines"
    long = {
        function.name: size
        for function in functions_of(module.tree)
        if (size := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert not long, f"functions of more than {FUNCTION_LINES} lines in {module.name}"


def test_the_public_names_are_sorted_and_explained() -> None:
    import lambdalab

    public = lambdalab.__all__
    assert public == sorted(public)
    assert len(public) == len(set(public))
    assert [name for name in public if name.startswith("_")] in ([], ["__version__"])
    assert not [name for name in public if not inspect.getdoc(getattr(lambdalab, name))]
    assert set(public) <= set(dir(lambdalab)), (
        "dir() shows the names that are imported when touched"
    )
