"""What handlers share with the process and may replace: warning filters, ``sys.stdout``.

``warnings.catch_warnings`` and ``contextlib.redirect_stdout`` set names of the whole process. A handler
that sleeps inside such a block would leave them to the next one. So what a handler has replaced when
it leaves goes with it and is put back when it comes again; this file holds what the process had.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims.environ import Names, here
from lambdalab.kernel.shims.modules import shown_path

if TYPE_CHECKING:
    pass

_warnings: Any = warnings
Kept = tuple[Any, Any, Any, Any, Any]


class Shared:
    """The process's own values of what handlers may replace, as they were when the run began."""

    __slots__ = ("filters", "show", "show_message", "stderr", "stdout")

    filters: Any
    show: Any
    show_message: Any
    stdout: Any
    stderr: Any

    def replaced(self) -> bool:
        """Whether something else stands in the place of one of them."""
        return (
            warnings.filters is not self.filters
            or sys.stdout is not self.stdout
            or sys.stderr is not self.stderr
            or warnings.showwarning is not self.show
        )

    def take_away(self) -> Kept:
        """What a handler that leaves has put in their place; the process's come back."""
        kept = (
            warnings.filters, warnings.showwarning, _warnings._showwarnmsg_impl,
            sys.stdout, sys.stderr,
        )  # fmt: skip
        self.set((self.filters, self.show, self.show_message, self.stdout, self.stderr))
        return kept

    @staticmethod
    def set(values: Kept) -> None:
        """Put these values in place."""
        changed = warnings.filters is not values[0]
        warnings.filters, warnings.showwarning, _warnings._showwarnmsg_impl = values[:3]
        sys.stdout, sys.stderr = values[3:]
        if changed:
            filters_mutated()


shared = Shared()


class Warnings:
    """Keeps each environment's warning filters its own.

    They begin as the process's. Each run forgets which warnings have been shown before, so that
    what a log holds does not depend on earlier runs; the text names files as Lambda would.
    """

    def __init__(self) -> None:
        self._names = names = Names()
        for name in ("_add_filter", "resetwarnings"):
            if hasattr(warnings, name):
                names.put(warnings, name, _copying(getattr(warnings, name)))
        if hasattr(warnings, "_formatwarnmsg_impl"):
            names.put(warnings, "_formatwarnmsg_impl", _format(_warnings._formatwarnmsg_impl))
            names.put(warnings, "_showwarnmsg", _show(_warnings._showwarnmsg))

    def on(self) -> None:
        """Note what the process has; from here on handlers have their own."""
        self.again()
        self._names.on()
        filters_mutated()

    def again(self) -> None:
        """A run within a longer use: what the process has may have changed since."""
        shared.filters, shared.show = warnings.filters, warnings.showwarning
        shared.show_message = _warnings._showwarnmsg_impl

    def off(self) -> None:
        """Stop."""
        self._names.off()


def filters_mutated() -> None:
    """Tell C that the filters have changed; it forgets what it has shown."""
    if hasattr(_warnings, "_filters_mutated"):
        _warnings._filters_mutated()
    elif hasattr(_warnings, "_filters_mutated_lock_held"):  # Python 3.14
        with _warnings._lock:
            _warnings._filters_mutated_lock_held()


def _copying(real: Callable[..., None]) -> Callable[..., None]:
    """Changes a copy of the filters while those in place are the process's."""

    @functools.wraps(real)
    def change(*args: Any, **kwargs: Any) -> None:
        if here() is not None and warnings.filters is shared.filters:
            warnings.filters = list(shared.filters)
        real(*args, **kwargs)

    return change


def _show(real: Callable[[Any], None]) -> Callable[[Any], None]:
    """Shows a handler's warning in its log, unless the handler itself has put something in between.

    What the notebook has put there (pytest records warnings) is not the handler's.
    """

    @functools.wraps(real)
    def show(message: Any) -> None:
        if (
            here() is None
            or warnings.showwarning is not shared.show
            or _warnings._showwarnmsg_impl is not shared.show_message
        ):
            real(message)
        else:
            sys.stderr.write(_warnings._formatwarnmsg(message))

    return show


def _format(real: Callable[[Any], str]) -> Callable[[Any], str]:
    """Formats a warning with the path that Lambda would show."""

    @functools.wraps(real)
    def write(message: Any) -> str:
        surroundings = here()
        if surroundings is None:
            return real(message)
        shown = shown_path(message.filename, surroundings.code) or message.filename
        return real(message).replace(message.filename, shown, 1)

    return write
