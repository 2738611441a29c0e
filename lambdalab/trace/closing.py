"""What closing a lab means for its books: no environment outlives it."""

from __future__ import annotations

import numpy as np

from lambdalab.trace import schema
from lambdalab.trace.recorder import Recorder


def close_environments(recorder: Recorder, at: int) -> None:
    """Every environment that is left ends at ``at``, those at work included.

    What runs in them stays in flight in the books: nobody has seen the end of it.
    """
    rows = np.frombuffer(recorder.environments, dtype=schema.ENVIRONMENTS.dtype)
    left = rows["ended_at"] < 0
    rows["ended_at"][left] = at
    rows["because"][left] = schema.EnvironmentEnd.LAB_CLOSED
    del rows  # or the buffer could not grow any more
    recorder.changes += 1
