"""The books: what happened, recorded as packed rows and read as tables.

The runtime writes through :class:`~lambdalab.trace.recorder.Recorder`; people read through
:class:`Trace`. Only reading brings pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lambdalab.trace.recorder import Recorder

if TYPE_CHECKING:
    from lambdalab.trace.trace import Trace

__all__ = ["Recorder", "Trace"]


def __getattr__(name: str) -> Any:
    if name != "Trace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = import_module("lambdalab.trace.trace").Trace
    globals()[name] = found
    return found
