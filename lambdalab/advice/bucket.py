"""Buckets that feed themselves: a function is told of an object, and puts another there."""

from __future__ import annotations

from collections.abc import Iterator

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice


def feeds_itself(design: Design) -> Iterator[Advice]:
    """A notification whose function writes to the same bucket."""
    yield from ()
