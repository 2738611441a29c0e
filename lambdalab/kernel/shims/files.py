"""Every way of Python's own to reach a file leads where :class:`FileView` says.

Libraries that open files in C by themselves (Arrow, HDF5) do not follow; SQLite does.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims import read_only
from lambdalab.kernel.shims.environ import Names, here
from lambdalab.kernel.shims.file_view import TMP, FileView

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import Surroundings

ONE_PATH = (
    "open stat lstat mkdir rmdir remove unlink access chmod chown lchown utime truncate"
    " statvfs mkfifo mknod pathconf getxattr setxattr listxattr removexattr listdir"
)
TWO_PATHS = "rename replace link symlink"
_real_open, _os_open, _os_unlink = io.open, os.open, os.unlink


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
    check = read_only.CHECKS.get(real.__name__)

    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None:
            return real(*args, **kwargs)
        view = surroundings.files
        if check is not None and view.code is not None and not check(view, *args, **kwargs):
            return False  # os.access
        if kwargs and kwargs.get("dir_fd") is not None:
            return real(*args, **kwargs)
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
        if surroundings is None:
            return real(src, dst, *args, **kwargs)
        view = surroundings.files
        if view.code is not None:
            read_only.check_two(view, real.__name__, src, dst, kwargs)
        if any(name.endswith("dir_fd") for name in kwargs):
            return real(src, dst, *args, **kwargs)
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
        return real() if surroundings is None else surroundings.files.cwd or real()

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
            if view.code is not None:
                read_only.check_open(view, file, mode)
            mapped = view.real(file)
            if mapped is not file:
                opener = _opener(view, mapped, opener)
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


def _connect(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def connect(database: Any, *args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None or database in (":memory:", ""):
            return real(database, *args, **kwargs)
        view, text = surroundings.files, str(database)
        if not text.startswith("file:"):
            mapped = view.real(database)
            if mapped is database or len(args) > 6 or not view.in_code(os.fsdecode(database)):
                return real(mapped, *args, **kwargs)
            address = Path(os.fsdecode(mapped)).as_uri() + "?mode=ro"
            return real(address, *args, **{**kwargs, "uri": True})
        if text.startswith("file:/"):
            path, mark, query = text[5:].partition("?")
            path = "/" + path.lstrip("/")
            if view.in_code(path):
                mark, query = "?", f"{query}&mode=ro".lstrip("&")
            database = "file:" + view.real(path) + mark + query
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
