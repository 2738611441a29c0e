"""For the tests of people who use lambdalab: fixtures for pytest, and assertions about a trace.

In the ``conftest.py`` at the root of the tests (elsewhere: ``from lambdalab.testing.plugin import *``)::

    pytest_plugins = ["lambdalab.testing"]

and a test asks for ``lab``, or for ``lab_aws``, inside which boto3 talks to the lab::

    from lambdalab.testing import assert_dead_lettered, assert_retried

    @pytest.mark.lab(seed=7)
    def test_an_order_without_stock(lab):
        ...

The assertions are plain functions: they work in unittest and in notebooks, where pytest is not installed
too. Each takes a lab or a trace first, and tells the story of what offended it.

(PYTEST_DONT_REWRITE: there is no ``assert`` in here that pytest would have to explain.)
"""

from lambdalab.testing.events import (
    assert_dead_lettered,
    assert_failed,
    assert_no_lost_events,
    assert_retried,
    assert_succeeded,
)
from lambdalab.testing.functions import assert_invoked, assert_latency, assert_no_throttles
from lambdalab.testing.traces import assert_same_trace
from lambdalab.testing.waiting import run_until

__all__ = [
    "assert_dead_lettered",
    "assert_failed",
    "assert_invoked",
    "assert_latency",
    "assert_no_lost_events",
    "assert_no_throttles",
    "assert_retried",
    "assert_same_trace",
    "assert_succeeded",
    "run_until",
]

try:  # what pytest looks for in a plugin
    from lambdalab.testing.plugin import *  # noqa: F403
except ModuleNotFoundError as missing:
    if missing.name != "pytest":
        raise
