"""Sentences with gaps, one for each sort of bar: filled in the browser, and here, from the same numbers.

A gap is ``{took}`` (how long), ``{id}`` (whose bar), ``{why}`` (the cause and its meaning), or one of the
bar's numbers: ``{a}`` plainly, ``{a#r}`` as an id (r, a, b, m, e, c), ``{a#t}`` as a text,
``{a#s}`` as a size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lambdalab.plots import words

GAP = re.compile(r"\{(\w+)(?:#(\w))?\}")


def filled(
    template: str, number: Callable[[str], int], texts: Sequence[str], own: dict[str, str]
) -> str:
    """A sentence: ``number`` gives the bar's numbers by name, ``own`` what it has beside them.

    >>> filled("{id} has {a} records of {b#t}", {"a": 1200, "b": 0}.get, ["orders"], {"id": "b3"})
    'b3 has 1,200 records of orders'
    """

    def gap(found: re.Match[str]) -> str:
        name, form = found.groups()
        if name in own:
            return own[name]
        value = number(name)
        if form == "t":
            return texts[value]
        if form == "s":
            return words.size(value)
        return f"{form}{value}" if form else f"{value:,}"

    return GAP.sub(gap, template)
