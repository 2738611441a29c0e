"""What a queue and a stream are to those who look at them: so and so many things lie in them."""

from __future__ import annotations

from typing import Protocol

from lambdalab.sources.shown import Shown


class _Store(Protocol):
    @property
    def depth(self) -> int:
        """How many lie there."""


class Holding(Shown):
    """Counts what lies in its ``store``. One that is empty is no less true for it."""

    store: _Store

    @property
    def depth(self) -> int:
        """How many messages or records are in it: visible, delayed and in flight, read or not."""
        return self.store.depth

    def __len__(self) -> int:
        return self.store.depth

    def __bool__(self) -> bool:
        return True
