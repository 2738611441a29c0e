"""Widgets: skins over scenarios. Each has a text form and a picture for places without JavaScript.

``explore()`` lists them; ``explore("batching")`` gives one.
"""

from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.explorers import (
    EXPLORERS,
    BackoffExplorer,
    BatchingExplorer,
    SyncAsyncExplorer,
    explore,
)

__all__ = [
    "EXPLORERS",
    "BackoffExplorer",
    "BatchingExplorer",
    "Explorer",
    "SyncAsyncExplorer",
    "explore",
]
