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
    SyncAsyncExplorer,
    explore,
)
from lambdalab.widgets.viewer import TraceViewer

__all__ = [
    "EXPLORERS",
    "BackoffExplorer",
    "BatchingExplorer",
    "ConcurrencyExplorer",
    "Explorer",
    "MemoryCostExplorer",
    "SyncAsyncExplorer",
    "TraceViewer",
    "explore",
]
