"""What a handler prints goes to its environment's log; the notebook's own output is not touched."""

from __future__ import annotations

import io
import sys
from typing import Any

from lambdalab.kernel.shims.environ import here
from lambdalab.kernel.shims.warnings_ import shared

DEBUGGERS = {"pdb", "bdb", "cmd", "code", "pdbpp", "ipdb", "pudb"}
_DEPTH = 40  # frames between a debugger's command loop and the write it causes


class Streams:
    """Stands in ``sys.stdout`` and ``sys.stderr`` during a run."""

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[Any, Forward]] = {}
        self._nested: list[list[tuple[str, Any, Forward]]] = []

    def on(self) -> None:
        """Put the forwarding streams before the present ones."""
        for name in ("stdout", "stderr"):
            real = getattr(sys, name)
            if name not in self._pairs or self._pairs[name][0] is not real:
                self._pairs[name] = real, Forward(real)
            setattr(sys, name, self._pairs[name][1])
        shared.stdout, shared.stderr = sys.stdout, sys.stderr

    def again(self) -> None:
        """A run within a longer use: where somebody has put a stream of his own there since, such as
        ``redirect_stdout``, stand before that one too, until :meth:`back`."""
        found = []
        for name in ("stdout", "stderr"):
            real = getattr(sys, name)
            if type(real) is not Forward:
                forward = Forward(real)
                setattr(sys, name, forward)
                found.append((name, real, forward))
        self._nested.append(found)
        if found:
            shared.stdout, shared.stderr = sys.stdout, sys.stderr

    def back(self) -> None:
        """The latest :meth:`again` is over."""
        found = self._nested.pop()
        for name, real, forward in found:
            if getattr(sys, name) is forward:
                setattr(sys, name, real)
        if found:
            shared.stdout, shared.stderr = sys.stdout, sys.stderr

    def off(self) -> None:
        """Give the process its streams back."""
        for name, (real, forward) in self._pairs.items():
            if getattr(sys, name) is forward:
                setattr(sys, name, real)


class Forward(io.TextIOBase):
    """Writes to the log of the environment that prints; for everybody else it is the real stream.

    While a debugger talks (a ``breakpoint()`` in a handler) its text goes to the real stream.
    """

    def __init__(self, real: Any) -> None:
        self._real = real

    def write(self, text: str, /) -> int:
        """Write text where the caller's text goes; returns its length."""
        surroundings = here()
        if surroundings is None or _debugger_speaks():
            written: int = self._real.write(text)
            return written
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        surroundings.write(text)
        return len(text)

    def writelines(self, lines: Any, /) -> None:
        """Write each of some texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the real stream; a log needs none."""
        if here() is None or _debugger_speaks():
            self._real.flush()

    def isatty(self) -> bool:
        """Whether the caller has a terminal: a handler has none."""
        return (here() is None or _debugger_speaks()) and bool(self._real.isatty())

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The real stream's descriptor, which child processes and the debugger's prompt need."""
        number: int = self._real.fileno()
        return number

    @property
    def buffer(self) -> Any:
        """The stream for bytes: a handler's bytes are decoded into its log."""
        return self._real.buffer if here() is None else _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """UTF-8 in a handler, as on Lambda."""
        return "utf-8" if here() else getattr(self._real, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the real stream treats what it cannot encode."""
        return getattr(self._real, "errors", None)

    def close(self) -> None:
        """A handler cannot close the process's streams."""

    def __del__(self) -> None:
        """Nothing to close (io's own finalizer would close the stream)."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Bytes:
    """``sys.stdout.buffer`` of a handler."""

    def __init__(self, text: Forward) -> None:
        self._text = text

    def write(self, data: bytes) -> int:
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _tool() -> Any:
    """The debugger registered with sys.monitoring (Python 3.12), if one is."""
    monitoring = getattr(sys, "monitoring", None)
    return monitoring and monitoring.get_tool(monitoring.DEBUGGER_ID)


def _debugger_speaks() -> bool:
    """Whether a debugger called, directly or through the command that its user typed.

    A trace function alone says nothing (coverage sets one too), but without one there is no debugger,
    and the look at the frames costs nothing.
    """
    if sys.gettrace() is None and not _tool():
        return False
    frame, depth = sys._getframe(2), 0
    while frame is not None and depth < _DEPTH:
        name = frame.f_globals.get("__name__", "")
        if name in DEBUGGERS or name.startswith("IPython.core.debugger"):
            return True
        frame, depth = frame.f_back, depth + 1  # type: ignore[assignment]
    return False
