"""Pictures: a trace in, matplotlib Axes out.

Every plot is ``plot(trace, *, ax=None, **style) -> Axes`` and stands on ``trace.plot`` too:
``trace.plot.batching()`` is ``plots.batching(trace)``. None of them calls ``plt.show()`` or changes
matplotlib's settings. :func:`compare` puts several traces side by side.

>>> from lambdalab import plots, scenarios
>>> ax = plots.timeline(scenarios.sync_vs_async())
>>> ax.get_title(loc="left")
'2 attempts in 2 environments, 2 cold starts'
"""

from lambdalab.plots.backoff import backoff
from lambdalab.plots.batching import batching
from lambdalab.plots.calibration import calibration
from lambdalab.plots.canvas import Style
from lambdalab.plots.cold_starts import cold_starts
from lambdalab.plots.compare import PLOTS, Comparison, compare
from lambdalab.plots.concurrency import concurrency
from lambdalab.plots.cost import cost
from lambdalab.plots.heat_map import heat_map
from lambdalab.plots.latency import latency
from lambdalab.plots.picture import Picture
from lambdalab.plots.queue_depth import queue_depth
from lambdalab.plots.receives import receives
from lambdalab.plots.request_anatomy import request_anatomy
from lambdalab.plots.shards import shards
from lambdalab.plots.story import story
from lambdalab.plots.sync_vs_async import sync_vs_async
from lambdalab.plots.timeline import timeline
from lambdalab.plots.visibility import visibility

__all__ = [
    "PLOTS",
    "Comparison",
    "Picture",
    "Style",
    "backoff",
    "batching",
    "calibration",
    "cold_starts",
    "compare",
    "concurrency",
    "cost",
    "heat_map",
    "latency",
    "queue_depth",
    "receives",
    "request_anatomy",
    "shards",
    "story",
    "sync_vs_async",
    "timeline",
    "visibility",
]
