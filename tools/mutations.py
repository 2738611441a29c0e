"""Rules of the service, each with a small change that breaks it and the test that must notice.

`tools/break.py` applies them one at a time to a copy of the package; `tests/test_break.py` checks
that each still fits its file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One rule, broken.

    `file` is relative to the package, `old` must stand in it exactly once and is replaced by `new`;
    `test` is the pytest node id, from the root, that must then fail.
    """

    name: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS: list[Mutation] = []
