"""What one execution environment sees of the process while one of its tasks runs.

The shims ask ``current().surroundings`` for each thing they keep apart; this class holds those things
and changes what cannot be asked for (modules, warning filters) at a switch to another environment.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import linecache
import os
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from logging import LogRecord
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar
from weakref import finalize

from lambdalab.kernel.memory import Memory
from lambdalab.kernel.processor import Processor
from lambdalab.kernel.shims.environ import encoded
from lambdalab.kernel.shims.file_view import FileView, remove_directory
from lambdalab.kernel.shims.logs import fresh_settings
from lambdalab.kernel.shims.modules import TASK_ROOT, OwnModules, stage
from lambdalab.kernel.shims.warnings_ import Kept, shared

_LOADED_EARLY = """
    abc ast base64 bisect codecs collections contextlib copy copyreg datetime decimal dis email
    encodings enum errno functools genericpath hashlib heapq hmac http importlib inspect io json
    keyword linecache logging math numbers opcode operator os posixpath random re reprlib
    selectors signal site socket ssl stat string struct tempfile textwrap threading token
    tokenize traceback types typing urllib uuid warnings weakref zipfile zipimport
"""
RUNTIMES_OWN = frozenset(sys.builtin_module_names) | set(_LOADED_EARLY.split())
"""Modules that are loaded before a handler is: the code folder cannot put its own in their place."""


class CodeFolder:
    """Where a function's own modules come from: a folder on disk, or files in memory.

    ``root`` is the folder; for files in memory, a name below ``/var/task`` that belongs to this text
    alone, so that tracebacks of two versions do not show each other's lines. ``files`` (path below the
    root -> bytes) is None on disk.
    """

    _compiled_on_disk: ClassVar[dict[str, tuple[int, CodeType]]] = {}

    def __init__(self, root: str = "", files: Mapping[str, bytes] | None = None) -> None:
        self.files = files
        self._compiled: dict[str, tuple[int, CodeType]] = {}
        if files is None:
            self.root, self._compiled = os.path.abspath(root), CodeFolder._compiled_on_disk
        else:
            digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
            self.root = f"{TASK_ROOT}/.{digest[:8]}"
        self.names: frozenset[str] = frozenset()
        self._unpacked: str | None = None
        self._listed_at = -1
        self.refresh()

    def __repr__(self) -> str:
        return f"CodeFolder({self.root if self.files is None else sorted(self.files)})"

    def refresh(self) -> None:
        """Look again which top-level modules are the function's own, if the folder has changed."""
        changed = 0 if self.files is not None else os.stat(self.root).st_mtime_ns
        if changed != self._listed_at:
            self._listed_at = changed
            self.names = frozenset(self._own_names())

    def _own_names(self) -> set[str]:
        if self.files is not None:
            tops = {
                path.partition("/")[0].removesuffix(".py")
                for path in self.files
                if path.endswith(".py")
            }
            shared = {path.partition("/")[0] for path in self.files if path.endswith(_COMPILED)}
        else:
            entries = list(os.scandir(self.root))
            modules = (e for e in entries if e.name.endswith(".py") or _holds_modules(e))
            tops = {entry.name.removesuffix(".py") for entry in modules}
            shared = set().union(
                *(_brought_by(e.path) for e in entries if e.name.endswith(".dist-info"))
            )
        mine = tops - shared - RUNTIMES_OWN - {"lambdalab"}
        return {name for name in mine if name.isidentifier()}

    def locate(self, stem: str) -> tuple[str, bool] | None:
        """The file of a module (``pkg/mod``) and whether it is a package; a folder may be one too."""
        for tail, package in (("/__init__.py", True), (".py", False)):
            if self.has(stem + tail):
                return self.root + "/" + stem + tail, package
        return (f"{self.root}/{stem}/", True) if self._is_folder(stem) else None

    def has(self, path: str) -> bool:
        """Whether there is a file with this path below the root."""
        return (
            path in self.files if self.files is not None else os.path.isfile(f"{self.root}/{path}")
        )

    def _is_folder(self, stem: str) -> bool:
        if self.files is not None:
            return any(path.startswith(stem + "/") for path in self.files)
        return os.path.isdir(f"{self.root}/{stem}")

    def on_disk(self) -> str:
        """The folder; what lies in memory is unpacked when first asked for, and removed with it.

        All environments share it, because they can only read it. Anybody may run what is in it:
        nothing else is known of a file in memory than its bytes.
        """
        if self.files is None:
            return self.root
        if self._unpacked is None:
            self._unpacked = os.path.realpath(tempfile.mkdtemp(prefix="lambdalab-"))
            finalize(self, remove_directory, self._unpacked)
            for path, data in self.files.items():
                place = os.path.normpath(f"{self._unpacked}/{path}")
                if place.startswith(self._unpacked + "/"):  # none that a zip would put elsewhere
                    os.makedirs(os.path.dirname(place), exist_ok=True)
                    Path(place).write_bytes(data)
                    os.chmod(place, 0o755)
        return self._unpacked

    def read(self, filename: str) -> bytes:
        """The bytes of one of its files; of a package without ``__init__.py``, none."""
        if filename.endswith("/"):
            return b""
        if self.files is not None:
            return self.files[filename[len(self.root) + 1 :]]
        return Path(filename).read_bytes()

    def compiled(self, filename: str) -> CodeType:
        """The code of a file, compiled once for each state of it and run once per environment."""
        on_disk = self.files is None and not filename.endswith("/")
        stamp = os.stat(filename).st_mtime_ns if on_disk else 0
        known = self._compiled.get(filename)
        if known is not None and known[0] == stamp:
            return known[1]
        source = self.read(filename)
        if self.files is not None:
            self._show_lines(filename, importlib.util.decode_source(source))
        code: CodeType = compile(source, filename, "exec", dont_inherit=True)
        self._compiled[filename] = stamp, code
        return code

    def _show_lines(self, filename: str, text: str) -> None:
        """Let tracebacks and debuggers find the lines of what is in no file."""
        linecache.cache[filename] = len(text), None, text.splitlines(keepends=True), filename
        finalize(self, linecache.cache.pop, filename, None)

    def shown(self, filename: str) -> str:
        """A file's path as on Lambda, or the path unchanged if it is none of its files."""
        if filename.startswith(self.root + "/"):
            return TASK_ROOT + filename[len(self.root) :]
        return filename


_COMPILED = (".so", ".pyd")


def _holds_modules(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a package of Python text; one with compiled code cannot be loaded twice."""
    if not entry.is_dir() or not entry.name.isidentifier():
        return False
    if not any(name.endswith(".py") for name in os.listdir(entry.path)):
        return False
    return not any(
        name.endswith(_COMPILED) for _, _, names in os.walk(entry.path) for name in names
    )


def _brought_by(info: str) -> set[str]:
    """Top-level names that a distribution unpacked here has brought, from its RECORD file."""
    record = Path(info, "RECORD")
    if not record.is_file():
        return set()
    rows = csv.reader(record.read_text("utf-8", "replace").splitlines())
    return {row[0].partition("/")[0].partition(".")[0] for row in rows if row}


_PLENTY_MB = 1 << 40


class Surroundings:
    """The environment variables, log, files, chance, modules and settings of one environment.

    Parameters: ``name`` (unique in its lab); ``environ``, its variables; ``stream``, where its chance
    comes from (either may be a function that makes it when first asked); ``write``, called with each
    piece of text that is printed or logged; ``record``, called with each ``logging.LogRecord``
    besides; ``code``, where its own modules come from; whether to ``allow_network``; ``log_format``,
    ``"Text"`` or ``"JSON"``, and for the latter ``log_level``, the lowest that is kept; ``vcpus``, how
    much of the CPU it has; and its ``memory`` (more than enough, if it is None).

    ``request_id`` is the invocation's, set by the runner; ``write`` may be set anew at any time. What
    a handler may never touch (its files, logging settings) is made when first asked for.
    """

    __slots__ = (
        "__weakref__",
        "_entropy_seed",
        "_environ",
        "_kept",
        "_stream",
        "allow_network",
        "code",
        "counts",
        "entropy",
        "environ",
        "environ_seen",
        "files",
        "last_uuid1",
        "log_format",
        "log_level",
        "logging",
        "memory",
        "modules",
        "name",
        "network_refused",
        "numpy_state",
        "processor",
        "record",
        "request_id",
        "signals",
        "stream",
        "vcpus",
        "write",
    )  # fmt: skip

    _entropy_seed: int
    counts: dict[str, int]
    entropy: random.Random
    environ: dict[Any, Any]
    stream: random.Random
    files: FileView
    logging: dict[str, dict[Any, Any]]
    processor: Processor
    signals: dict[int, Any]

    def __init__(
        self,
        name: str,
        *,
        environ: Mapping[str, str] | Callable[[], Mapping[str, str]],
        stream: random.Random | Callable[[], random.Random],
        write: Callable[[str], object],
        record: Callable[[LogRecord], object] | None = None,
        code: CodeFolder | None = None,
        allow_network: bool = False,
        log_format: str = "Text",
        log_level: str = "INFO",
        vcpus: Fraction = Fraction(1),
        memory: Memory | None = None,
    ) -> None:
        self.vcpus, self.log_level = vcpus, log_level
        self.memory = memory or Memory(_PLENTY_MB, 0)
        self.environ_seen = False
        self.name, self.write, self.record = name, write, record
        self._environ, self._stream = environ, stream
        self.code, self.allow_network, self.log_format = code, allow_network, log_format
        self.modules = OwnModules(code) if code is not None else None
        self.request_id = ""
        self.network_refused = False
        self.numpy_state: Any = None
        self.last_uuid1 = 0
        self._kept: Kept | None = None

    def __getattr__(self, name: str) -> Any:
        """Make what has not been asked for before."""
        if name not in _MADE_LATE:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = _MADE_LATE[name](self)
        setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return f"Surroundings({self.name!r})"

    @property
    def function_name(self) -> str:
        """The function's name, for messages."""
        return self.name.partition("/")[0]

    def enter(self) -> None:
        """One of its tasks is about to run: show its modules, put back what it had replaced."""
        if stage.owner is not self.modules:
            stage.show(self.modules)
        if self._kept is not None:
            shared.set(self._kept)
            self._kept = None

    def leave(self) -> None:
        """Its task stops for now: what it has replaced of the process's goes with it."""
        if shared.replaced():
            self._kept = shared.take_away()

    def set_variables(self, variables: Mapping[str, str]) -> None:
        """Set some environment variables, where a handler has looked at them before."""
        self.environ.update(encoded(variables.items()))

    def reset(self) -> None:
        """The runtime starts anew after a crash or a timeout: all is fresh but ``/tmp``."""
        if self.environ_seen:
            del self.environ
            self.environ_seen = False
        self._kept = None
        self.numpy_state = None
        self.memory = self.memory.fresh()
        for name in ("counts", "logging", "signals"):
            if name in _MADE_LATE:
                setattr(self, name, _MADE_LATE[name](self))
        if self.modules is not None:
            self.modules.drop()
        self.files.restart()

    def scrap(self) -> None:
        """The environment's life ends: its ``/tmp`` is removed, its modules are forgotten."""
        self.files.scrap()
        if self.modules is not None:
            self.modules.drop()


def _variables(surroundings: Surroundings) -> dict[Any, Any]:
    surroundings.environ_seen = True
    given = surroundings._environ
    return encoded((given() if callable(given) else given).items())


def _first_draw(surroundings: Surroundings) -> random.Random:
    """The stream; its first 128 bits seed what the operating system would give at random."""
    given = surroundings._stream
    stream = given() if callable(given) else given
    surroundings._entropy_seed = stream.getrandbits(128)
    return stream


_MADE_LATE: dict[str, Callable[[Surroundings], Any]] = {
    "entropy": lambda surroundings: random.Random(surroundings._entropy_seed),
    "_entropy_seed": lambda surroundings: surroundings.stream and surroundings._entropy_seed,
    "environ": lambda surroundings: _variables(surroundings),
    "stream": lambda surroundings: _first_draw(surroundings),
    "files": lambda surroundings: FileView(surroundings.code),
    "logging": lambda surroundings: fresh_settings(),
    "counts": lambda surroundings: {},
    "signals": lambda surroundings: {},
    "processor": lambda surroundings: Processor(surroundings.vcpus),
}
