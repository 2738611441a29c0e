"""All explorers on one page, beside a menu: what ``explorers.ipynb`` in this folder shows in Voila."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import ipywidgets as w
import traitlets

from lambdalab.errors import UnknownName
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.explorers import EXPLORERS

PAGE = Path(__file__).with_name("explorers.ipynb")
"""The notebook that Voila renders: ``voila/render/lambdalab/widgets/app/explorers.ipynb`` in a clone."""

LESSONS = {
    "sync_vs_async": "02-synchronous",
    "backoff": "04-when-asynchronous-fails",
    "batching": "05-event-source-mappings",
    "visibility": "06-partial-failures-and-order",
    "throttle_trap": "08-the-throttle-trap",
    "concurrency": "07-concurrency",
    "shard": "06-partial-failures-and-order",
    "memory_cost": "09-cost-and-memory",
}
"""The lesson in ``notebooks/`` that explains what an explorer shows."""

_IN_A_CLONE = "lambdalab/widgets/app/explorers.ipynb"


class ExplorerApp(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A menu of the explorers and the one that is chosen.

    Only a chosen explorer is built, so the page is there as soon as one of them is; it stays as it
    was left when another is chosen. Opened with ``?explore=batching`` in its address, the page
    begins with that one.

    Parameters
    ----------
    chosen
        The explorer to begin with, as ``explore()`` names it; else the one that the page's address
        asks for, else the first.
    predict_first
        Whether each explorer asks before it shows.

    Attributes
    ----------
    chosen
        The name of the explorer on show (a trait).
    predict_first
        Whether a question hides each new run, in all explorers (a trait).

    Raises :class:`~lambdalab.errors.UnknownName` for a name that is no explorer's.

    >>> app = ExplorerApp("batching")
    >>> app
    ExplorerApp('batching'): Why did this batch fire?
    >>> app.chosen = "visibility"
    >>> app.explorer.heading.split("?")[0]
    'Exactly once'
    """

    chosen = traitlets.Unicode()
    predict_first = traitlets.Bool(False)

    def __init__(self, chosen: str = "", *, predict_first: bool = False) -> None:
        self._built: dict[str, Explorer] = {}
        self._menu = w.RadioButtons(
            options=[(short(name), name) for name in EXPLORERS],
            layout={"width": "auto"},
        )
        self._switch = w.Checkbox(
            predict_first,
            description="Predict first, in all of them",
            indent=False,
            tooltip="Every explorer asks before it shows",
        )
        self._lesson = w.HTML()
        self._stage = w.VBox(layout={"flex": "1 1 780px", "min_width": "0"})
        super().__init__([w.Box([self._side(), self._stage], layout=_WRAPPED)])
        self.add_class("lambdalab-app")
        self.predict_first = predict_first
        self.chosen = chosen or asked_for(os.environ) or next(iter(EXPLORERS))
        traitlets.link((self, "chosen"), (self._menu, "value"))
        traitlets.link((self, "predict_first"), (self._switch, "value"))

    def _side(self) -> w.VBox:
        title = w.HTML(f"<style>{_STYLE}</style><b>A question</b>")
        side = [title, self._menu, self._switch, self._lesson]
        return w.VBox(side, layout={"flex": "0 0 250px", "padding": "0 16px 0 0"})

    @property
    def explorer(self) -> Explorer:
        """The explorer on show."""
        return self._built[self.chosen]

    @traitlets.validate("chosen")
    def _known(self, proposal: Any) -> str:
        if proposal["value"] not in EXPLORERS:
            raise UnknownName("explorer", proposal["value"], EXPLORERS)
        return str(proposal["value"])

    @traitlets.observe("chosen")
    def _show(self, _: object) -> None:
        if self.chosen not in self._built:
            made = EXPLORERS[self.chosen](predict_first=self.predict_first)
            self._built[self.chosen] = made
        self._lesson.value = lesson_link(LESSONS[self.chosen], os.environ)
        self._stage.children = (self.explorer,)

    @traitlets.observe("predict_first")
    def _predict(self, _: object) -> None:
        for explorer in self._built.values():
            explorer.predict_first = self.predict_first

    def __repr__(self) -> str:
        return f"ExplorerApp({self.chosen!r}): {short(self.chosen)}"


# ipywidgets give an option one line, and let what does not fit lie over the next one
_STYLE = """
.lambdalab-app .widget-radio-box label {
  height: auto; line-height: 1.35; white-space: normal;
  margin: 0 0 6px; padding-left: 22px; position: relative;
}
.lambdalab-app .widget-radio-box label input { position: absolute; left: 0; top: 0; margin: 0; }
.lambdalab-app a { text-decoration: underline; }
"""
_WRAPPED = {"flex_flow": "row wrap", "align_items": "flex-start"}
"""Menu and explorer beside each other; below each other where the page is narrow."""


def short(name: str) -> str:
    """The question that an explorer answers, without what follows it.

    >>> short("sync_vs_async")
    'Who waits?'
    """
    return EXPLORERS[name].heading.partition("?")[0] + "?"


def asked_for(served: Mapping[str, str]) -> str:
    """The explorer that the page's address asks for; "" where it names none that there is.

    Voila tells the address in the environment of the page's kernel.

    >>> asked_for({"QUERY_STRING": "explore=shard"})
    'shard'
    """
    asked = parse_qs(served.get("QUERY_STRING", "")).get("explore", [""])[0]
    return asked if asked in EXPLORERS else ""


def lesson_link(lesson: str, served: Mapping[str, str]) -> str:
    """Where to read on, as HTML: a link where the page's server has the lessons, else their place."""
    title = html.escape(lesson.replace("-", " "))
    address = lesson_address(lesson, served)
    if address is None:
        return f"The lesson: <code>notebooks/{lesson}.ipynb</code> in a clone of lambdalab"
    return f'The lesson: <a href="{html.escape(address)}" target="_blank">{title}</a>'


def lesson_address(lesson: str, served: Mapping[str, str]) -> str | None:
    """The lesson's address in the JupyterLab that also serves this page; None where it has none.

    Parameters
    ----------
    lesson
        A notebook of ``notebooks/``, without its ending.
    served
        What Voila tells a kernel: ``SCRIPT_NAME``, the page's path, and ``VOILA_BASE_URL``.
    """
    page, base = served.get("SCRIPT_NAME", ""), served.get("VOILA_BASE_URL", "/")
    rendered = f"{base}voila/render/"
    if not (page.startswith(rendered) and page.endswith(_IN_A_CLONE)):
        return None
    clone = Path.cwd().parents[2]  # Voila runs a notebook in its own folder
    if not (clone / "notebooks" / f"{lesson}.ipynb").is_file():
        return None
    folder = page[len(rendered) : -len(_IN_A_CLONE)]
    return f"{base}lab/tree/{folder}notebooks/{lesson}.ipynb"
