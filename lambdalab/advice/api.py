"""Functions that may run for longer than the API in front of them waits."""

from __future__ import annotations

from collections.abc import Iterator

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice


def timeouts(design: Design) -> Iterator[Advice]:
    """Function timeout above the integration timeout of its route."""
    yield from ()
