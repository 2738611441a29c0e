"""The questions themselves, one or two modules for each topic, in the order of the lessons."""

from lambdalab.quiz.declaring import SHELF
from lambdalab.quiz.topics import (
    asynchronous,
    batching,
    bills,
    callers,
    concurrency,
    cost,
    failures,
    queues,
    shards,
    streams,
    synchronous,
    triggers,
)

_MODULES = (
    synchronous, asynchronous, failures, callers, triggers, batching, queues, streams, shards,
    concurrency, cost, bills,
)  # fmt: skip


def declared() -> list[str]:
    """The ids of all questions, topic by topic."""
    return [name for module in _MODULES for name in SHELF if hasattr(module, name)]
