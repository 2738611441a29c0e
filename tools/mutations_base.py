"""What a mutation is: one rule of the service, and the small change that breaks it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One rule, broken.

    `file` is relative to the package, `old` must stand in it exactly once and is replaced by `new`;
    `test` is the pytest node id, from the root, that must then fail. `fact` is the rule's id in
    docs/fidelity.md, whose row names the test; "" for a rule that has no row there.
    """

    name: str
    fact: str
    file: str
    old: str
    new: str
    test: str
