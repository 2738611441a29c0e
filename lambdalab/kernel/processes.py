"""The green threads of execution environments, between and during invocations.

As on Lambda, threads that a handler leaves behind stand still when it has returned, go on with the
environment's next invocation, and end with the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.kernel.measured import measure
from lambdalab.kernel.task import NEVER, Body, Done, Ending, Environment, Process, Task

if TYPE_CHECKING:
    from lambdalab.kernel.tasks import Tasks


class Processes:
    """Who has green threads. ``known`` is empty, and nothing here is called, while nobody has."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self.known: dict[Environment, Process] = {}

    def of(self, main: Task) -> Process:
        """The process in which a handler's task runs."""
        process = self.known.get(main.surroundings)
        if process is None:
            process = self.known[main.surroundings] = Process(main)
        return process

    def start(self, starter: Task, body: Body, done: Done, ident: int) -> Task:
        """A new green thread beside the running task ``starter``; the caller lets it begin."""
        process = self.of(starter.parent or starter)
        thread = Task(self._tasks, body, starter.surroundings, NEVER, done)
        if starter.measured:
            measure(thread)
        thread.parent, thread.process, thread.ident = process.main, process, ident
        process.threads[thread] = None
        return thread

    def thaw(self, main: Task) -> None:
        """A new invocation begins: the environment's threads go on."""
        process = self.known.get(main.surroundings)
        if process is None:
            return
        process.main = main
        for thread in process.threads:
            thread.parent = main
            if thread.computes is not None:
                thread.computes.resume()
        for thread in process.frozen:
            self._tasks.resume(thread)
        process.frozen.clear()

    def settle(self, task: Task, ending: Ending) -> None:
        """A task has ended whose environment may have green threads."""
        if task.process is not None:
            self._thread_ended(task, task.process)
            return
        process = self.known.get(task.surroundings)
        if process is None or process.main is not task:
            return
        process.main = None
        if ending.kind == "exited":
            del self.known[task.surroundings]
            for thread in process.threads:
                self._tasks.inter(thread, Ending("exited"))
        elif task.fate:
            self.end(task.surroundings)
        else:
            for thread in process.threads:
                if thread.computes is not None:
                    thread.computes.pause()

    def end(self, surroundings: Environment) -> None:
        """Unwind what threads an environment has left."""
        process = self.known.pop(surroundings, None)
        if process is not None:
            for thread in list(process.threads):
                self._tasks.kill(thread)

    def _thread_ended(self, thread: Task, process: Process) -> None:
        process.threads.pop(thread, None)
        main = process.main
        if thread.fate == "runaway" and main is not None:
            main.fate = "runaway"
            scheduler = self._tasks.scheduler
            scheduler.at(scheduler.now, self._tasks.kill, main)
        if not process.threads:
            self.known.pop(thread.surroundings, None)
