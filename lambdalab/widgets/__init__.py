"""Widgets: skins over scenarios. Each has a text form and a picture for places without JavaScript.

``explore()`` lists them; ``explore("batching")`` gives one.
"""

from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.explorers import (
    EXPLORERS,
    BackoffExplorer,
    BatchingExplorer,
    ConcurrencyExplorer,
    MemoryCostExplorer,
    ShardExplorer,
    SyncAsyncExplorer,
    ThrottleTrapExplorer,
    VisibilityExplorer,
    explore,
)
from lambdalab.widgets.flow import Flow
from lambdalab.widgets.viewer import TraceViewer

__all__ = [
    "EXPLORERS",
    "BackoffExplorer",
    "BatchingExplorer",
    "ConcurrencyExplorer",
    "Explorer",
    "Flow",
    "MemoryCostExplorer",
    "ShardExplorer",
    "SyncAsyncExplorer",
    "ThrottleTrapExplorer",
    "TraceViewer",
    "VisibilityExplorer",
    "explore",
]
