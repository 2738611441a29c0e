"""Deployment packages: what is in a zip, read into memory, and what no zip may do."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import PurePosixPath

from lambdalab.errors import HandlerError
from lambdalab.rules import Rules

_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip
"""What reading a damaged, encrypted or strangely compressed archive raises."""


def unzipped(archive: str | os.PathLike[str] | bytes) -> dict[str, bytes]:
    """The files of a zip by their paths.

    Parameters: ``archive``, its path or its bytes.

    Raises :class:`HandlerError`, in AWS's words, for what is no zip, cannot be read, is larger unpacked
    than a function may be, or has files that lie outside of it.
    """
    most: int = Rules.as_of().code_unzipped
    try:
        with zipfile.ZipFile(
            io.BytesIO(archive) if isinstance(archive, bytes) else archive
        ) as zipped:
            entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
            # what is read of an entry is never more than its header says: no bomb gets past this
            if sum(entry.file_size for entry in entries) >= most:
                raise HandlerError(f"Unzipped size must be smaller than {most} bytes")
            return {_path(entry.filename): zipped.read(entry) for entry in entries}
    except _BROKEN as error:
        if isinstance(error, HandlerError):
            raise
        raise HandlerError(
            "Could not unzip uploaded file. Please check your file, then try to upload again. "
            f"({error})"
        ) from None


def _path(name: str) -> str:
    """The path below the code's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise HandlerError(
            "Could not unzip uploaded file. Please check your file, then try to upload again. "
            f"({name!r} lies outside of it)"
        )
    return str(path)
