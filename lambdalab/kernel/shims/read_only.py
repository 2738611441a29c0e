"""A function's code can be read only: on Lambda nothing but ``/tmp`` can be written to.

Whoever writes below ``/var/task`` gets ``OSError: [Errno 30] Read-only file system``, or what the
kernel finds wrong before it comes to that. It also keeps a handler from changing the files it was
made of. Source: dg/lambda-runtime-environment; the order of the checks is Linux's.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims.environ import outside

if TYPE_CHECKING:
    from lambdalab.kernel.shims.file_view import FileView

_NEW, _THERE = "new", "there"  # what must not be there yet, what must be
_ONE_PATH = {
    **dict.fromkeys(("mkdir", "mkfifo", "mknod"), _NEW),
    **dict.fromkeys(
        ("chmod", "chown", "lchown", "utime", "truncate", "setxattr", "removexattr"), _THERE
    ),
    **dict.fromkeys(("remove", "unlink", "rmdir"), ""),
}
_WRITING = frozenset("wax+")
_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def check_open(view: FileView, file: Any, mode: Any) -> None:
    """Raise what ``open`` does where a file of the code would be written."""
    if isinstance(mode, str) and not _WRITING.isdisjoint(mode):
        _check(view, file, _NEW if "x" in mode else _THERE if "r" in mode else "")


def check_two(
    view: FileView, name: str, source: Any, target: Any, folders: Mapping[str, Any]
) -> None:
    """Raise what ``os.rename``, ``replace``, ``link`` and ``symlink`` do there."""
    if name in ("rename", "replace"):
        _check(view, source, "", folders.get("src_dir_fd"))
    folder = folders.get("dst_dir_fd", folders.get("dir_fd"))
    _check(view, target, _NEW if name in ("link", "symlink") else "", folder)


def _check_os_open(view: FileView, path: Any, flags: int, *_: Any, **options: Any) -> bool:
    if flags & _FLAGS:
        new = flags & os.O_CREAT and flags & os.O_EXCL
        must = _NEW if new else "" if flags & os.O_CREAT else _THERE
        _check(view, path, must, options.get("dir_fd"))
    return True


def _check_access(view: FileView, path: Any, mode: int, **options: Any) -> bool:
    return not (mode & os.W_OK and _real(view, path, options.get("dir_fd")) is not None)


def _check_one(must: str, view: FileView, path: Any, *_: Any, **options: Any) -> bool:
    _check(view, path, must, options.get("dir_fd"))
    return True


CHECKS: dict[str, Callable[..., bool]] = {
    "open": _check_os_open,
    "access": _check_access,
    **{name: functools.partial(_check_one, must) for name, must in _ONE_PATH.items()},
}
"""By name of a function of ``os``: called with the view and its arguments, before it."""


def _check(view: FileView, path: Any, must: str, folder: int | None = None) -> None:
    real = _real(view, path, folder)
    if real is None:
        return
    number = errno.EROFS
    if outside(os.path.lexists, real):
        if must == _NEW:
            number = errno.EEXIST
    elif must == _THERE or not outside(os.path.isdir, os.path.dirname(real)):
        number = errno.ENOENT
    raise OSError(number, os.strerror(number), path)


def _real(view: FileView, path: Any, folder: int | None) -> str | None:
    """Where a path really is, if that is in the code."""
    if isinstance(path, int):
        return None
    text = os.fsdecode(path)
    if folder is not None and text[:1] != "/":
        text = f"{outside(_opened, folder)}/{text}"
    return view.real(text) if view.in_code(text) else None


def _opened(folder: int) -> str:
    """The path of an open folder: ``shutil.rmtree`` removes what is in it by its number."""
    try:
        return os.readlink(f"/proc/self/fd/{folder}")
    except OSError:
        import fcntl

        get_path = getattr(fcntl, "F_GETPATH")  # noqa: B009 - on macOS only
        return os.fsdecode(fcntl.fcntl(folder, get_path, bytes(1024)).rstrip(b"\0"))
