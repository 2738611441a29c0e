"""Recursive loop detection: how often a function has run in one chain, and when Lambda stops it.

Every request that another one causes carries a *chain*: how often each function has been invoked on the
way to it. Nested invokes, asynchronous events, records at destinations, dead letters and the messages
that handlers send all hand it on. When a function would be invoked once more often than
``recursion_limit`` in its chain, Lambda stops it: a direct call gets
:class:`~lambdalab.errors.RecursiveInvocationException`, an asynchronous event goes to the dead-letter
queue and the on-failure destination, a mapping's poller gets the exception and the messages' receive
counts rise until their queue's own dead-letter queue takes them. ``recursive_loop="Allow"`` lets a
function go on.

A request from outside has no chain, and nothing is written down for it until it causes another.

Sources: dg/invocation-recursion; async.md 8 of the reference. AWS carries the chain as the ``Lineage`` of
the X-Ray trace header; what counts where a batch joins several chains is undocumented: here the longest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from lambdalab.errors import RecursiveInvocationException
from lambdalab.rules import Rules

Chain = dict[str, int]
"""How often each function, by name, has been invoked in a chain; the request it belongs to included."""

ALLOW = "Allow"
"""The ``recursive_loop`` of a function that may go on."""


class Recursion:
    """The chains of the requests under way in one run.

    Parameters: the ``rules``. Chains are kept for requests that have one, from :meth:`enter` to
    :meth:`leave`; what no request caused has none.
    """

    __slots__ = ("_chains", "_source", "limit")

    def __init__(self, rules: Rules) -> None:
        self.limit: int = rules.recursion_limit
        self._source = rules.source("recursion_limit")
        self._chains: dict[int, Chain] = {}

    def loops(self, function: str, recursive_loop: str, chain: Chain) -> bool:
        """Whether an invocation of ``function`` that ``chain`` leads to has to be stopped."""
        return chain.get(function, 0) >= self.limit and recursive_loop != ALLOW

    def enter(self, request: int, function: str, chain: Chain) -> Chain:
        """A request that ``chain`` led to begins; returns its own chain, itself counted."""
        own = self._chains[request] = {**chain, function: chain.get(function, 0) + 1}
        return own

    def leave(self, request: int) -> None:
        """A request is over and causes nothing more."""
        self._chains.pop(request, None)

    def behind(self, request: int, function: str) -> Chain:
        """The chain of what a request causes: its own, or the one that begins with it.

        ``function`` is the name of the function that the request is for.
        """
        return self._chains.get(request) or {function: 1}

    def error(self, function: str) -> RecursiveInvocationException:
        """What a caller gets whose call was stopped (its text is ours: AWS documents none)."""
        return RecursiveInvocationException(
            f"Recursive loop detected: {function} has been invoked {self.limit} times in one chain of "
            "requests; this invocation was stopped",
            f" ({self._source}; recursive_loop='Allow' lets the function go on)",
        )


def joined(chains: Iterable[Chain | None]) -> Chain | None:
    """The chain of a batch: of each function the most often it ran on the way to one of the records.

    >>> joined([{"f": 2}, None, {"f": 1, "g": 1}])
    {'f': 2, 'g': 1}
    >>> joined([None, None]) is None
    True
    """
    most: dict[str, int] = {}
    for chain in chains:
        for function, count in chain.items() if chain else ():
            most[function] = max(count, most.get(function, 0))
    return most or None


def trace_header(seed: object, request: int, epoch_s: int, function: str, chain: Chain) -> str:
    """The X-Ray trace header that goes along with what a request causes.

    Parameters: the lab's ``seed``, the request's number, the second since 1970, the function the
    request is for, and its chain. Its form was seen in answers of the service (metrics-and-shapes.md 2
    of the reference); of the ``Lineage``, that the last number counts earlier runs of the function is
    our reading.
    """
    digits = hashlib.sha256(f"{seed}/trace/{request}".encode()).hexdigest()
    name = hashlib.sha256(function.encode()).hexdigest()[:8]
    return (
        f"Root=1-{epoch_s:08x}-{digits[:24]};Parent={digits[24:40]};Sampled=0;"
        f"Lineage=1:{name}:{chain.get(function, 1) - 1}"
    )
