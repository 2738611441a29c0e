"""Public ids, and the short forms people read.

A public id is a valid UUID with the ordinal in front: request 2 is ``00000002-xxxx-4xxx-8xxx-...``,
its tail the same for every request of one lab. Wherever a person reads, and wherever an id is
taken, the short form serves: ``r2`` request, ``e1`` environment, ``b3`` batch, ``m12`` message,
``a5`` attempt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lambdalab.errors import UnknownName

#: The letter of each kind's short form.
LETTERS = {"request": "r", "environment": "e", "batch": "b", "message": "m", "attempt": "a"}
_KINDS = {letter: kind for kind, letter in LETTERS.items()}
_SHORT = re.compile(r"([rebma])([1-9]\d*)\Z")
_LONG = re.compile(r"(\d{8,})(-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12})\Z")
_DIGITS = 8
_CHUNK = 1 << 13  # rows whose text is made at a time: fits the processor's cache


def short(kind: str, number: int) -> str:
    """The short form: ``short("request", 2)`` is "r2"; "" for 0, which means none."""
    return f"{LETTERS[kind]}{number}" if number else ""


class UnknownId(UnknownName):
    """What was given is no id, or there is no such thing in the trace; says what there is."""

    def __init__(self, kind: str, name: str, text: str) -> None:
        super().__init__(kind, name, [])
        self.args = (text,)


class Ids:
    """The public ids of one lab, made from its seed.

    >>> ids = Ids(seed=7)
    >>> ids.request(2)[:9], ids.parse("r2"), ids.parse(ids.request(2))
    ('00000002-', ('request', 2), ('request', 2))
    """

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed
        self._tails = {kind: self._tail(kind) for kind in LETTERS}
        self._kinds = {tail: kind for kind, tail in self._tails.items()}
        # bound once: the runtime makes one id per invocation
        self.request: Callable[[int], str] = ("%08d" + self._tails["request"]).__mod__
        """The id of a request by its number, as in ``context.aws_request_id``."""

    def __repr__(self) -> str:
        return f"Ids(seed={self.seed!r}): r2 is {self.request(2)}; likewise e1, b3, m12 and a5"

    def _tail(self, kind: str) -> str:
        h = hashlib.sha256(f"{self.seed}/id/{kind}".encode()).hexdigest()
        return f"-{h[:4]}-4{h[4:7]}-8{h[7:10]}-{h[10:22]}"

    def environment(self, number: int) -> str:
        """The id of an execution environment."""
        return f"{number:08d}{self._tails['environment']}"

    def batch(self, number: int) -> str:
        """The id of a batch."""
        return f"{number:08d}{self._tails['batch']}"

    def message(self, number: int) -> str:
        """The id of a message, as in ``messageId``."""
        return f"{number:08d}{self._tails['message']}"

    def attempt(self, number: int) -> str:
        """The id of an attempt; ``a1`` is the first row of the table of attempts."""
        return f"{number:08d}{self._tails['attempt']}"

    def log_stream(self, environment: int, date: str, version: str = "$LATEST") -> str:
        """The log stream of an environment that began on ``date`` (ISO, "2025-01-07").

        The form is ``YYYY/MM/DD/[version]`` and 32 hexadecimal digits (dg/python-logging).
        """
        h = hashlib.sha256(f"{self.seed}/log stream/{environment}".encode()).hexdigest()
        return f"{date[:10].replace('-', '/')}/[{version}]{h[:32]}"

    def parse(self, text: str) -> tuple[str, int]:
        """Kind and number of an id in either form.

        Raises :class:`~lambdalab.errors.UnknownName` for anything else, an id of another lab
        included.
        """
        if match := _SHORT.match(text.strip()):
            return _KINDS[match[1]], int(match[2])
        match = _LONG.match(text.strip())
        if match and match[2] in self._kinds and int(match[1]):
            return self._kinds[match[2]], int(match[1])
        what = "no id of this lab" if match else "no id"
        raise UnknownId(
            "id", text, f"{text!r} is {what}: an id is r2, e1, b3, m12 or a5, or in full"
        )

    def column(self, kind: str, first: int, last: int) -> npt.NDArray[np.object_]:
        """The ids ``first`` to ``last`` of a kind as an array of strings, made in bulk.

        A page of lines is written once; then only its digits change, four at a time, and the whole
        page is cut into strings: three times faster than formatting one by one.
        """
        if last >= 10**_DIGITS:
            tail = self._tails[kind]
            return np.array([f"{n:08d}{tail}" for n in range(first, last + 1)], dtype=object)
        count = max(last - first + 1, 0)
        out = np.empty(count, dtype=object)
        line = f"{'0' * _DIGITS}{self._tails[kind]}\n".encode()
        page = np.frombuffer(bytearray(line * min(count, _CHUNK)), np.uint8).reshape(-1, len(line))
        for begin in range(0, count, _CHUNK):
            rows = page[: count - begin]
            high, low = np.divmod(np.arange(first + begin, first + begin + len(rows)), 10_000)
            rows[:, :4], rows[:, 4:_DIGITS] = _FOUR[high], _FOUR[low]
            out[begin : begin + len(rows)] = rows.tobytes().decode("ascii").split("\n")[:-1]
        return out


_FOUR = np.frombuffer("".join(f"{n:04d}" for n in range(10_000)).encode(), np.uint8).reshape(-1, 4)
