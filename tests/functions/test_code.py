"""Where a handler comes from: early errors at creation, AWS's errors at init, clean tracebacks."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdalab.errors import HandlerError
from lambdalab.functions.code import (
    BuiltInModuleConflict,
    Code,
    HandlerNotFound,
    ImportModuleError,
    InitError,
    MalformedHandlerName,
    UserCodeSyntaxError,
    user_frames,
)
from tests.kernel.surroundings_helper import Place, in_a_run, installed

IMAGES = "def resize(event, context):\n    return event\nother = 3\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def prepare(code: Code) -> Callable[..., Any]:
    place = Place(code=code.folder)
    handler: Callable[..., Any] = place.run(lambda: code.prepare(place.surroundings))
    return handler


def failing(code: Code) -> BaseException:
    """What calling (or importing) the handler raises."""
    place = Place(code=code.folder)

    def body() -> BaseException:
        try:
            code.prepare(place.surroundings)({}, None)
        except BaseException as error:
            return error
        raise AssertionError("nothing was raised")

    found: BaseException = place.run(body)
    return found


class TestFunctions:
    def test_stay_what_they_are(self) -> None:
        def put_order(event: Any, context: Any) -> Any:
            return event

        code = Code.of(put_order)
        assert (code.handler, code.is_callable, code.folder) == (
            "lambda_function.put_order",
            True,
            None,
        )
        with installed():
            assert prepare(code) is put_order

    @pytest.mark.parametrize(
        "function",
        [
            lambda event, context: 1,
            lambda *args: 1,
            lambda event, context, more=1: 1,
            functools.partial(lambda x, event, context: 1, 1),
            print,
            type("Handler", (), {"__call__": lambda self, event, context: 1})(),
            max,
        ],
    )  # fmt: skip
    def test_anything_that_takes_two_arguments(self, function: Callable[..., Any]) -> None:
        assert Code.load(function).is_callable

    @pytest.mark.parametrize(
        "function", [lambda: 1, lambda event: 1, lambda a, b, c: 1, lambda a, b, *, c: 1]
    )
    def test_others_cannot_be_called_as_handlers(self, function: Callable[..., Any]) -> None:
        with pytest.raises(HandlerError, match=r"two positional arguments, \(event, context\)"):
            Code.of(function)

    @pytest.mark.parametrize("thing", [5, None, {"a": 1}])
    def test_nor_can_things(self, thing: object) -> None:
        with pytest.raises(HandlerError, match="it is not callable"):
            Code.load(thing)

    def test_a_handler_name_goes_with_a_path(self) -> None:
        with pytest.raises(HandlerError, match="goes with a path or a source text"):
            Code.load(print, handler="a.b")

    @in_a_run
    def test_names_that_a_notebook_took_from_random_follow(self) -> None:
        import random

        with_wrapper = functools.wraps(draw)(lambda event, context: draw(event, context))
        for function in (draw, with_wrapper, functools.partial(draw), Drawer(), Drawer().draw):
            handler = prepare(Code.of(function))
            drawn = [Place("r/e1").run(functools.partial(handler, {}, None)) for _ in range(2)]
            assert drawn[0] == drawn[1]
        assert random.choice is choice


from random import choice  # noqa: E402


def draw(event: Any, context: Any) -> int:
    return choice(range(10**9))


class Drawer:
    def __call__(self, event: Any, context: Any) -> int:
        return choice(range(10**9))

    def draw(self, event: Any, context: Any) -> int:
        return choice(range(10**9))


@in_a_run
class TestFolders:
    def test_the_handler_named(self, tmp_path: Path) -> None:
        code = Code.load(write(tmp_path, {"images.py": IMAGES}), handler="images.resize")
        assert prepare(code)({"a": 1}, None) == {"a": 1}

    def test_in_a_package_with_slash_or_dot(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {"pkg/mod.py": "from .near import fn\n", "pkg/near.py": "def fn(e, c): return 7\n"},
        )
        for handler in ("pkg/mod.fn", "pkg.mod.fn"):
            assert prepare(Code.load(str(tmp_path), handler))({}, None) == 7

    def test_default_handler(self, tmp_path: Path) -> None:
        write(tmp_path, {"lambda_function.py": "def lambda_handler(e, c): return 1\n"})
        code = Code.from_path(tmp_path)
        assert (code.handler, prepare(code)({}, None)) == ("lambda_function.lambda_handler", 1)

    def test_fresh_for_each_environment(self, tmp_path: Path) -> None:
        code = Code.load(
            write(tmp_path, {"a.py": "n = []\ndef f(e, c): n.append(1); return len(n)\n"}), "a.f"
        )
        one, two = prepare(code), prepare(code)
        assert (one({}, None), one({}, None), two({}, None)) == (1, 2, 1)


@in_a_run
class TestFiles:
    @pytest.mark.parametrize(
        ("text", "handler"),
        [
            (
                "def handler(e, c): return 'h'\ndef lambda_handler(e, c): return 'l'\n",
                "app.handler",
            ),
            ("def lambda_handler(e, c): return 'l'\n", "app.lambda_handler"),
        ],
    )
    def test_default_handler(self, tmp_path: Path, text: str, handler: str) -> None:
        code = Code.load(write(tmp_path, {"app.py": text}) / "app.py")
        assert code.handler == handler
        assert prepare(code)({}, None) == handler.split(".")[1][0]

    def test_neighbours_can_be_imported(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {"app.py": "from near import handler\n", "near.py": "def handler(e, c): return 5\n"},
        )
        assert prepare(Code.load(tmp_path / "app.py"))({}, None) == 5


@in_a_run
class TestZips:
    @pytest.fixture
    def archive(self, tmp_path: Path) -> Path:
        path = tmp_path / "code.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(
                "images.py", "import pkg.near\ndef resize(event, context): return pkg.near.x\n"
            )
            made.writestr("pkg/__init__.py", "")
            made.writestr(
                "pkg/near.py",
                "from pathlib import Path\nx = Path('/var/task/data.txt').read_text()\n",
            )
            made.writestr("data.txt", "data")
            made.mkdir("empty") if hasattr(made, "mkdir") else None
        return path

    def test_read_into_memory(self, archive: Path) -> None:
        before = sorted(archive.parent.iterdir())
        code = Code.load(archive, "images.resize")
        archive.unlink()
        assert prepare(code)({}, None) == "data"
        assert before == [archive]
        assert list(archive.parent.iterdir()) == []

    def test_missing_module(self, archive: Path) -> None:
        with pytest.raises(
            HandlerError, match="no module 'image' in the code; did you mean 'images'"
        ):
            Code.load(archive, "image.resize")


@in_a_run
class TestTexts:
    def test_default_handler(self) -> None:
        code = Code.load("def lambda_handler(event, context):\n    return event['n'] + 1\n")
        assert code.handler == "lambda_function.lambda_handler"
        assert prepare(code)({"n": 1}, None) == 2

    def test_indented_and_named(self) -> None:
        code = Code.load(
            """
            import json
            def put(event, context):
                return json.dumps(event)
            """,
            handler="shop/orders.put",
        )
        assert prepare(code)({}, None) == "{}"

    def test_one_called_handler(self) -> None:
        assert Code.load("handler = lambda e, c: 1\n").handler == "lambda_function.handler"


class TestEarlyErrors:
    @pytest.mark.parametrize(
        ("files", "path", "handler", "message"),
        [
            ({"images.py": IMAGES}, "image.py", None, r"image.py'; did you mean 'images.py'"),
            ({}, "absent/x.py", None, r"no file or folder .*x.py'$"),
            ({"notes.txt": "x"}, "notes.txt", None, "neither a .py file, a folder nor a zip"),
            ({"images.py": IMAGES}, "", "image.resize", "no module 'image' in .*; did you mean 'images'"),
            ({"images.py": IMAGES}, "", None, "no module 'lambda_function' in .*; there are 'images'"),
            ({"images.py": IMAGES}, "", "images.resized", "did you mean 'images.resize'"),
            ({"images.py": IMAGES}, "", "images.other", "images.other cannot be .* not callable"),
            ({"images.py": "x = 1"}, "", "images.resize", "has no 'resize'; it defines no function"),
            ({"a.py": "def f(event): pass"}, "", "a.f", r"a.f\(event\) cannot .* must take two"),
            ({"a.py": "f = lambda: 1"}, "", "a.f", r"a.f\(\) cannot be a handler"),
            ({"a.py": "def f(a, b, *, c): pass"}, "", "a.f", "cannot be a handler"),
            ({"a.py": "def f(a, b, c): pass"}, "", "a.f", "cannot be a handler"),
            ({"a.py": IMAGES}, "a.py", None, "has no 'lambda_handler'; there are 'a.resize'|did you mean"),
            ({"a.py": IMAGES}, "", "resize", "must be 'module.function', such as lambda_function.resize"),
        ],
    )  # fmt: skip
    def test_say_what_to_do(
        self, tmp_path: Path, files: dict[str, str], path: str, handler: str | None, message: str
    ) -> None:
        with pytest.raises(HandlerError, match=message):
            Code.load(write(tmp_path, files) / path, handler)

    @pytest.mark.parametrize(
        "text",
        [
            "from somewhere import *\n",
            "from somewhere import f\n",
            "import somewhere as f\n",
            "if True:\n    def f(e, c): pass\n",
            "try:\n    import a\nexcept ImportError:\n    f = print\n",
            "for f in (print,): pass\n",
            "with open('x') as f: pass\n",
            "a, f = 1, print\n",
            "f: object = print\n",
            "def g():\n    global f\n    f = 1\n",
            "globals()['f'] = 1\n",
            "def __getattr__(name): return 1\n",
            "@decorated\ndef f(): pass\n",
            "class f: pass\n",
            "async def f(a, b): pass\n",
            "def f(*args): pass\n",
            "f = make()\n",
            "if x:\n    def f(e, c): pass\nelse:\n    f = None\n",
            "match 1:\n    case 1:\n        f = print\n",
            "def f(: pass\n",
        ],
    )
    def test_what_cannot_be_told_is_left_to_the_runtime(self, tmp_path: Path, text: str) -> None:
        assert Code.load(write(tmp_path, {"a.py": text}), "a.f").handler == "a.f"

    def test_a_wrapper_that_is_installed(self, tmp_path: Path) -> None:
        assert Code.load(write(tmp_path, {"a.py": ""}), "pytest.main").handler == "pytest.main"

    def test_a_path_that_looks_like_code(self, tmp_path: Path) -> None:
        write(tmp_path, {"def x.py": "def handler(e, c): pass\n"})
        assert Code.load(str(tmp_path / "def x.py")).handler == "def x.handler"


@in_a_run
class TestInitErrors:
    def check(
        self, code: Code, kind: type[InitError], name: str, message: str, stack: list[str]
    ) -> None:
        error = failing(code)
        assert isinstance(error, kind)
        assert (error.error_type, str(error), error.message) == (name, message, message)
        assert error.stack == stack

    def test_import_module_error(self, tmp_path: Path) -> None:
        code = Code.load(
            write(tmp_path, {"pkg/a.py": "import absent_library\nf = print\n"}), "pkg/a.f"
        )
        message = "Unable to import module 'pkg/a': No module named 'absent_library'"
        self.check(code, ImportModuleError, "Runtime.ImportModuleError", message, [])

    def test_it_shows_no_path_of_this_machine(self, tmp_path: Path) -> None:
        code = Code.load(write(tmp_path, {"a.py": "from b import x\nf = x\n", "b.py": ""}), "a.f")
        message = "Unable to import module 'a': cannot import name 'x' from 'b' (/var/task/b.py)"
        self.check(code, ImportModuleError, "Runtime.ImportModuleError", message, [])

    @pytest.mark.parametrize("memory", [False, True])
    def test_syntax_error(self, tmp_path: Path, memory: bool) -> None:
        text = "x = 1\ndef f(:\n    pass\n"
        code = (
            Code.from_text(text, "a.f")
            if memory
            else Code.load(write(tmp_path, {"a.py": text}), "a.f")
        )
        message = "Syntax error in module 'a': invalid syntax (a.py, line 2)"
        stack = ['  File "/var/task/a.py" Line 2\n    def f(:\n']
        self.check(code, UserCodeSyntaxError, "Runtime.UserCodeSyntaxError", message, stack)

    def test_handler_not_found(self, tmp_path: Path) -> None:
        code = Code.load(write(tmp_path, {"a.py": "globals()\n"}), "a.f")
        message = "Handler 'f' missing on module 'a'"
        self.check(code, HandlerNotFound, "Runtime.HandlerNotFound", message, [])

    def test_malformed_name(self) -> None:
        message = "Bad handler 'f': not enough values to unpack (expected 2, got 1)"
        self.check(Code("f"), MalformedHandlerName, "Runtime.MalformedHandlerName", message, [])

    def test_built_in_module(self, tmp_path: Path) -> None:
        code = Code.load(write(tmp_path, {"time.py": IMAGES}), "time.resize")
        message = "Cannot use built-in module time as a handler module"
        self.check(code, BuiltInModuleConflict, "Runtime.BuiltInModuleConflict", message, [])

    def test_any_other_exception_comes_out_as_it_is(self, tmp_path: Path) -> None:
        code = Code.load(write(tmp_path, {"a.py": "raise KeyError('early')\nf = print\n"}), "a.f")
        error = failing(code)
        assert isinstance(error, KeyError)
        expected = "  File \"/var/task/a.py\", line 1, in <module>\n    raise KeyError('early')\n"
        assert user_frames(error)[-1] == expected


def fail(event: Any, context: Any) -> None:
    raise ValueError("here")


@in_a_run
class TestUserFrames:
    def frames(self, code: Code) -> list[str]:
        return [entry for entry in user_frames(failing(code)) if "in body" not in entry]

    def test_of_a_folder(self, tmp_path: Path) -> None:
        files = {
            "a.py": "import b\ndef f(event, context):\n    return b.g(0)\n",
            "b.py": "def g(n):\n    return 1 / n\n",
        }
        assert self.frames(Code.load(write(tmp_path, files), "a.f")) == [
            '  File "/var/task/a.py", line 3, in f\n    return b.g(0)\n',
            '  File "/var/task/b.py", line 2, in g\n    return 1 / n\n',
        ]

    def test_of_a_text(self) -> None:
        code = Code.load("def lambda_handler(event, context):\n    return event['missing']\n")
        assert self.frames(code) == [
            '  File "/var/task/lambda_function.py", line 2, in lambda_handler\n'
            "    return event['missing']\n"
        ]

    def test_of_a_script(self) -> None:
        assert self.frames(Code.of(fail)) == [
            f'  File "/var/task/test_code.py", line {fail.__code__.co_firstlineno + 1}, in fail\n'
            '    raise ValueError("here")\n'
        ]

    def test_of_a_notebook_cell(self) -> None:
        namespace: dict[str, Any] = {}
        exec(compile("def f(e, c):\n    1 / 0\n", "/tmp/ipykernel_42/123.py", "exec"), namespace)
        assert self.frames(Code.of(namespace["f"])) == [
            '  File "/var/task/lambda_function.py", line 2, in f\n'
        ]

    def test_without_libraries_and_the_lab(self) -> None:
        text = "import json, os\ndef lambda_handler(e, c):\n    {}[json.loads('[1')] \n"
        (frame,) = self.frames(Code.load(text))
        assert "line 3, in lambda_handler" in frame
        text = "import os\ndef lambda_handler(e, c):\n    os.stat('/tmp/absent')\n"
        (frame,) = self.frames(Code.load(text))
        assert "line 3" in frame

    def test_a_deep_recursion_is_shortened(self) -> None:
        frames = self.frames(Code.load("def lambda_handler(e, c):\n    lambda_handler(e, c)\n"))
        assert len(frames) < 10
        assert "Previous line repeated" in frames[-1]

    def test_inside_a_handler_as_well(self) -> None:
        code = Code.load("def f(e, c):\n    1 / 0\n", "pkg/mod.f")
        error = failing(code)
        place = Place("other/e1")
        assert place.run(lambda: user_frames(error)) == user_frames(error)
        assert '"/var/task/pkg/mod.py", line 2' in user_frames(error)[-1]

    def test_none(self) -> None:
        assert user_frames(ValueError()) == []
