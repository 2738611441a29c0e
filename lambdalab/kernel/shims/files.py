"""``/tmp`` of an environment is a directory of its own, made when a handler first touches it.

The handler sees ``/tmp/...`` everywhere: in names it gets from ``tempfile``, in a file's ``name``, in
errors. ``/var/task`` is its code folder, and the working directory of handlers that have one; those of a
notebook work in the notebook's folder. Where the code lies in memory, relative paths lead to its files,
then to the process's folder.
Libraries that open files in C by themselves (Arrow, HDF5) do not follow; SQLite does.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims.environ import Names, here, outside
from lambdalab.kernel.shims.modules import TASK_ROOT

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import CodeFolder, Surroundings

ONE_PATH = (
    "open stat lstat mkdir rmdir remove unlink access chmod chown lchown utime truncate"
    " statvfs mkfifo mknod pathconf getxattr setxattr listxattr removexattr listdir"
)
TWO_PATHS = "rename replace link symlink"
TMP = "/tmp"
_real_open, _os_open, _os_unlink = io.open, os.open, os.unlink


class FileView:
    """What the file system looks like from one environment.

    ``code`` is its code folder, if it has one. Paths that merely lie below the real ``/tmp`` because
    the code, the notebook or a virtual environment does are left alone.
    """

    def __init__(self, code: CodeFolder | None) -> None:
        self._code = code
        self._on_disk = code is not None and code.files is None
        self.cwd = TASK_ROOT if self._on_disk else None
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
            if self._on_disk and text[:9] == TASK_ROOT and text[9:10] in ("", "/"):
                return self._code.root + text[9:]  # type: ignore[union-attr]
            return text
        return text if self.cwd is None else self._mapped(os.path.join(self.cwd, text))

    def shown_directory(self) -> str | None:
        """The working directory as the handler knows it; None where it is the process's own."""
        return self.cwd or (None if self._code is None else TASK_ROOT)

    def real_directory(self) -> str | None:
        """The working directory, if it is not the process's."""
        return None if self.cwd is None else self._mapped(self.cwd)

    def shown(self, path: str) -> str:
        """The path as the handler knows it."""
        if self._directory is not None and path.startswith(self._directory):
            return TMP + path[len(self._directory) :]
        if self._on_disk and path.startswith(self._code.root):  # type: ignore[union-attr]
            return TASK_ROOT + path[len(self._code.root) :]  # type: ignore[union-attr]
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
            self._remove = outside(weakref.finalize, self, _remove_directory, self._directory)
        return self._directory

    def _find_exempt(self) -> tuple[str, ...]:
        places = {*sys.path, sys.prefix, sys.base_prefix, outside(os.getcwd)}
        if self._on_disk:
            places.add(self._code.root)  # type: ignore[union-attr]
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
        self.cwd = TASK_ROOT if self._on_disk else None

    def scrap(self) -> None:
        """Remove the directory and what is in it."""
        if self._directory is not None:
            self._remove()
            self._directory = self._exempt = None


def _remove_directory(path: str) -> None:
    """Whoever runs when an environment is collected, it is the process that cleans up."""
    outside(shutil.rmtree, path, True)


class Files:
    """Maps paths in ``open``, ``os``, ``tempfile`` and ``sqlite3``; what is built on them follows."""

    def __init__(self) -> None:
        names = Names()
        for name in ONE_PATH.split():
            _put_known(names, name, _one_path)
        for name in TWO_PATHS.split():
            _put_known(names, name, _two_paths)
        _put_known(names, "scandir", _scandir)
        _put_known(names, "readlink", _readlink)
        names.dispatch(
            os, "chdir", lambda surroundings, path: surroundings.files.change_directory(path)
        )
        names.put(os, "getcwd", _getcwd(os.getcwd))
        names.dispatch(os, "getcwdb", lambda _: os.fsencode(os.getcwd()))
        opened = _open()
        names.put(io, "open", opened)
        names.put(sys.modules["builtins"], "open", opened)
        for place in ("tarfile.bltn_open", "bz2._builtin_open", "tokenize._builtin_open"):
            names.put_when_imported(place, lambda real: opened)
        for place in ("sqlite3.connect", "sqlite3.dbapi2.connect"):
            names.put_when_imported(place, _connect)
        names.put_when_imported("glob._StringGlobber", _globber)
        names.dispatch(tempfile, "_get_candidate_names", _candidate_names)
        names.dispatch(tempfile, "_gettempdir", lambda _: os.environ.get("TMPDIR", TMP))
        _teach_closers()

        self.on, self.off = names.on, names.off


def _put_known(names: Names, name: str, make: Callable[[Any], Any]) -> None:
    """Replace a function of ``os`` and say of the stand-in what ``os.supports_*`` says of it."""
    real = getattr(os, name, None)
    if real is None:
        return
    stand_in = make(real)
    for known in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if real in known:
            known.add(stand_in)
    names.put(os, name, stand_in)


def _one_path(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None or (kwargs and kwargs.get("dir_fd") is not None):
            return real(*args, **kwargs)
        view = surroundings.files
        path = args[0] if args else kwargs.pop("path", ".")
        try:
            return real(view.real(path), *args[1:], **kwargs)
        except OSError as error:
            view.explain(error)
            raise

    return call


def _two_paths(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None or any(name.endswith("dir_fd") for name in kwargs):
            return real(src, dst, *args, **kwargs)
        view = surroundings.files
        keeps = real.__name__ == "symlink" and not os.path.isabs(src)
        try:
            return real(src if keeps else view.real(src), view.real(dst), *args, **kwargs)
        except OSError as error:
            view.explain(error)
            raise

    return call


def _readlink(real: Callable[..., Any]) -> Callable[..., Any]:
    read = _one_path(real)

    @functools.wraps(real)
    def readlink(*args: Any, **kwargs: Any) -> Any:
        target, surroundings = read(*args, **kwargs), here()
        told = surroundings is not None and isinstance(target, str)
        return surroundings.files.shown(target) if told else target  # type: ignore[union-attr]

    return readlink


def _getcwd(real: Callable[[], str]) -> Callable[[], str]:
    @functools.wraps(real)
    def getcwd() -> str:
        surroundings = here()
        return real() if surroundings is None else surroundings.files.shown_directory() or real()

    return getcwd


class _Entry:
    """An ``os.DirEntry`` that shows the path that the handler asked for."""

    __slots__ = ("_entry", "name", "path")

    def __init__(self, entry: Any, directory: Any) -> None:
        self._entry, self.name = entry, entry.name
        self.path = os.path.join(directory, entry.name)

    def __fspath__(self) -> Any:
        return self.path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class _Scan:
    """An iterator over mapped entries, also for ``with``."""

    def __init__(self, scan: Any, directory: Any) -> None:
        self._scan, self._directory = scan, directory

    def __iter__(self) -> _Scan:
        return self

    def __next__(self) -> _Entry:
        return _Entry(next(self._scan), self._directory)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self._scan.close()

    def close(self) -> None:
        """Give the real iterator back."""
        self._scan.close()


def _scandir(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def scandir(path: Any = None) -> Any:
        surroundings = here()
        if surroundings is None or isinstance(path, int):
            return real(path)
        view = surroundings.files
        given = "." if path is None else os.fspath(path)
        mapped = view.real(given)
        if mapped is given:
            return real(path)
        try:
            return _Scan(real(mapped), given)
        except OSError as error:
            view.explain(error)
            raise

    return scandir


def _open() -> Callable[..., Any]:
    @functools.wraps(_real_open)
    def open(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None,
        errors: str | None = None, newline: str | None = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        surroundings = here()
        if surroundings is not None:
            view = surroundings.files
            mapped = view.real(file)
            if mapped is not file:
                opener = _opener(view, mapped, opener)
            elif (data := _member(surroundings, file)) is not None and set(mode) <= {*"rbt"}:
                stream = io.BytesIO(data)
                text = (encoding or "utf-8", errors, newline)
                return stream if "b" in mode else io.TextIOWrapper(stream, *text)
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)

    return open


def _opener(view: FileView, mapped: Any, inner: Any) -> Callable[[Any, int], int]:
    """Opens the real file under the name that was given, which the file object then shows."""

    def opener(_path: Any, flags: int) -> int:
        try:
            number: int = inner(mapped, flags) if inner else _os_open(mapped, flags, 0o666)
        except OSError as error:
            view.explain(error)
            raise
        return number

    return opener


def _member(surroundings: Surroundings, file: Any) -> bytes | None:
    """A file of code that lives in memory (a zip's data file)."""
    code = surroundings.code
    if code is None or code.files is None or isinstance(file, int | bytes):
        return None
    path = os.path.normpath(os.path.join(surroundings.files.cwd or TASK_ROOT, os.fspath(file)))
    return code.files.get(path[len(TASK_ROOT) + 1 :]) if path.startswith(TASK_ROOT + "/") else None


def _connect(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def connect(database: Any, *args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is not None:
            view = surroundings.files
            if isinstance(database, str) and database.startswith("file:/"):
                path, mark, query = database[5:].partition("?")
                database = "file:" + view.real("/" + path.lstrip("/")) + mark + query
            elif (
                database != ":memory:" and not str(database).startswith("file:") and database != ""
            ):
                database = view.real(database)
        return real(database, *args, **kwargs)

    return connect


def _globber(real: Any) -> Any:
    """Python 3.13's globber keeps two functions of ``os`` as its own; teach it ours for good."""
    for name in {"lstat", "scandir"} & vars(real).keys():
        function = getattr(real, name)
        setattr(real, name, staticmethod(Names.stand_ins.get(id(function), function)))
    return real


def _candidate_names(surroundings: Surroundings) -> Iterator[str]:
    """``tempfile``'s random names, from the environment's own chance."""
    if surroundings.files.names is None:
        surroundings.files.names = tempfile._RandomNameSequence()  # type: ignore[attr-defined]
    names: Iterator[str] = surroundings.files.names
    return names


def _teach_closers() -> None:
    """``tempfile``'s file objects keep the real ``unlink`` as a default argument; give them ours.

    A temporary file may be collected when its environment is gone, and its file with it.
    """

    def unlink(path: str) -> None:
        surroundings = here()
        with contextlib.suppress(FileNotFoundError):
            _os_unlink(path if surroundings is None else surroundings.files.real(path))

    for function in vars(vars(tempfile)["_TemporaryFileCloser"]).values():
        defaults = getattr(function, "__defaults__", None)
        if defaults and _os_unlink in defaults:
            function.__defaults__ = tuple(unlink if d is _os_unlink else d for d in defaults)
