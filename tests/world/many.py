"""Many random labs, in this process or in several; a module of its own, which those can import."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from lambdalab.errors import AuditError
from tests.world.reading import Difference
from tests.world.worlds import World

Result = tuple[int, set[tuple[str, str]], str]
"""A world's number, the causes it reached, and what is wrong with it: "" for nothing."""


def results(seed: str, numbers: Sequence[int], jobs: int) -> Iterator[Result]:
    """Each world's, in order; with several jobs in processes of their own."""
    one = partial(result, seed, brief=len(numbers) > 1)
    if jobs == 1:
        yield from map(one, numbers)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, numbers, chunksize=10)


def result(seed: str, number: int, brief: bool) -> Result:
    """Play one world."""
    try:
        return number, World(seed, number).play(), ""
    except Exception as error:
        short = isinstance(error, (Difference, AuditError)) and brief
        return (
            number,
            set(),
            f"{type(error).__name__}: {error}" if short else traceback.format_exc(),
        )
