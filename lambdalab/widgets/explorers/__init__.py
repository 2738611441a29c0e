"""The explorers, one for each question: ``explore()`` lists them, ``explore("batching")`` gives one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.errors import UnknownName
from lambdalab.widgets.explorers.backoff import BackoffExplorer
from lambdalab.widgets.explorers.batching import BatchingExplorer
from lambdalab.widgets.explorers.concurrency import ConcurrencyExplorer
from lambdalab.widgets.explorers.memory_cost import MemoryCostExplorer
from lambdalab.widgets.explorers.shard import ShardExplorer
from lambdalab.widgets.explorers.sync_async import SyncAsyncExplorer
from lambdalab.widgets.explorers.throttle_trap import ThrottleTrapExplorer
from lambdalab.widgets.explorers.visibility import VisibilityExplorer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdalab.widgets.explorer import Explorer

__all__ = [
    "EXPLORERS",
    "BackoffExplorer",
    "BatchingExplorer",
    "ConcurrencyExplorer",
    "ExplorerList",
    "MemoryCostExplorer",
    "ShardExplorer",
    "SyncAsyncExplorer",
    "ThrottleTrapExplorer",
    "VisibilityExplorer",
    "explore",
]

EXPLORERS: dict[str, type[Explorer]] = {
    explorer.name: explorer
    for explorer in (
        SyncAsyncExplorer,
        BackoffExplorer,
        BatchingExplorer,
        VisibilityExplorer,
        ThrottleTrapExplorer,
        ConcurrencyExplorer,
        ShardExplorer,
        MemoryCostExplorer,
    )
}
"""By name, in the order in which a course meets them."""


class ExplorerList:
    """The explorers there are, as a cell shows them."""

    def __repr__(self) -> str:
        width = max(map(len, EXPLORERS))
        return "\n".join(
            f"explore({n!r}){' ' * (width - len(n))}  {e.heading}" for n, e in EXPLORERS.items()
        )

    def __iter__(self) -> Iterator[str]:
        return iter(EXPLORERS)

    def __len__(self) -> int:
        return len(EXPLORERS)


def explore(name: str | None = None, **settings: Any) -> Explorer | ExplorerList:
    """The explorer of that name; without a name, the list of them.

    Parameters
    ----------
    name
        One of those that ``explore()`` lists.
    settings
        Settings of its scenario to begin with.

    Raises :class:`~lambdalab.errors.UnknownName` for any other, with the nearest.
    """
    if name is None:
        return ExplorerList()
    if name not in EXPLORERS:
        raise UnknownName("explorer", name, EXPLORERS)
    return EXPLORERS[name](**settings)
