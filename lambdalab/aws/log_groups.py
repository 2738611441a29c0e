"""The log groups of a lab as CloudWatch Logs has them: the lines of ``lab.trace.logs``, group by group.

A function's group, ``/aws/lambda/NAME``, is there from its first line on, or once somebody has created it
or subscribed to it. Groups and streams that somebody created, their retention and tags are kept; what is
put in a stream is there for the run (subscription filters hear of functions' own lines alone). Nothing
expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lambdalab.aws.operations import ApiError, of_run
from lambdalab.aws.values import kept
from lambdalab.functions.context import ACCOUNT, REGION

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.lab import Lab

PREFIX = "/aws/lambda/"


class Event(NamedTuple):
    """A log event: its stream, its time and when it came (milliseconds since 1970), its text, its place
    in the group."""

    stream: str
    at: int
    message: str
    number: int
    ingested: int

    @property
    def id(self) -> str:
        """56 digits that rise with time."""
        return f"{self.at:014d}{self.number:042d}"


class Group:
    """One log group.

    Attributes: ``name``; ``arn`` (without the ``:*`` that policies need); ``settings``, what was kept of
    it: ``created`` (ms), ``retention`` (days), ``tags``, ``streams`` (name: created); ``put``, what
    somebody has put in it.
    """

    def __init__(self, lab: Lab, name: str, settings: dict[str, Any], rows: pd.DataFrame) -> None:
        self.name, self.settings, self._rows = name, settings, rows
        self.put: list[Event] = of_run(lab, "logs").get("put", {}).get(name, [])
        self.arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
        self._overhead: int = lab.rules.logs_event_overhead
        function = name.removeprefix(PREFIX)
        self._json = lab.trace.settings(function).get("log_format") == "JSON"

    def events(self, streams: Sequence[str] | None = None) -> list[Event]:
        """The events of the group, or of some of its streams, in order of time."""
        rows, numbers = self._rows, np.arange(len(self._rows))
        if streams is not None:
            those = rows["log_stream"].isin(list(streams)).to_numpy()
            rows, numbers = rows[those], numbers[those]
        at = rows["at"].dt.as_unit("ms").astype(np.int64).tolist()
        told = map(self._told, rows["message"].tolist())
        found = list(map(Event, rows["log_stream"].tolist(), at, told, numbers.tolist(), at))
        if self.put:
            found += [each for each in self.put if streams is None or each.stream in streams]
            found.sort(key=lambda event: (event.at, event.number))
        return found

    def _told(self, line: str) -> str:
        """A line as it is stored: text ends with its newline, as on AWS."""
        return line if self._json and line.startswith("{") else line + "\n"

    def streams(self) -> dict[str, tuple[int, int] | None]:
        """The streams by name: when the first and the last event were, None where there is none."""
        found: dict[str, tuple[int, int] | None] = dict.fromkeys(self.settings.get("streams", ()))
        at = self._rows["at"].dt.as_unit("ms").astype(np.int64)
        times = at.groupby(self._rows["log_stream"].to_numpy()).agg(["min", "max"])
        for name, first, last in times.itertuples():
            found[name] = int(first), int(last)
        for event in self.put:
            first, last = found[event.stream] or (event.at, event.at)
            found[event.stream] = min(first, event.at), max(last, event.at)
        return found

    @property
    def created(self) -> int:
        """When it was created: by somebody, or with its first line."""
        first = self._rows["at"].iloc[0].timestamp() * 1000 if len(self._rows) else 0
        return int(self.settings.get("created", first))

    @property
    def size(self) -> int:
        """Its stored bytes."""
        texts = [text + "\n" for text in self._rows["message"]]
        texts += [event.message for event in self.put]
        return sum(len(text.encode(errors="replace")) + self._overhead for text in texts)


def groups(lab: Lab) -> dict[str, Group]:
    """Every log group by name, in order of names."""
    store, lines = kept(lab, "logs"), lab.trace.logs
    rows = {PREFIX + str(name): found for name, found in lines.groupby("function", sort=False)}
    for name, (trace, count) in store.get("deleted", {}).items():
        if name in rows and trace is lab.trace:  # the lines of a run that is over are gone anyway
            rows[name] = rows[name].iloc[count:]
    there = {name for name, found in rows.items() if len(found)}
    there |= {*store.get("groups", ()), *(name for name in lab.logs if lab.logs[name].filters)}
    none = lines.iloc[:0]
    settings = store.get("groups", {})
    return {
        name: Group(lab, name, settings.get(name, {}), rows.get(name, none))
        for name in sorted(there)
    }


def group(lab: Lab, name: str) -> Group:
    """One log group by its name or ARN, or the service's refusal is raised."""
    if name.startswith("arn:"):
        name = name.removesuffix(":*").partition(":log-group:")[2]
    found = groups(lab).get(name)
    if found is None:
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
    return found


def settings(lab: Lab, name: str) -> dict[str, Any]:
    """What is kept of a group, to be changed."""
    store: dict[str, dict[str, Any]] = kept(lab, "logs").setdefault("groups", {})
    return store.setdefault(name, {})


def forget(lab: Lab, found: Group) -> None:
    """Delete a group: what it has so far is shown no more; the function's next line makes a new one."""
    store = kept(lab, "logs")
    store.get("groups", {}).pop(found.name, None)
    of_run(lab, "logs").get("put", {}).pop(found.name, None)
    lines = lab.trace.logs
    count = int((lines["function"] == found.name.removeprefix(PREFIX)).sum())
    store.setdefault("deleted", {})[found.name] = (lab.trace, count)
