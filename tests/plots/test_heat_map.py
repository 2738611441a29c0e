"""heat_map: every cell is its row of the table, readable, and what is missing says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.patches import Rectangle

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import InvalidSetting, UnknownName


@pytest.fixture(scope="module")
def swept():
    return ll.sweep(
        scenarios.Batching, {"batch_size": [10, 1, 100], "window": [5, 0]}, seeds=3, workers=1
    )


def image(ax):
    (found,) = [one for one in ax.images if one.get_gid() == "cells"]
    return found


def numbers(ax):
    return {
        tuple(map(int, text.get_position())): text.get_text().split("\n")[0]
        for text in ax.texts
        if text.get_gid() == "number"
    }


def holes(ax):
    return {
        (round(one.get_x() + 0.5), round(one.get_y() + 0.5)): str(one.get_gid())
        for one in ax.patches
        if isinstance(one, Rectangle) and str(one.get_gid()).startswith("missing:")
    }


def table(**columns):
    """Two settings and a value."""
    return pd.DataFrame({"x": [1, 2, 1, 2], "y": [0, 0, 5, 5], "v_s": [1.0, 2, 3, 4]} | columns)


def check(ax, frame, x, y, value, scale=1.0) -> None:
    """Each cell against the row that it stands for."""
    columns, rows = sorted(set(frame[x])), sorted(set(frame[y]))
    shown = np.ma.filled(image(ax).get_array(), np.nan)
    assert shown.shape == (len(rows), len(columns))
    for row in frame.to_dict("records"):
        cell = shown[rows.index(row[y]), columns.index(row[x])]
        assert cell == pytest.approx(row[value] * scale, nan_ok=True)
        text = numbers(ax).get((columns.index(row[x]), rows.index(row[y])))
        if cell == cell:
            assert float(text.replace(",", "")) == pytest.approx(cell, rel=6e-3)
        else:
            assert text is None


def test_cells_are_the_rows_of_the_table(swept) -> None:
    ax = plots.heat_map(swept, "batch_size", "window", "age_p95_s")
    check(ax, swept, "batch_size", "window", "age_p95_s")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "10", "100"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("batch size (records)", "window (s)")
    altered = swept.copy()
    altered.loc[0, "age_p95_s"] *= 1.5
    with pytest.raises(AssertionError):
        check(ax, altered, "batch_size", "window", "age_p95_s")


def test_money_has_a_unit_that_people_read(swept) -> None:
    ax = plots.heat_map(swept, "batch_size", "window", "cost_usd")
    check(ax, swept, "batch_size", "window", "cost_usd", scale=1e6)
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel().startswith("cost (millionths of a USD)")
    dear = plots.heat_map(table(v_usd=[1.0, 2, 3, 4]), "x", "y", "v_usd")
    check(dear, table(v_usd=[1.0, 2, 3, 4]), "x", "y", "v_usd")
    assert dear.get_title(loc="left") == "v: 1 (framed) to 4 USD"


def test_what_has_no_number_says_why(swept) -> None:
    ax = plots.heat_map(swept, "batch_size", "window", "age_p95_s")
    assert holes(ax) == {(2, 0): "missing:failed"}, "over 10 records a window is needed"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["every run failed"]
    rest = swept[(swept["batch_size"] != 1) | (swept["window"] != 5)]
    ax = plots.heat_map(rest, "batch_size", "window", "latency_p95_s")
    assert holes(ax)[0, 1] == "missing:not_run"
    assert list(holes(ax).values()).count("missing:nothing") == 4
    assert "no number" in ax.get_title(loc="left")


def test_intervals_stand_under_the_numbers(swept) -> None:
    ax = plots.heat_map(swept, "batch_size", "window", "age_p95_s")
    row = swept[(swept["batch_size"] == 10) & (swept["window"] == 5)].iloc[0]
    (text,) = [t.get_text() for t in ax.texts if tuple(t.get_position()) == (1, 1)]
    assert text.split("\n")[1] == f"± {row['age_p95_s_high'] - row['age_p95_s']:.2g}"
    assert "±" not in "".join(t.get_text() for t in plots.heat_map(table(), "x", "y", "v_s").texts)


def test_the_least_are_framed_and_factors_spread_the_colours() -> None:
    frame = table(v_s=[1.0, 200, 1.0, 40])
    ax = plots.heat_map(frame, "x", "y", "v_s")
    framed = [(p.get_x() + 0.47, p.get_y() + 0.47) for p in ax.patches if p.get_gid() == "least"]
    assert framed == [(0, 0), (0, 1)]
    assert isinstance(image(ax).norm, LogNorm)
    assert not isinstance(image(plots.heat_map(table(), "x", "y", "v_s")).norm, LogNorm)


def luminance(colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_every_number_is_readable_on_its_cell() -> None:
    values = np.linspace(1, 9, 64)
    frame = pd.DataFrame({"x": np.arange(64) % 8, "y": np.arange(64) // 8, "v": values})
    ax = plots.heat_map(frame, "x", "y", "v")
    cells = image(ax)
    for text in ax.texts:
        x, y = text.get_position()
        under = cells.cmap(cells.norm(cells.get_array()[int(y), int(x)]))[:3]
        pair = sorted([luminance(text.get_color()), luminance(under)])
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


def test_words_keep_their_order_and_long_ones_are_cut() -> None:
    names = ["zebra", "a very long name of a setting that goes on"]
    frame = pd.DataFrame({"x": names, "y": [True, True], "v": [1, 2]})
    ax = plots.heat_map(frame, "x", "y", "v")
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[0] == "zebra"
    assert len(labels[1]) <= 24
    assert ax.get_yticklabels()[0].get_text() == "True"


def test_one_row_no_row_and_very_many() -> None:
    one = plots.heat_map(table().iloc[:1], "x", "y", "v_s")
    assert numbers(one) == {(0, 0): "1"}
    assert one.get_title(loc="left") == "v: 1 s"
    assert len(one.figure.axes) == 1, "no colour bar for one colour"
    none = plots.heat_map(table().iloc[:0], "x", "y", "v_s")
    assert "nothing was swept" in none.texts[0].get_text()
    at = np.arange(1_000_000)
    many = plots.heat_map(
        pd.DataFrame({"x": at // 1000, "y": at % 1000, "v": at}), "x", "y", "v"
    )  # fmt: skip
    assert len(many.get_children()) < 100
    assert len(many.get_yticks()) <= 24


def test_what_cannot_be_drawn_is_refused(swept) -> None:
    with pytest.raises(UnknownName, match="did you mean 'age_p95_s'"):
        plots.heat_map(swept, "batch_size", "window", "age_p95")
    with pytest.raises(InvalidSetting, match="another column"):
        plots.heat_map(swept, "window", "window", "age_p95_s")
    twice = ll.sweep(
        scenarios.Backoff,
        {"maximum_retry_attempts": [0, 1], "maximum_event_age": [60, 90], "kind": ["error"]},
        seeds=1,
    )
    with pytest.raises(InvalidSetting, match="choose one value of 'maximum_event_age' first"):
        plots.heat_map(twice, "maximum_retry_attempts", "kind", "attempts")


def test_axes_of_ones_own_and_style(swept) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    drawn = plots.heat_map(swept, "batch_size", "window", "batches", ax=ax, title="T", legend=False)
    assert drawn is ax
    assert ax.get_title(loc="left") == "T"
    assert ax.get_legend() is None
    assert "Look" in (plots.heat_map.__doc__ or "")
