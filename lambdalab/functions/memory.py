"""Memory that a handler holds, counted and not really taken: ``ll.allocate``.

A process that holds more than its function's memory is killed, as by the kernel of the machine: nothing of
it runs any more, and Lambda answers with ``Runtime.ExitError``, ``signal: killed``.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.current import current

if TYPE_CHECKING:
    from lambdalab.kernel.memory import Memory


class Allocation:
    """Memory that a handler holds until it is freed.

    By :meth:`free`, by ``with``, or when nobody refers to it any more. What a module's global refers to
    is held while its environment is warm. A crash or a timeout ends the process, and with it all it held.
    """

    __slots__ = ("__weakref__", "_memory", "_size", "mb")

    def __init__(self, mb: float, memory: Memory | None, size: int) -> None:
        self.mb = mb
        """How much it is, in MB."""
        self._memory, self._size = memory, size

    def free(self) -> None:
        """Give the memory back; a second time does nothing."""
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.give_back(self._size)

    def __enter__(self) -> Allocation:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def __del__(self) -> None:
        self.free()

    def __repr__(self) -> str:
        return f"<allocation of {self.mb:g} MB{'' if self._memory else ', not held'}>"


def allocate(mb: float) -> Allocation:
    """Let the running handler hold ``mb`` MB of memory, beside what the runtime itself holds.

    It counts, and takes none of your machine's: ``Max Memory Used`` in the REPORT line and
    ``max_memory_mb`` in the attempts table are the most that the environment has ever held. Above the
    function's ``memory_size`` the process is killed there and then: no ``except``, no ``finally``.
    Outside a handler nothing is counted.

    Parameters: ``mb``, MB of 1,024 KB; 0 or more. Returns an :class:`Allocation`: keep it for as long
    as the memory is to be held. (In a reference cycle it is freed when Python's collector comes, which
    differs from run to run: free such ones with ``with`` or :meth:`Allocation.free`.)

    Raises :class:`~lambdalab.errors.InvalidSetting` for what is no number or negative.

    Sources: dg/python-logging (Max Memory Used); the error of a killed process: invocation.md 2.

    Example
    -------
    >>> import lambdalab as ll
    >>> lab = ll.Lab()
    >>> @lab.function(memory_size=256)
    ... def load(event, context):
    ...     with ll.allocate(event["mb"]):
    ...         return "fits"
    >>> lab.invoke(load, {"mb": 200}).payload
    'fits'
    >>> lab.invoke(load, {"mb": 300}).payload["errorType"]
    'Runtime.ExitError'
    >>> lab.trace.attempts.max_memory_mb.tolist()
    [236, 256]
    """
    if isinstance(mb, bool) or not isinstance(mb, (int, float)) or not 0 <= mb < 1e12:
        raise InvalidSetting("mb", mb, "MB, 0 or more", "dg/configuration-memory")
    task = current()
    if task is None:
        return Allocation(mb, None, 0)
    task.tasks.refuse_if_dead(task)
    memory = task.surroundings.memory
    size = memory.size_of(mb)
    if not memory.take(size):
        task.tasks.leave(signal=9, out_of_memory=True)
    return Allocation(mb, memory, size)


def let_go(error: BaseException) -> None:
    """Free what nothing but an exception's traceback holds: on Lambda the runtime forgets it at once.

    The lab keeps the exception, for ``%debug``; what its frames refer to would stay counted. References
    are counted, for looking through all there is takes long: what has more of them than those frames,
    and the lists and dicts that only they hold, is somebody else's too.
    """
    known: Counter[int] = Counter()
    found: dict[int, Any] = {}
    for value, references in _locals(error):
        known[id(value)] += references
        found[id(value)] = value
        del value
    todo, done = list(found), set()
    while todo:
        key = todo.pop()
        value = found[key]
        ours = known[key] + 3  # in `found`, as `value`, as an argument
        if key in done or sys.getrefcount(value) > ours:
            continue
        done.add(key)
        if isinstance(value, Allocation):
            value.free()
            continue
        for inner in value.values() if isinstance(value, dict) else value:
            if type(inner) in _HOLDERS:
                known[id(inner)] += 1
                found[id(inner)] = inner
                todo.append(id(inner))
        inner = None


_HOLDERS = (Allocation, list, tuple, dict, set)


def _locals(error: BaseException) -> Iterator[tuple[Any, int]]:
    """What the functions on a traceback named, and how many references each name is."""
    trace = error.__traceback__
    while trace is not None:
        frame, code = trace.tb_frame, trace.tb_frame.f_code
        if code.co_flags & inspect.CO_OPTIMIZED:  # a function's own names, no module's
            shared = {*code.co_cellvars, *code.co_freevars}
            names = frame.f_locals
            references = 2 if isinstance(names, dict) else 1  # before 3.13 the frame keeps the dict
            for name in [n for n, value in names.items() if type(value) in _HOLDERS]:
                if name not in shared:
                    yield names[name], references
        trace = trace.tb_next
