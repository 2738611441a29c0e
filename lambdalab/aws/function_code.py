"""Where the code of a function comes from: the bytes of a zip, or an object of the lab's S3."""

from __future__ import annotations

import base64
import hashlib
import inspect
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lambdalab.aws.lambda_api import invalid
from lambdalab.aws.operations import Call
from lambdalab.errors import HandlerError, NoSuchKey, UnknownName
from lambdalab.functions.archive import unzipped
from lambdalab.functions.code import Code
from lambdalab.kernel.surroundings import CodeFolder

if TYPE_CHECKING:
    from lambdalab.functions.function import Function

_PACKAGES: WeakKeyDictionary[CodeFolder, tuple[str, int]] = WeakKeyDictionary()
"""Digest and size of the zip that a code folder came in."""


def code_of(call: Call, given: dict[str, Any], handler: str) -> Code:
    """The code that CreateFunction (in ``Code``) or UpdateFunctionCode gives.

    As on AWS nothing of it is run or looked at: a handler that is not there shows at the first init.
    """
    if given.get("ImageUri"):
        raise invalid("Container images are not simulated by lambdalab; give a zip.")
    if "ZipFile" in given:
        data = _bytes(given["ZipFile"])
        if len(data) > call.lab.rules.code_zipped:
            raise invalid(
                f"Unzipped size must be smaller than {call.lab.rules.code_unzipped} bytes"
            )
    elif "S3Bucket" in given and "S3Key" in given:
        data = _object(call, given["S3Bucket"], given["S3Key"])
    else:
        raise invalid("Please provide a source for function code.")
    try:
        folder = CodeFolder(files=unzipped(data))
    except HandlerError as error:
        raise invalid(str(error)) from None
    _PACKAGES[folder] = _digest(data), len(data)
    return Code(handler, folder)


def with_handler(function: Function, code: Code | None, handler: str) -> Code | None:
    """The same code with another handler; of a function object or a model, only with its own."""
    if code is not None and code.handler == handler:
        return code
    if code is None or code.folder is None:
        raise invalid(
            f"The handler of {function.name} cannot be changed: its code is no zip, but a Python function "
            "or a model of the lab."
        )
    return Code(handler, code.folder)


def package_of(name: str, code: Code | None) -> tuple[str, int]:
    """SHA-256 (base64) and size of a function's zip; of what came without one, of its text or its name."""
    folder = None if code is None else code.folder
    if folder is not None and folder in _PACKAGES:
        return _PACKAGES[folder]
    text = name.encode()
    if code is not None and code.function is not None:
        try:
            text = inspect.getsource(inspect.unwrap(code.function)).encode()
        except (OSError, TypeError, ValueError):
            text = code.handler.encode()
    elif folder is not None:
        files = folder.files or {"": folder.root.encode()}
        text = b"".join(path.encode() + data for path, data in sorted(files.items()))
    return _digest(text), len(text)


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _object(call: Call, bucket: str, key: str) -> bytes:
    """The bytes of an object of the lab's S3."""
    code, told = "NoSuchBucket", "The specified bucket does not exist"
    try:
        found = call.lab.s3[bucket]
        code, told = "NoSuchKey", "The specified key does not exist."
        return bytes(found.get_object(key).body)
    except (UnknownName, NoSuchKey):
        raise invalid(
            f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {told}"
        ) from None


def _bytes(value: Any) -> bytes:
    """A blob as botocore takes it: bytes, text or a file."""
    if isinstance(value, str):
        return value.encode()
    return bytes(value.read() if hasattr(value, "read") else value)
