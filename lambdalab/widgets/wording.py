"""What an explorer says, as HTML: sentences, the table of key figures, the status line."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

STATUS = "<div class='lambdalab-status' role='status' aria-live='polite' style='line-height:1.5'>{}</div>"
_PAD = "padding:0 1em 0 0"


def rendered(sentence: str) -> str:
    """A sentence as HTML; what stands in backticks is code.

    >>> rendered("a < b goes to `failed`")
    'a &lt; b goes to <code>failed</code>'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(sentence))


def figures_table(runs: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """Key figures as a table: a row for each run, a column for each figure of any of them."""
    names = list(dict.fromkeys(name for _, figures in runs for name in figures))
    head = "".join(
        f"<th scope='col' style='text-align:right;{_PAD}'>{html.escape(name)}</th>"
        for name in names
    )
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left;{_PAD}'>{title}</th>"
        + "".join(_cell(figures.get(name, "–")) for name in names)
        + "</tr>"
        for title, figures in runs
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _cell(value: str) -> str:
    return f"<td style='text-align:right;{_PAD}'>{html.escape(value)}</td>"
