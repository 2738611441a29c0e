"""Draw every plot: telling, empty, of one row and of a million rows, and a page that shows them all.

    python tools/make_gallery.py build/gallery                     # all of it
    python tools/make_gallery.py build/gallery --only timeline     # one plot
    python tools/make_gallery.py build/gallery --rows 20000        # less than a million rows

A plot without a telling run (``tools/gallery_shown.py``) is an error. The page needs no network.
"""

from __future__ import annotations

import argparse
import html
import inspect
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gallery_runs as runs
import gallery_shown as shown
import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lambdalab import plots
from lambdalab.trace import Trace

DPI = 90


TABLES = (
    "invocations", "attempts", "retries", "queue_events", "batches", "batch_records", "environments",
    "requests", "scaling",
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """One picture: its file's name, what its caption says, how it is drawn, and what is made before."""

    name: str
    caption: str
    draw: Callable[[], Figure]
    prepare: Callable[[], object] = lambda: None


@dataclass
class Section:
    """A plot on the page: its name, what to look for, and its pictures with the seconds they took."""

    plot: str
    look_for: str
    pictures: list[tuple[Drawing, float]] = field(default_factory=list)


# ---- what is drawn -----------------------------------------------------------------------------


def drawings(plot: str) -> Iterator[Drawing]:
    """The pictures of one plot: telling ones first, then the empty one, and the one of one row."""
    for number, one in enumerate(shown.telling(plot), start=1):
        options = ", ".join(f"{name}={value!r}" for name, value in one.how.items())
        caption = one.why + (f" ({options})" if options else "")
        yield _of(f"{plot}-{number}", caption, plot, one.run, **one.how)
    yield _of(f"{plot}-empty", "a trace in which nothing has happened", plot, runs.nothing)
    yield _of(f"{plot}-one", "one row", plot, lambda: shown.one_row(plot))


def many(plot: str, rows: int) -> Drawing:
    """The picture of very many rows."""
    caption = f"about {rows:,} rows"
    return _of(f"{plot}-many", caption, plot, lambda: shown.many_rows(plot, rows))


def _of(name: str, caption: str, plot: str, run: Callable[[], Trace], **how: object) -> Drawing:
    """The plot of a run. The run and its tables are made before: the picture's time is its own."""

    def prepare() -> None:
        trace = run()
        for table in TABLES:
            getattr(trace, table)

    return Drawing(name, caption, lambda: _figure(plots.PLOTS[plot](run(), **how)), prepare)


def further(seeds: int) -> Iterator[tuple[str, str, list[Drawing]]]:
    """What is no plot of one trace: its name, what to look for, the pictures.

    ``seeds`` is how many runs each point of the sweep has.
    """
    pair = {"window 5 s": runs.batches(), "window 0": runs.no_window()}
    compared = Drawing(
        "compare-1",
        "the same messages with a window and without",
        lambda: plots.compare(pair).figure,
    )
    yield "compare", look_for(plots.compare), [compared]
    count = 64 * seeds
    maps = [
        Drawing(
            f"heat_map-{number}",
            f"batch size × window, {count:,} runs: {value}",
            _map(value, seeds),
        )
        for number, value in enumerate(("age_p95_s", "cost_usd"), start=1)
    ]
    yield "heat_map", look_for(plots.heat_map), maps
    fits = [
        Drawing(f"calibration-{number}", why, _fitted(varies))
        for number, (varies, why) in enumerate(
            (
                (False, "800 REPORT lines: a log-normal duration, one idle time"),
                (True, "two kinds of runs, slow first ones, and an idle time that varies"),
            ),
            start=1,
        )
    ]
    yield "calibration", look_for(plots.calibration), fits


def _map(value: str, seeds: int) -> Callable[[], Figure]:
    return lambda: _figure(plots.heat_map(runs.swept(seeds), "window", "batch_size", value))


def _fitted(varies: bool) -> Callable[[], Figure]:
    return lambda: _figure(plots.calibration(runs.calibrated(varies)))


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def look_for(function: Callable[..., object]) -> str:
    """What a plot's docstring says before its parameters: what it draws and what to look for."""
    text = inspect.getdoc(function) or ""
    return re.split(r"\n(?:Parameters|Example|Returns)\b", text)[0].strip()


# ---- files ---------------------------------------------------------------------------------------


def save(drawing: Drawing, folder: Path) -> tuple[Drawing, float]:
    """Draw one picture into the folder; returns it with the seconds it took."""
    drawing.prepare()
    begun = time.perf_counter()
    figure = drawing.draw()
    figure.savefig(folder / f"{drawing.name}.png", dpi=DPI, metadata={"Software": None})
    spent = time.perf_counter() - begun
    plt.close(figure)
    print(f"{drawing.name:20} {spent:6.2f} s", flush=True)
    return drawing, spent


def gallery(folder: Path, only: list[str], rows: int, seeds: int) -> list[Section]:
    """Draw all pictures; what has no telling run is found before the first of them."""
    names = [name for name in sorted(plots.PLOTS) if not only or name in only]
    for name in names:
        shown.telling(name)
    folder.mkdir(parents=True, exist_ok=True)
    sections = {name: Section(name, look_for(plots.PLOTS[name])) for name in names}
    for name, section in sections.items():
        section.pictures += [save(drawing, folder) for drawing in drawings(name)]
    for run in dict.fromkeys(
        shown.large_run(name) for name in names
    ):  # one at a time: they are large
        for name in names:
            if shown.large_run(name) is run:
                sections[name].pictures.append(save(many(name, rows), folder))
        run.cache_clear()
    others = [
        Section(name, text, [save(each, folder) for each in drawn])
        for name, text, drawn in further(seeds)
        if not only or name in only
    ]
    return [*sections.values(), *others]


# ---- the page --------------------------------------------------------------------------------------

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h2 { border-top: 1px solid #ccc; padding-top: 1.5rem; }
figure { margin: 1.2rem 0; } img { max-width: 100%; border: 1px solid #e6e6e6; }
figcaption { color: #444; } nav a { margin-right: 0.8em; }
.look { white-space: pre-wrap; max-width: 70ch; }
"""


def page(sections: list[Section]) -> str:
    """The page: plain HTML, nothing but the pictures beside it."""
    links = " ".join(f'<a href="#{section.plot}">{section.plot}</a>' for section in sections)
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>lambdalab: all pictures'
        f"</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>All pictures</h1>\n<nav>{links}</nav>\n"
        f"{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    figures = "\n".join(
        f'<figure><img src="{drawing.name}.png" alt="{html.escape(section.plot)}: '
        f'{html.escape(drawing.caption)}" loading="lazy">'
        f"<figcaption>{html.escape(drawing.caption)} · drawn in {spent:.2f} s</figcaption></figure>"
        for drawing, spent in section.pictures
    )
    paragraphs = "\n".join(
        f'<p class="look">{_plain(text)}</p>' for text in section.look_for.split("\n\n")
    )
    return f'<h2 id="{section.plot}">{section.plot}</h2>\n{paragraphs}\n{figures}'


def _plain(text: str) -> str:
    """A paragraph of a docstring as HTML."""
    text = html.escape(" ".join(text.split()))
    text = re.sub(r":\w+:`~?([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"``([^`]+)``", r"<code>\1</code>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def main(given: list[str] | None = None) -> int:
    """Draw, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/gallery"))
    parser.add_argument("--only", action="append", default=[], metavar="PLOT")
    parser.add_argument("--rows", type=int, default=runs.MILLION)
    parser.add_argument("--seeds", type=int, default=16, help="runs of each of a sweep's 64 points")
    asked = parser.parse_args(given)
    sections = gallery(asked.folder, asked.only, asked.rows, asked.seeds)
    (asked.folder / "index.html").write_text(page(sections), encoding="utf-8")
    print(f"{asked.folder / 'index.html'}: {sum(len(s.pictures) for s in sections)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
