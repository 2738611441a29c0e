"""What the file system looks like to a handler: ``/tmp`` is its environment's, ``/var/task`` its code.

The handler sees ``/tmp/...`` everywhere: in names it gets from ``tempfile``, in a file's ``name``, in
errors. ``/var/task`` is the working directory of handlers that have code of their own; those of a
notebook work in the notebook's folder. Code that lies in memory (a zip, a source text) is unpacked
when a handler first reaches for one of its files.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims.environ import outside
from lambdalab.kernel.shims.modules import TASK_ROOT

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import CodeFolder

TMP = "/tmp"


class FileView:
    """What the file system looks like from one environment.

    ``code`` is its code folder, if it has one. Paths that merely lie below the real ``/tmp`` because
    the code, the notebook or a virtual environment does are left alone.
    """

    def __init__(self, code: CodeFolder | None) -> None:
        self.code = code
        self.cwd: str | None = None
        self.restart()
        self._root = code.root if code is not None and code.files is None else None
        self._directory: str | None = None
        self._exempt: tuple[str, ...] | None = None
        self.names: Iterator[str] | None = None

    def real(self, path: Any) -> Any:
        """Where a path really is; the very same object when it is there already."""
        text = path
        if type(text) is not str:
            if isinstance(text, int | None):
                return path
            text = os.fspath(text)
            if isinstance(text, bytes):
                text = os.fsdecode(text)
        found = self._mapped(text)
        if found is text:
            return path
        return os.fsencode(found) if isinstance(path, bytes) else found

    def _mapped(self, text: str) -> str:
        if text[:1] == "/":
            if text[:4] == TMP and text[4:5] in ("", "/"):
                if self._exempt is None:
                    self._exempt = self._find_exempt()
                return text if f"{text}/".startswith(self._exempt) else self.directory() + text[4:]
            if self.code is not None and text[:9] == TASK_ROOT and text[9:10] in ("", "/"):
                return self._in_task(text, self.code)
            return text
        if not text or self.cwd is None:
            return text
        return self._mapped(os.path.join(self.cwd, text))

    def _in_task(self, text: str, code: CodeFolder) -> str:
        if "/.." in text:
            text = os.path.normpath(text)
            if not f"{text}/".startswith(TASK_ROOT + "/"):
                return self._mapped(text)
        if self._root is None:
            self._root, self._exempt = outside(code.on_disk), None
        within = code.shown(text)[9:] if code.files is not None else text[9:]
        return self._root + within

    def in_code(self, text: str) -> bool:
        """Whether a path leads to the function's code, by the name it has here or by the real one."""
        if self.code is None:
            return False
        path = os.path.normpath(os.path.join(self.cwd or "", text)) + "/"
        if path.startswith(TASK_ROOT + "/"):
            return True
        if self._root is None or self._mapped(path) is not path:
            return False
        return path.startswith((self._root + "/", outside(os.path.realpath, self._root) + "/"))

    def real_directory(self) -> str | None:
        """The working directory, if it is not the process's."""
        return None if self.cwd is None else self._mapped(self.cwd)

    def shown(self, path: str) -> str:
        """The path as the handler knows it."""
        if self._directory is not None and path.startswith(self._directory):
            return TMP + path[len(self._directory) :]
        if self._root is not None and path.startswith(self._root):
            return TASK_ROOT + path[len(self._root) :]
        return path

    def explain(self, error: OSError) -> None:
        """Let an error name the paths that the handler gave."""
        for name in ("filename", "filename2"):
            path = getattr(error, name)
            if isinstance(path, str | bytes):
                shown = self.shown(os.fsdecode(path))
                setattr(error, name, os.fsencode(shown) if isinstance(path, bytes) else shown)

    def directory(self) -> str:
        """The directory that ``/tmp`` stands for, made when first asked for."""
        if self._directory is None:
            self._directory = outside(tempfile.mkdtemp, None, "lambdalab-")
            self._exempt = (*(self._exempt or self._find_exempt()), self._directory + "/")
            self._remove = outside(weakref.finalize, self, remove_directory, self._directory)
        return self._directory

    def _find_exempt(self) -> tuple[str, ...]:
        places = {*sys.path, sys.prefix, sys.base_prefix, outside(os.getcwd)}
        if self._root is not None:
            places.add(self._root)
        below = sorted(f"{place.rstrip('/')}/" for place in places if place.startswith(TMP + "/"))
        return *(place for place in below if place != "/tmp/"), "/tmp/pytest-of-", "/tmp/ipykernel_"

    def change_directory(self, path: Any) -> None:
        """``os.chdir`` for this environment only."""
        shown = os.fsdecode(path)
        target = os.path.normpath(os.path.join(self.cwd or outside(os.getcwd), shown))
        try:
            outside(os.listdir, self._mapped(target))  # raises what chdir would
        except OSError as error:
            self.explain(error)
            raise
        self.cwd = target

    def restart(self) -> None:
        """A new process: the working directory is what it was; the files stay."""
        self.cwd = None if self.code is None else TASK_ROOT

    def scrap(self) -> None:
        """Remove the directory and what is in it."""
        if self._directory is not None:
            self._remove()
            self._directory = self._exempt = None


def remove_directory(path: str) -> None:
    """Whoever runs when an environment is collected, it is the process that cleans up."""
    outside(shutil.rmtree, path, True)
