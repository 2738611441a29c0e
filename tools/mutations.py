"""Rules of the service, each with a small change that breaks it and the test that must notice.

`tools/break.py` applies them one at a time to a copy of the package; `tests/test_break.py` checks
that each still fits its file. They stand in `mutations_*.py`, by subject; most are facts of
docs/fidelity.md.
"""

from __future__ import annotations

import mutations_capacity
import mutations_clients
import mutations_events
import mutations_explorers
import mutations_fifo
import mutations_inside
import mutations_learning
import mutations_life
import mutations_mappings
import mutations_pictures
import mutations_queues
import mutations_replies
import mutations_streams
import mutations_tables
import mutations_triggers
import mutations_viewing
from mutations_base import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS: list[Mutation] = [
    *mutations_replies.MUTATIONS,
    *mutations_events.MUTATIONS,
    *mutations_capacity.MUTATIONS,
    *mutations_life.MUTATIONS,
    *mutations_inside.MUTATIONS,
    *mutations_queues.MUTATIONS,
    *mutations_mappings.MUTATIONS,
    *mutations_streams.MUTATIONS,
    *mutations_fifo.MUTATIONS,
    *mutations_tables.MUTATIONS,
    *mutations_triggers.MUTATIONS,
    *mutations_pictures.MUTATIONS,
    *mutations_explorers.MUTATIONS,
    *mutations_viewing.MUTATIONS,
    *mutations_learning.MUTATIONS,
    *mutations_clients.MUTATIONS,
]
