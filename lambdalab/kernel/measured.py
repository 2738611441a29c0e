"""CPU time that a task really uses, turned into virtual time.

It is counted from each entry into the task to the next time it gives the thread back, and spent where the
task next blocks or ends: by the environment's share of the CPU, beside whatever else computes there. What
a machine needs for the same work differs from run to run, and so do the traces of measured functions.
"""

from __future__ import annotations

from time import thread_time_ns

from lambdalab.kernel.task import Body, Task


def measure(task: Task) -> None:
    """Let what ``task`` uses cost virtual time, also what it uses between its last wait and its end."""
    body = task.body
    assert body is not None
    task.measured = True
    task.body = lambda: _to_the_end(task, body)


def _to_the_end(task: Task, body: Body) -> object:
    try:
        value = body()
    except Exception:
        pay(task)
        raise
    pay(task)
    return value


def count(task: Task) -> None:
    """Note what a task has used since it was entered, or since this was last asked."""
    now = thread_time_ns()
    task.cpu_ns += now - task.entered_ns
    task.entered_ns = now


def pay(task: Task) -> None:
    """Let the time pass that the running task has used and not yet paid for."""
    owed = _owed(task)
    if owed and not task.dead:
        task.surroundings.processor.use(task, owed)


def pay_later(task: Task) -> None:
    """Park the running task, and let it go on when it is woken and has paid, whichever is later.

    The work was done before it began to wait, and others may wake it at once: so it must be seen
    waiting now, and what it owes runs beside the wait.
    """
    owed, since = _owed(task), task.tasks.scheduler.now
    task.tasks.park(task)
    if owed:
        processor, waited = task.surroundings.processor, task.tasks.scheduler.now - since
        processor.use(task, owed - processor.work_us(waited))


def _owed(task: Task) -> int:
    """Whole microseconds; the rest is owed the next time."""
    count(task)
    owed = (task.cpu_ns - task.paid_ns) // 1_000
    task.paid_ns += owed * 1_000
    return owed
