"""What caused what: things as numbers, links between them, and the chain of causes and effects of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lambdalab.widgets.viewer.parts import NODES, Floats, Ints, Mask, numbers, times, which

if TYPE_CHECKING:
    from lambdalab.trace import Trace


@dataclass(frozen=True)
class Links:
    """Every link of a trace, from cause to effect.

    A thing's number is ``base[kind]`` and its own, counted from 1; kinds are those of
    :data:`~lambdalab.widgets.viewer.parts.NODES`. ``home`` is the environment of each attempt.
    """

    base: Ints
    causes: Ints
    effects: Ints
    home: Ints

    def node(self, kind: int, number: int) -> int:
        """A thing's number among all things."""
        return int(self.base[kind]) + number

    def named(self, node: int) -> tuple[int, int]:
        """Kind and own number of a thing."""
        kind = int(np.searchsorted(self.base, node, side="left")) - 1
        return kind, node - int(self.base[kind])

    def chain(self, node: int) -> Mask:
        """Which things are in the chain: all its causes, and theirs; all its effects, and theirs.

        An environment is no cause: its chain is what ran in it.
        """
        found = np.zeros(int(self.base[-1]) + 1, dtype=bool)
        found[node] = True
        kind, number = self.named(node)
        if kind == NODES.index("e"):
            found[self.base[1] + 1 + np.flatnonzero(self.home == number)] = True
            return found
        return (
            found
            | self._walk(node, self.causes, self.effects)
            | self._walk(node, self.effects, self.causes)
        )

    def _walk(self, node: int, sources: Ints, targets: Ints) -> Mask:
        seen = np.zeros(int(self.base[-1]) + 1, dtype=bool)
        seen[node] = True
        while True:
            reached = targets[seen[sources] & ~seen[targets]]
            if not len(reached):
                return seen
            seen[reached] = True


def links(trace: Trace) -> Links:
    """Read the links from the tables."""
    events = trace.queue_events
    own = which(events["kind"], "asynchronous") if len(events) else np.zeros(0, dtype=bool)
    event = numbers(events["event_id"])
    messages = int(event[~own].max(initial=0))
    sizes = [
        len(trace.invocations), len(trace.attempts), len(trace.batches), messages,
        len(trace.environments), len(trace.requests),
    ]  # fmt: skip
    base = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    r, a, b, m, _, c = (int(each) for each in base[:-1])
    runs = _Runs(trace, r, a)
    pairs = [
        *_of_callers(trace, r, c), *runs.links(), *_of_invocations(trace, runs, b, m),
        *_of_batches(trace, b, m), *_of_messages(trace, runs, own, event, m),
    ]  # fmt: skip
    causes = np.concatenate([pair[0] for pair in pairs]).astype(np.int64)
    effects = np.concatenate([pair[1] for pair in pairs]).astype(np.int64)
    kept = causes != effects
    return Links(base, causes[kept], effects[kept], runs.home)


Pairs = list[tuple[Ints, Ints]]


class _Runs:
    """The attempts of each request: what a request leads to, its run at that time led to."""

    def __init__(self, trace: Trace, r: int, a: int) -> None:
        table = trace.attempts
        self.r, self.a = r, a
        self.request = numbers(table["request_id"])
        self.home = numbers(table["environment_id"])
        started = times(trace, table["started_at"])
        self.order = np.lexsort((started, self.request))
        # one axis for all: request first, then time
        self.span = float(np.nanmax(started, initial=0.0)) + 1.0
        self.keys = self.request[self.order] * 2.0 * self.span + started[self.order]

    def at(self, request: Ints, at: Floats) -> Ints:
        """The thing that was under way: the last attempt begun by then, else the request itself."""
        if not len(self.order):
            return request + self.r
        key = request * 2.0 * self.span + np.minimum(at, self.span) + 1e-9
        place = np.searchsorted(self.keys, key, side="right") - 1
        attempt = self.order[np.maximum(place, 0)]
        ran = (place >= 0) & (self.request[attempt] == request)
        return np.where(ran, self.a + 1 + attempt, self.r + request)

    def links(self) -> Pairs:
        """From a request to its first attempt, from each attempt to the next."""
        ordered = self.request[self.order]
        same = ordered[1:] == ordered[:-1]
        first = np.append(True, ~same)[: len(ordered)]
        nodes = self.a + 1 + self.order
        return [(self.r + ordered[first], nodes[first]), (nodes[:-1][same], nodes[1:][same])]


def _of_callers(trace: Trace, r: int, c: int) -> Pairs:
    """From a caller's try to its invocation; from a try that failed to the next one."""
    table = trace.requests
    request, row = numbers(table["request_id"]), np.arange(len(table))
    some = request > 0
    order = np.lexsort((table["tries"].to_numpy(), table["call"].to_numpy()))
    call = table["call"].to_numpy()[order]
    again = (call[1:] == call[:-1]) & (call[1:] > 0)
    before, after = order[:-1][again], order[1:][again]
    known = request[before] > 0
    return [
        (c + 1 + row[some], r + request[some]),
        (c + 1 + before, c + 1 + after),
        (r + request[before][known], c + 1 + after[known]),
    ]


def _of_invocations(trace: Trace, runs: _Runs, b: int, m: int) -> Pairs:
    """From what made an invocation to it: another one, a batch, a message, a service's event."""
    table = trace.invocations
    parent, number = numbers(table["parent_id"]), runs.r + np.arange(1, len(table) + 1)
    at = times(trace, table["requested_at"])
    found = []
    for kind in ("request", "batch", "message", "event"):
        some = which(table["parent_kind"], kind) & (parent > 0)
        of = parent[some]
        cause = runs.at(of, at[some]) if kind == "request" else of + (b if kind == "batch" else m)
        found.append((cause, number[some]))
    return found


def _of_batches(trace: Trace, b: int, m: int) -> Pairs:
    """From records to their batch; from a failed batch of a stream to what came of it."""
    held, table = trace.batch_records, trace.batches
    parent = numbers(table["parent_batch_id"])
    some = parent > 0
    number = b + np.arange(1, len(table) + 1)
    return [
        (m + numbers(held["event_id"]), b + numbers(held["batch_id"])),
        (b + parent[some], number[some]),
    ]


def _of_messages(trace: Trace, runs: _Runs, own: Mask, event: Ints, m: int) -> Pairs:
    """From the run that sent a message to it, and from an event to what it became."""
    table = trace.queue_events
    request, parent = numbers(table["request_id"]), numbers(table["parent_id"])
    if not len(table):
        return []
    sent = which(table["action"], "sent") & ~own & (request > 0)
    handed = ~own & (parent > 0)
    origin = np.unique(np.column_stack([parent[handed], event[handed]]), axis=0)
    return [
        (runs.at(request[sent], times(trace, table["at"])[sent]), m + event[sent]),
        (m + origin[:, 0], m + origin[:, 1]),
    ]
