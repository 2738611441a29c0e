"""A function's code, from a folder or from memory: seen in every way, and written to in none."""

from __future__ import annotations

import errno
import gc
import glob
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.kernel.surroundings import CodeFolder
from tests.kernel.surroundings_helper import Place, in_a_run, installed

FILES = {"app.py": "x = 1\n", "data.txt": "data", "pkg/__init__.py": "", "pkg/deep/d.txt": "deep"}


@pytest.fixture(params=["folder", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "memory":
        return Place(code=CodeFolder(files={name: text.encode() for name, text in FILES.items()}))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Place(code=CodeFolder(str(tmp_path)))


def raised(body: Callable[[], Any]) -> OSError:
    try:
        body()
    except OSError as error:
        return error
    raise AssertionError("nothing was raised")


@in_a_run
class TestReading:
    def test_the_code_is_there_in_every_way(self, place: Place) -> None:
        def handler() -> dict[str, Any]:
            with open("data.txt") as file:
                name = file.name
            return {
                "name": name,
                "exists": os.path.exists("/var/task/data.txt"),
                "kinds": (os.path.isfile("data.txt"), os.path.isdir("pkg"), os.path.isdir("no")),
                "size": os.stat("data.txt").st_size,
                "listed": sorted(os.listdir("/var/task")),
                "here": sorted(os.listdir(".")) == sorted(os.listdir()) == sorted(os.listdir("/var/task")),
                "scanned": sorted(entry.path for entry in os.scandir("pkg")),
                "glob": sorted(glob.glob("**/*.txt", recursive=True)),
                "walk": sorted(folder for folder, _, _ in os.walk("/var/task")),
                "path": sorted(map(str, Path("/var/task").rglob("d.txt"))),
                "text": Path("pkg", "deep", "d.txt").read_text(),
                "real": os.path.realpath("data.txt"),
                "up": Path("../task/pkg/../data.txt").read_text(),
                "cwd": os.getcwd(),
                "nothing": os.path.exists(""),
            }  # fmt: skip

        assert place.run(handler) == {
            "name": "data.txt",
            "exists": True,
            "kinds": (True, True, False),
            "size": 4,
            "listed": ["app.py", "data.txt", "pkg"],
            "here": True,
            "scanned": ["pkg/__init__.py", "pkg/deep"],
            "glob": ["data.txt", "pkg/deep/d.txt"],
            "walk": ["/var/task", "/var/task/pkg", "/var/task/pkg/deep"],
            "path": ["/var/task/pkg/deep/d.txt"],
            "text": "deep",
            "real": "/var/task/data.txt",
            "up": "data",
            "cwd": "/var/task",
            "nothing": False,
        }

    def test_a_missing_file_is_told_as_it_was_asked_for(self, place: Place) -> None:
        error = place.run(lambda: raised(Path("/var/task/absent").read_text))
        assert (error.errno, error.filename) == (errno.ENOENT, "/var/task/absent")


def test_memory_is_unpacked_once_and_removed_with_the_code() -> None:
    code = CodeFolder(files={"app.py": b"", "../evil.txt": b"", "a.txt": b"a"})
    one, two = Place("f/e1", code=code), Place("f/e2", code=code)
    with installed():
        one.run(os.getcwd)
        assert code._unpacked is None
        assert one.run(os.listdir) == two.run(os.listdir)
    made = code._unpacked
    assert made is not None
    assert sorted(os.listdir(made)) == ["a.txt", "app.py"]
    assert not os.path.exists(os.path.join(made, "..", "evil.txt"))
    del one, two, code
    gc.collect()
    assert not os.path.exists(made)


WRITES: list[tuple[Callable[[], Any], int]] = [
    (lambda: open("new.txt", "w"), errno.EROFS),  # noqa: SIM115
    (lambda: open("/var/task/new.txt", "a"), errno.EROFS),  # noqa: SIM115
    (lambda: open("data.txt", "r+"), errno.EROFS),  # noqa: SIM115
    (lambda: open("absent.txt", "r+"), errno.ENOENT),  # noqa: SIM115
    (lambda: open("absent/new.txt", "w"), errno.ENOENT),  # noqa: SIM115
    (lambda: open("data.txt", "x"), errno.EEXIST),  # noqa: SIM115
    (lambda: os.open("data.txt", os.O_WRONLY), errno.EROFS),
    (lambda: Path("new.txt").touch(), errno.EROFS),
    (lambda: Path("data.txt").touch(), errno.EROFS),
    (lambda: Path("data.txt").write_text("mine"), errno.EROFS),
    (lambda: os.mkdir("/var/task/q"), errno.EROFS),
    (lambda: os.mkdir("pkg"), errno.EEXIST),
    (lambda: os.makedirs("pkg/a/b"), errno.EROFS),
    (lambda: os.remove("data.txt"), errno.EROFS),
    (lambda: Path("data.txt").unlink(), errno.EROFS),
    (lambda: os.rmdir("pkg/deep"), errno.EROFS),
    (lambda: os.rename("data.txt", "/tmp/data.txt"), errno.EROFS),
    (lambda: os.symlink("/tmp/a", "link"), errno.EROFS),
    (lambda: os.link("data.txt", "app.py"), errno.EEXIST),
    (lambda: os.chmod("data.txt", 0o600), errno.EROFS),
    (lambda: os.chmod("absent", 0o600), errno.ENOENT),
    (lambda: os.truncate(b"/var/task/data.txt", 0), errno.EROFS),
    (lambda: shutil.copy("data.txt", "copy.txt"), errno.EROFS),
    (lambda: shutil.rmtree("pkg"), errno.EROFS),
    (lambda: zipfile.ZipFile("a.zip", "w"), errno.EROFS),
    (lambda: os.mkdir("../task/q"), errno.EROFS),
]


@in_a_run
class TestWriting:
    @pytest.mark.parametrize(("write", "number"), WRITES)
    def test_is_refused(self, place: Place, write: Callable[[], Any], number: int) -> None:
        def handler() -> tuple[OSError, Any]:
            before = sorted(glob.glob("**", recursive=True))
            error = raised(write)
            assert sorted(glob.glob("**", recursive=True)) == before
            return error, Path("data.txt").read_text()

        error, text = place.run(handler)
        assert (error.errno, text) == (number, "data")

    def test_with_the_kernels_words_and_the_path_as_given(self, place: Place) -> None:
        error = place.run(lambda: raised(lambda: os.mkdir("q")))
        assert str(error) == "[Errno 30] Read-only file system: 'q'"

    def test_by_the_real_name_too(self, tmp_path: Path) -> None:
        place = Place(code=CodeFolder(str(tmp_path)))
        error = place.run(lambda: raised(lambda: (tmp_path / "a").write_text("")))
        assert error.errno == errno.EROFS

    def test_what_asks_first_is_told(self, place: Place) -> None:
        def handler() -> tuple[bool, ...]:
            os.makedirs("pkg/deep", exist_ok=True)
            return os.access("data.txt", os.R_OK), os.access("data.txt", os.W_OK), os.access(".", 2)

        assert place.run(handler) == (True, False, False)

    def test_tmp_and_a_relative_path_there_can_be_written(self, place: Place) -> None:
        def handler() -> list[str]:
            shutil.copy("data.txt", "/tmp/copy.txt")
            Path("../../tmp/up.txt").write_text("1")
            os.chdir("/tmp")
            Path("relative.txt").write_text("1")
            os.rename("relative.txt", "moved.txt")
            shutil.copytree("/var/task/pkg", "tree")
            shutil.rmtree("tree")
            return sorted(os.listdir())

        assert place.run(handler) == ["copy.txt", "moved.txt", "up.txt"]
        place.surroundings.scrap()

    def test_code_that_lies_in_tmp_itself(self) -> None:
        place = Place(code=CodeFolder("/tmp"))
        place.run(lambda: Path("/tmp/x").write_text("1"))
        assert place.run(lambda: os.listdir("/tmp")) == ["x"]
        place.surroundings.scrap()

    def test_a_database_is_read_only(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "a.db") as base:
            base.execute("create table t as select 7 as a")
        base.close()
        place = Place(code=CodeFolder(str(tmp_path)))

        def handler() -> Any:
            found = []
            for name in ("a.db", "file:/var/task/a.db"):
                base = sqlite3.connect(name, uri=name.startswith("file"))
                found += base.execute("select a from t").fetchone()
                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    base.execute("insert into t values (8)")
                base.close()
            with pytest.raises(sqlite3.OperationalError, match="unable to open"):
                sqlite3.connect("new.db").execute("select 1")
            return found

        assert place.run(handler) == [7, 7]

    def test_a_function_of_the_notebook_keeps_the_notebooks_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Place().run(lambda: Path("new.txt").write_text("1"))
        assert (tmp_path / "new.txt").read_text() == "1"


def test_the_beginners_first_error_from_a_source_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ll.Lab(seed=1) as lab:
        function = lab.create_function(
            "f", code="def lambda_handler(event, context):\n    open('new.txt', 'w')\n"
        )
        answer = lab.invoke(function)
    assert answer.payload["errorMessage"] == "[Errno 30] Read-only file system: 'new.txt'"
    assert list(tmp_path.iterdir()) == []
