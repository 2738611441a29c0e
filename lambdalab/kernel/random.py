"""Chance that repeats: a named stream for each purpose, derived from the lab's seed by name.

Adding a consumer never shifts another's draws. A draw is 53 bits of PCG64's raw output; every other
variate is made from it by inversion with :mod:`math` alone, so that no release of numpy or Python
and no platform changes a trace (numpy promises its raw generators, but not its distributions).
"""

from __future__ import annotations

import hashlib
import math
import random as _python
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.random import PCG64, SeedSequence

Item = TypeVar("Item")

_STEP = 2.0**-53
_LARGEST_CHUNK = 4_096


def _key(seed: object, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest(), "big")


def python_random(seed: object, name: str) -> _python.Random:
    """A ``random.Random`` derived from seed and name: chance for a handler's environment."""
    return _python.Random(_key(seed, name))


def _chunks(bits: PCG64) -> Iterator[list[float]]:
    size = 8  # grows: most streams of a small lab are asked a few times only
    while True:
        yield ((bits.random_raw(size) >> 11) * _STEP).tolist()
        size = min(2 * size, _LARGEST_CHUNK)


class RandomStreams:
    """All streams of one seed.

    >>> streams = RandomStreams(7)
    >>> streams.stream("arrivals") is streams.stream("arrivals")
    True
    """

    def __init__(self, seed: object) -> None:
        self.seed = seed
        self._streams: dict[str, RandomStream] = {}

    def stream(self, name: str) -> RandomStream:
        """The stream of that name; the same object each time."""
        found = self._streams.get(name)
        if found is None:
            found = self._streams[name] = RandomStream(self.seed, name)
        return found


class RandomStream:
    """One stream of chance, known by its seed and name."""

    __slots__ = ("name", "uniform")

    def __init__(self, seed: object, name: str) -> None:
        self.name = name
        bits = PCG64(SeedSequence(_key(seed, name)))
        self.uniform: Callable[[], float] = chain.from_iterable(_chunks(bits)).__next__
        """A number from 0 up to, but without, 1. (An iterator's step: no Python frame a draw.)"""

    def exponential(self, mean: float) -> float:
        """A waiting time with that mean, memoryless."""
        return -math.log1p(-self.uniform()) * mean

    def normal(self) -> float:
        """A number with mean 0 and standard deviation 1."""
        return normal_quantile(self.uniform() or _STEP / 2)

    def normals(self, n: int) -> list[float]:
        """The next ``n`` of :meth:`normal`, to the bit, in a third of the time."""
        uniform = self.uniform
        drawn = [uniform() or _STEP / 2 for _ in range(n)]
        q = np.array(drawn) - 0.5
        x = 0.180625 - q * q
        found: list[float] = (
            q * (_polynomial(_CENTRE[0], x) / _polynomial(_CENTRE[1], x))
        ).tolist()
        for i in np.flatnonzero(np.abs(q) > 0.425).tolist():  # logarithms: math's, not numpy's
            found[i] = normal_quantile(drawn[i])
        return found

    def lognormal(self, mu: float, sigma: float) -> float:
        """A positive number whose logarithm has mean ``mu`` and standard deviation ``sigma``."""
        return math.exp(mu + sigma * self.normal())

    def integer(self, n: int) -> int:
        """A whole number from 0 up to, but without, ``n`` (at most 2**53)."""
        if n < 1:
            raise ValueError(f"n={n}: must be at least 1")
        return int(self.uniform() * n)

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.integer(len(items))]

    def __repr__(self) -> str:
        return f"RandomStream({self.name!r})"


# Rational approximations of Wichura's algorithm AS 241 (Applied Statistics 37, 1988): PPND16,
# accurate to about one part in 10**16; highest power first.
_CENTRE = (
    (2.50908092873012267270e3, 3.34305755835881281050e4, 6.72657709270087008530e4,
     4.59219539315498714570e4, 1.37316937655094611250e4, 1.97159095030655144270e3,
     1.33141667891784377450e2, 3.38713287279636660800e0),
    (5.22649527885285456100e3, 2.87290857357219426740e4, 3.93078958000927106100e4,
     2.12137943015865958670e4, 5.39419602142475110770e3, 6.87187007492057908300e2,
     4.23133307016009112520e1, 1.0),
)  # fmt: skip
_SHOULDER = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
     4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
     2.05319162663775882187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
     5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip

_Ratio = tuple[tuple[float, ...], tuple[float, ...]]


def normal_quantile(p: float) -> float:
    """The value below which a standard normal variable lies with probability ``p``, 0 < p < 1.

    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_CENTRE, 0.180625 - q * q)
    r = math.sqrt(-math.log(p if q < 0 else 1.0 - p))
    value = _ratio(_SHOULDER, r - 1.6) if r <= 5.0 else _ratio(_TAIL, r - 5.0)
    return -value if q < 0 else value


def _polynomial(powers: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """One of the two of :func:`_ratio` for many numbers: the same products and sums, to the bit."""
    value = np.zeros(len(x))
    for a in powers:
        value = value * x + a
    return value


def _ratio(polynomials: _Ratio, x: float) -> float:
    above, below = 0.0, 0.0
    for a, b in zip(*polynomials, strict=True):
        above = above * x + a
        below = below * x + b
    return above / below
