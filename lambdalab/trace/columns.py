"""From packed numbers to the columns of a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.trace.codes import Cause, ClosedList

Numbers = npt.NDArray[np.signedinteger[Any]]
Rows = npt.NDArray[np.void]
Strings = npt.NDArray[np.object_]
Columns = dict[str, Any]

Texts = pd.api.extensions.ExtensionArray

#: One text type whether pyarrow is there or not.
TEXT = pd.StringDtype("python", na_value=np.nan)


class Fields:
    """The fields of packed rows, each copied out when asked for: ``fields["started_at"]``.

    Cheaper than copying whole rows where a table is built of them. Nothing of it looks into the
    buffer for longer than the copying takes, so that the buffer can grow again.
    """

    def __init__(self, buffer: bytearray, dtype: np.dtype[np.void]) -> None:
        self._buffer, self._dtype = buffer, dtype
        self._kept: dict[str, Numbers] = {}

    def __len__(self) -> int:
        return len(self._buffer) // self._dtype.itemsize

    def __getitem__(self, name: str) -> Numbers:
        if name not in self._kept:
            self._kept[name] = np.frombuffer(self._buffer, dtype=self._dtype)[name].copy()
        return self._kept[name]


def text(values: Strings | Sequence[str]) -> Texts:
    """A column of strings."""
    array = np.asarray(values, dtype=object)
    return pd.arrays.StringArray(array, dtype=TEXT)  # type: ignore[call-arg]


def frame(columns: Columns) -> pd.DataFrame:
    """A DataFrame of finished columns, without copying them."""
    return pd.DataFrame(columns, copy=False)


def plain(values: npt.ArrayLike) -> Numbers:
    """A column of whole numbers."""
    return np.ascontiguousarray(values, dtype=np.int64)


def words(codes: npt.ArrayLike, closed: type[ClosedList]) -> pd.Categorical:
    """A closed list's column: a categorical with every word, in the list's order."""
    array = np.ascontiguousarray(codes, dtype=np.int8)
    return pd.Categorical.from_codes(array, categories=pd.Index(closed.names, dtype=TEXT))


def causes(codes: npt.ArrayLike, allowed: Iterable[int]) -> pd.Categorical:
    """A ``cause`` column: a categorical with the causes its table may hold."""
    allowed = list(allowed)
    place = np.full(256, -1, dtype=np.int8)
    place[allowed] = np.arange(len(allowed), dtype=np.int8)
    names = pd.Index([Cause.names[code] for code in allowed], dtype=TEXT)
    return pd.Categorical.from_codes(place[np.asarray(codes)], categories=names)


def times(at: npt.ArrayLike, start_us: int) -> pd.DatetimeIndex:
    """UTC timestamps; NaT where the time is negative (not yet)."""
    us = np.array(at, dtype=np.int64)
    missing = us < 0
    us += start_us
    if missing.any():
        us[missing] = np.iinfo(np.int64).min
    return pd.DatetimeIndex(us.view("M8[us]")).tz_localize("UTC")


def ms(us: npt.ArrayLike, known: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
    """Microseconds as milliseconds; NaN where not ``known``."""
    out = np.asarray(us) / 1000.0
    if known is not None and not known.all():
        out[~known] = np.nan
    return out


def per(values: npt.ArrayLike, index: npt.ArrayLike, size: int) -> Numbers:
    """Whole-number sums of ``values`` by ``index`` (0 to ``size`` - 1), exact."""
    out = np.zeros(size, dtype=np.int64)
    np.add.at(out, np.asarray(index), np.asarray(values, dtype=np.int64))
    return out


def take(table: Texts, numbers: npt.ArrayLike) -> Texts:
    """Strings by number; much faster than :func:`text` on the strings themselves."""
    return table.take(np.asarray(numbers))
