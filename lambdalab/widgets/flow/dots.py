"""Dots: what moves through a lab, and where each of them stays from when to when."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

#: What a dot can be; the place in the tuple is its number in the script.
KINDS = ("request", "message", "record", "batch", "event", "try")
LETTER = {"request": "r", "message": "m", "record": "m", "batch": "b", "event": "m", "try": "t"}
"""With its number: how a dot is called. A ``try`` is what a caller sent that became no invocation."""

#: How a dot stays where it is. The last three are ends: of no length, drawn as the dot leaves.
STATES = (
    "waiting", "delayed", "retry", "throttled", "held", "inside", "hidden", "running", "front",
    "kept", "done", "failed", "lost",
)  # fmt: skip
WAITING, DELAYED, RETRY, THROTTLED, HELD, INSIDE, HIDDEN, RUNNING, FRONT, KEPT, DONE, FAILED, LOST = (
    range(len(STATES))
)  # fmt: skip
STATE_WORDS = {
    "waiting": "waits in", "delayed": "is delayed in", "retry": "waits for its next try in",
    "throttled": "finds no concurrency and waits in", "held": "is held by a poller of",
    "inside": "is inside a batch at", "hidden": "is hidden (in flight) in", "running": "runs in",
    "front": "is at", "kept": "is kept, not yet read, in", "done": "is done with at",
    "failed": "ends as a failure at", "lost": "is given up at",
}  # fmt: skip
AHEAD = 1 << 62
"""The end of what has not ended: after every time."""


@dataclass(slots=True)
class Stay:
    """One dot at one node: times in microseconds, ``end`` :data:`AHEAD` where it is still there.

    ``key`` says where in the node: the environment's number, the (mapping, shard, poller). ``until`` is
    the time for which a wait was planned (-1: none), ``source`` the node that the dot comes from (""
    where it comes from its own stay before). ``via`` are nodes it passed without staying. ``batch`` is the
    batch that it is part of, ``home`` the queue that counts it.
    """

    dot: int
    node: str
    state: int
    start: int
    end: int = AHEAD
    key: tuple[object, ...] = ()
    until: int = -1
    cause: str = ""
    source: str = ""
    via: tuple[str, ...] = ()
    batch: int = 0
    home: str = ""
    place: int = -1
    sub: int = 0


@dataclass(slots=True)
class Dots:
    """Every dot and every stay, in the order in which they are found.

    ``kinds`` and ``numbers`` are of dots; two stays of one dot never overlap.
    """

    kinds: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)

    def new(self, kind: str, number: int, facts: str = "") -> int:
        """A dot; its number among the dots."""
        self.kinds.append(KINDS.index(kind))
        self.numbers.append(number)
        self.facts.append(facts)
        return len(self.kinds) - 1

    def add(self, stays: list[Stay]) -> None:
        """The stays of one dot, in order of time: gaps are closed, passages become ``via``.

        Each ends when the next begins. A stay of no length that is not an end is one more node on the
        way to the next.
        """
        for now, after in itertools.pairwise(stays):
            now.end = min(now.end, after.start)
        passed: tuple[str, ...] = ()
        source = ""
        for stay in stays:
            if stay.state >= DONE:
                stay.end = stay.start
            elif stay.end <= stay.start:
                source = source or stay.source
                passed += (stay.node,) if stay.node not in passed[-1:] else ()
                continue
            stay.source = stay.source or source
            stay.via = tuple(node for node in passed if node != stay.node)
            passed, source = (), ""
            self.stays.append(stay)
