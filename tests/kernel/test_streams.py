"""stdout and stderr: what a handler prints is its environment's log."""

from __future__ import annotations

import contextlib
import io
import pdb  # noqa: T100
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.kernel.surroundings_helper import Place, installed, wait


def notebook(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with the shims on and what the notebook prints in its first argument."""

    def body(monkeypatch: pytest.MonkeyPatch) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out, installed():
            test(out, monkeypatch)

    return body


@notebook
def test_print_goes_to_the_log_and_not_to_the_notebook(out: io.StringIO, patch: object) -> None:
    place = Place()

    def handler() -> None:
        print("hello", 1)
        print("oops", file=sys.stderr, end="", flush=True)
        sys.stdout.writelines(["a", "b\n"])

    place.run(handler)
    assert place.log == "hello 1\noopsab\n"
    assert out.getvalue() == ""


@notebook
def test_the_notebook_prints_as_ever(out: io.StringIO, patch: object) -> None:
    print("mine", flush=True)
    assert out.getvalue() == "mine\n"
    assert getattr(sys.stdout, "getvalue")() == "mine\n"  # noqa: B009 - what only the real one has
    assert not sys.stdout.isatty()


@notebook
def test_interleaved_handlers_write_to_their_own_logs(out: io.StringIO, patch: object) -> None:
    places = [Place("a/e1"), Place("b/e1")]

    def handler() -> None:
        print("one")
        wait()
        print("two")

    runs = [place.start(handler) for place in places]
    for run in [*runs, *runs]:
        run.go()
    assert [place.log for place in places] == ["one\ntwo\n"] * 2


@notebook
def test_another_thread_prints_to_the_notebook_meanwhile(out: io.StringIO, patch: object) -> None:
    place = Place()

    def handler() -> None:
        thread = threading.Thread(target=lambda: print("from outside"))
        thread.start()
        thread.join()
        print("inside")

    place.run(handler)
    assert (place.log, out.getvalue()) == ("inside\n", "from outside\n")


@notebook
def test_a_handlers_stream_is_utf8_text_without_a_terminal(out: io.StringIO, patch: object) -> None:
    place = Place()

    def handler() -> tuple[Any, ...]:
        sys.stdout.buffer.write("né".encode())
        sys.stdout.buffer.flush()
        sys.stdout.close()
        print("!")
        return sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.writable(), sys.stdout.errors

    assert place.run(handler) == ("utf-8", False, True, None)
    assert place.log == "né!\n"
    with pytest.raises(TypeError, match="must be str, not int"):
        place.run(lambda: sys.stdout.write(1))  # type: ignore[arg-type]


def test_redirect_stdout_in_the_notebook_still_catches_the_notebook() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as mine, installed():
        Place().run(lambda: print("handler"))
        print("notebook")
    assert mine.getvalue() == "notebook\n"


@notebook
def test_breakpoint_can_be_used_in_a_handler(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("p secret\np print('typed')\nc\n"))
    place = Place(environ={"HOME": "/nowhere"})

    def debugger() -> None:  # pytest has put its own in pdb's place
        pdb.Pdb().set_trace(sys._getframe(1))

    def handler() -> str:
        secret = "s" * 3
        print("before")
        breakpoint()  # noqa: T100
        print("after")
        return secret

    monkeypatch.setattr(sys, "breakpointhook", debugger)
    old = sys.gettrace()
    try:
        assert place.run(handler) == "sss"
    finally:
        sys.settrace(old)
    assert place.log == "before\nafter\n"
    assert "'sss'" in out.getvalue()
    assert "typed" in out.getvalue()


@notebook
def test_a_tracer_that_is_no_debugger_changes_nothing(out: io.StringIO, patch: object) -> None:
    place = Place()

    def handler() -> None:
        sys.settrace(lambda *_: None)
        print("traced")
        sys.settrace(None)

    old = sys.gettrace()
    try:
        place.run(handler)
    finally:
        sys.settrace(old)
    assert place.log == "traced\n"
