"""What the audit has in common: telling differences, and looking at the row before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lambdalab.trace.columns import Numbers
from lambdalab.trace.ids import short

#: One thing that does not balance, as a sentence.
Difference = str

_KINDS = {
    "invocations": "request",
    "attempts": "attempt",
    "environments": "environment",
    "batches": "batch",
    "messages": "message",
}
_EXAMPLES = 3


def wrong(
    what: str,
    bad: npt.NDArray[np.bool_],
    table: str = "",
    numbers: Numbers | None = None,
    first: int = 1,
) -> Iterator[Difference]:
    """A sentence about the rows where ``bad`` holds, if there are any.

    Rows are told by short id when ``table`` says of what (else by their place); ``numbers`` are
    their places where they have been sorted, and ``first`` is what the first place counts as.
    """
    places = np.flatnonzero(bad)
    if not len(places):
        return
    if numbers is not None:
        places = np.sort(np.asarray(numbers)[places])
    kind = _KINDS.get(table)
    shown = [
        short(kind, place + first) if kind else f"row {place}"
        for place in places[:_EXAMPLES].tolist()
    ]
    more = ", ..." if len(places) > _EXAMPLES else ""
    yield f"{what}: {len(places):,} ({', '.join(shown)}{more})"


def previous(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where a sorted column differs from the row before it (so the first row does)."""
    first = np.ones(len(values), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    return first
