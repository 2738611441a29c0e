"""Redrive: moving messages out of a dead-letter queue, back to where they came from or elsewhere.

* A task moves what lies in the dead-letter queue when it begins, the oldest first, so many a second. It
  passes over what is in flight, delayed, or gone by the time its turn comes, and what comes later.
* A moved message is new where it arrives: with an id, a time of sending and receives of its own. A
  message of a FIFO queue keeps its group and its deduplication id, and nobody takes it for one that was
  sent before.
* Without a destination, each goes to the queue it came from. One that came from none (it was sent
  here, or is the dead letter of a function) ends the task: ``FAILED``.

Sources: botocore StartMessageMoveTask; SQS developer guide, dead-letter queue redrive and its
troubleshooting. Which messages a task takes, and what of a FIFO message stays, is undocumented.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lambdalab.errors import InvalidParameterValueException
from lambdalab.kernel.clock import US
from lambdalab.sources.checks import whole
from lambdalab.sources.sqs.messages import Message
from lambdalab.trace.schema import Action, Cause

if TYPE_CHECKING:
    from lambdalab.sources.sqs.queue import Queue
    from lambdalab.sources.sqs.service import Sqs

RUNNING, COMPLETED, CANCELLED, FAILED = "RUNNING", "COMPLETED", "CANCELLED", "FAILED"
UNKNOWN_SOURCE = "CouldNotDetermineMessageSource"


class MoveTask:
    """One message move task, made by ``queue.start_message_move_task()``.

    Attributes: ``source``, ``destination`` (None: each message's own), ``max_messages_per_second``,
    ``status`` (RUNNING, COMPLETED, CANCELLED or FAILED), ``failure_reason``, ``to_move`` (how many were
    there when it began) and ``moved``.
    """

    def __init__(self, source: Queue, destination: Queue | None, rate: int, sqs: Sqs) -> None:
        self.source, self.destination = source, destination
        self.max_messages_per_second = rate
        self.status, self.failure_reason = RUNNING, ""
        self.moved = 0
        self._sqs, self._scheduler = sqs, sqs.scheduler
        self._began_at = self._scheduler.now
        there = [m for m in source.store.messages.values() if m.state in ("visible", "blocked")]
        self.to_move = len(there)
        self._left: Iterator[Message] = iter(there)
        self._token = self._scheduler.at(self._began_at, self._go_on)

    @property
    def began_at(self) -> int:
        """When it began, in microseconds since the lab's start."""
        return self._began_at

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self.status == RUNNING

    def cancel(self) -> None:
        """Stop it; what has been moved stays where it is.

        Raises :class:`InvalidParameterValueException` where it is over already.
        """
        self._sqs.origin()
        if not self.running:
            raise InvalidParameterValueException(
                f"Only active tasks can be cancelled: this one is {self.status}"
            )
        self._scheduler.cancel(self._token)
        self.status = CANCELLED

    def _go_on(self, _: object) -> None:
        """Move one message, and come back when the next may follow."""
        store = self.source.store
        for message in self._left:
            if message.store is store and message.state == "visible":
                break
        else:
            self.status = COMPLETED
            return
        target = self.destination or self._sqs.by_arn(message.dead_letter_source)
        if target is None:
            self.status, self.failure_reason = FAILED, UNKNOWN_SOURCE
            return
        store.remove(message, Action.DELETED, Cause.REDRIVE)
        target.take_over(message)
        self.moved += 1
        if self.moved == self.to_move:
            self.status = COMPLETED
            return
        at = self._began_at + self.moved * US // self.max_messages_per_second
        self._token = self._scheduler.at(max(at, self._scheduler.now), self._go_on)

    def __repr__(self) -> str:
        where = "their sources" if self.destination is None else repr(self.destination.name)
        reason = f" ({self.failure_reason})" if self.failure_reason else ""
        return (
            f"<message move task from {self.source.name!r} to {where}: {self.status}{reason}, "
            f"{self.moved:,} of {self.to_move:,} moved, at most {self.max_messages_per_second:,}/s>"
        )

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def begin(source: Queue, destination: Queue | str | None, rate: int | None, sqs: Sqs) -> MoveTask:
    """Check everything, and begin a task; see :meth:`.Queue.start_message_move_task`."""
    rules, tasks = sqs.rules, source.message_move_tasks
    target = None if destination is None else sqs.destination(destination, source)
    if rate is None:
        rate = rules.sqs_redrive_rate_default
    whole(
        "max_messages_per_second", rate, 1, rules.sqs_redrive_rate_maximum, "messages/s",
        rules.source("sqs_redrive_rate_maximum"),
    )  # fmt: skip
    if not sqs.sources_of(source):
        raise InvalidParameterValueException(
            "Source queue must be configured as a Dead Letter Queue.",
            f"; no queue has dead_letter_queue={source.name!r}",
        )
    if tasks and tasks[0].running:
        raise InvalidParameterValueException(
            f"A queue has one message move task at a time: {tasks[0]!r}"
        )
    tasks.insert(0, MoveTask(source, target, rate, sqs))
    return tasks[0]
