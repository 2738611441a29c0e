"""What a caller does once and a front answers once: the two sides of every try.

An :class:`Operation` is something that can be asked for again and again: an Invoke call, a request to an
API. Who asks (a person, a handler, an SDK that retries, a browser that gives up) stands in
:mod:`lambdalab.traffic`; who answers stands in Lambda's front door and in :mod:`lambdalab.triggers`. They
meet here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lambdalab.errors import ServiceError
from lambdalab.invocation.front_door import Origin


@dataclass(slots=True)
class Answer:
    """What comes back from one try.

    Attributes
    ----------
    status_code
        HTTP.
    request
        The number of the invocation that it led to; 0 where it led to none.
    cause
        Why the front answered so (:class:`~lambdalab.trace.schema.Cause`); 0: as the invocation's row
        says.
    value
        What the caller is given: a :class:`~lambdalab.functions.call.Call`, an HTTP reply ...
    error
        What the service raises, where the answer is a refusal.
    tries
        How many tries the caller made, this one included; the caller counts them.
    gave_up
        Whether the caller stopped waiting: then nothing else but ``request`` and ``tries`` is known.
    """

    status_code: int
    request: int = 0
    cause: int = 0
    value: Any = None
    error: ServiceError | None = None
    tries: int = 1
    gave_up: bool = False


Answered = Callable[[Answer], None]


class Try(Protocol):
    """One try that is under way."""

    request: int
    """The invocation that it has led to so far; 0 while there is none."""


class Operation(Protocol):
    """Something a caller can ask for, as often as it likes."""

    front: int
    """What is asked, as a name in the books: 0 for Lambda itself, else as in "shop GET /orders"."""

    def begin(self, origin: Origin, answered: Answered) -> Try:
        """Ask once. ``answered`` is called once, at once or later; nothing is raised for a refusal."""
