"""Deployment packages: what a zip gives, and what none may do."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from lambdalab import Lab
from lambdalab.errors import HandlerError
from lambdalab.functions.archive import unzipped
from lambdalab.functions.code import Code
from lambdalab.kernel.surroundings import CodeFolder

SOURCE = "def handler(event, context): return event\n"


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in names:
            zipped.writestr(name, SOURCE)
    return made.getvalue()


def test_files_by_their_paths_without_folders(tmp_path: Path) -> None:
    data = archive("./app.py", "lib/", "lib/more.py")
    (tmp_path / "code.zip").write_bytes(data)
    expected = {"app.py": SOURCE.encode(), "lib/more.py": SOURCE.encode()}
    assert unzipped(data) == unzipped(tmp_path / "code.zip") == expected


@pytest.mark.parametrize("name", ["../app.py", "/app.py", "lib/../../app.py"])
def test_a_file_outside_is_refused(name: str) -> None:
    with pytest.raises(HandlerError, match="lies outside of it"):
        unzipped(archive(name))


def test_what_cannot_be_read_is_refused() -> None:
    data = bytearray(archive("app.py"))
    with pytest.raises(HandlerError, match="Could not unzip"):
        unzipped(b"PK")
    data[data.index(b"app.py") + 8] ^= 0xFF  # the compressed bytes
    with pytest.raises(HandlerError, match="Could not unzip"):
        unzipped(bytes(data))


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    data = bytearray(archive("app.py"))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (250 * 1024 * 1024).to_bytes(4, "little")
    with pytest.raises(HandlerError, match="smaller than 262144000 bytes"):
        unzipped(bytes(data))


def test_code_that_is_ready_is_taken_as_it_is() -> None:
    code = Code("app.handler", CodeFolder(files=unzipped(archive("app.py"))))
    with Lab() as lab:
        assert lab.create_function("bill", code).code is code
        assert lab.invoke("bill", 3).payload == 3
