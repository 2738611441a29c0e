"""Runs a user's Python file, and finds the labs that it makes."""

from __future__ import annotations

import contextlib
import functools
import sys
import traceback
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lambdalab.cli.words import Failed, Usage
from lambdalab.lab import Lab

MAIN, NOT_MAIN = "__main__", "lambdalab_source"
"""What a file's ``__name__`` is: where it is run for itself, and where only its labs are wanted."""
_MAKERS = ("lambdalab.aws.templates",)
"""Modules of ours that make a lab for who calls them; the others' labs are their own business."""


class Broken(Failed):
    """A user's file raised an error; its own is the ``__cause__``."""

    def __init__(self, path: Path, error: BaseException) -> None:
        super().__init__(f"{_place(path, error)}: {_told(error)}")


def _told(error: BaseException) -> str:
    said = getattr(error, "msg", "") if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _place(path: Path, error: BaseException) -> str:
    """Where in the user's own files it happened last: file and line."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{Path(error.filename or path).name}:{error.lineno}"
    folder = path.resolve().parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_absolute() and folder in Path(frame.filename).parents:
            return f"{Path(frame.filename).name}:{frame.lineno}"
    return path.name


@contextmanager
def beside(path: Path, arguments: Sequence[str] = ()) -> Iterator[None]:
    """What a Python file finds when Python runs it: its folder in ``sys.path``, and ``sys.argv``.

    In the block, too, :func:`run` may put its module where what looks a module up (pickle does) finds it.
    """
    paths, words = list(sys.path), list(sys.argv)
    modules = {name: sys.modules.get(name) for name in (MAIN, NOT_MAIN)}
    sys.path.insert(0, str(path.resolve().parent))
    sys.argv = [str(path), *arguments]
    try:
        yield
    finally:
        sys.path[:], sys.argv = paths, words
        for name, module in modules.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def run(path: Path, name: str, *, to_stderr: bool = False) -> dict[str, Lab]:
    """Run a file as the module :data:`MAIN` or :data:`NOT_MAIN`, within :func:`beside`.

    Returns the labs it made by their variables' names.

    A lab that no variable of the module holds is called "lab 1", "lab 2" ... in the order of making.

    Raises :class:`Broken` for whatever the file raises, and :class:`Usage` where it cannot be read.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise Usage(f"cannot read {path}: {error.strerror}") from error
    module = types.ModuleType(name)
    module.__file__ = str(path.resolve())
    sys.modules[name] = module
    with _making() as made, _printing(to_stderr):
        try:
            exec(compile(source, str(path.resolve()), "exec"), module.__dict__)
        except SystemExit as stop:
            if stop.code not in (None, 0):
                raise Failed(f"{path.name} ended with status {stop.code}") from None
        except Exception as error:
            raise Broken(path, error) from error
    return _named(made, vars(module))


@contextmanager
def _printing(to_stderr: bool) -> Iterator[None]:
    with contextlib.redirect_stdout(sys.stderr) if to_stderr else contextlib.nullcontext():
        yield


@contextmanager
def _making() -> Iterator[list[Lab]]:
    """Every lab that code other than ours makes, kept: a script's function may let go of its own."""
    made: list[Lab] = []
    create = Lab.__init__

    @functools.wraps(create)
    def create_and_keep(self: Lab, *args: object, **settings: object) -> None:
        create(self, *args, **settings)  # type: ignore[arg-type]
        maker = str(sys._getframe(1).f_globals.get("__name__"))
        if not maker.startswith("lambdalab.") or maker.startswith(_MAKERS):
            made.append(self)

    Lab.__init__ = create_and_keep  # type: ignore[method-assign]
    try:
        yield made
    finally:
        Lab.__init__ = create  # type: ignore[method-assign]


def _named(made: Sequence[Lab], variables: dict[str, object]) -> dict[str, Lab]:
    """Labs by name; one that was made elsewhere and imported counts too."""
    found = {name: value for name, value in variables.items() if isinstance(value, Lab)}
    names: dict[str, Lab] = {}
    for name, lab in found.items():
        if lab not in names.values():
            names[name] = lab
    for number, lab in enumerate(made, start=1):
        if lab not in names.values():
            names[f"lab {number}"] = lab
    return names
