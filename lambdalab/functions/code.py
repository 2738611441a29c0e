"""Where a handler comes from: a function, a file, a folder, a zip, or a source text.

What can be seen without running the code is checked when a function is created, with a clear
:class:`HandlerError`. What only running it shows comes out of :meth:`Code.prepare` as one of the
errors that the managed Python runtime reports (reference: invocation.md, section 2).
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import linecache
import os
import sys
import textwrap
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lambdalab.errors import HandlerError, suggestion
from lambdalab.functions.archive import unzipped

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import CodeFolder, Surroundings

DEFAULT_MODULE, DEFAULT_NAMES = "lambda_function", ("handler", "lambda_handler")


class InitError(Exception):
    """The runtime could not load the handler.

    Attributes: ``error_type``, AWS's name for it; ``stack``, the lines of its stack trace (the runtime
    gives most of these errors none). The text is AWS's message.
    """

    error_type = "Runtime.Unknown"

    def __init__(self, message: str, stack: list[str] | None = None) -> None:
        super().__init__(message)
        self.message, self.stack = message, stack or []


class ImportModuleError(InitError):
    """The handler's module, or something that it imports, cannot be imported."""

    error_type = "Runtime.ImportModuleError"


class UserCodeSyntaxError(InitError):
    """The handler's module, or one of its own that it imports, is not valid Python."""

    error_type = "Runtime.UserCodeSyntaxError"


class HandlerNotFound(InitError):
    """The module has been imported, but has no such attribute."""

    error_type = "Runtime.HandlerNotFound"


class MalformedHandlerName(InitError):
    """The handler's name has no dot."""

    error_type = "Runtime.MalformedHandlerName"


class BuiltInModuleConflict(InitError):
    """The handler's module has the name of one that is built into Python."""

    error_type = "Runtime.BuiltInModuleConflict"


@dataclass(frozen=True)
class Code:
    """A function's code: where its handler comes from and how it is called.

    Attributes: ``handler``, the name AWS would know it by (``images.resize``); ``folder``, where its
    own modules come from, None for a function object; ``function``, that object. Make one with
    :meth:`load`, or :meth:`of`, :meth:`from_path`, :meth:`from_text`.

    >>> Code.load("def lambda_handler(event, context): return event").handler
    'lambda_function.lambda_handler'
    """

    handler: str
    folder: CodeFolder | None = None
    function: Callable[..., Any] | None = None

    @property
    def is_callable(self) -> bool:
        """Whether it is a function object, which needs no import."""
        return self.function is not None

    @classmethod
    def load(cls, code: object, handler: str | None = None) -> Code:
        """Code from whatever the user gave.

        Parameters: ``code``, a function, a path (file, folder or zip), a :class:`Code`, or a source
        text: of several lines or with ``def`` in it; ``handler``, ``"module.function"``.

        Raises :class:`HandlerError` when it can be seen that this cannot be a handler.
        """
        if isinstance(code, Code):
            return code
        if isinstance(code, str) and (
            "\n" in code or ("def " in code and not os.path.exists(code))
        ):
            return cls.from_text(code, handler)
        if isinstance(code, str | os.PathLike):
            return cls.from_path(code, handler)
        if handler is not None:
            raise HandlerError(
                f"handler={handler!r} goes with a path or a source text, not {code!r}"
            )
        return cls.of(code)

    @classmethod
    def of(cls, function: Any) -> Code:
        """Code that is a function object; it stays as it is and keeps its module's globals."""
        name = getattr(function, "__name__", type(function).__name__)
        if not callable(function):
            raise HandlerError(
                f"{function!r} cannot be a handler: it is not callable; code= takes a function,"
                " the path of a file, folder or zip, or a source text"
            )
        try:
            inspect.signature(function).bind(None, None)
        except TypeError:
            raise _wrong_parameters(name, str(inspect.signature(function))) from None
        except ValueError:
            pass  # a builtin that has no signature
        return cls(f"{DEFAULT_MODULE}.{name}", None, function)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], handler: str | None = None) -> Code:
        """Code from a file, a folder or a zip.

        The handler of a folder or zip is ``lambda_function.lambda_handler`` unless named; that of a
        file ``x.py`` is ``x.handler`` if it defines one, else ``x.lambda_handler``. A file's
        neighbours can be imported. A zip is read now, into memory.
        """
        from lambdalab.kernel.surroundings import CodeFolder

        place = Path(path)
        if not place.exists():
            raise HandlerError(f"there is no file or folder {os.fspath(path)!r}{_near(place)}")
        if place.is_dir():
            return _checked(
                CodeFolder(os.fspath(place)), handler, DEFAULT_MODULE, DEFAULT_NAMES[1:]
            )
        if zipfile.is_zipfile(place):
            folder = CodeFolder(files=unzipped(place))
            return _checked(folder, handler, DEFAULT_MODULE, DEFAULT_NAMES[1:])
        if place.suffix != ".py":
            raise HandlerError(f"{os.fspath(path)!r} is neither a .py file, a folder nor a zip")
        return _checked(CodeFolder(os.fspath(place.parent)), handler, place.stem, DEFAULT_NAMES)

    @classmethod
    def from_text(cls, source: str, handler: str | None = None) -> Code:
        """Code from a source text, which lives in memory only; tracebacks show its lines."""
        from lambdalab.kernel.surroundings import CodeFolder

        text = textwrap.dedent(source).strip("\n") + "\n"
        module = (handler or "").rpartition(".")[0] or DEFAULT_MODULE
        files = {module.replace(".", "/") + ".py": text.encode()}
        return _checked(CodeFolder(files=files), handler, DEFAULT_MODULE, DEFAULT_NAMES[::-1])

    def prepare(self, surroundings: Surroundings) -> Callable[..., Any]:
        """The handler, its module imported afresh for these surroundings.

        To be called inside the environment's init task, because the module's code may sleep. Its
        exceptions come out as they are; what the runtime itself reports, as an :class:`InitError`.
        """
        if self.function is not None:
            _adopt(self.function)
            return self.function
        return _import(self.handler, surroundings)


# ---------------------------------------------------------------------- at init


def _import(handler: str, surroundings: Surroundings) -> Callable[..., Any]:
    """Find a handler as the managed runtime does."""
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as error:
        raise MalformedHandlerName(f"Bad handler '{handler}': {error}") from error
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise BuiltInModuleConflict(f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        text = f"Unable to import module '{module_name}': {_shown_text(error, surroundings.code)}"
        raise ImportModuleError(text) from error
    except SyntaxError as error:
        text = f"Syntax error in module '{module_name}': {error}"
        where, _ = _shown(error.filename or "", surroundings.code)
        stack = f'  File "{where}" Line {error.lineno}\n    {error.text}'
        raise UserCodeSyntaxError(text, [stack]) from error
    try:
        found: Callable[..., Any] = getattr(module, name)
    except AttributeError as error:
        message = f"Handler '{name}' missing on module '{module_name}'"
        raise HandlerNotFound(message) from error
    return found


def _shown(filename: str, folder: CodeFolder | None) -> tuple[str, bool]:
    """A file's path as on Lambda, and whether it is the user's."""
    from lambdalab.kernel.shims.modules import is_users, shown_path

    return shown_path(filename, folder) or filename, is_users(filename, folder)


def _shown_text(error: Exception, folder: CodeFolder | None) -> str:
    """An import error's text without paths of this machine ("cannot import name ... (/path)")."""
    text = str(error)
    path = getattr(error, "path", None)
    if path:
        text = text.replace(path, _shown(path, folder)[0])
    return text


def _adopt(function: Any) -> None:
    """Let the names that a notebook took from ``random``, ``os`` ... follow the shims."""
    from lambdalab.kernel.shims.environ import adopt

    seen: list[Any] = []
    while function is not None and function not in seen:
        seen.append(function)
        bound = getattr(function, "__func__", function)
        if not hasattr(bound, "__globals__") and not isinstance(bound, functools.partial):
            bound = getattr(type(bound).__call__, "__func__", type(bound).__call__)
        if hasattr(bound, "__globals__"):
            adopt(bound.__globals__)
        function = getattr(bound, "__wrapped__", getattr(bound, "func", None))


# ---------------------------------------------------------------------- tracebacks


def user_frames(exception: BaseException) -> list[str]:
    """The entries of a traceback that are the user's code, as the runtime's ``stackTrace`` has them.

    Files are shown where Lambda has them: the code folder and scripts in ``/var/task``, a notebook
    cell as ``/var/task/lambda_function.py``. Frames of lambdalab, of libraries and of the import
    system are left out, so that the trace is the same on every machine.
    """
    return traceback.format_list(_frames(exception.__traceback__))


def _frames(trace: TracebackType | None) -> list[tuple[str, int, str, str | None]]:
    found: list[tuple[str, int, str, str | None]] = []
    while trace is not None:
        code, namespace = trace.tb_frame.f_code, trace.tb_frame.f_globals
        folder = getattr(namespace.get("__loader__"), "folder", None)
        shown, users = _shown(code.co_filename, folder)
        if users:
            text = linecache.getline(code.co_filename, trace.tb_lineno, namespace)
            found.append((shown, trace.tb_lineno, code.co_name, text.strip()))
        trace = trace.tb_next
    return found


# ---------------------------------------------------------------------- at creation


def _checked(folder: CodeFolder, handler: str | None, module: str, names: tuple[str, ...]) -> Code:
    """The code, if nothing that can be seen without running it forbids it."""
    if handler is None:
        defined = _Outline.of(folder, module)
        chosen = next((n for n in names if defined and n in defined.bound), DEFAULT_NAMES[1])
        handler = f"{module}.{chosen}"
    module, _, name = handler.rpartition(".")
    if not module or not name:
        raise HandlerError(
            f"handler={handler!r}: must be 'module.function', such as {DEFAULT_MODULE}.{handler}"
        )
    outline = _Outline.of(folder, module)
    if outline is None:
        _check_module_elsewhere(folder, module)
    else:
        outline.check(module, name)
    return Code(handler, folder)


def _check_module_elsewhere(folder: CodeFolder, module: str) -> None:
    """A handler may lie in an installed package (a wrapper of some monitoring tool)."""
    top = module.replace("/", ".").partition(".")[0]
    if top in folder.names and folder.locate(module.replace(".", "/")) is not None:
        return  # there, but not to be parsed: the runtime will say what is wrong
    if top in sys.builtin_module_names or (
        top not in folder.names and importlib.util.find_spec(top) is not None
    ):
        return
    where = "the code" if folder.files is not None else repr(folder.root)
    known = sorted(folder.names)
    raise HandlerError(f"there is no module {module!r} in {where}{suggestion(module, known)}")


_DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
_HIDDEN = {"globals", "exec", "setattr", "vars"}  # with these, names come that no parser sees


class _Outline:
    """What parsing a module shows: which names it binds, and to what those bound once."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound: dict[str, ast.AST] = {}
        for name, node in _bindings(tree):
            self.bound[name] = ast.Pass() if name in self.bound else node
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                self.bound |= dict.fromkeys(node.names, node)
        self.certain = not used & _HIDDEN and not {"*", "__getattr__"} & self.bound.keys()

    @classmethod
    def of(cls, folder: CodeFolder, module: str) -> _Outline | None:
        """A module's outline; None if there is no such module, or it cannot be parsed."""
        located = folder.locate(module.replace(".", "/"))
        if located is None:
            return None
        try:
            return cls(ast.parse(folder.read(located[0])))
        except (SyntaxError, ValueError):
            return None

    def check(self, module: str, name: str) -> None:
        """Raise :class:`HandlerError` if the module surely has no such handler."""
        if name not in self.bound:
            if self.certain:
                functions = [
                    n for n, node in self.bound.items() if isinstance(node, ast.FunctionDef)
                ]
                known = [f"{module}.{n}" for n in functions]
                near = (
                    suggestion(f"{module}.{name}", known) if known else "; it defines no function"
                )
                raise HandlerError(f"module {module!r} has no {name!r}{near}")
            return
        node = self.bound[name]
        if isinstance(
            node, ast.Constant | ast.List | ast.Dict | ast.Tuple | ast.Set | ast.JoinedStr
        ):
            raise HandlerError(f"{module}.{name} cannot be a handler: it is not callable")
        plain = isinstance(node, ast.Lambda) or (
            isinstance(node, ast.FunctionDef) and not node.decorator_list
        )
        if plain and not _takes_two(node.args):  # type: ignore[attr-defined]
            raise _wrong_parameters(f"{module}.{name}", f"({ast.unparse(node.args)})")  # type: ignore[attr-defined]


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The names that a module's own statements bind, with what they are bound to if that is plain."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINITIONS):
            yield child.name, child
        elif isinstance(child, ast.Import | ast.ImportFrom):
            yield from ((a.asname or a.name.partition(".")[0], child) for a in child.names)
        elif isinstance(child, ast.Assign) and isinstance(child.targets[0], ast.Name):
            yield from ((t.id, child.value) for t in child.targets if isinstance(t, ast.Name))
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id, child
        else:
            yield from _bindings(child)


def _takes_two(args: ast.arguments) -> bool:
    positional = len(args.posonlyargs) + len(args.args)
    needed = positional - len(args.defaults)
    keywords = sum(default is None for default in args.kw_defaults)
    return needed <= 2 and keywords == 0 and (positional >= 2 or args.vararg is not None)


def _wrong_parameters(name: str, signature: str) -> HandlerError:
    return HandlerError(
        f"{name}{signature} cannot be a handler: it must take two positional arguments, (event, context)"
    )


def _near(place: Path) -> str:
    """A suggestion from the folder that the path names, if that exists."""
    if not place.parent.is_dir():
        return ""
    near = suggestion(place.name, [path.name for path in place.parent.iterdir()])
    return near if "did you mean" in near else ""
