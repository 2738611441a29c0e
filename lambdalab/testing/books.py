"""What the assertions share: whose trace it is, what a name or an id means, how a failure is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.lab import Lab
from lambdalab.trace.ids import short

if TYPE_CHECKING:
    from lambdalab.trace import Trace
    from lambdalab.trace.tables import Tables

    Books: TypeAlias = Lab | Trace

_LINES, _WIDTH = 12, 150  # of a story, in the message of a failed assertion


def trace_of(books: Books) -> Trace:
    """The trace that was given, or that of the lab that was."""
    from lambdalab.trace import Trace  # brings pandas

    found = books.trace if isinstance(books, Lab) else books
    if not isinstance(found, Trace):
        raise InvalidSetting("lab", books, "a Lab or a Trace")
    return found


def tables_of(books: Books) -> Tables:
    """The tables of a trace, as packed rows too."""
    return trace_of(books)._tables


def function_name(books: Books, function: Any) -> str:
    """The name of a function, given as :meth:`lambdalab.Lab.invoke` takes it.

    Raises :class:`~lambdalab.errors.UnknownName` for one that the books do not know.
    """
    if isinstance(books, Lab):
        name, _ = books._functions.named(function)
    else:
        name = _name(function)
    known = functions(books)
    if name not in known:
        raise UnknownName("function", name, known)
    return name


def queue_name(books: Books, queue: Any) -> str:
    """The name of an SQS queue, given as the queue or by its name."""
    name, known = _name(queue), queues(books)
    if name not in known:
        raise UnknownName("queue", name, known)
    return name


def functions(books: Books) -> list[str]:
    """The names of the functions that there are, or were."""
    return list(tables_of(books).recorder.functions)


def queues(books: Books) -> list[str]:
    """The names of the SQS queues."""
    return list(trace_of(books).wired("sqs"))


def _name(thing: Any) -> str:
    """What a thing is called: a text is a name, a function or a queue has one."""
    for attribute in ("name", "__name__"):
        found = getattr(thing, attribute, None)
        if isinstance(found, str):
            return found
    return str(thing)


def identified(books: Books, thing: Any) -> tuple[str, int, str]:
    """Kind ("request" or "message"), number and short id of an event or a call.

    ``thing`` is what :meth:`lambdalab.Trace.story` takes: an id, a reply, a message;
    what it raises, this raises.
    """
    trace = trace_of(books)
    trace.story(thing)  # says what is wrong with an id
    given = getattr(thing, "message_id", None) or getattr(thing, "request", None) or thing
    kind, number = trace.ids.parse(str(given))
    if kind == "attempt":
        kind, number = "request", int(tables_of(books).rows("attempts")["request"][number - 1])
    if kind not in ("request", "message"):
        raise InvalidSetting("thing", str(given), "a request (r2) or a message (m12)")
    return kind, number, short(kind, number)


def story(books: Books, thing: Any) -> str:
    """The story of one thing, its middle left out where it is long."""
    told = repr(trace_of(books).story(thing)).splitlines()
    if len(told) > _LINES + 1:
        left = len(told) - _LINES
        told = [*told[: _LINES // 2], f"     ... {left} more", *told[-_LINES // 2 :]]
    return "\n".join(_cut(line) for line in told)


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def fail(said: str, *more: str) -> NoReturn:
    """Fail with a sentence, and what explains it below."""
    __tracebackhide__ = True
    raise AssertionError("\n".join(filter(None, (said, *more))))


def some(ids: Iterable[str], most: int = 8) -> str:
    """Ids as people read them; of many the first.

    >>> some(["r1", "r2"]), some(map(str, range(20)), 3)
    ('r1, r2', '0, 1, 2 and 17 more')
    """
    every = list(ids)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return f"{', '.join(every[:most])}{more}"


def check_count(setting: str, count: object) -> None:
    """Raise :class:`~lambdalab.errors.InvalidSetting` unless it is a count, or None."""
    whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    if count is not None and not whole:
        raise InvalidSetting(setting, count, "a whole number from 0, or None for any but 0")


def often(count: int) -> str:
    """How often: "once", "3 times"."""
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")
