"""What the tests of pictures share: Agg, no figure left open, and bars read back from the axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from lambdalab.trace import Recorder, Trace

mpl.use("agg")

Bars = list[tuple[float, float, float]]


@pytest.fixture(autouse=True)
def no_figure_is_left() -> Iterator[None]:
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before, "a plot must not touch matplotlib's settings"


@pytest.fixture
def empty() -> Trace:
    return Trace(Recorder())


@pytest.fixture
def read_bars() -> Callable[..., Bars]:
    """(lane, start, end) of the bars whose gid is one of those given, or begins with it."""

    def read(ax: Axes, *gids: str) -> Bars:
        found: Bars = []
        for artist in ax.collections:
            if isinstance(artist, PolyCollection) and str(artist.get_gid()).startswith(gids):
                for path in artist.get_paths():
                    x, y = path.vertices[:4, 0], path.vertices[:4, 1]
                    found.append((round(float(y.mean()), 6), float(x.min()), float(x.max())))
        return sorted(found)

    return read


@pytest.fixture
def read_points() -> Callable[..., list[tuple[float, float]]]:
    """(x, y) of the points or lines whose gid begins with the one given, NaN left out."""

    def read(ax: Axes, gid: str) -> list[tuple[float, float]]:
        found = []
        for line in ax.lines:
            if str(line.get_gid()).startswith(gid):
                x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
                found += [(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True) if a == a]
        return found

    return read


@pytest.fixture
def words_on() -> Callable[[Axes], str]:
    """Everything that is written on the axes, their title and legend."""

    def read(ax: Axes) -> str:
        texts = [text.get_text() for text in ax.texts]
        legend = ax.get_legend()
        if legend is not None:
            texts += [text.get_text() for text in legend.get_texts()]
        texts += [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
        texts += [label.get_text() for label in ax.get_yticklabels()]
        return "\n".join(texts)

    return read


@pytest.fixture
def elapsed() -> Callable[[Any], Any]:
    """A column of times as seconds since the lab's start, which is 2025-01-07."""
    import pandas as pd

    start = pd.Timestamp("2025-01-07", tz="UTC")
    return lambda column: (column - start).dt.total_seconds().tolist()


@pytest.fixture
def altered() -> Callable[..., Trace]:
    """A copy of a trace with one field of one packed row changed."""

    def change(trace: Trace, table: str, row: int, field: str, by: int) -> Trace:
        from lambdalab.trace import schema

        recorder = trace._recorder
        copy = Recorder(recorder.clock, recorder.seed)
        copy.names, copy.queue_kinds = recorder.names, recorder.queue_kinds
        copy.errors, copy.functions = recorder.errors, recorder.functions
        for name in schema.PACKED:
            rows = trace._tables.rows(name).copy()
            if name == table:
                rows[field][row] += by
            copy.buffers[name].extend(rows.tobytes())
        return Trace(copy)

    return change
