"""Draw every plot: telling, empty, of one row and of a million rows, and a page that shows them all.

    python tools/make_gallery.py build/gallery                     # all of it
    python tools/make_gallery.py build/gallery --only timeline     # one plot
    python tools/make_gallery.py build/gallery --rows 20000        # less than a million rows

A plot without a telling run (``tools/gallery_runs.py``) is an error. The page asks nothing of the network.
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
import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lambdalab import plots
from lambdalab.trace import Trace

DPI = 90
LARGEST = 1200  # pixels that a picture is wide on the page


@dataclass(frozen=True)
class Drawing:
    """One picture: its file's name, what its caption says, and how it is drawn."""

    name: str
    caption: str
    draw: Callable[[], Figure]


@dataclass
class Section:
    """A plot on the page: its name, what to look for, and its pictures with the seconds they took."""

    plot: str
    look_for: str
    pictures: list[tuple[Drawing, float]] = field(default_factory=list)


# ---- what is drawn -----------------------------------------------------------------------------


def drawings(plot: str, rows: int) -> Iterator[Drawing]:
    """The pictures of one plot: telling ones first, then the empty one, one row, very many rows."""
    for number, shown in enumerate(runs.telling(plot), start=1):
        options = ", ".join(f"{name}={value!r}" for name, value in shown.how.items())
        caption = shown.why + (f" ({options})" if options else "")
        yield Drawing(f"{plot}-{number}", caption, _drawn(plot, shown.run, **shown.how))
    yield Drawing(f"{plot}-empty", "a trace in which nothing has happened", _drawn(plot, runs.nothing))
    yield Drawing(f"{plot}-one", "one row", _drawn(plot, lambda: runs.one_row(plot)))
    many = f"about {rows:,} rows"
    yield Drawing(f"{plot}-many", many, _drawn(plot, lambda: runs.many_rows(plot, rows)))


def _drawn(plot: str, run: Callable[[], Trace], **how: object) -> Callable[[], Figure]:
    """The plot of a run. Its tables are built before, so that only the drawing is timed."""

    def draw() -> Figure:
        ax: Axes = plots.PLOTS[plot](run(), **how)
        figure = ax.get_figure(root=True)
        assert figure is not None
        return figure

    return draw


def further() -> Iterator[tuple[str, str, Drawing]]:
    """What is no plot of one trace: its name, what to look for, the picture."""
    compared = {
        "window 5 s": runs.batches(), "window 0": runs.scenarios.batching(rate=2, window=0, seconds=25)
    }  # fmt: skip
    yield (
        "compare", look_for(plots.compare),
        Drawing("compare-1", "the same messages with a window and without", lambda: plots.compare(compared).figure),
    )  # fmt: skip
    if hasattr(plots, "heat_map"):
        yield (
            "heat_map", look_for(plots.heat_map),
            Drawing("heat_map-1", "batch size × window: age of the oldest twentieth", runs.heat_map),
        )  # fmt: skip


def look_for(function: Callable[..., object]) -> str:
    """What a plot's docstring says before its parameters: what it draws and what to look for."""
    text = inspect.getdoc(function) or ""
    return re.split(r"\n(?:Parameters|Example|Returns)\b", text)[0].strip()


# ---- files ---------------------------------------------------------------------------------------


def save(drawing: Drawing, folder: Path) -> float:
    """Draw one picture into the folder; returns the seconds it took."""
    begun = time.perf_counter()
    figure = drawing.draw()
    figure.savefig(folder / f"{drawing.name}.png", dpi=DPI, metadata={"Software": None})
    spent = time.perf_counter() - begun
    plt.close(figure)
    return spent


def gallery(folder: Path, only: list[str], rows: int) -> list[Section]:
    """Draw all pictures; what has no telling run is found before the first of them."""
    names = [name for name in sorted(plots.PLOTS) if not only or name in only]
    for name in names:
        runs.telling(name)
    folder.mkdir(parents=True, exist_ok=True)
    sections = []
    for name in names:
        section = Section(name, look_for(plots.PLOTS[name]))
        for drawing in drawings(name, rows):
            _warm(drawing, rows)
            section.pictures.append((drawing, save(drawing, folder)))
        sections.append(section)
        print(f"{name:16}", *(f"{spent:6.2f} s" for _, spent in section.pictures), flush=True)
    for name, text, drawing in further():
        if not only or name in only:
            sections.append(Section(name, text, [(drawing, save(drawing, folder))]))
            print(f"{name:16} {sections[-1].pictures[0][1]:6.2f} s", flush=True)
    return sections


def _warm(drawing: Drawing, rows: int) -> None:
    """Make the tables of the large run before its first picture: that is not the picture's time."""
    plot, _, which = drawing.name.rpartition("-")
    if which == "many":
        trace = runs.many_rows(plot, rows)
        for table in (
            "invocations", "attempts", "retries", "queue_events", "batches", "environments",
            "requests", "scaling",
        ):  # fmt: skip
            getattr(trace, table)


# ---- the page --------------------------------------------------------------------------------------

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h2 { border-top: 1px solid #ccc; padding-top: 1.5rem; }
figure { margin: 1.2rem 0; } img { max-width: 100%; border: 1px solid #e6e6e6; }
figcaption { color: #444; } nav a { margin-right: 0.8em; } .look { white-space: pre-wrap; max-width: 70ch; }
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
    asked = parser.parse_args(given)
    sections = gallery(asked.folder, asked.only, asked.rows)
    (asked.folder / "index.html").write_text(page(sections), encoding="utf-8")
    print(f"{asked.folder / 'index.html'}: {sum(len(s.pictures) for s in sections)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
