"""``trace.digest()``: one SHA-256 over everything in the books.

It is taken from the packed rows and what lies beside them, not from the DataFrames, so that no
release of numpy, pandas or Python changes it. Names count by their text, whatever order they were
met in; memory addresses in texts (``<object at 0x7f...>``) are folded, since they differ from run
to run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import numpy as np

from lambdalab.trace import schema
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.recorder import Recorder

_ADDRESS = re.compile(rb" at 0x[0-9a-fA-F]+")


def digest(recorder: Recorder) -> str:
    """The digest of the books, in hexadecimal: equal for equal runs, in any process."""
    found = hashlib.sha256(b"lambdalab trace 1\n")
    tables = {
        name: np.frombuffer(bytes(recorder.buffers[name]), dtype=layout.dtype)
        for name, layout in schema.PACKED.items()
    }
    rank, used = _ranks(recorder, tables)
    for chunk in (str(recorder.start_us).encode(), str(recorder.seed).encode(), *used):
        _add(found, chunk)
    for name, rows in tables.items():
        _add(found, name.encode())
        _add(found, _ranked(rows, schema.PACKED[name].name_fields, rank).tobytes())
    for chunk in _beside(recorder):
        _add(found, _ADDRESS.sub(b" at 0x", chunk))
    return found.hexdigest()


def _add(found: hashlib._Hash, chunk: bytes) -> None:
    found.update(len(chunk).to_bytes(8, "big"))
    found.update(chunk)


def _ranks(recorder: Recorder, tables: dict[str, Rows]) -> tuple[Numbers, list[bytes]]:
    """Each used name's place in alphabetical order, by its number; and those names in order."""
    codes: set[int] = set(recorder.queue_kinds)
    for name, rows in tables.items():
        for field in schema.PACKED[name].name_fields:
            codes.update(np.unique(rows[field]).tolist())
    ordered = sorted(codes, key=lambda code: recorder.names[code])
    rank = np.zeros(len(recorder.names), dtype=np.int64)
    rank[ordered] = np.arange(len(ordered))
    kinds = recorder.queue_kinds
    return rank, [f"{recorder.names[c]}\0{kinds.get(c, -1)}".encode() for c in ordered]


def _ranked(rows: Rows, fields: tuple[str, ...], rank: Numbers) -> Rows:
    """The rows with their names' numbers replaced by their places."""
    if fields:
        rows = rows.copy()
    for field in fields:
        rows[field] = rank[rows[field]]
    return rows


def _beside(recorder: Recorder) -> Iterator[bytes]:
    """What lies beside the rows, in order of the rows."""
    for row, (kind, message, document) in sorted(recorder.errors.items()):
        yield f"{row}\0{kind}\0{message}\0".encode("utf-8", "surrogatepass") + document
    for title, kept in ((b"payload", recorder.payloads), (b"response", recorder.responses)):
        for request, data in sorted(kept.items()):
            yield title + str(request).encode() + b"\0" + data
    for number, group in sorted(recorder.message_groups.items()):
        yield f"message group{number}\0{group}".encode()
    for line in recorder.log_texts:
        yield line.encode("utf-8", "surrogatepass")
