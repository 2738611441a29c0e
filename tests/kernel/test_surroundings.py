"""Surroundings: what environments keep apart at a switch, and what a run leaves behind."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import random
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from lambdalab.kernel.shims.modules import shown_path
from lambdalab.kernel.surroundings import CodeFolder
from tests.kernel.surroundings_helper import Place, in_a_run, installed, wait


def snapshot() -> dict[str, Any]:
    """Every name that some shim replaces, and what stands there."""
    found: dict[str, Any] = {
        "environ": type(os.environ), "open": builtins.open, "io": io.open, "stdout": sys.stdout,
        "filters": warnings.filters, "path": sys.path, "meta": list(sys.meta_path),
        "local": threading.local, "popen": subprocess.Popen.__init__,
    }  # fmt: skip
    for module in (os, random, socket):
        found |= {f"{module.__name__}.{name}": value for name, value in vars(module).items()}
    return found | {f"socket.{name}": value for name, value in vars(socket.socket).items()}


class TestOnAndOff:
    def test_nothing_remains_after_a_run(self) -> None:
        before = snapshot()
        with installed():
            Place().run(lambda: print(os.listdir("/tmp")))
            during = snapshot()
        after = snapshot()
        assert [name for name in before if after[name] is not before[name] and name != "meta"] == []
        assert after["meta"] == before["meta"]
        assert len([name for name in before if during[name] is not before[name]]) > 60

    def test_a_mock_of_the_users_stays_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "urandom", lambda size: b"m" * size)
        with installed():
            assert Place().run(lambda: os.urandom(3)) == b"mmm"
        assert os.urandom(2) == b"mm"


@in_a_run
class TestSwitching:
    def test_catch_warnings_across_a_sleep_is_kept_apart(self) -> None:
        outer = warnings.filters

        def handler() -> list[str]:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                wait()
                return [warnings.filters[0][0], str(len(warnings.filters))]

        first, second = Place("a/e1").start(handler), Place("b/e1").start(handler)
        first.go()
        assert warnings.filters is outer
        second.go()
        assert first.go()[0] == second.go()[0] == "error"
        assert warnings.filters is outer

    def test_a_filter_set_for_good_stays_with_its_environment(self) -> None:
        before = list(warnings.filters)
        one, two = Place("a/e1"), Place("b/e1")
        one.run(lambda: warnings.simplefilter("ignore"))
        assert one.run(lambda: warnings.filters[0][0]) == "ignore"
        assert two.run(lambda: list(warnings.filters)) == before
        assert warnings.filters == before

    def test_redirected_output_across_a_sleep_is_kept_apart(self) -> None:
        one, two = Place("a/e1"), Place("b/e1")

        def redirecting() -> str:
            with contextlib.redirect_stdout(io.StringIO()) as mine:
                print("before")
                wait()
                print("after")
            print("logged")
            return mine.getvalue()

        run = one.start(redirecting)
        run.go()
        two.run(lambda: print("of two"))
        assert run.go() == "before\nafter\n"
        assert (one.log, two.log) == ("logged\n", "of two\n")

    def test_reset_gives_a_new_process_with_the_old_tmp(self) -> None:
        place = Place(environ={"STAGE": "dev"})

        def spoil() -> None:
            os.environ["STAGE"] = "spoilt"
            warnings.simplefilter("error")
            Path("/tmp/kept").write_text("1")

        place.run(spoil)
        place.surroundings.reset()
        assert place.run(lambda: (os.environ["STAGE"], Path("/tmp/kept").read_text())) == (
            "dev",
            "1",
        )
        assert place.run(lambda: warnings.filters) is warnings.filters
        place.surroundings.scrap()

    def test_unknown_attributes_are_errors(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'enviroment'"):
            _ = Place().surroundings.enviroment

    def test_repr_names_the_environment(self) -> None:
        assert repr(Place("orders/e1").surroundings) == "Surroundings('orders/e1')"


@in_a_run
class TestWarnings:
    def test_a_warning_goes_to_the_log_with_lambdas_path(self) -> None:
        place = Place()

        def handler() -> None:
            warnings.simplefilter("always")
            warnings.warn("old", UserWarning, stacklevel=1)

        place.run(handler)
        assert place.log.startswith("/var/task/test_surroundings.py:")
        assert "UserWarning: old" in place.log

    def test_each_run_shows_a_warning_anew(self) -> None:
        def handler() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                warnings.warn("once", UserWarning, stacklevel=1)

        logs = []
        for _ in range(2):
            place = Place()
            place.run(handler)
            logs.append(place.log)
        assert logs[0] == logs[1] != ""


def test_what_an_earlier_run_has_shown_is_shown_again() -> None:
    def handler() -> None:
        warnings.warn("once per location", UserWarning, stacklevel=1)

    logs = []
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for _ in range(2):
            place = Place()
            with installed():
                place.run(handler)
                place.run(handler)
            logs.append(place.log.count("UserWarning: "))
    assert logs == [1, 1]


@in_a_run
class TestThreadLocals:
    def test_each_environment_and_green_thread_has_its_own(self) -> None:
        place = Place()
        values = place.run(threading.local)
        place.run(lambda: setattr(values, "x", 1))
        assert place.run(lambda: values.x) == 1
        handler = place.start(lambda: None)
        assert place.start(lambda: hasattr(values, "x"), parent=handler).go() is False
        assert Place("b/e1").run(lambda: hasattr(values, "x")) is False
        assert not hasattr(values, "x")
        place.run(lambda: delattr(values, "x"))
        assert place.run(lambda: hasattr(values, "x")) is False

    def test_subclasses_run_init_once_for_each(self) -> None:
        place = Place()

        def define() -> Any:
            class Session(threading.local):
                def __init__(self, start: int) -> None:
                    self.calls = start

            return Session(5)

        session = place.run(define)
        place.run(lambda: setattr(session, "calls", 6))
        assert place.run(lambda: session.calls) == 6
        handler = place.start(lambda: None)
        assert place.start(lambda: session.calls, parent=handler).go() == 5
        assert place.run(lambda: isinstance(session, threading.local))

    def test_outside_it_is_the_real_one(self) -> None:
        made = threading.local()
        assert type(made).__module__ == "_thread"

        class Own(threading.local):
            pass

        assert isinstance(Own(), type(made))
        assert isinstance(made, threading.local)
        assert issubclass(Own, threading.local)

    def test_arguments_need_an_init(self) -> None:
        with pytest.raises(TypeError, match="arguments are not supported"):
            Place().run(lambda: threading.local(1))  # type: ignore[call-arg]

    def test_its_dict_is_read_only(self) -> None:
        values = Place().run(threading.local)
        with pytest.raises(AttributeError, match="read-only"):
            values.__dict__ = {}


class TestShownPath:
    @pytest.mark.parametrize(
        ("path", "shown"),
        [
            ("/tmp/ipykernel_123/456.py", "/var/task/lambda_function.py"),
            ("<ipython-input-3-ab>", "/var/task/lambda_function.py"),
            ("<stdin>", "/var/task/lambda_function.py"),
            ("<string>", "<string>"),
            ("/home/me/app/app.py", "/var/task/app.py"),
            ("/home/me/.venv/lib/python3.11/site-packages/a/b.py", "/var/task/a/b.py"),
            ("/var/task/.0a1b2c3d/pkg/mod.py", "/var/task/pkg/mod.py"),
            ("<frozen importlib._bootstrap>", None),
            (shown_path.__wrapped__.__code__.co_filename, None),
        ],
    )
    def test_no_path_of_this_machine(self, path: str, shown: str | None) -> None:
        assert shown_path(path) == shown

    def test_the_standard_library_is_the_runtimes(self) -> None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        assert shown_path(random.__file__) == f"/var/lang/lib/python{version}/random.py"

    def test_the_code_folder_is_var_task(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").touch()
        assert (
            shown_path(f"{tmp_path}/pkg/app.py", CodeFolder(str(tmp_path)))
            == "/var/task/pkg/app.py"
        )
