"""Scenarios: pure functions, one for each question a learner asks. Frozen settings in, trace out.

>>> from lambdalab import scenarios
>>> trace = scenarios.backoff(maximum_retry_attempts=1)
>>> len(trace.attempts)
2

Each has its settings as a class too (:class:`SyncVsAsync`, :class:`Backoff`, :class:`Batching`): checked
when made, ``.run(seed)`` gives the trace, ``.code(seed)`` the few lines that make the same one.
:class:`Contention` is about callers alone, without a lab: it gives a table.
"""

from lambdalab.scenarios.backoff import Backoff, backoff
from lambdalab.scenarios.batching import Batching, batching
from lambdalab.scenarios.concurrency import Concurrency, concurrency
from lambdalab.scenarios.contention import Contention, contention
from lambdalab.scenarios.memory_cost import MemoryCost, memory_cost
from lambdalab.scenarios.sync_vs_async import SyncVsAsync, sync_vs_async

__all__ = [
    "Backoff",
    "Batching",
    "Concurrency",
    "Contention",
    "MemoryCost",
    "SyncVsAsync",
    "backoff",
    "batching",
    "concurrency",
    "contention",
    "memory_cost",
    "sync_vs_async",
]
