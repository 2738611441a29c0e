"""What the report of a failed test says of its lab: what it is, what ran, what is not dealt with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.testing.books import story, tables_of
from lambdalab.trace.fates import fates
from lambdalab.trace.summary import summary_texts

if TYPE_CHECKING:
    from lambdalab.lab import Lab

_MOST = 6


def report(lab: Lab) -> str:
    """The lab, its functions and queues, advice, and the story of what went wrong first."""
    parts = [repr(lab)]
    parts += summary_texts(lab.trace.summary())
    found = lab.trace.findings()
    if found:
        told = [f"  {one.kind} · {one.subject}: {one.advice}" for one in found[:_MOST]]
        parts.append("\n".join(["findings", *told]))
    first = _first(lab)
    if first:
        parts.append(story(lab, first))
    return "\n\n".join(parts)


def _first(lab: Lab) -> str:
    """The id of what was not dealt with, else of the first run that failed; "" where all went well."""
    for fate in fates(tables_of(lab)):
        return fate.origin
    failed = lab.trace.attempts
    failed = failed[~failed["outcome"].isin(["success", "running"])]
    return str(failed["request_id"].iloc[0]) if len(failed) else ""
