"""lambdalab runs AWS Lambda's invocation system in one process, in virtual time, and shows everything.

>>> import lambdalab as ll
>>> lab = ll.Lab(seed=7)
>>> lab.create_function("bill", duration=ll.LogNormal(p50=0.12, p99=0.8))
<function bill: modelled, 128 MB, timeout 3 s>
>>> lab.drive("bill", ll.Poisson(rate=20), duration=60)
>>> note = lab.run()
>>> lab.audit()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lambdalab._version import __version__
from lambdalab.errors import AuditError, InvalidSetting, LabError, ServiceError
from lambdalab.functions.cpu import compute
from lambdalab.functions.durations import Empirical, Exponential, LogNormal
from lambdalab.functions.memory import Allocation, allocate
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.traffic.arrivals import Burst, Every, Poisson, Replay
from lambdalab.traffic.backoff import Backoff
from lambdalab.traffic.callers import Browser, QueueingCaller, ReadTimeoutError
from lambdalab.traffic.sdk import SdkClient

if TYPE_CHECKING:
    from lambdalab import plots, quiz, scenarios, widgets
    from lambdalab.calibration import calibrate
    from lambdalab.plots import compare
    from lambdalab.sweeps import sweep
    from lambdalab.trace import Trace
    from lambdalab.widgets import (
        BackoffExplorer,
        BatchingExplorer,
        ConcurrencyExplorer,
        Flow,
        MemoryCostExplorer,
        ShardExplorer,
        SyncAsyncExplorer,
        ThrottleTrapExplorer,
        TraceViewer,
        VisibilityExplorer,
        explore,
    )

__all__ = [
    "Allocation",
    "AuditError",
    "Backoff",
    "BackoffExplorer",
    "BatchingExplorer",
    "Browser",
    "Burst",
    "ConcurrencyExplorer",
    "Empirical",
    "Every",
    "Exponential",
    "Flow",
    "InvalidSetting",
    "Lab",
    "LabError",
    "LogNormal",
    "MemoryCostExplorer",
    "Poisson",
    "QueueingCaller",
    "ReadTimeoutError",
    "Replay",
    "Rules",
    "SdkClient",
    "ServiceError",
    "ShardExplorer",
    "SyncAsyncExplorer",
    "ThrottleTrapExplorer",
    "Trace",
    "TraceViewer",
    "VisibilityExplorer",
    "__version__",
    "allocate",
    "calibrate",
    "compare",
    "compute",
    "explore",
    "plots",
    "quiz",
    "scenarios",
    "sweep",
    "widgets",
]

_LATER = {
    "BackoffExplorer": "lambdalab.widgets",
    "BatchingExplorer": "lambdalab.widgets",
    "ConcurrencyExplorer": "lambdalab.widgets",
    "Flow": "lambdalab.widgets",
    "MemoryCostExplorer": "lambdalab.widgets",
    "ShardExplorer": "lambdalab.widgets",
    "SyncAsyncExplorer": "lambdalab.widgets",
    "ThrottleTrapExplorer": "lambdalab.widgets",
    "Trace": "lambdalab.trace",
    "TraceViewer": "lambdalab.widgets",
    "VisibilityExplorer": "lambdalab.widgets",
    "calibrate": "lambdalab.calibration",
    "compare": "lambdalab.plots",
    "explore": "lambdalab.widgets",
    "load_ipython_extension": "lambdalab.aws.magic",
    "unload_ipython_extension": "lambdalab.aws.magic",
    "plots": "",
    "quiz": "",
    "scenarios": "",
    "sweep": "lambdalab.sweeps",
    "widgets": "",
}
"""What is imported when it is first touched: nothing that draws comes with ``import lambdalab``."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'lambdalab' has no attribute {name!r}")
    home = _LATER[name]
    found = getattr(import_module(home), name) if home else import_module(f"lambdalab.{name}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    # without what is not imported yet: freezegun and others touch every name they find here
    return sorted(set(__all__) & globals().keys())
