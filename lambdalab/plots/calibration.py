"""A calibration against its logs: what was recorded, and what the model would do, one over the other."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lambdalab.calibration import Calibration, Distribution, FittedFunction, IdleExpiry
from lambdalab.calibration.distributions import kind, shares
from lambdalab.calibration.idle import isotonic
from lambdalab.plots import canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import BLUE, INK, ORANGE, PALE, VERMILLION, Look

LIVED = Look("an environment lived on", BLUE, "", "o")
GONE = Look("it was gone", VERMILLION, "", "X")
_RECORDED: dict[str, Any] = {
    "color": BLUE,
    "linewidth": 4.0,
    "alpha": 0.55,
    "solid_capstyle": "butt",
}
_MODEL: dict[str, Any] = {"color": INK, "linewidth": 1.6, "linestyle": (0, (4, 2))}
_COLD: dict[str, Any] = {"color": ORANGE, "linewidth": 2.0, "linestyle": (0, (1, 1))}
_UNEVEN = 5.0  # longest over shortest: above it the axis is logarithmic
_MOST = 500  # points of a line or kind: as many as pixels can show
_SEEN = 0.005  # of the height: a distance that can be seen
_MANY = 40  # marks: the rims of more would hide their colour
_NICE = (
    *(n * 10.0**power for power in range(-5, 1) for n in (1, 3)),
    *(10, 30, 60, 180, 600, 1800, 3600, 3 * 3600, 12 * 3600, 86_400, 5 * 86_400, 30 * 86_400),
)
_NO_LESS = 1e-5  # seconds: a logarithmic axis has no nought


def calibration(
    fit: Calibration | FittedFunction,
    *,
    function: str | None = None,
    ax: Axes | None = None,
    **style: Unpack[Style],
) -> Axes:
    """Draw what the logs of one function say, and over it what its model says.

    At the left how long runs took, above at the right their inits: each line climbs from none to all of
    the runs, and at 50 % is the median. Look whether the dashed model runs within the broad recorded line;
    where it leaves it, so many more (or fewer) runs of the model are that short. The bar shows where they
    are furthest apart.

    Below at the right each mark is a time that an environment stood idle until it was wanted again: a
    circle at the foot where it still lived, a cross on top where it was gone. Look whether one idle time
    parts them: left of the dashed step circles only, right of it crosses only. Where they overlap, the
    logs know no single idle time, and the model climbs slowly.

    Parameters
    ----------
    fit
        What :func:`lambdalab.calibrate` gave, or one of its functions.
    function
        A function's name; by default the busiest.
    ax
        The axes to draw on, which are parted; by default those of a new figure.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes; ``ax.child_axes`` are the parts, labelled "duration", "init" and "idle".

    Raises :class:`~lambdalab.errors.UnknownName` for a function that is not in these logs.

    Example
    -------
    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> bill = lab.create_function("bill", duration=ll.LogNormal(p50=0.12, p99=0.8))
    >>> lab.drive("bill", ll.Poisson(rate=1 / 300), count=200)
    >>> note = lab.run()
    >>> ax = calibration(ll.calibrate(lab.trace))
    >>> ax.get_title(loc="left")
    'bill: 200 recorded runs, 28 cold starts (14 %)'
    """
    if isinstance(fit, Calibration):
        fit = fit[next(iter(fit)) if function is None else function]
    ax = canvas.axes(ax, "calibration", (9.6, 4.6), **style)
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    ax.spines[:].set_visible(False)
    idle = fit.idle_expiry
    right = [part for part, there in (("init", fit.init), ("idle", idle)) if there is not None]
    places = _places(right)
    _distribution(_part(ax, "duration", places), fit.duration, "runs", fit.cold_duration)
    if fit.init is not None:
        _distribution(_part(ax, "init", places), fit.init, "inits", None)
    if idle is not None:
        _idle(_part(ax, "idle", places), idle)
    canvas.headline(ax, _told(fit), _entries(fit), columns=6, **style)
    return ax


def _places(right: list[str]) -> dict[str, tuple[float, float, float, float]]:
    """Where each part stands: left, foot, width, height as shares of the axes."""
    wide = 0.44 if right else 1.0
    found = {"duration": (0.0, 0.0, wide, 0.93)}
    tall = 0.93 if len(right) == 1 else 0.34
    for number, part in enumerate(reversed(right)):
        found[part] = (0.56, number * 0.59, 0.44, tall)
    return found


def _part(ax: Axes, name: str, places: dict[str, tuple[float, float, float, float]]) -> Axes:
    part = ax.inset_axes(places[name], label=name)
    part.spines[["top", "right"]].set_visible(False)
    part.tick_params(labelsize="small")
    canvas.readable(part)
    return part


def _distribution(ax: Axes, found: Distribution, things: str, cold: Distribution | None) -> None:
    """The share of recorded times that are no longer, and the model's over it."""
    values = np.maximum(found.values, _NO_LESS)
    low, high = float(values[0]), float(values[-1])
    if cold is not None:
        low, high = min(low, float(cold.values[0])), max(high, float(cold.values[-1]))
    _time_axis(ax, max(low, _NO_LESS), high)
    _stairs(ax, values, "recorded", _RECORDED)
    if cold is not None:
        _stairs(ax, np.maximum(cold.values, _NO_LESS), "cold", _COLD)
    at = _grid(ax)
    model = shares(found.model, at)
    ax.plot(at, model, gid="model", zorder=4, **_MODEL)
    _furthest(ax, found)
    ax.set_ylim(0, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    ax.set_xlabel(f"{things} no longer than", fontsize="small")
    ax.set_title(f"{things}: {_model(found)}", loc="left", fontsize="small", color=INK)


def _stairs(ax: Axes, values: Floats, name: str, how: dict[str, Any]) -> None:
    """The share of values that are no longer, as a stair from 0 to 1 (of many as a line)."""
    n = len(values)
    kept = np.unique(np.linspace(0, n - 1, min(n, _MOST)).astype(int))
    low, high = ax.get_xlim()
    x = np.concatenate(([low], values[kept], [high]))
    y = np.concatenate(([0.0], (kept + 1) / n, [1.0]))
    style = "steps-post" if n < _MOST else "default"
    ax.plot(x, y, drawstyle=style, gid=name, zorder=3, **how)


def _furthest(ax: Axes, found: Distribution) -> None:
    """A bar where the model and the recorded share are furthest apart."""
    values = found.values
    upto = np.searchsorted(values, values, side="right") / len(values)
    apart = shares(found.model, values) - upto
    worst = int(np.abs(apart).argmax())
    if kind(found.model) == "empirical" or found.distance < _SEEN:
        return
    x = float(values[worst])
    ends = [float(upto[worst]), float(upto[worst] + apart[worst])]
    ax.plot(
        [x, x], ends, color=VERMILLION, linewidth=3, gid="furthest", zorder=5, solid_capstyle="butt"
    )
    low, high = ax.get_xlim()
    place = float(ax.transData.inverted().transform(ax.transAxes.transform((0.97, 0)))[0])
    canvas.note(
        ax, place, 0.06, f"furthest apart:\n{100 * found.distance:.1f} points of 100", ha="right",
        va="bottom", color=INK, gid="apart",
    )  # fmt: skip
    ax.set_xlim(low, high)


def _idle(ax: Axes, found: IdleExpiry) -> None:
    """Idle times that environments lived through, and did not; the share gone, recorded and modelled."""
    gaps = np.maximum(found.gaps, 0.01)
    _time_axis(ax, float(gaps.min()), float(gaps.max()), always=True)
    levels = isotonic(found.gaps, found.gone)
    x = np.array([edge for first, upto, _ in levels for edge in (first, upto)])
    y = np.array([share for *_, share in levels for _ in range(2)])
    ax.plot(np.maximum(x, 0.01), y, gid="recorded", zorder=2, **_RECORDED)
    at = _grid(ax)
    if found.model is not None:
        ax.plot(at, shares(found.model, at), gid="model", zorder=4, **_MODEL)
    if np.isfinite(found.high) and found.high > found.low > 0:
        ax.axvspan(found.low, found.high, color=PALE, zorder=0, linewidth=0, gid="bounds")
    for look, chosen, foot in ((LIVED, ~found.gone, -0.12), (GONE, found.gone, 1.12)):
        mine = gaps[chosen]
        if not len(mine):
            continue
        kept = mine[np.unique(np.linspace(0, len(mine) - 1, min(len(mine), _MOST)).astype(int))]
        ax.plot(
            kept, np.full(len(kept), foot), linestyle="none", marker=look.marker, markersize=5.5,
            color=look.colour, markeredgecolor="white",
            markeredgewidth=0.4 if len(kept) < _MANY else 0.0, gid=look.label, zorder=3,
            clip_on=False,
        )  # fmt: skip
    ax.set_ylim(-0.25, 1.25)
    ax.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    ax.set_ylabel("gone", fontsize="small", labelpad=0)
    ax.set_xlabel("an environment stood idle for", fontsize="small")
    ax.set_title(_idle_told(found), loc="left", fontsize="small", color=INK)


def _time_axis(ax: Axes, low: float, high: float, always: bool = False) -> None:
    """Seconds, logarithmic where they differ much, with the units that people say."""
    if always or high > _UNEVEN * low:
        middle = np.sqrt(low * high)
        low, high = min(low / 1.4, middle / 3.2), max(high * 1.4, middle * 3.2)
        ax.set(xscale="log", xlim=(low, high))
        inside = [tick for tick in _NICE if low <= tick <= high]
        step = max(-(-len(inside) // 6), 1)
        ax.xaxis.set_major_locator(FixedLocator(inside[::step]))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        room = max(0.06 * (high - low), 0.02 * high, _NO_LESS)
        ax.set_xlim(max(low - room, 0.0), high + room)
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 2.5, 5, 10)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    ax.grid(axis="both", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def _tick(seconds: float) -> str:
    if seconds < 0.1 and seconds:
        return f"{seconds * 1000:g} ms"
    return f"{seconds:g} s" if seconds < 60 else words.tick(seconds)


def _grid(ax: Axes) -> Floats:
    """Places along the axis at which a model is drawn."""
    low, high = ax.get_xlim()
    log = ax.get_xscale() == "log"
    return np.geomspace(low, high, 800) if log else np.linspace(low, high, 800)


def _model(found: Distribution) -> str:
    """The model in a line: what it is, and the recorded percentiles beside its own."""
    name = kind(found.model)
    recorded = ", ".join(
        f"p{round(100 * share)} {_said(float(np.quantile(found.values, share)))}"
        for share in (0.5, 0.99)
    )
    told = {"empirical": "as recorded", "constant": "always the same"}.get(name, name)
    return f"{told}, {recorded}"


def _said(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else words.duration(seconds)


def _idle_told(found: IdleExpiry) -> str:
    ends = words.count(found.ended, "end")
    if found.model is None:
        return f"idle expiry unknown ({ends})"
    if isinstance(found.model, float):
        return f"idle expiry {found.model:,.0f} s ({words.count(found.contradictions, 'gap')} against it)"
    return f"no single idle expiry ({found.contradictions} of {ends} against one)"


def _told(fit: FittedFunction) -> str:
    told = f"{fit.name}: {words.count(len(fit.runs), 'recorded run')}"
    if not fit.cold_share.n:
        return told
    cold = words.count(fit.cold_starts, "cold start")
    return f"{told}, {cold} ({100 * fit.cold_share.value:.3g} %)"


def _entries(fit: FittedFunction) -> list[Artist]:
    entries: list[Artist] = [
        Line2D([], [], label="recorded", **_RECORDED), Line2D([], [], label="model", **_MODEL)
    ]  # fmt: skip
    if fit.cold_duration is not None:
        entries.append(Line2D([], [], label="recorded, cold runs", **_COLD))
    if fit.idle_expiry is not None:
        entries += [LIVED.point(), GONE.point()]
    return entries
