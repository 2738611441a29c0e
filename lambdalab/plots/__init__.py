"""Pictures: a trace in, matplotlib Axes out."""
from lambdalab.plots.timeline import timeline
from lambdalab.plots.sync_vs_async import sync_vs_async
