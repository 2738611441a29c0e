"""Modules of a code folder: fresh in each environment, under their usual names, two alive at once."""

from __future__ import annotations

import functools
import importlib
import linecache
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdalab.kernel.surroundings import CodeFolder
from tests.kernel.surroundings_helper import Place, in_a_run, installed, wait

FILES = {
    "orders.py": (
        "import dataclasses, pickle\n"
        "import helpers\n"
        "from shop import price\n"
        "from shop.tax import rate\n"
        "count = 0\n"
        "@dataclasses.dataclass\n"
        "class Order:\n"
        "    x: 'int' = 1\n"
        "def handler(event, context):\n"
        "    global count\n"
        "    count += 1\n"
        "    helpers.seen.append(event)\n"
        "    import late\n"
        "    late.seen.append(event)\n"
        "    return count, list(helpers.seen), price(), pickle.loads(pickle.dumps(Order())).x, late.seen\n"
    ),
    "helpers.py": "seen = []\n",
    "late.py": "seen = []\n",
    "shop/__init__.py": "from .price import price\n",
    "shop/price.py": "from . import tax\ndef price(): return 10 * tax.rate\n",
    "shop/tax.py": "rate = 1.5\n",
    "plain/deep.py": "from helpers import seen\nvalue = 'namespace'\n",
}
NAMES = ("orders", "helpers", "late", "shop", "shop.price", "shop.tax")


def folder(tmp_path: Path, files: dict[str, str]) -> CodeFolder:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return CodeFolder(str(tmp_path))


def in_memory(_tmp_path: Path, files: dict[str, str]) -> CodeFolder:
    return CodeFolder(files={name: text.encode() for name, text in files.items()})


@pytest.fixture(params=[folder, in_memory])
def code(request: pytest.FixtureRequest, tmp_path: Path) -> CodeFolder:
    made: CodeFolder = request.param(tmp_path, FILES)
    return made


def load(place: Place, name: str = "orders") -> Any:
    return place.run(lambda: importlib.import_module(name))


@in_a_run
class TestTwoEnvironments:
    def test_alive_at_once_each_with_its_own_state(self, code: CodeFolder) -> None:
        one, two = Place("a/e1", code=code), Place("b/e1", code=code)
        handlers = {place: load(place).handler for place in (one, two)}
        found = [
            place.run(functools.partial(handlers[place], i, None))
            for i, place in enumerate([one, two, one, one, two])
        ]
        assert [entry[0] for entry in found] == [1, 1, 2, 3, 2]
        assert found[3] == (3, [0, 2, 3], 15.0, 1, [0, 2, 3])
        assert found[4] == (2, [1, 4], 15.0, 1, [1, 4])

    def test_an_import_that_sleeps_is_not_disturbed(self, tmp_path: Path) -> None:
        files = FILES | {"orders.py": "import wake\nimport helpers\nwake.now()\nimport late\n"}
        code = folder(tmp_path, files)
        shared = types.ModuleType("wake")
        shared.now = wait  # type: ignore[attr-defined]
        sys.modules["wake"] = shared
        try:
            runs = [
                Place(f"{n}/e1", code=code).start(lambda: importlib.import_module("orders"))
                for n in "ab"
            ]
            for run in runs:
                run.go()
            first, second = (run.go() for run in runs)
        finally:
            del sys.modules["wake"]
        assert first is not second
        assert first.helpers is not second.helpers
        assert first.late is not second.late

    def test_reset_loads_them_afresh(self, code: CodeFolder) -> None:
        place = Place(code=code)
        first = load(place)
        assert load(place) is first
        place.surroundings.reset()
        assert load(place) is not first


class TestTheNotebook:
    def test_sees_nothing_of_them_after_a_run(self, code: CodeFolder) -> None:
        path, finders = list(sys.path), list(sys.meta_path)
        with installed():
            load(Place(code=code))
        assert not set(NAMES) & set(sys.modules)
        assert (sys.path, sys.meta_path) == (path, finders)

    def test_its_own_modules_of_the_same_names_are_hidden_and_come_back(
        self, code: CodeFolder
    ) -> None:
        mine = {name: types.ModuleType(name) for name in ("helpers", "shop", "shop.other")}
        sys.modules.update(mine)
        try:
            with installed():
                place, bare = Place("a/e1", code=code), Place("b/e1")
                assert load(place).helpers is not mine["helpers"]
                with pytest.raises(ModuleNotFoundError):
                    load(place, "shop.other")
                assert load(bare, "helpers") is mine["helpers"]
                assert place.run(lambda: sys.modules["helpers"]) is not mine["helpers"]
            assert {name: sys.modules[name] for name in mine} == mine
        finally:
            for name in mine:
                del sys.modules[name]

    def test_writes_no_bytecode(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        with installed():
            load(Place(code=folder(tmp_path, FILES)))
        assert list(tmp_path.rglob("*.pyc")) == []


@in_a_run
class TestFinding:
    def test_a_folder_without_init_is_a_package(self, code: CodeFolder) -> None:
        assert load(Place(code=code), "plain.deep").value == "namespace"

    def test_what_is_not_there_is_an_ordinary_error(self, code: CodeFolder) -> None:
        for name in ("absent", "shop.absent"):
            with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'"):
                load(Place(code=code), name)

    def test_a_failed_import_can_be_tried_again(self, tmp_path: Path) -> None:
        code = folder(tmp_path, {"broken.py": "1/0\n", "good.py": "x = 1\n"})
        place = Place(code=code)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                load(place, "broken")
            load(Place("b/e1"), "json")
        assert load(place, "good").x == 1

    def test_changed_files_are_compiled_again(self, tmp_path: Path) -> None:
        code = folder(tmp_path, {"app.py": "x = 1\n"})
        assert load(Place(code=code), "app").x == 1
        compiled = code.compiled(f"{code.root}/app.py")
        assert code.compiled(f"{code.root}/app.py") is compiled
        (tmp_path / "app.py").write_text("x = 22\n")
        (tmp_path / "fresh.py").write_text("")
        assert load(Place(code=code), "app").x == 22
        assert load(Place(code=code), "fresh")

    def test_builtin_and_early_names_are_the_runtimes(self, tmp_path: Path) -> None:
        code = folder(
            tmp_path, {"json.py": "", "time.py": "", "app.py": "", "lambdalab/__init__.py": ""}
        )
        assert code.names == {"app"}
        assert hasattr(load(Place(code=code), "json"), "dumps")

    def test_vendored_distributions_are_shared(self, tmp_path: Path) -> None:
        record = "vendored_dist/__init__.py,sha256=x,1\nvendored_dist-1.0.dist-info/RECORD,,\n"
        files = {"app.py": "import vendored_dist\n", "vendored_dist/__init__.py": "seen = []\n",
                 "vendored_dist-1.0.dist-info/RECORD": record}  # fmt: skip
        code = folder(tmp_path, files)
        try:
            one, two = load(Place("a/e1", code=code), "app"), load(Place("b/e1", code=code), "app")
            assert one is not two
            assert one.vendored_dist is two.vendored_dist
        finally:
            sys.modules.pop("vendored_dist", None)

    def test_packages_with_compiled_code_are_shared(self, tmp_path: Path) -> None:
        files = {
            "app.py": "",
            "fast_pkg/__init__.py": "",
            "fast_pkg/deep/_c.so": "",
            "own_pkg/a.py": "",
        }
        for code in (folder(tmp_path, files), in_memory(tmp_path, files)):
            assert code.names == {"app", "own_pkg"}

    def test_a_module_that_replaces_itself(self, tmp_path: Path) -> None:
        text = "import sys\nclass Lazy: value = 5\nsys.modules[__name__] = Lazy()\n"
        place = Place(code=folder(tmp_path, {"lazy_one.py": text}))
        first = load(place, "lazy_one")
        load(Place("b/e1"), "json")
        assert load(place, "lazy_one") is first
        assert first.value == 5

    def test_made_inside_the_task_of_another_environment(self, tmp_path: Path) -> None:
        with tempfile.TemporaryDirectory(dir="/tmp") as below:
            code = folder(Path(below), {"app.py": ""})
            (Path(below) / "late_one.py").touch()
            Place().run(lambda: Place("b/e1", code=code))
            assert code.names == {"app", "late_one"}

    def test_sys_path_of_an_environment_is_its_own(self, tmp_path: Path) -> None:
        place = Place(
            code=folder(tmp_path, {"app.py": "import sys\nsys.path.append('/opt/python')\n"})
        )
        load(place, "app")
        assert place.run(lambda: (sys.path[0], sys.path[-1])) == (str(tmp_path), "/opt/python")
        assert Place("b/e1").run(lambda: "/opt/python" in sys.path) is False


@in_a_run
class TestSharedLibraries:
    def test_are_imported_outside_the_task(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "some_library.py").write_text(
            "import random\ndrawn = random.random()\nprint('at import')\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        try:
            import random

            place, other = Place("r/e1"), Place("r/e1")
            with_import = place.run(
                lambda: (importlib.import_module("some_library"), random.random())
            )
            assert other.run(random.random) == with_import[1]
            assert place.log == ""
        finally:
            sys.modules.pop("some_library", None)

    def test_what_is_imported_late_follows_the_shims_too(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", LATE], capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.stderr) == ("False ['late.db']\n", "")


LATE = """
import os, sys
from tests.kernel.surroundings_helper import Place, installed

before = "sqlite3" in sys.modules
def handler():
    import sqlite3
    sqlite3.connect("/tmp/late.db").close()
    return os.listdir("/tmp")

place = Place()
with installed():
    found = place.run(handler)
    place.surroundings.scrap()
print(before, found)
"""


@in_a_run
class TestInMemory:
    def test_file_and_lines(self, tmp_path: Path) -> None:
        code = in_memory(tmp_path, {"app.py": "def f():\n    return 1 / 0\n"})
        place = Place(code=code)
        module = load(place, "app")
        assert module.__file__ == "/var/task/app.py"
        compiled = module.f.__code__.co_filename
        assert linecache.getline(compiled, 2) == "    return 1 / 0\n"
        assert code.shown(compiled) == "/var/task/app.py"

    def test_two_versions_show_their_own_lines(self, tmp_path: Path) -> None:
        files = [in_memory(tmp_path, {"app.py": f"def f(): return {n}\n"}) for n in (1, 2)]
        functions: list[Callable[[], int]] = [load(Place(code=code), "app").f for code in files]
        lines = [linecache.getline(f.__code__.co_filename, 1) for f in functions]
        assert lines == ["def f(): return 1\n", "def f(): return 2\n"]

    def test_data_through_pkgutil_and_inspect(self, tmp_path: Path) -> None:
        import inspect
        import pkgutil

        code = in_memory(tmp_path, {"pkg/__init__.py": "def f(): pass\n", "pkg/a.txt": "data"})
        place = Place(code=code)
        package = load(place, "pkg")
        assert place.run(lambda: pkgutil.get_data("pkg", "a.txt")) == b"data"
        with pytest.raises(FileNotFoundError):
            place.run(lambda: pkgutil.get_data("pkg", "b.txt"))
        loader = package.__loader__
        assert inspect.getsource(package.f) == "def f(): pass\n"
        assert (loader.get_source("pkg"), loader.is_package("pkg")) == ("def f(): pass\n", True)
        assert loader.get_code("pkg") is code.compiled(loader.get_filename("pkg"))
        assert repr(code) == "CodeFolder(['pkg/__init__.py', 'pkg/a.txt'])"


@in_a_run
@pytest.mark.parametrize("make", [folder, in_memory])
def test_importlib_resources(make: Callable[..., CodeFolder], tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/d.txt": "data", "pkg/in/e.txt": "deep", "bare/f.txt": "f",
             "bare/m.py": ""}  # fmt: skip
    place = Place(code=make(tmp_path, files))

    def handler() -> Any:
        from importlib import resources

        root = resources.files("pkg")
        with resources.open_text("pkg", "d.txt") as file, resources.as_file(root / "d.txt") as path:
            return {
                "files": root.joinpath("d.txt").read_text(),
                "deep": root.joinpath("in", "e.txt").read_bytes(),
                "read_text": resources.read_text("pkg", "d.txt"),
                "open_text": file.read(),
                "is": resources.is_resource("pkg", "d.txt"),
                "listed": sorted(entry.name for entry in root.iterdir()),
                "path": str(path),
                "without init": resources.files("bare").joinpath("f.txt").read_text(),
            }

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the older half of its functions
        found = place.run(handler)
    assert found == {
        "files": "data", "deep": b"deep", "read_text": "data", "open_text": "data", "is": True,
        "listed": ["__init__.py", "d.txt", "in"], "path": "/var/task/pkg/d.txt",
        "without init": "f",
    }  # fmt: skip
