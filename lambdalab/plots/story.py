"""One thing's life as a picture: where it was, for how long, and what happened to it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats
from lambdalab.plots.journey import Span
from lambdalab.plots.palette import FAINT, GREEN, INIT, INK, OUTCOMES, PALE, PURPLE, SKY, Look
from lambdalab.plots.places import Life, life, most_telling

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "The story of one request"
_LINES = 16  # sentences below the picture
_LETTERS = 15.5  # of a sentence, to an inch of the picture
_LETTER = 0.0088  # width of a letter as a share of the axis
_TALL, _LINE = 0.47, 0.172  # inches: of a lane, of a sentence
_EVENTS = "what happened"
_LIES = ("queued", "kept", "letter", "alive")
_POINTS = ("caller", "letter", "called")  # told even where they take no time
_LOOKS = {
    "caller": Look("somebody waits for it", PALE, ""),
    "queued": Look("waits in a queue", SKY, ""),
    "kept": Look("kept in the stream", "#C6DBEF", ""),
    "hidden": Look("waits before another try", "#FFFFFF", "...."),
    "received": Look("received, and hidden from others", "#E4EEF5", "\\\\"),
    "gathers": Look("its batch gathers", FAINT, "--"),
    "batch": Look("its batch is with the function", PALE, "//"),
    "letter": Look("lies there", PURPLE, ""),
    "called": Look("what it called", GREEN, ""),
    "alive": Look("alive", FAINT, ""),
    "init": INIT,
    **OUTCOMES,
}


def story(
    trace: Trace, id: Any = None, *, ax: Axes | None = None, sentences: int = _LINES,
    **style: Unpack[Style],
) -> Axes:  # fmt: skip
    """Draw one request's, message's, batch's or environment's life: ``trace.story(id)`` as a picture.

    A lane for each place it was in: its caller, Lambda's queue, a queue, a batch, the environment that
    ran it, the dead-letter queue. Look at the numbers at the top, from left to right: each is a sentence
    below, at its moment. Then at the lanes: what filled the time between two numbers? Most of a long
    story is waiting; the handler's part is often too short to be seen.

    Parameters
    ----------
    trace
        The trace to draw.
    id
        What ``trace.story`` takes: ``"r2"``, ``"m12"``, ``"b3"``, ``"e1"``, a reply, a message. By default
        the event or message that was tried most often, else the invocation that took longest.
    ax
        The axes to draw on; by default those of a new figure, which has room for the sentences.
    sentences
        How many of the sentences are written below the axes at most; of more, those in the middle are
        counted. 0 writes none.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.

    Raises :class:`~lambdalab.errors.UnknownName` for an id that is not in the trace.
    """
    name = most_telling(trace) if id is None else id
    if name is None:
        ax = canvas.axes(ax, "story", (9.0, 3.0), **style)
        sentence = "Nothing has happened yet: there is no request and no message in this trace."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    told = trace.story(name)
    found = life(trace, told.title.partition(":")[0])
    lines = told.lines
    shown = min(len(lines), sentences + 1)
    size = (9.0, 1.25 + _TALL * (len(found.lanes) + 1) + _LINE * shown)
    ax = canvas.axes(ax, "story", size, **style)
    first, last = _extent(lines, found)
    span = canvas.length(last - first)
    canvas.time_axis(ax, first - 0.02 * span, first + 1.04 * span)
    canvas.lane_labels(ax, [_EVENTS, *found.lanes])
    ax.set_ylim(len(found.lanes) + 0.55, -0.6)
    ax.tick_params(axis="y", labelsize="small")
    _numbers(ax, [at for at, _ in lines], sentences > 0)
    for place, spans in enumerate(found.lanes.values(), start=1):
        _lane(ax, place, spans)
    _write(ax, lines, sentences)
    canvas.headline(ax, told.title, _entries(ax, found), columns=5, **style)
    return ax


def _extent(lines: list[tuple[float, str]], found: Life) -> tuple[float, float]:
    """From the first thing told to the last; what lies on for ever does not count, unless it is all."""
    spans = [span for lane in found.lanes.values() for span in lane]
    starts = [at for at, _ in lines] + [span.start for span in spans]
    ends = [span.end for span in spans if span.end < found.end or span.what not in _LIES]
    if not starts:
        return 0.0, 1.0
    last = max([*ends, *starts])
    if last == min(starts):
        last = max([last, *(span.end for span in spans)])
    return min(starts), last


# ---- what happened


def _numbers(ax: Axes, at: list[float], numbered: bool) -> None:
    """The number of each sentence at its moment; of those too close to each other, first and last."""
    low, high = ax.get_xlim()
    foot = ax.get_ylim()[0]
    x = np.repeat(np.asarray(sorted(set(at)), dtype=float), 3)
    x[2::3] = np.nan
    y = np.tile([0.0, foot, np.nan], len(x) // 3)
    ax.plot(x, y, color=PALE, linewidth=0.7, linestyle=":", gid="moments", zorder=1.2)
    ax.plot(
        at, np.zeros(len(at)), linestyle="none", marker="o", markersize=4, color=INK,
        gid="events", zorder=4, clip_on=False,
    )  # fmt: skip
    if not numbered:
        return
    for first, last in grouped(at, 1.2 * canvas.letter(ax, _LETTER) * (high - low)):
        text = f"{first + 1}" if first == last else f"{first + 1}–{last + 1}"
        ax.text(
            at[first], -0.12, text, ha="center", va="bottom", fontsize="small", fontweight="bold",
            color=INK, gid="numbers", zorder=5,
        )  # fmt: skip


def grouped(at: list[float], letter: float) -> list[tuple[int, int]]:
    """Which neighbouring moments share a text, so that the texts, centred on the first, have room.

    >>> grouped([0.0, 0.01, 5.0], 0.1)
    [(0, 1), (2, 2)]
    """
    groups: list[tuple[int, int]] = []
    longest = 2 * len(f"{len(at)}") + 1  # letters of what may follow
    for place, moment in enumerate(at):
        if groups:
            first, last = groups[-1]
            wide = len(f"{first + 1}") + (0 if first == last else 1 + len(f"{last + 1}"))
            if moment - at[first] < letter * (wide + longest + 1) / 2:
                groups[-1] = first, place
                continue
        groups.append((place, place))
    return groups


def _write(ax: Axes, lines: list[tuple[float, str]], most: int) -> None:
    """The sentences with their numbers below the axes."""
    if not most or not lines:
        return
    figure = ax.get_figure(root=True)
    wide = 9.0 if figure is None else figure.get_figwidth() * ax.get_position().width / 0.775
    numbered = [
        f"{number:\u2007>2}.  {at:,.3f} s  {_cut(sentence, int(_LETTERS * wide) - 16)}"
        for number, (at, sentence) in enumerate(lines, start=1)
    ]
    if len(numbered) > most:
        tail = most // 3
        left = len(numbered) - (most - tail) - tail
        head, end = numbered[: most - tail], numbered[len(numbered) - tail :]
        numbered = [*head, f"…  {left:,} more", *end]
    ax.annotate(
        "\n".join(numbered), (0, 0), (0, -42), xycoords="axes fraction",
        textcoords="offset points", ha="left", va="top", fontsize="small", color=INK,
        linespacing=1.35, gid="sentences", annotation_clip=False, parse_math=False,
    )  # fmt: skip


def _cut(sentence: str, longest: int) -> str:
    sentence = " ".join(sentence.split())
    return sentence if len(sentence) <= longest else f"{sentence[: longest - 1]}…"


# ---- where it was


def _lane(ax: Axes, place: int, spans: list[Span]) -> None:
    """The bars of a lane; what took no time is a mark. Its texts, as far as they have room."""
    high = ax.get_xlim()[1]
    for what in dict.fromkeys(span.what for span in spans):
        mine = [span for span in spans if span.what == what]
        long = [span for span in mine if span.end > span.start]
        starts, ends = (np.array([getattr(s, end) for s in long]) for end in ("start", "end"))
        bars.draw(
            ax, np.full(len(long), float(place)), starts, np.minimum(ends, high), _LOOKS[what],
            f"span:{what}", height=0.42, many=len(long) > bars.MANY, zorder=3,
        )  # fmt: skip
        points = [span.start for span in mine if span.end <= span.start]
        ax.plot(
            points, np.full(len(points), float(place)), linestyle="none", marker="|",
            markersize=14, markeredgewidth=2.2, color=INK, gid=f"point:{what}", zorder=4,
        )  # fmt: skip
    taken: list[tuple[float, float]] = []
    last = spans[-1] if spans else None
    for span in sorted(spans, key=lambda span: span.start - span.end):  # the longest first
        if span.end > span.start or span.what in _POINTS:
            _say(ax, place, span, span is last, taken)


def _say(ax: Axes, place: int, span: Span, last: bool, taken: list[tuple[float, float]]) -> None:
    """A span's text: on it where it is plain and long enough, else beside or above it.

    ``taken`` is the room above the lane that has a text already.
    """
    low, high = ax.get_xlim()
    wide = canvas.letter(ax, _LETTER) * (high - low) * (len(span.text) + 1)
    end, look = min(span.end, high), _LOOKS[span.what]
    how: dict[str, Any] = {"gid": "said", "fontsize": "small", "zorder": 6, "parse_math": False}
    if end - span.start > wide and not look.hatch:
        white = look.colour == OUTCOMES["success"].colour
        ax.text(
            (span.start + end) / 2, place, span.text, ha="center", va="center",
            color="white" if white else INK, **how,
        )  # fmt: skip
    elif last and span.end + wide < high:
        canvas.note(ax, span.end + 0.008 * (high - low), place, span.text, va="center", gid="said")
    else:
        start = min(max(span.start, low), high - wide)
        if any(a < start + wide and start < b for a, b in taken):
            return
        taken.append((start, start + wide))
        ax.text(
            start, place - 0.22, span.text, va="bottom", ha="left", color=INK,
            **(how | {"fontsize": "x-small"}),
        )  # fmt: skip


def _entries(ax: Axes, found: Life) -> list[Artist]:
    """What is wide enough to show its colour."""
    every = [span for spans in found.lanes.values() for span in spans]
    seen = {span.what for span in every if bars.wide(ax, _one(span.start), _one(span.end))}
    return [look.patch() for name, look in _LOOKS.items() if name in seen]


def _one(value: float) -> Floats:
    return np.array([value])
