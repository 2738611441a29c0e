"""Modules of a code folder are fresh in each environment, yet stand in ``sys.modules`` as usual.

Dataclasses, pickle and relative imports look into ``sys.modules``, so a private import is not enough:
while an environment's task runs, its own modules are there under their usual names; when another
environment's turn comes they make room, and what they had hidden comes back.

Libraries are shared: what is installed, C extensions, and distributions unpacked into the code folder
(a ``.dist-info`` lies beside them). Their first import runs *outside* the task, so that import-time
locks, clocks and random draws are the process's.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims.environ import Names, here, outside

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import CodeFolder

TASK_ROOT = "/var/task"
_PACKAGE = str(Path(__file__).resolve().parents[2]) + os.sep
_EXAMPLES = _PACKAGE + "examples" + os.sep


class OwnLoader:
    """Loads one module of a code folder for the environment that runs."""

    def __init__(self, folder: CodeFolder, filename: str, package: bool) -> None:
        self.folder, self._filename, self._package = folder, filename, package

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code; it is the environment's from its first line on."""
        surroundings = here()
        if surroundings is not None and surroundings.modules is not None:
            surroundings.modules.loaded[module.__name__] = module
        if self.folder.files is not None:
            module.__file__ = self.folder.shown(self._filename)
        exec(self.folder.compiled(self._filename), module.__dict__)

    def get_source(self, _name: str) -> str:
        """The text, for :mod:`linecache` and :mod:`inspect`."""
        return importlib.util.decode_source(self.folder.read(self._filename))

    def get_code(self, _name: str) -> CodeType:
        """The compiled text."""
        return self.folder.compiled(self._filename)

    def get_filename(self, _name: str) -> str:
        """The path that the code was compiled with."""
        return self._filename

    def is_package(self, _name: str) -> bool:
        """Whether the module is a package."""
        return self._package

    @property
    def path(self) -> str:
        """Where the module's file lies on Lambda; :meth:`get_resource_reader` looks beside it."""
        shown = self.folder.shown(self._filename)
        return shown + "__init__.py" if shown.endswith("/") else shown

    def get_resource_reader(self, _name: str) -> Any:
        """The data files of a package, for :mod:`importlib.resources`."""
        from importlib.readers import FileReader

        return FileReader(self) if self._package else None  # type: ignore[arg-type]

    def get_data(self, path: str) -> bytes:
        """A data file beside the module, for ``pkgutil.get_data``."""
        if self.folder.files is not None and path.startswith(TASK_ROOT + "/"):
            inside = path.removeprefix(self.folder.root + "/").removeprefix(TASK_ROOT + "/")
            if inside not in self.folder.files:
                raise FileNotFoundError(2, "No such file or directory", path)
            return self.folder.files[inside]
        return Path(path).read_bytes()


class OwnModules:
    """The modules that one environment has loaded from its code folder."""

    __slots__ = ("folder", "loaded", "path")

    def __init__(self, folder: CodeFolder) -> None:
        outside(folder.refresh)
        self.folder = folder
        self.loaded: dict[str, ModuleType] = {}
        self.path: list[str] | None = None  # its own sys.path, from its first turn on

    def drop(self) -> None:
        """Forget the modules; the next import loads them afresh."""
        if stage.owner is self:
            stage.show(None)
        self.loaded, self.path = {}, None


class Stage:
    """Whose own modules stand in ``sys.modules`` now, and what they hide there."""

    def __init__(self) -> None:
        self.owner: OwnModules | None = None
        self._hidden: dict[str, ModuleType] = {}
        self._process_path: list[str] = sys.path
        self._theirs: dict[CodeFolder, tuple[str, ...]] = {}

    def show(self, owner: OwnModules | None) -> None:
        """Let ``owner``'s modules stand in ``sys.modules``; the process's only, if None."""
        if self.owner is not None:
            self._clear(self.owner)
        self.owner = owner
        if owner is not None:
            self._set(owner)

    def forget(self) -> None:
        """A run begins or ends: in the next, look again what hides behind a folder's names."""
        self._theirs.clear()

    def _clear(self, owner: OwnModules) -> None:
        present = sys.modules
        for name in list(owner.loaded):
            module = present.pop(name, None)
            if module is None:  # its import has failed
                del owner.loaded[name]
            else:
                owner.loaded[name] = module
        present.update(self._hidden)
        self._hidden = {}
        owner.path, sys.path = sys.path, self._process_path

    def _set(self, owner: OwnModules) -> None:
        present = sys.modules
        for name in self._namesakes(owner.folder):
            if name in present:
                self._hidden[name] = present.pop(name)
        present.update(owner.loaded)
        self._process_path = sys.path
        if owner.path is None:
            here = [owner.folder.root] if owner.folder.files is None else []
            owner.path = here + sys.path
        sys.path = owner.path

    def _namesakes(self, folder: CodeFolder) -> tuple[str, ...]:
        """Modules of the process whose names the folder's hide, with all their submodules."""
        names = self._theirs.get(folder)
        if names is None:
            tops = folder.names & sys.modules.keys()
            names = tuple(n for n in sys.modules if n.partition(".")[0] in tops) if tops else ()
            self._theirs[folder] = names
        return names


stage = Stage()


class Modules:
    """Finds a code folder's modules for the environment that runs, shares everything else."""

    def __init__(self) -> None:
        self._bootstrap: Any = importlib._bootstrap
        self._real = self._bootstrap._find_and_load

    def on(self) -> None:
        """Begin to dispatch imports."""
        self._real = self._bootstrap._find_and_load
        self._bootstrap._find_and_load = self._find_and_load
        sys.meta_path.insert(0, self)
        stage.forget()

    def off(self) -> None:
        """Leave ``sys.modules`` to the process."""
        stage.show(None)
        stage.forget()
        sys.meta_path.remove(self)
        self._bootstrap._find_and_load = self._real

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module of the running environment's code folder; None leaves it to the other finders."""
        surroundings = here()
        own = None if surroundings is None else surroundings.modules
        if own is None or name.partition(".")[0] not in own.folder.names:
            return None
        folder: CodeFolder = own.folder
        tail = name.rpartition(".")[2]
        for parent in (folder.root,) if path is None else path:
            below = f"{parent}/{tail}"
            located = (
                folder.locate(below[len(folder.root) + 1 :])
                if parent.startswith(folder.root)
                else None
            )
            if located is not None:
                filename, package = located
                return importlib.util.spec_from_file_location(
                    name, filename, loader=OwnLoader(folder, filename, package),  # type: ignore[arg-type]
                    submodule_search_locations=[below] if package else None,
                )  # fmt: skip
        return None

    def invalidate_caches(self) -> None:
        """Nothing is cached beyond a file's time of change."""

    def _find_and_load(self, name: str, import_: Callable[..., Any]) -> Any:
        """What every import of something not yet in ``sys.modules`` comes through."""
        surroundings = here()
        if surroundings is None:
            return self._real(name, import_)
        own = surroundings.modules
        if own is not None and name.partition(".")[0] in own.folder.names:
            module = self._real(name, import_)
            own.loaded.setdefault(name, module)  # one that another finder has found
            return module
        module = outside(self._real, name, import_)
        for names in list(Names.awaiting):
            names.catch_up()
        return module


@lru_cache(512)
def shown_path(filename: str, folder: CodeFolder | None = None) -> str | None:
    """A file's path as Lambda would show it; None if it is lambdalab's own or the import system's.

    The code folder is ``/var/task``, a notebook cell ``/var/task/lambda_function.py``, a script lies
    in ``/var/task`` too, libraries where the runtime has them: no path of this machine.
    """
    if folder is not None and (shown := folder.shown(filename)) is not filename:
        return shown
    if filename.startswith(TASK_ROOT + "/."):
        return f"{TASK_ROOT}/{filename.split('/', 4)[-1]}"
    if filename.startswith(TASK_ROOT + "/"):
        return filename
    if filename.startswith("<frozen ") or (
        filename.startswith(_PACKAGE) and not filename.startswith(_EXAMPLES)
    ):
        return None
    if filename.startswith("<"):
        cell = filename.startswith(("<ipython-input", "<stdin", "<doctest"))
        return f"{TASK_ROOT}/lambda_function.py" if cell else filename
    path = filename.replace(os.sep, "/")
    for libraries in ("/site-packages/", "/dist-packages/"):
        if libraries in path:
            return f"{TASK_ROOT}/{path.rpartition(libraries)[2]}"
    for home in (os.path.dirname(os.__file__), f"{sys.base_prefix}/lib"):
        if path.startswith(home + "/"):
            return f"/var/lang/lib/python{sys.version_info[0]}.{sys.version_info[1]}{path[len(home) :]}"
    if "/ipykernel_" in path:
        return f"{TASK_ROOT}/lambda_function.py"
    return f"{TASK_ROOT}/{path.rpartition('/')[2]}"


def is_users(filename: str, folder: CodeFolder | None = None) -> bool:
    """Whether a frame is of the user's code: not lambdalab, not a library, not the import system."""
    if folder is not None and folder.shown(filename) is not filename:
        return True
    shown = shown_path(filename)
    libraries = ("/site-packages/", "/dist-packages/")
    return (
        shown is not None
        and not shown.startswith("/var/lang/")
        and not any(part in filename.replace(os.sep, "/") for part in libraries)
    )
