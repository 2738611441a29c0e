"""Scenarios: pure functions, one for each question a learner asks. Frozen settings in, trace out.

>>> from lambdalab import scenarios
>>> trace = scenarios.backoff(maximum_retry_attempts=1)
>>> len(trace.attempts)
2

Each has its settings as a class too (:class:`Visibility` of ``visibility`` and so on): checked when made,
``.run(seed)`` gives the trace, ``.code(seed)`` the few lines that make the same one. :class:`Contention`
is about callers alone, without a lab: it gives a table. :func:`sqs` gives one row of what matters
of a queue and its function, and the trace.
"""

from lambdalab.scenarios.api_timeout import ApiTimeout, api_timeout
from lambdalab.scenarios.backoff import Backoff, backoff
from lambdalab.scenarios.batching import Batching, batching
from lambdalab.scenarios.burst import ScalingBurst, burst
from lambdalab.scenarios.client_retries import ClientRetries, client_retries
from lambdalab.scenarios.cold_starts import ColdStarts, cold_starts
from lambdalab.scenarios.concurrency import Concurrency, concurrency
from lambdalab.scenarios.contention import Contention, contention
from lambdalab.scenarios.event_age import EventAge, event_age
from lambdalab.scenarios.memory_cost import MemoryCost, memory_cost
from lambdalab.scenarios.shard import Shard, shard
from lambdalab.scenarios.spill_over import SpillOver, spill_over
from lambdalab.scenarios.sqs import Sqs, SqsSummary, sqs
from lambdalab.scenarios.sync_vs_async import SyncVsAsync, sync_vs_async
from lambdalab.scenarios.throttle_trap import ThrottleTrap, throttle_trap
from lambdalab.scenarios.visibility import Visibility, visibility

__all__ = [
    "ApiTimeout",
    "Backoff",
    "Batching",
    "ClientRetries",
    "ColdStarts",
    "Concurrency",
    "Contention",
    "EventAge",
    "MemoryCost",
    "ScalingBurst",
    "Shard",
    "SpillOver",
    "Sqs",
    "SqsSummary",
    "SyncVsAsync",
    "ThrottleTrap",
    "Visibility",
    "api_timeout",
    "backoff",
    "batching",
    "burst",
    "client_retries",
    "cold_starts",
    "concurrency",
    "contention",
    "event_age",
    "memory_cost",
    "shard",
    "spill_over",
    "sqs",
    "sync_vs_async",
    "throttle_trap",
    "visibility",
]
