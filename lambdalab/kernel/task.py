"""One task: a handler's run or one of its green threads, how it ended, and what is thrown into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from greenlet import greenlet

    from lambdalab.kernel.memory import Memory
    from lambdalab.kernel.processor import Processor
    from lambdalab.kernel.tasks import Tasks

NEVER = 1 << 62
"""A deadline that does not come."""

EXPIRED: Any = type("Expired", (), {"__repr__": lambda _: "EXPIRED"})()
"""What :meth:`Tasks.block` returns when its own time ran out before anybody called ``wake``."""

Body = Callable[[], object]
Done = Callable[["Task", "Ending"], object]


class Environment(Protocol):
    """What tasks ask of :class:`lambdalab.kernel.surroundings.Surroundings`."""

    @property
    def processor(self) -> Processor:
        """Where they compute."""

    @property
    def memory(self) -> Memory:
        """What they hold of the memory."""

    def enter(self) -> None:
        """A task of these surroundings goes on."""

    def leave(self) -> None:
        """It has given the thread back."""


class TimedOut(BaseException):
    """Thrown into a handler at its virtual deadline, and at whatever it tries afterwards."""


class Runaway(BaseException):
    """Thrown into a handler that uses CPU time without end, or that a second Ctrl-C stops."""

    def __init__(self, reason: str = "the handler used CPU time without end") -> None:
        super().__init__(reason)


class Ending:
    """How a task ended.

    Attributes: ``kind``, one of "returned", "raised", "timed_out", "exited" (``os._exit``, a
    deadly signal) and "runaway"; ``value``, what it returned; ``exception``, what it raised, with
    its traceback; ``exit_status`` and ``signal``, when it exited, and whether for being
    ``out_of_memory``; ``cpu_us``, the CPU time it used, if it was measured, else 0.
    """

    cpu_us = 0

    def __init__(
        self,
        kind: str,
        value: object = None,
        exception: BaseException | None = None,
        exit_status: int | None = None,
        signal: int | None = None,
        out_of_memory: bool = False,
    ) -> None:
        self.kind, self.value, self.exception = kind, value, exception
        self.exit_status, self.signal = exit_status, signal
        self.out_of_memory = out_of_memory

    @classmethod
    def raised(cls, error: BaseException) -> Ending:
        """The ending of a task that raised; the kernel's own frame is taken off the traceback."""
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        return cls("raised", exception=error)

    def __repr__(self) -> str:
        found = [self.value, self.exception, self.exit_status, self.signal]
        rest = "".join(f", {item!r}" for item in found if item is not None)
        return f"Ending({self.kind!r}{rest})"


class Returned(Ending):
    """The ending of nearly every task, made with as little as can be."""

    kind = "returned"
    exception = exit_status = signal = None
    out_of_memory = False

    def __init__(self, value: object) -> None:
        self.value = value


class Task:
    """A handler that runs, or one of its green threads.

    Attributes: ``surroundings``; ``deadline``, in microseconds; ``tasks``, its :class:`Tasks`;
    ``dead``, whether it was killed; ``parent``, the handler's task if this is a green thread.
    """

    visitor = False
    parent: Task | None = None
    ident = 0  # a green thread's own thread ident
    fate = ""  # "timed_out" or "runaway" once that is sure
    parked = False  # blocked, and waiting for wake()
    buried = False  # parked for good
    uses_asyncio = False
    refusals = 0
    shots = 0
    cpu_ns = paid_ns = entered_ns = 0  # of CPU time: used, turned into virtual time; when entered
    computes: Processor | None = None  # where it computes just now
    value: Any = None
    body: Body | None
    worker: greenlet | None = None
    ending: Ending | None = None
    process: Process | None = None
    dead = False
    measured = False
    waiting = 0  # the token of what will wake it

    def __init__(
        self, tasks: Tasks, body: Body, surroundings: Environment, deadline: int, done: Done
    ) -> None:
        self.tasks, self.surroundings, self.deadline = tasks, surroundings, deadline
        self.body, self.done = body, done

    def __repr__(self) -> str:
        state = "dead" if self.dead else self.ending.kind if self.ending else "alive"
        return (
            f"<{'visitor' if self.visitor else 'green thread' if self.parent else 'task'}, {state}>"
        )


class Visitor(Task):
    """Code outside the lab that lives in its time beside others: see :mod:`.visitors`."""

    visitor = True


class Process:
    """The green threads of one execution environment, and those that wait for its next invoke."""

    __slots__ = ("frozen", "main", "threads")

    def __init__(self, main: Task) -> None:
        self.main: Task | None = main  # the invocation under way
        self.threads: dict[Task, None] = {}
        self.frozen: list[Task] = []
