"""One piece of advice, with the rows that prove it."""

from __future__ import annotations

import html
from dataclasses import dataclass

import pandas as pd

from lambdalab.trace.words import times


@dataclass(frozen=True)
class Finding:
    """One piece of advice.

    ``kind`` is a word to filter by, ``subject`` the function or queue it is about, ``advice`` a
    sentence or two, ``rows`` the rows of a short view that prove it.
    """

    kind: str
    subject: str
    advice: str
    rows: pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.kind} · {self.subject}: {self.advice} ({times(len(self.rows), 'row')})"

    def _repr_html_(self) -> str:
        told = html.escape(f"{self.kind} · {self.subject}")
        title = f"<b>{told}</b>: {html.escape(self.advice)}"
        return f"<div>{title}{self.rows.head(10).to_html(index=False)}</div>"
