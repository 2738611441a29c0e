"""Chance inside a handler comes from its environment's own streams, so that it repeats with the seed.

``random``'s module functions draw from ``surroundings.stream``. What the operating system would give
(``os.urandom``, and with it ``uuid4``, ``secrets``, ``SystemRandom``, unseeded generators of Python
and numpy) comes from ``surroundings.entropy``, apart from the first: a handler that calls
``random.seed(1)`` must not get the same ids at each invocation.
"""

from __future__ import annotations

import functools
import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.shims.environ import Names, here

if TYPE_CHECKING:
    from lambdalab.kernel.surroundings import Surroundings

MODULE_FUNCTIONS = tuple(
    name for name, value in vars(random).items() if getattr(value, "__self__", None) is random._inst
)
_NUMPY_ALIASES = {"seed": "seed", "sample": "random_sample", "ranf": "random_sample"}
NODE = 0x0242AC110002  # uuid1's "network address" in a handler: a locally administered one
_GREGORIAN = 0x01B21DD213814000  # 100 ns ticks between uuid's epoch and that of Unix


class Chance:
    """Draws for handlers; the process's generators are neither used nor moved."""

    def __init__(self) -> None:
        self._names = names = Names()
        for name in MODULE_FUNCTIONS:
            names.put(random, name, _from_stream(name))
        names.dispatch(os, "urandom", _urandom)
        names.dispatch(
            os, "getrandom", lambda surroundings, size, flags=0: _urandom(surroundings, size)
        )
        names.put(random, "_urandom", os_stand_in("urandom"))
        names.put(random.Random, "seed", _seed(random.Random.seed))
        names.dispatch(uuid, "uuid1", _uuid1)
        names.dispatch(uuid, "getnode", lambda surroundings: NODE)
        self._numpy: tuple[Any, Any] | None = None
        self._last_uuid7: Any = None

    def on(self) -> None:
        """Dispatch, in numpy too if somebody has imported it."""
        if self._numpy is None and "numpy.random" in sys.modules:
            self._take_numpy(sys.modules["numpy.random"])
        self._names.on()
        if hasattr(
            uuid, "_last_timestamp_v7"
        ):  # Python 3.14: never back, so never before the notebook's
            self._last_uuid7, uuid._last_timestamp_v7 = uuid._last_timestamp_v7, None

    def off(self) -> None:
        """Give the process its generators back."""
        self._names.off()
        if hasattr(uuid, "_last_timestamp_v7"):
            uuid._last_timestamp_v7 = self._last_uuid7

    def _take_numpy(self, module: Any) -> None:
        shared = module.mtrand._rand
        self._numpy = module, shared
        for name, value in list(vars(module).items()):
            if getattr(value, "__self__", None) is shared or name in _NUMPY_ALIASES:
                self._names.put(module, name, _from_numpy(_NUMPY_ALIASES.get(name, name), value))


def os_stand_in(name: str) -> Any:
    """The stand-in for a function of ``os``, for modules that keep it under another name."""
    return Names.stand_ins[id(getattr(os, name))]


def _from_stream(name: str) -> Callable[..., Any]:
    real = getattr(random, name)

    @functools.wraps(real)
    def draw(*args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None:
            return real(*args, **kwargs)
        return getattr(surroundings.stream, name)(*args, **kwargs)

    return draw


def _from_numpy(name: str, real: Any) -> Callable[..., Any]:
    @functools.wraps(real)
    def draw(*args: Any, **kwargs: Any) -> Any:
        surroundings = here()
        if surroundings is None:
            return real(*args, **kwargs)
        return getattr(_numpy_state(surroundings), name)(*args, **kwargs)

    return draw


def _numpy_state(surroundings: Surroundings) -> Any:
    """The environment's stand-in for numpy's global generator, made at its first draw."""
    if surroundings.numpy_state is None:
        state = sys.modules["numpy.random"].RandomState
        surroundings.numpy_state = state(surroundings.entropy.getrandbits(32))
    return surroundings.numpy_state


def _urandom(surroundings: Surroundings, size: int, /) -> bytes:
    return surroundings.entropy.randbytes(size)


def _seed(real: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(real)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and (surroundings := here()) is not None:
            a = surroundings.entropy.getrandbits(128)
        real(self, a, version)

    return seed


def _uuid1(
    surroundings: Surroundings, node: int | None = None, clock_seq: int | None = None
) -> uuid.UUID:
    ticks = max(time.time_ns() // 100 + _GREGORIAN, surroundings.last_uuid1 + 1)
    surroundings.last_uuid1 = ticks
    if clock_seq is None:
        clock_seq = surroundings.entropy.getrandbits(14)
    return uuid.UUID(
        fields=(
            ticks & 0xFFFFFFFF,
            (ticks >> 32) & 0xFFFF,
            (ticks >> 48) & 0x0FFF,
            (clock_seq >> 8) & 0x3F,
            clock_seq & 0xFF,
            NODE if node is None else node,
        ),
        version=1,
    )
