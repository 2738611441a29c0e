"""One run, wherever it happens: what is sent there, and what comes back."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lambdalab.progress import hidden
from lambdalab.sweeps.scenario import Scenario, Seed, Settings, told

_MAIN = b"__main__"


@dataclass(frozen=True)
class Outcome:
    """What became of a run: its ``figures``, or the ``error``.

    ``final`` says whether another try would give the same: False where not the run failed, but what ran
    it.
    """

    figures: dict[str, float]
    error: str = ""
    final: bool = True


def attempt(scenario: Scenario, settings: Settings, seed: Seed) -> Outcome:
    """Run it; an error is an outcome too."""
    try:
        with hidden():
            return Outcome(scenario.run(settings, seed))
    except (Exception, SystemExit) as error:
        return Outcome({}, told(error))


def work(scenario: bytes, settings: bytes, seed: Seed) -> Outcome:
    """The same, with scenario and settings as :func:`pack` made them."""
    try:
        found, point = _unpacked(scenario), pickle.loads(settings)
    except Exception as error:  # a module that is not there
        return Outcome({}, told(error), final=False)
    return attempt(found, point, seed)


@lru_cache(maxsize=4)
def _unpacked(scenario: bytes) -> Scenario:
    return Scenario(*pickle.loads(scenario))


class Unpackable(Exception):
    """A thing that cannot be sent to another process from here."""


def pack(thing: Any, name: str) -> bytes:
    """The thing for another process, which need not have run this program.

    What was defined in a notebook or a program goes as it is (with cloudpickle, which Dask brings).
    Without that a program's own things are found again by running the program in each process, where it
    must keep its work under ``if __name__ == "__main__":``; a notebook's, a lambda and the like raise
    :class:`Unpackable`.
    """
    try:
        data = pickle.dumps(thing)
    except Exception:  # whatever a thing's own methods raise
        data = b""
    if data and _MAIN not in data:
        return data
    dumps = _by_value()
    if dumps is not None:
        try:
            return dumps(thing)
        except Exception as error:
            raise Unpackable(f"{name} cannot be sent to another process ({told(error)})") from None
    if data and _has_a_file():
        return data
    raise Unpackable(
        f"{name} cannot be sent to another process: it is not in a module of its own, and cloudpickle "
        "is not installed"
    )


def needs_main(data: bytes) -> bool:
    """Whether the other process needs this program's module to unpack the data."""
    return _MAIN in data and _by_value() is None


def _by_value() -> Callable[[Any], bytes] | None:
    if not importlib.util.find_spec("cloudpickle"):
        return None
    import cloudpickle

    return cloudpickle.dumps  # type: ignore[no-any-return]


def _has_a_file() -> bool:
    return hasattr(sys.modules["__main__"], "__file__")
