"""Many runs of one scenario: settings and seeds in, a tidy frame out, on this machine or a cluster.

>>> from lambdalab import scenarios, sweeps
>>> found = sweeps.sweep(scenarios.Batching, {"window": [0, 5]}, seeds=3)
>>> found[["window", "runs", "batches"]].to_string(index=False)
' window  runs   batches\\n      0     3 92.333333\\n      5     3 11.666667'

:func:`sweep` does it; what it gives is a :class:`Sweep`.
"""

from lambdalab.sweeps.result import Sweep
from lambdalab.sweeps.sweeping import sweep

__all__ = ["Sweep", "sweep"]
