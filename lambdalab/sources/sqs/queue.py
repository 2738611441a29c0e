"""An SQS queue: what its users can do with it. That of a FIFO queue is in :mod:`.fifo`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.functions.mishaps import Mishap
from lambdalab.invocation.recursion import Chain
from lambdalab.kernel.bell import Bell
from lambdalab.kernel.clock import US
from lambdalab.sources.checks import whole
from lambdalab.sources.holding import Holding
from lambdalab.sources.sqs.events import Attributes, queue_arn, queue_url
from lambdalab.sources.sqs.messages import (
    IN_FLIGHT,
    Message,
    Messages,
    Received,
    Seen,
    attributes_of,
    message_id_of,
    size_of,
    text_of,
)
from lambdalab.sources.sqs.redrive import MoveTask, begin
from lambdalab.sources.sqs.settings import QueueSettings, check_delay, check_visibility
from lambdalab.sources.sqs.store import Store
from lambdalab.trace.schema import Action, Cause, ParentKind

if TYPE_CHECKING:
    from lambdalab.sources.sqs.service import Sqs


class Queue(Holding):
    """An SQS standard queue, made by ``lab.sqs.create_queue``.

    Attributes: ``name``, ``url``, ``arn``, ``settings``, and ``implied``: whether it exists only
    because another queue or a function named it as its dead-letter queue.

    Example
    -------
    >>> from lambdalab import Lab
    >>> orders = Lab().sqs.create_queue("orders")
    >>> orders.send({"order": 1})
    m1
    >>> orders.messages
    1 message in 'orders'
    m1  visible  received 0×  {"order": 1}
    """

    fifo: ClassVar[bool] = False
    """Whether it is a FIFO queue."""

    def __init__(self, name: str, settings: QueueSettings, sqs: Sqs, *, implied: bool) -> None:
        self.name, self.url, self.arn = name, queue_url(name), queue_arn(name)
        self.settings = settings
        self.implied = implied
        self._sqs = sqs
        self.faults: list[Mishap] = []
        """What ``lab.faults`` does to it."""
        self.store: Store
        self.start()

    # ------------------------------------------------------------------ sending

    def send(
        self,
        body: object,
        *,
        delay: int | None = None,
        attributes: Mapping[str, Any] | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> Message:
        """Send a message.

        Parameters
        ----------
        body
            A text as it is; any other value is sent as JSON.
        delay
            Whole seconds before it becomes visible (0 to 900); the queue's own by default.
        attributes
            Message attributes: name to a text, a number, bytes or a pair (data type, value).
        message_group_id, message_deduplication_id
            For FIFO queues only.

        Raises
        ------
        InvalidSetting
            For a body, delay or attribute that SQS refuses, or a message that is too large; then
            nothing has been sent.
        """
        if message_group_id is not None or message_deduplication_id is not None:
            self._refuse_ids(message_group_id, message_deduplication_id)
        text, given = self._checked(body, attributes)
        seconds = self._delay(delay)
        self._check_size(size_of(text, given), "message")
        return self._put(text, given, seconds, *self._sender())

    drive_key = ""

    def check_arrival(self, body: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        self._check_size(size_of(text_of(body), {}), "message")

    def arrive(self, body: object, number: int, key: object) -> None:
        """What ``lab.drive`` sends."""
        self.send(body)

    def _refuse_ids(self, group: object, deduplication: object) -> None:
        setting, value = "message_group_id", group
        if group is None:
            setting, value = "message_deduplication_id", deduplication
        raise InvalidSetting(
            setting, value, "left out for a standard queue: only FIFO queues, whose names end with "
            ".fifo, are simulated with it (fair queues are not)", "botocore SendMessage",
        )  # fmt: skip

    def send_batch(
        self,
        bodies: Iterable[object],
        *,
        delay: int | None = None,
        message_group_id: str | Sequence[str] | None = None,
        message_deduplication_id: Sequence[str] | None = None,
    ) -> list[Message]:
        """Send up to ten messages at once; together they must be within the size of one.

        ``message_group_id`` and ``message_deduplication_id`` are for FIFO queues only.

        Raises :class:`InvalidSetting` as :meth:`send` does; then none has been sent.
        """
        if message_group_id is not None or message_deduplication_id is not None:
            self._refuse_ids(message_group_id, message_deduplication_id)
        texts = self._texts(bodies)
        seconds = self._delay(delay)
        request, chain = self._sender()
        return [self._put(text, {}, seconds, request, chain) for text in texts]

    def deliver(
        self,
        body: bytes,
        attributes: Attributes,
        request: int,
        chain: Chain | None = None,
        cause: int = Cause.DEAD_LETTER,
        trace_header: str = "",
    ) -> str:
        """Take the event of a failed invocation as a dead letter, or a record of one; ``""``, or why not.

        ``chain`` is the chain of requests that led to it, ``trace_header`` the message's
        ``AWSTraceHeader``.
        """
        text, given = body.decode(), dict(attributes)
        size, most = size_of(text, given), self._sqs.rules.sqs_message_size
        if size > most:
            return f"One or more parameters are invalid. Message must be shorter than {most} bytes."
        self._put(text, given, self.settings.delay, request, chain, cause, trace_header)
        return ""

    def _texts(self, bodies: Iterable[object]) -> list[str]:
        """The bodies of a batch, if they are neither too many nor too large together."""
        rules = self._sqs.rules
        if not isinstance(bodies, Iterable) or isinstance(bodies, (str, bytes, Mapping)):
            raise InvalidSetting("bodies", bodies, "a list of bodies", "botocore SendMessageBatch")
        texts = [text_of(body) for body in bodies]
        most = rules.sqs_send_batch
        whole("bodies", len(texts), 1, most, "messages at a time", rules.source("sqs_send_batch"))
        self._check_size(sum(size_of(text, {}) for text in texts), "messages together")
        return texts

    def take_over(self, message: Message) -> Message:
        """A message is redriven to this queue: here it is a new one."""
        made = self._sqs.new_message(message.body, message.attributes)
        made.chain, made.trace_header = message.chain, message.trace_header
        self.store.put(made, Cause.REDRIVE, 0, self.settings.delay * US)
        return made

    def _checked(
        self, body: object, attributes: Mapping[str, Any] | None
    ) -> tuple[str, Attributes]:
        return text_of(body), attributes_of(attributes, self._sqs.rules)

    def _delay(self, delay: int | None) -> int:
        return self.settings.delay if delay is None else check_delay(delay, self._sqs.rules)

    def _check_size(self, size: int, what: str) -> None:
        rules = self._sqs.rules
        if size > rules.sqs_message_size:
            limit = f"at most {rules.sqs_message_size:,} bytes, attributes included"
            raise InvalidSetting(what, f"{size:,} bytes", limit, rules.source("sqs_message_size"))

    def _put(
        self, text: str, attributes: Attributes, delay: int, request: int, chain: Chain | None,
        cause: int = Cause.MESSAGE_SENT, trace_header: str = "",
    ) -> Message:  # fmt: skip
        message = self._sqs.new_message(text, attributes)
        message.chain, message.trace_header = chain, trace_header
        self.store.put(message, cause, request, delay * US)
        return message

    def _request(self) -> int:
        """The invocation whose handler calls; 0 for a caller outside."""
        return self._sender()[0]

    def _sender(self) -> tuple[int, Chain | None]:
        """The invocation whose handler calls, and the chain of requests that led here."""
        origin = self._sqs.origin()
        request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
        return request, origin.chain

    # ------------------------------------------------------------------ receiving

    def receive(
        self,
        max_messages: int = 1,
        visibility_timeout: int | None = None,
        *,
        wait_time: int = 0,
    ) -> list[Received]:
        """Receive up to ``max_messages`` (1 to 10) visible messages; an empty list if there are none.

        With ``wait_time`` (0 to 20 seconds: long polling) time passes until there is one, or that is over;
        in a handler it waits while everything else goes on. They are invisible to others for
        ``visibility_timeout`` seconds (the queue's by default): :meth:`delete` them before that, or they
        come back. What has been received as often as the redrive policy allows goes to the dead-letter
        queue instead.
        """
        rules = self._sqs.rules
        whole(
            "max_messages", max_messages, 1, rules.sqs_receive_batch, "messages",
            rules.source("sqs_receive_batch"),
        )  # fmt: skip
        if visibility_timeout is None:
            visibility_timeout = self.settings.visibility_timeout
        timeout = check_visibility(visibility_timeout, rules)
        whole(
            "wait_time", wait_time, 0, rules.sqs_wait_maximum, "s", rules.source("sqs_wait_maximum")
        )
        self._sqs.origin()
        taken = self.store.take(max_messages, timeout * US, Cause.RECEIVED_BY_CALLER)
        if not taken and wait_time:
            taken = self._long_poll(max_messages, timeout * US, wait_time * US)
        return [Received.of(message) for message in taken]

    def _long_poll(self, most: int, timeout_us: int, wait_us: int) -> list[Message]:
        """Wait for messages with the other consumers of the queue, who may be first."""
        store, scheduler, linger, bell = self.store, self._sqs.scheduler, self._sqs.linger, Bell()
        until, taken = scheduler.now + wait_us, list[Message]()
        assert linger is not None
        store.attach(bell)
        try:
            while not taken and scheduler.now < until:
                bell.rung = False
                linger(bell, until - scheduler.now)
                taken = store.take(most, timeout_us, Cause.RECEIVED_BY_CALLER)
        finally:
            if bell in store.consumers:
                store.detach(bell)
        return taken

    def delete(self, message: Message | Received | Seen | str) -> None:
        """Delete a message, given as such or as a receipt handle, or as in ``"m12"``.

        Deleting one that is gone already does nothing, as on AWS. An old receipt handle still
        deletes (AWS: it may).
        """
        request = self._request()
        found = self._find(message)
        if found is not None:
            self.store.remove(found, Action.DELETED, Cause.DELETED_BY_CALLER, request)
            self.store.settle()

    def change_visibility(self, message: Message | Received | Seen | str, timeout: int) -> None:
        """Let a received message become visible ``timeout`` seconds from now; 0: at once.

        Raises :class:`InvalidParameterValueException` if it is not in flight.
        """
        seconds = check_visibility(timeout, self._sqs.rules)
        self._sqs.origin()
        found = self._find(message)
        if found is None or found.standing != IN_FLIGHT:
            state = "gone" if found is None else found.state
            raise InvalidParameterValueException(f"{message!r} is not in flight: it is {state}")
        self.store.change_visibility(found, seconds * US)

    def purge(self) -> int:
        """Delete every message; returns how many there were."""
        self._sqs.origin()
        return self.store.purge()

    def _find(self, message: object) -> Message | None:
        """The message meant, if it is still in this queue."""
        if isinstance(message, (Received, Seen)):
            message = message.message
        if isinstance(message, str):
            kind, number = self._sqs.ids.parse(message_id_of(message) or message)
            message = self.store.messages.get(number) if kind == "message" else None
        elif not isinstance(message, Message):
            raise InvalidSetting("message", message, "a message, a receipt handle, or as in 'm12'")
        return message if message is not None and message.store is self.store else None

    # ------------------------------------------------------------------ redrive

    def start_message_move_task(
        self,
        destination: Queue | str | None = None,
        *,
        max_messages_per_second: int | None = None,
    ) -> MoveTask:
        """Move the messages of this dead-letter queue back to the queues they came from.

        It takes virtual time: the task is at work while the lab runs, and keeps it running.

        Parameters
        ----------
        destination
            A queue (or its name) that takes them all instead; of the same kind, standard or FIFO.
        max_messages_per_second
            1 to 500; by default AWS chooses (here: the rule ``sqs_redrive_rate_default``).

        Raises
        ------
        InvalidParameterValueException
            The queue is no queue's dead-letter queue, or a task is at work already.
        InvalidSetting, UnknownName
            For a rate out of range, and a destination that cannot be.
        """
        self._sqs.origin()
        return begin(self, destination, max_messages_per_second, self._sqs)

    # ------------------------------------------------------------------ looking

    @property
    def messages(self) -> Messages:
        """A look at every message in it, without receiving any (which AWS does not offer)."""
        return Messages(self.name, list(self.store.messages.values()))

    def __repr__(self) -> str:
        store = self.store
        counts = (
            f"{store.visible:,} visible, {store.in_flight:,} in flight, {store.delayed:,} delayed"
        )
        if self.fifo:
            counts += f", {store.blocked:,} blocked"
        letters = self.settings.dead_letter_queue
        after = f", dead letters to {letters!r} after {self.settings.max_receive_count} receives"
        return (
            f"<{'FIFO ' if self.fifo else ''}queue {self.name}: {counts}{after if letters else ''}>"
        )

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"

    # ------------------------------------------------------------------ settings

    def update(self, **settings: Any) -> Queue:
        """Change settings of ``create_queue``; None sets one back to its default.

        A new visibility timeout or delay holds for what is received or sent from now on, a new
        retention for the messages that are there, too.
        """
        self._sqs.origin()
        self.settings = self._sqs.changed(self, settings)
        self.implied = False
        self.configure()
        return self

    def configure(self) -> None:
        """Put the settings in force."""
        settings, store = self.settings, self.store
        store.redrive = None
        if settings.dead_letter_queue is not None:
            assert settings.max_receive_count is not None
            if settings.dead_letter_queue in self._sqs:  # else it has been deleted
                letters = self._sqs[settings.dead_letter_queue].store
                store.redrive = (settings.max_receive_count, letters)
        retention_us = settings.retention * US
        if retention_us != store.retention_us:
            store.retention_us = retention_us
            store.reschedule_retention()
        self._sqs.books.wired(
            "sqs", self.store.name, settings.as_dict() | {"implied": self.implied}
        )

    def start(self) -> None:
        """Begin a run: empty."""
        self.store = self._new_store()
        self.store.faults = self.faults
        self.message_move_tasks: list[MoveTask] = []
        """What :meth:`start_message_move_task` made in this run, the latest first."""

    def _new_store(self) -> Store:
        sqs = self._sqs
        return Store(self.name, self.arn, sqs.scheduler, sqs.books, sqs.rules.sqs_in_flight)
