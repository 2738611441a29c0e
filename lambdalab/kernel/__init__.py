"""Virtual time: the clock, the scheduler, random streams; and tasks, guards and shims for handlers.

Time is an integer number of microseconds since the lab's start. Importing this package does not
import greenlet: :mod:`lambdalab.kernel.tasks` does, and is imported when first needed.
"""

from lambdalab.kernel.clock import US, Clock, microseconds
from lambdalab.kernel.random import RandomStream, RandomStreams, python_random
from lambdalab.kernel.scheduler import Scheduler

__all__ = [
    "US",
    "Clock",
    "RandomStream",
    "RandomStreams",
    "Scheduler",
    "microseconds",
    "python_random",
]
