"""A bell: what somebody waits for, who is to be told of the first thing that happens."""

from __future__ import annotations

from collections.abc import Callable


class Bell:
    """Rings once, until ``rung`` is set back.

    It is a consumer of a queue, as far as that is told of messages; it keeps no run alive.
    """

    __slots__ = ("answer", "expired", "rung")

    enabled = False

    def __init__(self) -> None:
        self.rung = self.expired = False
        self.answer: Callable[[], object] = bool
        """What is done when it rings, or nobody waits for it any longer."""

    @property
    def over(self) -> bool:
        """Whether the wait for it is over."""
        return self.rung or self.expired

    def expire(self, _: object = None) -> None:
        """The wait has lasted long enough."""
        self.expired = True
        self.answer()

    def wake(self) -> None:
        """Ring."""
        if not self.rung:
            self.rung = True
            self.answer()
