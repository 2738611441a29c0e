"""What the services with few rules of their own share: a sequence of calls, and simple retries."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from lambdalab.errors import InvalidSetting, ServiceError
from lambdalab.functions.outcome import encode
from lambdalab.functions.target import Target
from lambdalab.invocation.calling import Answer, Answered
from lambdalab.invocation.front_door import Origin
from lambdalab.kernel.clock import US
from lambdalab.sources.directory import Directory
from lambdalab.trace.schema import Cause
from lambdalab.triggers import front
from lambdalab.triggers.front import Result
from lambdalab.triggers.http import Handling
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Event, Receiver, Retries, Taken


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that a service waits for: function, event, who asks, and for how long (None: for ever)."""

    target: Target
    event: Mapping[str, Any]
    principal: str = ""
    source_arn: str = ""
    limit_us: int | None = None


Steps = Generator[Ask, Result, Any]
"""What a service does for one request: it yields each call it makes and is sent the result; what it
returns is the answer, and a :class:`~lambdalab.errors.ServiceError` that it raises the refusal."""

Over = Callable[[Any, ServiceError | None, int], None]
"""Told of the end of the steps: the answer, or the error, and the cause of the last call's failure."""


def follow(
    parts: Parts, steps: Steps, source: int, origin: Origin, handling: Handling, over: Over
) -> None:
    """Go through the steps, one call after the other, in virtual time.

    Parameters: ``source`` is the service's name in the books, ``origin`` who asked it; ``handling`` is
    told of the last invocation; ``over`` is called once.
    """
    cause = 0

    def go(result: Result | None) -> None:
        nonlocal cause
        if result is not None:
            handling.request, cause = result.request, result.cause if result.timed_out else 0
        try:
            ask = next(steps) if result is None else steps.send(result)
        except StopIteration as end:
            over(end.value, None, 0 if handling.request else Cause.COMPLETED)
            return
        except ServiceError as error:
            over(None, error, cause or (0 if handling.request else Cause.INVALID_PARAMETER))
            return
        waiting = front.call(
            parts, ask.target, encode(ask.event), go, source=source, principal=ask.principal,
            source_arn=ask.source_arn, limit_us=ask.limit_us, cause_of=origin,
        )  # fmt: skip
        handling.waiting = waiting
        handling.request = max(handling.request, waiting.request)

    go(None)


class Doing:
    """A verb of a service that calls functions before it answers (:class:`.calling.Operation`).

    Parameters: ``label``, as the books have it ("people sign_up"); ``source``, the service's thing;
    ``steps`` makes the steps.
    """

    def __init__(
        self, parts: Parts, label: str, source: str, steps: Callable[[Origin], Steps]
    ) -> None:
        self._parts, self._steps = parts, steps
        self.front, self._source = parts.books.name(label), parts.books.name(source)

    def begin(self, origin: Origin, answered: Answered) -> Handling:
        """Do it once."""
        handling = Handling()

        def over(value: Any, error: ServiceError | None, cause: int) -> None:
            status = 200 if error is None else error.status_code
            answered(Answer(status, handling.request, cause, value=value, error=error))

        follow(self._parts, self._steps(origin), self._source, origin, handling, over)
        return handling

    def wait(self) -> Any:
        """Do it for whoever calls, and wait: the answer, or the service's error is raised."""
        answer = self._parts.perform(self, None)
        if answer.error is not None:
            raise answer.error
        return answer.value


class Beginning(Protocol):
    """A thing of a service: it has a name, and begins anew with each run."""

    name: str

    def begin(self) -> None:
        """A run begins: nothing is under way, and the books are told of the wiring."""


Thing = TypeVar("Thing", bound=Beginning)


class ThinService(Directory[Thing]):
    """The things of one service of a lab; each is begun anew with each run."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        parts.on_reset(self._begin)

    def _begin(self) -> None:
        for thing in self._found.values():
            thing.begin()


class Heard:
    """A receiver whose answers somebody listens to. Parameters: the ``receiver``; ``heard``."""

    def __init__(self, receiver: Receiver, heard: Callable[[Event, Taken], None]) -> None:
        self._receiver, self._heard = receiver, heard
        self.name, self.arn = receiver.name, receiver.arn

    def take(self, event: Event, source: int) -> Taken:
        """Hand it over, and tell what came of it."""
        taken = self._receiver.take(event, source)
        self._heard(event, taken)
        return taken


def few_tries(parts: Parts) -> Retries:
    """The retries of a service that says nothing of its own: rules ``push_tries`` and ``push_wait``."""

    def wait_us(tries: int) -> int | None:
        last: int = parts.rules.push_tries
        return None if tries >= last else parts.us("push_wait") * 2 ** (tries - 1)

    return Retries(wait_us)


def backing_off(parts: Parts, first: str, longest: str, age: str) -> Retries:
    """Retries until an age (rules, in seconds), the wait between them doubling up to the longest."""

    def wait_us(tries: int) -> int:
        wait: int = parts.us(first) << min(tries - 1, 40)
        return min(wait, parts.us(longest))

    return Retries(wait_us, parts.us(age))


def hexadecimal(parts: Parts, what: str, digits: int) -> str:
    """Digits that look like chance and are the same for the same lab and the same words."""
    return hashlib.sha256(f"{parts.ids.seed}/{what}".encode()).hexdigest()[:digits]


def uuid(parts: Parts, what: str) -> str:
    """A UUID made of words (:func:`hexadecimal`)."""
    h = hexadecimal(parts, what, 31)
    return f"{h[:8]}-{h[8:12]}-4{h[12:15]}-8{h[15:18]}-{h[18:30]}"


def document(response: bytes) -> Any:
    """A function's answer as JSON; None where it is none."""
    try:
        return json.loads(response)
    except ValueError:
        return None


def error_text(result: Result) -> str:
    """What a function said went wrong: the ``errorMessage`` of its error document."""
    told = document(result.response)
    return str(told.get("errorMessage", "")) if isinstance(told, dict) else ""


def checked_text(
    setting: str, value: object, most: int, source: str, pattern: str = r"(?s:.*)"
) -> str:
    """A text of 1 to ``most`` characters that matches a pattern, or :class:`InvalidSetting`."""
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise InvalidSetting(setting, value, f"a text of 1 to {most} characters", source)
    if re.fullmatch(pattern, value) is None:
        raise InvalidSetting(setting, value, f"a text that matches {pattern}", source)
    return value


def as_json(setting: str, value: object) -> bytes:
    """A value as JSON, or :class:`InvalidSetting`."""
    try:
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSetting(setting, value, f"JSON: {error}") from None


def checked_texts(setting: str, value: object, source: str) -> dict[str, str]:
    """Texts by name (None: none), or :class:`InvalidSetting`."""
    found = {} if value is None else value
    if not isinstance(found, Mapping) or not all(
        isinstance(each, str) for pair in found.items() for each in pair
    ):
        raise InvalidSetting(setting, value, "texts by name", source)
    return dict(found)


def checked_number(setting: str, value: Any, least: float, most: float, source: str) -> float:
    """A number between two, both included, or :class:`InvalidSetting`."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not least <= value <= most:
        raise InvalidSetting(setting, value, f"{least:g} to {most:,g}", source)
    return float(value)


def seconds_us(seconds: float) -> int:
    """Seconds in microseconds."""
    return round(seconds * US)
