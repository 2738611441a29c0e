"""Traces on disk: what :meth:`Trace.save` writes and :meth:`Trace.load` reads back.

A folder holds ``rows.npz`` (the packed rows), ``beside.json`` (names, words, texts, settings) and,
for other tools, every table: Parquet where pyarrow is installed, else CSV. Only the first two are
read back; they bring the same digest.
"""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lambdalab.errors import InvalidSetting, LabError
from lambdalab.trace import schema
from lambdalab.trace.recorder import Recorder

FORMAT = 1
ROWS, BESIDE = "rows.npz", "beside.json"


class _Start:
    """A clock that only knows when the lab began."""

    def __init__(self, start_us: int) -> None:
        self.start_us = start_us


def save(recorder: Recorder, folder: str | Path) -> Path:
    """Write what :func:`load` needs; the folder is made."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    buffers = {n: np.frombuffer(bytes(b), np.uint8) for n, b in recorder.buffers.items()}
    np.savez_compressed(folder / ROWS, **buffers)  # type: ignore[arg-type]
    (folder / BESIDE).write_text(text_beside(recorder), encoding="utf-8")
    return folder


def text_beside(recorder: Recorder) -> str:
    """Everything but the rows, as JSON."""
    return json.dumps(_beside(recorder), ensure_ascii=True, indent=1, default=str)


def save_tables(
    tables: Iterable[tuple[str, pd.DataFrame]], folder: Path, form: str | None = None
) -> None:
    """Write every table as ``form``: "parquet", "csv", or None for the best there is."""
    if form is None:
        form = "parquet" if importlib.util.find_spec("pyarrow") else "csv"
    if form not in ("parquet", "csv"):
        raise InvalidSetting("tables", form, "'parquet', 'csv' or None")
    for name, table in tables:
        table = _encodable(table)
        if form == "parquet":
            table.to_parquet(folder / f"{name}.parquet", index=False)
        else:
            table.to_csv(folder / f"{name}.csv", index=False)


def _encodable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with what is no Unicode text (lone surrogates) in a handler's words spelt out."""
    for name in ("message", "error_message"):
        if name in table and "\\ud" in ascii("".join(table[name])):
            clean = [text.encode("utf-8", "backslashreplace").decode() for text in table[name]]
            table = table.assign(**{name: clean})
    return table


def load(folder: str | Path) -> Recorder:
    """Read back what :func:`save` wrote.

    Raises :class:`~lambdalab.errors.LabError` when the folder holds no trace, or one of a later
    lambdalab.
    """
    folder = Path(folder)
    try:
        beside = json.loads((folder / BESIDE).read_text(encoding="utf-8"))
        with np.load(folder / ROWS, allow_pickle=False) as rows:
            buffers = {name: rows[name].tobytes() for name in rows.files}
    except (OSError, ValueError) as problem:
        raise LabError(f"{folder} holds no trace that can be read: {problem}") from problem
    return restored(beside, buffers, folder)


def restored(beside: dict[str, Any], buffers: Mapping[str, bytes], source: Path | str) -> Recorder:
    """The recorder whose rows are ``buffers``; ``source`` is what an error names."""
    _check(beside, source)
    recorder = Recorder(_Start(beside["start_us"]), beside["seed"])
    for name, data in buffers.items():
        recorder.buffers[name].extend(data)
    _restore(recorder, beside)
    return recorder


def _beside(recorder: Recorder) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "words": {name: closed.names for name, closed in schema.CLOSED_LISTS.items()},
        "start_us": recorder.start_us,
        "seed": recorder.seed,
        "names": recorder.names,
        "queue_kinds": sorted(recorder.queue_kinds.items()),
        "errors": [[row, *error[:2], _text(error[2])] for row, error in recorder.errors.items()],
        "payloads": [[row, _text(data)] for row, data in recorder.payloads.items()],
        "responses": [[row, _text(data)] for row, data in recorder.responses.items()],
        "logs": recorder.log_texts,
        "message_groups": sorted(recorder.message_groups.items()),
        "functions": recorder.functions,
        "wiring": recorder.wiring,
    }


def _check(beside: dict[str, Any], source: Path | str) -> None:
    """Refuse a trace whose words are not ours: its integers would mean something else."""
    known = beside.get("format") == FORMAT and all(
        name in schema.CLOSED_LISTS
        and tuple(words) == schema.CLOSED_LISTS[name].names[: len(words)]
        for name, words in beside.get("words", {}).items()
    )
    if not known:
        raise LabError(f"{source} holds a trace of another version of lambdalab")


def _restore(recorder: Recorder, beside: dict[str, Any]) -> None:
    for name in beside["names"]:
        recorder.name(name)
    recorder.queue_kinds.update(dict(beside["queue_kinds"]))
    for row, kind, message, document in beside["errors"]:
        recorder.errors[row] = (kind, message, _data(document))
    recorder.payloads.update({row: _data(data) for row, data in beside["payloads"]})
    recorder.responses.update({row: _data(data) for row, data in beside["responses"]})
    recorder.log_texts.extend(beside["logs"])
    recorder.message_groups.update(dict(beside.get("message_groups", ())))
    recorder.functions.update(beside["functions"])
    recorder.wiring.update(beside["wiring"])


def _text(data: bytes) -> str | list[str]:
    """Bytes as text where they are text, else as [base64]."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return [base64.b64encode(data).decode("ascii")]


def _data(text: str | list[str]) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else base64.b64decode(text[0])
