"""What stands on the axes, read back from their artists; and a trace with one cell changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import FuncFormatter

from lambdalab.trace import Trace

Row = tuple[Any, ...]


# ---- from the axes -----------------------------------------------------------------------------


def bars(ax: Axes, gid: str) -> list[tuple[float, float, float, float]]:
    """(middle, start, end, height) of every bar with this gid."""
    found = []
    for artist in ax.collections:
        if isinstance(artist, PolyCollection) and str(artist.get_gid()) == gid:
            for path in artist.get_paths():
                x, y = path.vertices[:4, 0], path.vertices[:4, 1]
                found.append((float(y.mean()), float(x.min()), float(x.max()), float(np.ptp(y))))
    return found


def gids(ax: Axes, prefix: str = "") -> set[str]:
    """The gids of all artists that begin with ``prefix``."""
    artists = (*ax.collections, *ax.lines, *ax.patches, *ax.texts)
    found = {str(artist.get_gid()) for artist in artists if artist.get_gid()}
    return {gid for gid in found if gid.startswith(prefix)}


def points(ax: Axes, gid: str) -> list[tuple[float, float]]:
    """(x, y) of the points or corners of the lines with this gid, gaps left out."""
    found = []
    for line in ax.lines:
        if str(line.get_gid()) == gid:
            x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
            found += [(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True) if a == a]
    return found


def strokes(ax: Axes, gid: str, width: int = 3) -> list[Row]:
    """(x, x, y, y) of each stroke of a broken line: every ``width``-th point of it is a gap."""
    (line,) = (line for line in ax.lines if str(line.get_gid()) == gid)
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    first, last = slice(0, None, width), slice(width - 2, None, width)
    columns = (x[first], x[last], y[first], y[last])
    return list(zip(*(column.tolist() for column in columns), strict=True))


def steps(ax: Axes, gid: str, at: Any) -> Any:
    """(bottom, top) of an area of steps at each time; 0, 0 where it is not there."""
    found = np.zeros((len(at), 2))
    for artist in ax.collections:
        if str(artist.get_gid()) != gid:
            continue
        for path in artist.get_paths():
            x, y = path.vertices[:, 0], path.vertices[:, 1]
            for sign in (1, -1):  # the upper edge runs to the right, the lower one back
                flat = np.flatnonzero(sign * np.diff(x) > 0)
                flat = flat[np.argsort(np.minimum(x[flat], x[flat + 1]), kind="stable")]
                low, high = np.minimum(x[flat], x[flat + 1]), np.maximum(x[flat], x[flat + 1])
                place = np.searchsorted(low, at) - 1
                inside = (place >= 0) & (np.asarray(at) < high[np.maximum(place, 0)])
                found[inside, int(sign < 0)] = y[flat[place[inside]]]
    return np.sort(found, axis=1)


def level(ax: Axes, gid: str, at: Any) -> Any:
    """The height of a step line (as ``ax.step`` and repeated corners make it) at each time."""
    (line,) = (line for line in ax.lines if str(line.get_gid()) == gid)
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    if np.all(np.isnan(y)):
        return np.full(len(at), np.nan)
    place = np.searchsorted(x, at, side="right") - 1
    return np.where(place >= 0, y[np.maximum(place, 0)], np.nan)


def stretches(ax: Axes, gid: str) -> list[tuple[float, float]]:
    """(start, end) of every piece of the strips with this gid."""
    return [
        (float(path.vertices[:, 0].min()), float(path.vertices[:, 0].max()))
        for artist in ax.collections if str(artist.get_gid()) == gid
        for path in artist.get_paths()
    ]  # fmt: skip


def boxes(ax: Axes, gid: str) -> list[tuple[float, float, float, float]]:
    """(left, right, bottom, top) of every column with this gid, whatever draws it."""
    paths = [
        patch.get_path().transformed(patch.get_patch_transform())
        for patch in ax.patches
        if patch.get_gid() == gid
    ]
    paths += [path for c in ax.collections if c.get_gid() == gid for path in c.get_paths()]
    found = []
    for path in paths:
        x, y = path.vertices[:, 0], path.vertices[:, 1]
        found.append((float(x.min()), float(x.max()), float(y.min()), float(y.max())))
    return found


def corners(ax: Axes, prefix: str) -> Any:
    """Times just after each corner of the areas with such gids: where thinned steps are exact."""
    paths = [
        path.vertices[:, 0] for artist in ax.collections
        if str(artist.get_gid()).startswith(prefix) for path in artist.get_paths()
    ]  # fmt: skip
    x = np.unique(np.round(np.concatenate(paths), 7)) if paths else np.zeros(0)
    return x[:-1][np.diff(x) > 2e-6] + 1e-6


def lane(ax: Axes, y: float) -> str:
    """The name beside the lane that a bar is on."""
    formatter = ax.yaxis.get_major_formatter()
    if isinstance(formatter, FuncFormatter):  # so many lanes that not all names are written
        return str(formatter(round(y)))
    places = ax.get_yticks()
    return ax.get_yticklabels()[int(np.argmin(np.abs(places - y)))].get_text()


def words(ax: Axes) -> str:
    """Everything that is written on the axes, their title and their legend."""
    texts = [text.get_text() for text in ax.texts]
    legend = ax.get_legend()
    if legend is not None:
        texts += [text.get_text() for text in legend.get_texts()]
    return "\n".join([*texts, ax.get_title(loc="left")])


def title(ax: Axes) -> str:
    """The title, which tells."""
    return str(ax.get_title(loc="left"))


# ---- from the tables -----------------------------------------------------------------------------


def since(trace: Trace, times: pd.Series) -> Any:
    """Times as seconds since the lab's start, by integers of nanoseconds."""
    begun = trace.start.as_unit("ns").value
    whole = times.dt.as_unit("ns").astype("int64").to_numpy()
    return np.where(times.isna(), np.nan, (whole - begun) / 1e9)


def between(*times: Any, pixel: float = 2e-6) -> Any:
    """Where steps are compared: early and late between neighbouring times that are a pixel apart."""
    known = np.unique(np.concatenate([np.asarray(each, float) for each in times]))
    known = known[~np.isnan(known)]
    gap = np.diff(known)
    apart = gap > pixel
    inside = np.minimum(gap / 4, 1e-3)
    return np.sort(np.concatenate([(known[:-1] + inside)[apart], (known[1:] - inside)[apart]]))


def same(found: Iterable[Row], expected: Iterable[Row], what: str) -> None:
    """Rows of words and numbers are equal, in any order; numbers to a millionth."""
    one, other = sorted(found, key=_key), sorted(expected, key=_key)
    assert len(one) == len(other), f"{what}: {len(one)} drawn, {len(other)} in the tables"
    for drawn, row in zip(one, other, strict=True):
        assert _texts(drawn) == _texts(row), what
        assert _numbers(drawn) == pytest.approx(_numbers(row), rel=1e-6, abs=2e-6), what


def _key(row: Row) -> Row:
    return tuple(part if isinstance(part, str) else round(float(part), 6) for part in row)


def _texts(row: Row) -> list[str]:
    return [part for part in row if isinstance(part, str)]


def _numbers(row: Row) -> list[float]:
    return [float(part) for part in row if not isinstance(part, str)]


def alike(found: Any, expected: Any, what: str) -> None:
    """Numbers one by one are equal."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape, what
    wrong = ~np.isclose(found, expected, rtol=1e-6, atol=2e-6, equal_nan=True)
    assert not wrong.any(), f"{what}: {found[wrong][:3]} drawn, {expected[wrong][:3]} in the tables"


# ---- a trace with one cell changed -----------------------------------------------------------------


class Altered:
    """A trace as plots see it, one cell of one of whose tables is another."""

    def __init__(self, trace: Trace, table: str, row: int, column: str, value: Any) -> None:
        frame = getattr(trace, table).copy()
        frame.isetitem(frame.columns.get_loc(column), _changed(frame[column], row, value))
        self._trace, self._table, self._frame = trace, table, frame
        self.told = f"{table}.{column}[{row}] = {value!r}"

    def __getattr__(self, name: str) -> Any:
        return self._frame if name == self._table else getattr(self._trace, name)

    def kept(self, _name: str, build: Callable[[], Any]) -> Any:
        """What comes of these tables, and not of the trace's own."""
        return build()


def _changed(column: pd.Series, row: int, value: Any) -> pd.Series:
    changed = column.copy()
    changed.iloc[row] = value
    return changed
