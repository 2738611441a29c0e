"""What the tests of several services begin with."""

from __future__ import annotations

import pytest

import lambdalab as ll


@pytest.fixture
def shop() -> ll.Lab:
    """A lab with a function, `bill`, for rules and schedules to call."""
    made = ll.Lab(seed=4)
    made.create_function("bill", duration=0.1)
    return made
