"""/tmp of each environment: its own directory behind every way to reach a file."""

from __future__ import annotations

import gc
import glob
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdalab.kernel.surroundings import CodeFolder
from tests.kernel.surroundings_helper import Place, in_a_run, installed, wait


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place("files/e1")
    yield place
    place.surroundings.scrap()


@pytest.fixture
def other() -> Iterator[Place]:
    place = Place("files/e2")
    yield place
    place.surroundings.scrap()


def write(path: str = "/tmp/x", text: str = "1") -> None:
    with open(path, "w") as file:
        file.write(text)


def raised(function: Callable[[], Any]) -> OSError:
    try:
        function()
    except OSError as error:
        return error
    raise AssertionError("nothing was raised")


@in_a_run
class TestDirectory:
    def test_each_environment_has_its_own(self, place: Place, other: Place) -> None:
        path = "/tmp/lambdalab-only-inside"
        place.run(lambda: write(path))
        assert place.run(lambda: os.listdir("/tmp")) == ["lambdalab-only-inside"]
        assert other.run(lambda: os.listdir("/tmp")) == []
        assert other.run(lambda: os.path.exists(path)) is False
        assert not os.path.exists(path)

    def test_interleaved(self, place: Place, other: Place) -> None:
        def handler() -> str:
            name = str(id(wait))
            Path("/tmp/name").write_text(name)
            wait()
            return "/".join(os.listdir("/tmp"))

        runs = [place.start(handler), other.start(handler)]
        for run in runs:
            run.go()
        assert [run.go() for run in runs] == ["name", "name"]

    def test_it_is_made_at_first_use_and_removed_in_the_end(self, place: Place) -> None:
        before = set(os.listdir(tempfile.gettempdir()))
        place.run(lambda: (Path(os.devnull).read_text(), os.getcwd(), Path("/etc").exists()))
        assert place.surroundings.files._directory is None
        place.run(write)
        made = place.surroundings.files._directory
        assert made is not None
        assert os.listdir(made) == ["x"]
        place.surroundings.scrap()
        assert not os.path.exists(made)
        assert not {n for n in set(os.listdir(tempfile.gettempdir())) - before if n in made}

    def test_a_new_one_after_scrap(self, place: Place) -> None:
        place.run(write)
        place.surroundings.scrap()
        assert place.run(lambda: os.listdir("/tmp")) == []

    def test_nor_does_one_that_is_collected_while_another_runs(self, other: Place) -> None:
        place = Place("forgotten/e1")
        place.run(write)
        made = place.surroundings.files._directory
        assert made is not None
        del place
        other.run(gc.collect)
        assert not os.path.exists(made)
        assert other.surroundings.files._directory is None

    def test_an_environment_that_is_forgotten_leaves_nothing(self) -> None:
        place = Place("forgotten/e1")
        place.run(write)
        made = place.surroundings.files._directory
        assert made is not None
        del place
        gc.collect()
        assert not os.path.exists(made)


@in_a_run
class TestEveryWay:
    def test_the_handler_always_sees_tmp(self, place: Place) -> None:
        def handler() -> dict[str, Any]:
            write()
            Path("/tmp/d").mkdir()
            Path("/tmp/d/y").write_text("2")
            os.makedirs("/tmp/deep/er")
            shutil.copy("/tmp/x", "/tmp/z")
            shutil.copytree("/tmp/d", "/tmp/copy")
            os.symlink("/tmp/x", "/tmp/link")
            os.rename("/tmp/z", "/tmp/moved")
            os.chmod("/tmp/moved", 0o600)
            with open("/tmp/x") as file:
                name = file.name
            return {
                "listed": sorted(os.listdir("/tmp")),
                "name": name,
                "glob": sorted(glob.glob("/tmp/**/y", recursive=True)),
                "path_glob": sorted(map(str, Path("/tmp").glob("*/y"))),
                "walk": next(entry[0] for entry in os.walk("/tmp")),
                "walked": sorted(entry[0] for entry in os.walk("/tmp/deep")),
                "real": os.path.realpath("/tmp/link"),
                "link": os.readlink("/tmp/link"),
                "resolved": str(Path("/tmp/link").resolve()),
                "scanned": sorted(
                    (entry.path, entry.is_dir()) for entry in os.scandir("/tmp/deep")
                ),
                "bytes": os.listdir(b"/tmp/d"),
                "stat": os.stat("/tmp/x").st_size,
                "mode": os.stat("/tmp/moved").st_mode & 0o777,
                "relative": os.path.exists("x"),
            }

        found = place.run(handler)
        assert found == {
            "listed": ["copy", "d", "deep", "link", "moved", "x"],
            "name": "/tmp/x",
            "glob": ["/tmp/copy/y", "/tmp/d/y"],
            "path_glob": ["/tmp/copy/y", "/tmp/d/y"],
            "walk": "/tmp",
            "walked": ["/tmp/deep", "/tmp/deep/er"],
            "real": "/tmp/x",
            "link": "/tmp/x",
            "resolved": "/tmp/x",
            "scanned": [("/tmp/deep/er", True)],
            "bytes": [b"y"],
            "stat": 1,
            "mode": 0o600,
            "relative": False,
        }

    def test_archives_and_databases(self, place: Place) -> None:
        def handler() -> tuple[Any, ...]:
            write("/tmp/in", "text")
            with zipfile.ZipFile("/tmp/a.zip", "w") as archive:
                archive.write("/tmp/in", "in")
            with tarfile.open("/tmp/a.tar", "w") as tar:
                tar.add("/tmp/in", "in")
            for path in ("/tmp/x.db", "file:/tmp/x.db?mode=rw"):
                base = sqlite3.connect(path, uri=path.startswith("file"))
                base.execute("create table if not exists t (a)")
                base.commit()
                base.close()
            memory = sqlite3.connect(":memory:")
            memory.close()
            shutil.unpack_archive("/tmp/a.zip", "/tmp/out")
            shutil.rmtree("/tmp/out")
            return sorted(os.listdir("/tmp")), zipfile.is_zipfile("/tmp/a.zip")

        assert place.run(handler) == (["a.tar", "a.zip", "in", "x.db"], True)

    def test_tempfile_names_repeat(self) -> None:
        def handler() -> tuple[str, ...]:
            with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
                write(folder + "/in")
                assert os.path.exists(file.name)
                names = file.name, folder, tempfile.mktemp(), tempfile.gettempdir()
            assert os.listdir("/tmp") == []
            return names

        places = [Place("t/e1"), Place("t/e1"), Place("t/e2")]
        first, again, different = (place.run(handler) for place in places)
        assert first == again != different
        assert all(name.startswith("/tmp") for name in first)
        for place in places:
            place.surroundings.scrap()

    def test_tmpdir_of_the_function(self) -> None:
        place = Place(environ={"TMPDIR": "/tmp/mine"})
        assert place.run(tempfile.gettempdir) == "/tmp/mine"

    def test_a_temporary_file_may_outlive_its_environment(self, place: Place) -> None:
        file = place.run(tempfile.NamedTemporaryFile)
        place.surroundings.scrap()
        file.close()

    @pytest.mark.parametrize(
        "reach",
        [
            lambda: io.open("/tmp/absent"),  # noqa: SIM115, UP020
            lambda: os.stat("/tmp/absent"),
            lambda: os.rename("/tmp/absent", "/tmp/b"),
            lambda: os.scandir("/tmp/absent"),
            lambda: Path("/tmp/absent").read_text(),
            lambda: os.chdir("/tmp/absent"),
            lambda: open("/tmp/absent", opener=os.open),  # noqa: SIM115
            lambda: os.stat(b"/tmp/absent"),
        ],
    )
    def test_errors_name_the_path_as_given(self, place: Place, reach: Callable[[], Any]) -> None:
        error = place.run(lambda: raised(reach))
        assert os.fsdecode(error.filename) == "/tmp/absent"
        assert "lambdalab-" not in str(error)

    def test_a_shared_stand_in_is_the_real_function_outside(self) -> None:
        assert open is io.open
        assert open.__name__ == "open"
        assert os.stat in os.supports_follow_symlinks
        assert os.path.samefile(os.getcwd(), ".")
        assert os.listdir(path=".") == os.listdir()

    def test_keywords_and_descriptors(self, place: Place) -> None:
        def handler() -> tuple[Any, ...]:
            write()
            folder = os.open("/tmp", os.O_RDONLY)
            try:
                size = os.stat("x", dir_fd=folder).st_size
                entries = [entry.name for entry in os.scandir(folder)]
            finally:
                os.close(folder)
            with os.scandir("/tmp") as scan:
                name = repr(next(scan))
            return size, entries, os.stat(path="/tmp/x").st_size, os.listdir(path="/tmp"), name

        assert place.run(handler) == (1, ["x"], 1, ["x"], "<DirEntry 'x'>")


@in_a_run
class TestWorkingDirectory:
    def test_chdir_is_the_environments(self, place: Place) -> None:
        here = os.getcwd()

        def handler() -> tuple[str, bool]:
            os.mkdir("/tmp/drafts")
            os.chdir("/tmp/drafts")
            write("relative")
            return os.getcwd(), os.path.exists("/tmp/drafts/relative")

        assert place.run(handler) == ("/tmp/drafts", True)
        assert os.getcwd() == here
        assert place.run(lambda: os.path.abspath("y")) == "/tmp/drafts/y"
        assert place.run(lambda: os.listdir()) == ["relative"]
        place.surroundings.reset()
        assert place.run(os.getcwd) == here

    def test_var_task_is_the_code_folder(self, tmp_path: Path) -> None:
        (tmp_path / "data.json").write_text("{}")
        place = Place(code=CodeFolder(str(tmp_path)))

        def handler() -> tuple[str, ...]:
            with open("data.json") as file:
                text = file.read()
            return text, Path("/var/task/data.json").read_text(), os.getcwd(), os.path.abspath("a")

        assert place.run(handler) == ("{}", "{}", "/var/task", "/var/task/a")
        error = place.run(lambda: raised(Path("absent").open))
        assert str(tmp_path) not in str(error)

    def test_the_code_folder_may_lie_below_tmp(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("mine")
        place = Place(code=CodeFolder(str(tmp_path)))
        assert place.run(lambda: (tmp_path / "a").read_text()) == "mine"
        assert place.surroundings.files._directory is None

    def test_what_python_imports_from_may_lie_below_tmp(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            (Path(folder) / "a").write_text("library")
            monkeypatch.setattr(sys, "path", [*sys.path, folder])
            assert place.run(lambda: Path(folder, "a").read_text()) == "library"

    def test_data_files_of_code_in_memory(self) -> None:
        place = Place(code=CodeFolder(files={"app.py": b"", "data/a.txt": b"caf\xc3\xa9"}))
        read = "/var/task/data/a.txt"
        assert place.run(lambda: Path(read).read_text("utf-8")) == "café"
        assert place.run(lambda: Path(read).read_bytes()) == b"caf\xc3\xa9"
        with pytest.raises(FileNotFoundError):
            place.run(Path("/var/task/absent").open)


def test_what_a_library_bound_during_a_run_works_after_it(tmp_path: Path) -> None:
    with installed():
        kept = os.listdir, open
    assert kept[0](tmp_path) == []
    with kept[1](tmp_path / "a", "w") as file:
        file.write("1")
    assert (tmp_path / "a").read_text() == "1"


UNTIDY = """
from tests.kernel.surroundings_helper import Place, installed
place = Place()
with installed():
    place.run(lambda: open("/tmp/x", "w").close())
print(place.surroundings.files.directory())
"""


def test_a_program_that_ends_without_closing_its_lab_leaves_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTIDY], capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert not os.path.exists(done.stdout.strip())
