"""compare: key figures side by side, pictures on one scale."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import InvalidSetting, UnknownName


@pytest.fixture
def windows():
    return {f"window {n} s": scenarios.batching(window=n) for n in (5, 0)}


def test_figures_are_those_of_the_tables(windows) -> None:
    table = plots.compare(windows).table
    assert table.columns.tolist() == list(windows)
    for name, trace in windows.items():
        column = table[name]
        assert column["batches"] == len(trace.batches)
        assert column["runs"] == len(trace.attempts)
        assert column["records in a batch, mean"] == pytest.approx(trace.batches["records"].mean())
        assert column["billed s"] == pytest.approx(trace.attempts["billed_ms"].sum() / 1000)


def test_one_scale(windows) -> None:
    axes = plots.compare(windows).axes
    assert len(axes) == 2
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert axes[0].get_ylim() == axes[1].get_ylim()
    titles = [ax.get_title(loc="left") for ax in axes]
    assert [title.partition(" · ")[0] for title in titles] == list(windows)


def test_the_telling_picture(windows, lab) -> None:
    both = plots.compare({"a": scenarios.backoff(), "b": scenarios.backoff(maximum_event_age=90)})
    assert "since the event was accepted" in both.axes[0].get_xlabel()
    lab.create_function("f", duration=0.1)
    lab.invoke("f")
    assert "1 attempt" in plots.compare({"x": lab.trace}).axes[0].get_title(loc="left")
    chosen = plots.compare(windows, plot="queue_depth")
    assert "orders: at most" in chosen.axes[0].get_title(loc="left")


def test_what_a_cell_shows(windows) -> None:
    compared = ll.compare(windows)
    assert "0x" not in repr(compared)
    assert "batches" in repr(compared)
    assert compared._repr_png_().startswith(b"\x89PNG")
    assert not hasattr(compared, "_repr_html_"), "a page would show it instead of the picture"
    (cells,) = compared.figure.axes[0].tables
    written = {cell.get_text().get_text() for cell in cells.get_celld().values()}
    assert {*compared.table.index, *compared.table.columns} <= written
    assert f"{compared.table.loc['runs'].iloc[1]:,.5g}" in written


def test_figures_are_closed_for_pyplot(windows) -> None:
    import matplotlib.pyplot as plt

    plots.compare(windows)
    assert not plt.get_fignums(), "or the cell would show them twice"


def test_empty_traces_and_bad_input(empty) -> None:
    assert plots.compare({"nothing": empty}).table.loc["runs"].tolist() == [0.0]
    with pytest.raises(InvalidSetting):
        plots.compare({})
    with pytest.raises(UnknownName, match="did you mean 'timeline'"):
        plots.compare({"nothing": empty}, plot="timelines")


def test_every_plot_stands_on_the_trace(empty) -> None:
    assert list(plots.PLOTS) == sorted(plots.PLOTS)
    for name in plots.PLOTS:
        assert name in plots.__all__
        assert getattr(empty.plot, name)()
        assert "Look" in (plots.PLOTS[name].__doc__ or ""), "it says what to look for"


def test_long_names_and_dollars_do_not_overlap() -> None:
    trace = scenarios.backoff()
    names = ["n" * 64, "$x_1$ <b>", "ü" * 64]
    both = plots.compare(dict.fromkeys(names, trace))
    both.figure.draw_without_rendering()
    cells = both.figure.axes[0].tables[0].get_celld()
    heads = [cells[0, column].get_text() for column in range(3)]
    assert heads[1].get_text() == names[1]
    assert not any(head.get_parse_math() for head in heads)
    boxes = [head.get_window_extent() for head in heads]
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[1].x1 < boxes[2].x0
    assert list(both.table.columns) == names
