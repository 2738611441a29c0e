"""The memory of one execution environment: what its process holds now, and the most it has held."""

from __future__ import annotations

_MB = 1024 * 1024


class Memory:
    """Counts bytes, for one process of an environment (a crash ends it, and :meth:`fresh` begins one).

    Parameters: ``limit_mb``, what the environment has; ``base_mb``, what the runtime itself holds.

    >>> memory = Memory(limit_mb=128, base_mb=36)
    >>> memory.take(memory.size_of(50.5)), memory.most_mb
    (True, 87)
    >>> memory.take(memory.size_of(50)), memory.most_mb
    (False, 128)
    """

    __slots__ = ("_base_mb", "_limit_mb", "_used", "most_mb")

    def __init__(self, limit_mb: int, base_mb: int) -> None:
        self._limit_mb, self._base_mb = limit_mb, base_mb
        self.most_mb = min(base_mb, limit_mb)
        """The most that was held, in whole MB, rounded up."""
        self._used = self.most_mb * _MB

    def fresh(self) -> Memory:
        """The memory of the next process in the same environment."""
        return Memory(self._limit_mb, self._base_mb)

    @staticmethod
    def size_of(mb: float) -> int:
        """Bytes of so many MB (of 1,024 KB, as everywhere in Lambda)."""
        return round(mb * _MB)

    def take(self, size: int) -> bool:
        """Hold ``size`` bytes more; False if the environment has not as much."""
        self._used += size
        self.most_mb = min(max(self.most_mb, -(-self._used // _MB)), self._limit_mb)
        return self._used <= self._limit_mb * _MB

    def give_back(self, size: int) -> None:
        """Hold ``size`` bytes less."""
        self._used -= size

    @property
    def allocated(self) -> bool:
        """Whether more is held than the runtime's own."""
        return self._used > self._base_mb * _MB
