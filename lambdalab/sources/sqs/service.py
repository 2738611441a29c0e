"""SQS: the queues of the lab's account (``lab.sqs``)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from lambdalab.errors import (
    InvalidSetting,
    QueueDeletedRecently,
    ResourceConflictException,
    UnknownName,
)
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.directory import Directory
from lambdalab.sources.sqs.events import Attributes
from lambdalab.sources.sqs.fifo import FifoQueue
from lambdalab.sources.sqs.groups import FifoMessage
from lambdalab.sources.sqs.messages import Message
from lambdalab.sources.sqs.queue import Queue
from lambdalab.sources.sqs.settings import (
    FIFO,
    FifoSettings,
    QueueSettings,
    check_name,
    is_fifo,
)
from lambdalab.sources.sqs.store import lying_about
from lambdalab.sources.sqs.target import SqsTarget
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder

if TYPE_CHECKING:
    from lambdalab.invocation.front_door import Origin
    from lambdalab.kernel.bell import Bell

__all__ = ["FifoQueue", "Queue", "Sqs"]


class Sqs(Directory[Queue]):
    """The queues of one account, found by name: ``lab.sqs["orders"]``.

    Parameters: the lab's parts; ``origin``, which says who calls right now (and raises where a caller
    may not); ``linger(bell, us)``, which lets the caller wait
    for messages.
    """

    service, noun = "sqs", "queue"

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        streams: RandomStreams,
        ids: Ids,
        clock: Clock,
        origin: Callable[[], Origin],
        linger: Callable[[Bell, int], None] | None = None,
    ) -> None:
        super().__init__()
        self.linger = linger
        self._deleted: dict[str, int] = {}  # when, by name
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.ids, self.rules, self.clock, self.origin = ids, rules, clock, origin
        self.sent = 0

    def create_queue(
        self,
        name: str,
        *,
        visibility_timeout: int | None = None,
        delay: int | None = None,
        retention: int | None = None,
        dead_letter_queue: str | Queue | None = None,
        max_receive_count: int | None = None,
        fifo: bool | None = None,
        content_based_deduplication: bool | None = None,
        deduplication_scope: str | None = None,
        **unknown: object,
    ) -> Queue:
        """Create a queue; or get that of the name, if it has the attributes that are given.

        Parameters
        ----------
        name
            Letters, digits, ``-`` and ``_``; at most 80. One that ends with ``.fifo`` makes a FIFO
            queue.
        visibility_timeout
            Seconds for which a received message is invisible to others: 0 to 43,200, 30 by default.
        delay
            Seconds before a sent message becomes visible: 0 (default) to 900.
        retention
            Seconds for which a message is kept: 60 to 1,209,600, four days by default.
        dead_letter_queue
            Where messages go that were received ``max_receive_count`` times (1 to 1,000, 10 by
            default) and not deleted. A name makes the queue where it is missing. That of a FIFO
            queue is a FIFO queue.
        fifo
            AWS wants ``FifoQueue`` said for a name that ends with ``.fifo``; here it may be left out.
        content_based_deduplication
            A FIFO queue's: a message sent without a deduplication id has its body's SHA-256.
        deduplication_scope
            A FIFO queue's: ``queue`` (default) or ``messageGroup``.

        Raises
        ------
        InvalidSetting, UnknownSetting, UnknownName
            Before anything has been made.
        ResourceConflictException
            The name is taken by a queue with other attributes.
        QueueDeletedRecently
            It was deleted less than 60 seconds ago.
        """
        self.origin()
        check_name(name, self.rules)
        letters = self._name_of(dead_letter_queue)
        given = {
            "visibility_timeout": visibility_timeout, "delay": delay, "retention": retention,
            "dead_letter_queue": letters, "max_receive_count": max_receive_count,
            "content_based_deduplication": content_based_deduplication,
            "deduplication_scope": deduplication_scope,
        }  # fmt: skip
        settings = self._settings(name, fifo, **given, **unknown)
        self._check_letters(name, letters)
        return self._created(name, settings, [n for n in given if given[n] is not None])

    def delete_queue(self, queue: str | Queue) -> None:
        """Delete a queue, with every message in it; its name is free again after 60 seconds, as on AWS.

        What sends to it fails from now on; dead letters for it stay where they are. Raises
        :class:`UnknownName`, and :class:`ResourceConflictException` where an event source mapping reads
        it: on AWS that would poll in vain; here it has to be deleted or disabled first.
        """
        self.origin()
        name = self._name_of(queue)
        assert name is not None
        found = self[name]
        if any(consumer.enabled for consumer in found.store.consumers):
            raise ResourceConflictException(
                f"An event source mapping reads the queue {name}", "; delete or disable it first"
            )
        found.store.purge()
        del self._found[name]
        self._deleted[name] = self.scheduler.now
        for source in self.sources_of(found):
            source.configure()

    def wait_us(self, name: str) -> int:
        """Microseconds until a queue of this name may be made: it has been deleted a moment ago."""
        if name not in self._deleted:
            return 0
        free_at: int = self._deleted[name] + self.rules.sqs_deletion_interval * US
        return max(0, free_at - self.scheduler.now)

    def _created(self, name: str, settings: QueueSettings, given: Collection[str]) -> Queue:
        """The queue that is there, or was only implied, or a new one."""
        known = self._found.get(name)
        if known is not None and not known.implied:
            _check_same(known, settings, given)
            return known
        if wait := self.wait_us(name):
            raise QueueDeletedRecently(
                "You must wait 60 seconds after deleting a queue before you can create another with "
                "the same name.", f" ({wait / US:g} s are left: lab.advance(60) lets them pass)",
            )  # fmt: skip
        self._make_letters(settings.dead_letter_queue)
        if known is None:
            return self._make(name, settings, implied=False)
        known.settings, known.implied = settings, False
        known.configure()
        return known

    def imply(self, name: str) -> Queue:
        """The queue of that name, made with default attributes where it is missing.

        For dead-letter queues: a later ``create_queue`` may still give it attributes.
        """
        known = self._found.get(name)
        if known is None:
            settings = self._settings(check_name(name, self.rules), None)
            known = self._make(name, settings, implied=True)
        return known

    def _settings(self, name: str, fifo: bool | None, **given: object) -> QueueSettings:
        """What ``create_queue`` was given, checked, for a queue of this kind."""
        if "fifo_throughput_limit" in given:
            raise InvalidSetting(
                "fifo_throughput_limit", given["fifo_throughput_limit"],
                "left out: the limits of a FIFO queue's API calls a second are not simulated",
            )  # fmt: skip
        if is_fifo(name, fifo, self.rules):
            return FifoSettings.make(self.rules, "create_queue", **given)
        for own in ("content_based_deduplication", "deduplication_scope"):
            if given.pop(own, None) is not None:
                raise InvalidSetting(
                    own, "given", f"left out: {name!r} is a standard queue (the name of a FIFO queue "
                    f"ends with {FIFO})", "botocore SetQueueAttributes",
                )  # fmt: skip
        return QueueSettings.make(self.rules, "create_queue", **given)

    def _make(self, name: str, settings: QueueSettings, *, implied: bool) -> Queue:
        kind = FifoQueue if isinstance(settings, FifoSettings) else Queue
        queue = self._found[name] = kind(name, settings, self, implied=implied)
        queue.configure()
        self._deleted.pop(name, None)
        for source in self.sources_of(queue):  # one of them may have lost its dead-letter queue
            source.configure()
        return queue

    # ------------------------------------------------------------------ for its queues

    def new_message(self, body: str, attributes: Attributes) -> Message:
        """The next message of the lab: numbered from 1 through all queues."""
        self.sent = number = self.sent + 1
        return Message(number, self.ids.message(number), body, attributes, self.scheduler.now)

    def new_fifo_message(
        self, body: str, attributes: Attributes, group: str, deduplication: str
    ) -> FifoMessage:
        """The next message of the lab, of a FIFO queue."""
        self.sent = number = self.sent + 1
        self.books.message_group(number, group)
        return FifoMessage(
            number, self.ids.message(number), body, attributes, self.scheduler.now, group,
            deduplication,
        )  # fmt: skip

    def new_number(self) -> int:
        """The number of a stream's next record: they are numbered with the messages."""
        self.sent += 1
        return self.sent

    def changed(self, queue: Queue, settings: dict[str, Any]) -> QueueSettings:
        """A queue's settings with some replaced, all checked, the dead-letter queue there."""
        if "dead_letter_queue" in settings:
            settings = settings | {
                "dead_letter_queue": self._name_of(settings["dead_letter_queue"])
            }
        made = queue.settings.changed(self.rules, "update", **settings)
        self._check_letters(queue.name, made.dead_letter_queue)
        self._make_letters(made.dead_letter_queue)
        return made

    def letters_name(self, given: object) -> str | None:
        """The name of a function's dead-letter queue, given as a queue of this lab or as a name.

        Raises :class:`InvalidSetting` for a FIFO queue (dg/invocation-async-retain-records).
        """
        name = self._name_of(given)
        if name is not None and name.endswith(FIFO):
            raise InvalidSetting(
                "dead_letter_queue", name, "a standard queue: functions have no FIFO one",
                "dg/invocation-async-retain-records",
            )  # fmt: skip
        return name

    def sources_of(self, letters: Queue) -> list[Queue]:
        """The queues whose dead-letter queue it is."""
        queues = self._found.values()
        return [queue for queue in queues if queue.settings.dead_letter_queue == letters.name]

    def by_arn(self, arn: str) -> Queue | None:
        """The queue with that ARN."""
        return self._found.get(arn.rpartition(":")[2])

    def destination(self, given: Queue | str, letters: Queue) -> Queue:
        """Where a dead-letter queue's messages can be moved to: another queue of its kind."""
        name = self._name_of(given)
        assert name is not None
        queue, source = self[name], "SQS developer guide, dead-letter queue redrive"
        if queue is letters:
            raise InvalidSetting("destination", name, "another queue than the source", source)
        if queue.fifo != letters.fifo:
            kind = "FIFO" if letters.fifo else "standard"
            raise InvalidSetting("destination", name, f"a {kind} queue, as the source is", source)
        return queue

    def _name_of(self, given: object) -> str | None:
        """The name of a queue that was given as one of this lab or as a name."""
        if isinstance(given, Queue):
            if self._found.get(given.name) is not given:
                raise UnknownName("queue in this lab", given.name, self._found)
            return given.name
        return None if given is None else check_name(given, self.rules)

    def target_kind(self) -> SqsTarget:
        """These queues as destinations of invocation records."""
        return SqsTarget(self)

    def _check_letters(self, name: str, letters: str | None) -> None:
        if letters == name:
            raise InvalidSetting(
                "dead_letter_queue", letters, "another queue than the queue itself"
            )
        if letters is not None and letters.endswith(FIFO) != name.endswith(FIFO):
            kind = "FIFO" if name.endswith(FIFO) else "standard"
            limit = f"a {kind} queue, as {name!r} is (the name of a FIFO queue ends with {FIFO})"
            source = "SQS developer guide, dead-letter queues"
            raise InvalidSetting("dead_letter_queue", letters, limit, source)

    def _make_letters(self, letters: str | None) -> None:
        if letters is not None:
            self.imply(letters)

    # ------------------------------------------------------------------ finding them

    def left_over(self) -> dict[str, int]:
        """How many messages lie in which queue, of those that hold any."""
        return lying_about((queue.name, queue.store) for queue in self._found.values())

    # ------------------------------------------------------------------ another run

    def reset(self, scheduler: Scheduler, books: Recorder, streams: RandomStreams) -> None:
        """Begin a new run with the same queues, all empty. Mappings attach themselves again."""
        self.scheduler, self.books, self.streams = scheduler, books, streams
        self.sent = 0
        self._deleted.clear()
        for queue in self._found.values():
            queue.store.close()
            queue.start()
        for queue in self._found.values():
            queue.configure()


def _check_same(queue: Queue, settings: QueueSettings, given: Collection[str]) -> None:
    """Of a queue that is there only the attributes that were given are compared."""
    old, new = queue.settings.as_dict(), settings.as_dict()
    differing = [name for name in old if name in given and old[name] != new[name]]
    if differing:
        told = ", ".join(f"{name}={old[name]!r}, not {new[name]!r}" for name in differing)
        raise ResourceConflictException(
            f"A queue already exists with the same name and a different value for {told}",
            f"; change it with lab.sqs[{queue.name!r}].update(...); lab.reset() empties it and "
            "keeps its settings",
        )
