"""What a screen reader hears of an explorer: names for its sliders, words for its picture."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Spoken(anywidget.AnyWidget):
    """Shows nothing: it names what ipywidgets leave without a name in the explorer that it is a part of.

    ``picture`` is what the picture says, in words.
    """

    _esm = Path(__file__).with_name("spoken.js")
    picture = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return f"Spoken({self.picture!r})"
