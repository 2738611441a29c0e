"""The lines of code behind a picture, and a button that copies them."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class CopyButton(anywidget.AnyWidget):
    """Shows ``code`` when pressed, and puts it on the clipboard where the browser allows that."""

    _esm = Path(__file__).with_name("copying.js")
    code = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return f"CopyButton({len(self.code.splitlines())} lines)"
