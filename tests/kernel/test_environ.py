"""os.environ: a handler sees its function's variables, and only it and its children do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.kernel.surroundings_helper import Place, in_a_run, wait

SHOW = [
    sys.executable,
    "-c",
    "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.getcwd())",
]


@pytest.fixture(autouse=True)
def outer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "notebook")


@in_a_run
def test_a_handler_sees_its_own_variables_only() -> None:
    def handler() -> tuple[object, ...]:
        return (
            os.environ["STAGE"], os.getenv("OUTER"), os.environ.get("OUTER", "none"),
            "OUTER" in os.environ, dict(os.environ), os.environb[b"STAGE"], len(os.environ),
            os.getenvb(b"STAGE"),
        )  # fmt: skip

    found = Place(environ={"STAGE": "dev"}).run(handler)
    assert found == ("dev", None, "none", False, {"STAGE": "dev"}, b"dev", 1, b"dev")
    assert os.environ["OUTER"] == "notebook"
    assert os.getenv("STAGE") is None


@in_a_run
def test_writes_stay_in_the_environment() -> None:
    one, two = Place("a/e1", {"X": "1"}), Place("b/e1", {"X": "2"})

    def write() -> None:
        os.environ["NEW"] = "new"
        os.environ |= {"MORE": "m"}
        os.environ.setdefault("X", "unused")
        del os.environ["X"]
        os.putenv("RAW", "r")
        os.unsetenv("MORE")
        os.environ.pop("ABSENT", None)

    one.run(write)
    assert one.run(lambda: dict(os.environ)) == {"NEW": "new", "RAW": "r"}
    assert two.run(lambda: dict(os.environ)) == {"X": "2"}
    assert not {"NEW", "MORE", "RAW", "X"} & set(os.environ)


@in_a_run
def test_errors_name_the_key_as_given() -> None:
    def delete() -> None:
        del os.environ["ABSENT"]

    with pytest.raises(KeyError, match=r"^'ABSENT'$"):
        Place().run(delete)
    with pytest.raises(TypeError, match="str expected"):
        Place().run(lambda: os.environ.__setitem__("X", cast(str, 1)))


@in_a_run
def test_the_process_can_still_write_and_delete() -> None:
    os.environ["TEST_ENVIRON"] = "1"
    assert subprocess.check_output(["printenv", "TEST_ENVIRON"], text=True) == "1\n"
    del os.environ["TEST_ENVIRON"]
    with pytest.raises(KeyError):
        del os.environ["TEST_ENVIRON"]


@in_a_run
def test_interleaved_handlers_do_not_see_each_other() -> None:
    def handler() -> str:
        os.environ["STEP"] = os.environ["NAME"]
        wait()
        return os.environ["STEP"]

    runs = [Place(f"{name}/e1", {"NAME": name}).start(handler) for name in "ab"]
    for run in runs:
        run.go()
    assert [run.go() for run in runs] == ["a", "b"]


@in_a_run
class TestChildren:
    def test_a_child_inherits_the_handlers_variables(self) -> None:
        place = Place(environ={"STAGE": "dev"})

        def handler() -> str:
            os.environ["NEW"] = "1"
            return subprocess.run(SHOW, capture_output=True, text=True, check=True).stdout

        assert place.run(handler).split("] ")[0] == "['NEW', 'STAGE'"

    def test_a_given_env_is_kept(self) -> None:
        place = Place(environ={"STAGE": "dev"})
        out = place.run(lambda: subprocess.check_output(SHOW, env={"ONLY": "1"}, text=True))
        assert out.startswith("['ONLY']")

    def test_positional_arguments_work(self) -> None:
        def handler() -> str:
            pipe = subprocess.PIPE
            child = subprocess.Popen(
                SHOW, -1, None, None, pipe, None, None, True, False, None, None, True
            )
            return str(child.communicate()[0])

        assert Place(environ={"STAGE": "dev"}).run(handler).startswith("['STAGE']")

    def test_os_system_too(self) -> None:
        place = Place(environ={"CODE": "3"})
        assert os.waitstatus_to_exitcode(place.run(lambda: os.system("exit $CODE"))) == 3
        assert os.waitstatus_to_exitcode(place.run(lambda: os.system("kill -9 $$"))) == -9

    def test_a_childs_directory_is_mapped(self) -> None:
        place = Place()

        def handler() -> str:
            Path("/tmp/here").mkdir()
            return subprocess.check_output(SHOW, cwd="/tmp/here", text=True)

        assert place.run(handler).rstrip().endswith("/here")
        place.surroundings.scrap()
