"""calibration: what is drawn is what was recorded, and what the model says, to be read back."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import lambdalab as ll
from lambdalab import plots
from lambdalab.calibration import Calibration
from lambdalab.calibration.distributions import shares
from lambdalab.errors import UnknownName, UnknownSetting

REPORT = "REPORT RequestId: a Duration: 1.77 ms Billed Duration: 2 ms Memory Size: 128 MB"


@pytest.fixture(scope="module")
def fit() -> Calibration:
    """Two functions, one of which has been idle for longer and for less than its idle expiry."""
    lab = ll.Lab(seed=7)
    lab.create_function(
        "bill", duration=ll.LogNormal(0.12, 0.8), init=ll.LogNormal(0.3, 0.6), idle_expiry=420
    )
    lab.create_function("often", duration=0.25)
    lab.drive("bill", ll.Poisson(rate=1 / 200), count=400)
    lab.drive("often", ll.Every(10), count=800)
    lab.run()
    return ll.calibrate(lab.trace)


def parts(ax: Axes) -> dict[str, Axes]:
    return {part.get_label(): part for part in ax.child_axes}


def line(ax: Axes, gid: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [one for one in ax.lines if one.get_gid() == gid]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def check(ax: Axes, found) -> None:
    """The recorded share at each recorded time, and the model's own at every place."""
    x, y = line(ax, "recorded")
    inside = slice(1, -1)
    values = found.values
    upto = np.searchsorted(values, x[inside] + 1e-12, side="right") / len(values)
    assert y[inside] == pytest.approx(upto, abs=1e-9)
    assert (y[0], y[-1]) == (0, 1)
    x, y = line(ax, "model")
    assert y == pytest.approx(shares(found.model, x))


def test_both_distributions_are_read_back(fit: Calibration) -> None:
    ax = plots.calibration(fit, function="bill")
    drawn = parts(ax)
    assert set(drawn) == {"duration", "init", "idle"}
    check(drawn["duration"], fit["bill"].duration)
    check(drawn["init"], fit["bill"].init)
    with pytest.raises(AssertionError):
        check(drawn["duration"], fit["bill"].init)


def test_the_bar_stands_where_they_are_furthest_apart(fit: Calibration) -> None:
    found = fit["bill"].duration
    ax = parts(plots.calibration(fit, function="bill"))["duration"]
    x, y = line(ax, "furthest")
    assert x[0] == x[1]
    assert abs(y[1] - y[0]) == pytest.approx(found.distance, abs=1 / len(found.values))
    (note,) = [text.get_text() for text in ax.texts if text.get_gid() == "apart"]
    assert note == f"furthest apart:\n{100 * found.distance:.1f} points of 100"
    same = parts(plots.calibration(fit, function="often"))["duration"]
    assert not [one for one in same.lines if one.get_gid() == "furthest"], "they are nowhere apart"


def test_every_gap_has_its_mark(fit: Calibration) -> None:
    idle = fit["bill"].idle_expiry
    ax = parts(plots.calibration(fit, function="bill"))["idle"]
    lived, foot = line(ax, "an environment lived on")
    gone, top = line(ax, "it was gone")
    assert np.sort(gone) == pytest.approx(idle.gaps[idle.gone])
    assert np.sort(lived) == pytest.approx(np.maximum(idle.gaps[~idle.gone], 0.01))
    assert foot.max() < 0 < 1 < top.min(), "circles at the foot, crosses on top"
    assert lived.max() < idle.low + 1e-6 < idle.high <= gone.min() + 1e-6
    x, y = line(ax, "model")
    assert y.tolist() == [float(at >= idle.model) for at in x.tolist()]
    x, y = line(ax, "recorded")
    assert y.tolist() == [float(at > idle.low + 1e-6) for at in x.tolist()], "none gone, then all"
    low, high = ax.get_xlim()
    assert low < idle.gaps.min()
    assert high > idle.gaps.max()


def test_the_busiest_is_drawn_unless_told_otherwise(fit: Calibration) -> None:
    assert (
        plots.calibration(fit).get_title(loc="left").startswith("often: 800 recorded runs, 1 cold")
    )
    title = plots.calibration(fit["bill"]).get_title(loc="left")
    share = 100 * fit["bill"].cold_share.value
    assert (
        title == f"bill: 400 recorded runs, {fit['bill'].cold_starts} cold starts ({share:.3g} %)"
    )
    with pytest.raises(UnknownName, match="'bill'"):
        plots.calibration(fit, function="bil")


def test_only_what_is_known_is_drawn() -> None:
    one = plots.calibration(ll.calibrate(REPORT))
    assert list(parts(one)) == ["duration"]
    cold = plots.calibration(ll.calibrate(f"{REPORT} Init Duration: 95.13 ms"))
    assert set(parts(cold)) == {"duration", "init"}
    timed = [f"2025-01-07T00:0{n}:00Z {REPORT}" for n in range(3)]
    warm = parts(plots.calibration(ll.calibrate(timed)))
    assert set(warm) == {"duration", "idle"}
    assert not [x for x in warm["idle"].lines if x.get_gid() == "model"], "no end, no model"
    assert "unknown" in warm["idle"].get_title(loc="left")
    nought = plots.calibration(ll.calibrate(pd.DataFrame({"duration_ms": [0.0, 0.0, 5.0]})))
    assert nought.figure.axes


def test_cold_runs_have_a_line_where_they_differ() -> None:
    at = pd.date_range("2025-01-07", periods=80, freq="100s", tz="UTC")
    cold = np.arange(80) % 8 == 0
    table = pd.DataFrame(
        {
            "ended_at": at, "duration_ms": np.where(cold, 900.0, 20.0) + np.arange(80) / 10,
            "init_ms": np.where(cold, 500.0, np.nan),
        }
    )  # fmt: skip
    ax = plots.calibration(ll.calibrate(table))
    x, y = line(parts(ax)["duration"], "cold")
    assert 900 < 1000 * np.median(x[1:-1]) < 910
    assert y[-1] == 1
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "recorded, cold runs" in legend


def test_very_many_runs_are_as_many_points_as_a_picture_shows() -> None:
    chance = np.random.default_rng(3)
    at = pd.Timestamp("2025-01-07", tz="UTC") + pd.to_timedelta(np.arange(200_000), unit="s")
    table = pd.DataFrame({"ended_at": at, "duration_ms": chance.lognormal(4, 0.5, 200_000)})
    table["cold_start"] = table.index % 1000 == 0
    fit = ll.calibrate(table)
    drawn = parts(plots.calibration(fit))
    assert max(len(one.get_xdata()) for part in drawn.values() for one in part.lines) < 2_500
    check(drawn["duration"], fit["function"].duration)


def test_axes_of_ones_own_and_style(fit: Calibration) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(14, 4))
    drawn = plots.calibration(fit, function="bill", ax=axes[0], title="T", legend=False)
    assert drawn is axes[0]
    assert drawn.get_title(loc="left") == "T"
    assert drawn.get_legend() is None
    with pytest.raises(UnknownSetting, match="colour"):
        plots.calibration(fit, colour="red")
    assert "Look" in (plots.calibration.__doc__ or "")
    figure.canvas.draw()


def test_its_parts_do_not_lie_on_each_other(fit: Calibration) -> None:
    ax = plots.calibration(fit, function="bill")
    ax.figure.canvas.draw()
    renderer = ax.figure.canvas.get_renderer()
    boxes = [part.get_tightbbox(renderer) for part in ax.child_axes]
    for number, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])
        assert one.x0 >= 0
        assert one.x1 <= ax.figure.bbox.x1 + 1
