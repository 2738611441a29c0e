"""SQS FIFO queues: messages in order within their groups, and none twice.

What a receive hands out is told in :mod:`.fifo_store`. Sources: botocore SendMessage and
DeleteMessage; SQS developer guide, FIFO queues. The limits of 300 API calls a second and 3,000
messages in batches (or more, with high throughput) are not simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, ClassVar

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.invocation.recursion import Chain
from lambdalab.kernel.clock import US
from lambdalab.sources.sqs.events import Attributes
from lambdalab.sources.sqs.fifo_store import FifoStore
from lambdalab.sources.sqs.groups import FifoMessage, check_id, content_id
from lambdalab.sources.sqs.messages import (
    IN_FLIGHT,
    Message,
    Received,
    Seen,
    message_id_of,
    size_of,
)
from lambdalab.sources.sqs.queue import Queue
from lambdalab.sources.sqs.settings import SCOPES, FifoSettings
from lambdalab.trace.schema import Cause

DRIVEN = "drive"
"""The message group of what ``lab.drive`` sends, unless it is told another."""


class FifoQueue(Queue):
    """An SQS FIFO queue, made by ``lab.sqs.create_queue("orders.fifo")``.

    Example
    -------
    >>> from lambdalab import Lab
    >>> orders = Lab().sqs.create_queue("orders.fifo", content_based_deduplication=True)
    >>> orders.send({"order": 1}, message_group_id="ann")
    m1
    >>> orders.send({"order": 1}, message_group_id="ann")  # known: it is not put in the queue again
    m1
    >>> orders.messages
    1 message in 'orders.fifo'
    m1  ann  visible  received 0×  {"order": 1}
    """

    fifo: ClassVar[bool] = True
    settings: FifoSettings
    store: FifoStore

    # ------------------------------------------------------------------ sending

    def send(
        self,
        body: object,
        *,
        delay: int | None = None,
        attributes: Mapping[str, Any] | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
    ) -> FifoMessage:
        """Send a message; one that is known already is answered with the first, and goes nowhere.

        Parameters
        ----------
        body, attributes
            As for a standard queue.
        delay
            None: a FIFO queue has a delay for all its messages only.
        message_group_id
            The group within which it keeps its place. AWS wants one.
        message_deduplication_id
            What it is recognised by for five minutes, whatever becomes of it meanwhile. May be left
            out where the queue has ``content_based_deduplication``; then the body decides.

        Raises
        ------
        InvalidSetting, InvalidParameterValueException
            For what SQS refuses; then nothing has been sent.
        """
        text, given = self._checked(body, attributes)
        self._refuse_delay(delay)
        self._check_size(size_of(text, given), "message")
        group, key = self._ids(text, message_group_id, message_deduplication_id)
        return self._accept(text, given, group, key, *self._sender())

    def send_batch(
        self,
        bodies: Iterable[object],
        *,
        delay: int | None = None,
        message_group_id: str | Sequence[str] | None = None,
        message_deduplication_id: Sequence[str] | None = None,
    ) -> list[Message]:
        """Send up to ten messages at once; together they must be within the size of one.

        ``message_group_id`` is one for all of them, or a list with one for each;
        ``message_deduplication_id`` is such a list, or left out as in :meth:`send`.

        Raises :class:`InvalidSetting` or :class:`InvalidParameterValueException` as :meth:`send`
        does; then none has been sent.
        """
        texts = self._texts(bodies)
        self._refuse_delay(delay)
        groups = _each("message_group_id", message_group_id, len(texts))
        keys = _each("message_deduplication_id", message_deduplication_id, len(texts))
        ids = [self._ids(*given) for given in zip(texts, groups, keys, strict=True)]
        request, chain = self._sender()
        return [
            self._accept(text, {}, group, key, request, chain)
            for text, (group, key) in zip(texts, ids, strict=True)
        ]

    drive_key = "message_group_id"

    def check_arrival(self, body: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        super().check_arrival(body, key)
        if key is not None:
            check_id("message_group_id", key, self._sqs.rules)

    def arrive(self, body: object, number: int, key: object) -> None:
        """What ``lab.drive`` sends: to the group ``key``, and never a duplicate.

        With ``content_based_deduplication`` the body decides.
        """
        group: Any = DRIVEN if key is None else key
        known_by = None
        if not self.settings.content_based_deduplication:
            known_by = f"{DRIVEN}-{self._sqs.sent + 1}"
        self.send(body, message_group_id=group, message_deduplication_id=known_by)

    def deliver(
        self,
        body: bytes,
        attributes: Attributes,
        request: int,
        chain: Chain | None = None,
        cause: int = Cause.DEAD_LETTER,
        trace_header: str = "",
    ) -> str:
        """Why it takes no event or record of a failed invocation: those have no message group."""
        return "The request must contain the parameter MessageGroupId."

    def take_over(self, message: Message) -> Message:
        """A message is redriven to this queue: here it is a new one, of the same group."""
        assert isinstance(message, FifoMessage)
        made = self._sqs.new_fifo_message(
            message.body, message.attributes, message.group, message.deduplication
        )
        made.chain, made.trace_header = message.chain, message.trace_header
        self.store.put(made, Cause.REDRIVE)
        return made

    def _ids(self, text: str, group: object, key: object) -> tuple[str, str]:
        """Message group and deduplication id of a message, checked."""
        rules = self._sqs.rules
        if group is None:
            limit = "given: a message of a FIFO queue belongs to a group"
            raise InvalidSetting("message_group_id", None, limit, "botocore SendMessage")
        if key is None and not self.settings.content_based_deduplication:
            raise InvalidParameterValueException(
                "The queue should either have ContentBasedDeduplication enabled or "
                "MessageDeduplicationId provided explicitly",
                f"; give a message_deduplication_id, or let the body decide: lab.sqs[{self.name!r}]"
                ".update(content_based_deduplication=True)",
            )
        known_by = content_id(text) if key is None else key
        return (
            check_id("message_group_id", group, rules),
            check_id("message_deduplication_id", known_by, rules),
        )

    def _accept(
        self, text: str, attributes: Attributes, group: str, key: str, request: int,
        chain: Chain | None,
    ) -> FifoMessage:  # fmt: skip
        """Put a message in the queue, or find that it is there, or was a moment ago."""
        made = self._sqs.new_fifo_message(text, attributes, group, key)
        within = key if self.settings.deduplication_scope == SCOPES[0] else f"{group} {key}"
        known = self.store.known(within)
        if known is not None:
            self.store.pass_over(made, request)
            return known
        made.chain = chain
        self.store.remember(within, made)
        self.store.put(made, Cause.MESSAGE_SENT, request)
        return made

    def _refuse_delay(self, delay: object) -> None:
        if delay is not None:
            raise InvalidParameterValueException(
                f"Value {delay} for parameter DelaySeconds is invalid. Reason: The request include "
                "parameter that is not valid for this queue type.",
                f"; a FIFO queue delays all its messages alike: lab.sqs[{self.name!r}]"
                ".update(delay=...)",
            )

    # ------------------------------------------------------------------ receiving

    def delete(self, message: Message | Received | Seen | str) -> None:
        """Delete a message, given as such or as a receipt handle, or as in ``"m12"``.

        Deleting one that is gone already does nothing, as on AWS. The handle of a receive that is
        over, for its visibility timeout has passed, does not delete.

        Raises :class:`InvalidParameterValueException` for such a handle.
        """
        self._check_handle(message)
        super().delete(message)

    def change_visibility(self, message: Message | Received | Seen | str, timeout: int) -> None:
        """Let a received message become visible ``timeout`` seconds from now; 0: at once.

        Raises :class:`InvalidParameterValueException` if it is not in flight, or not by the receive
        whose handle was given.
        """
        self._check_handle(message)
        super().change_visibility(message, timeout)

    def _check_handle(self, given: object) -> None:
        """A handle must be of the receive that still holds the message."""
        handle = given.receipt_handle if isinstance(given, Received) else given
        if not isinstance(handle, str) or message_id_of(handle) is None:
            return
        found = self._find(handle)
        if found is not None and not (
            found.standing == IN_FLIGHT and found.receipt_handle == handle
        ):
            raise InvalidParameterValueException(
                f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle "
                "has expired."
            )

    # ------------------------------------------------------------------ settings

    def configure(self) -> None:
        """Put the settings in force."""
        super().configure()
        self.store.delay_by(self.settings.delay * US)

    def _new_store(self) -> FifoStore:
        sqs = self._sqs
        rules = sqs.rules
        return FifoStore(
            self.name, self.arn, sqs.scheduler, sqs.books, rules.sqs_fifo_in_flight,
            int(rules.sqs_deduplication_interval) * US,
            single_group_polls=rules.mapping_fifo_groups == 1,
        )  # fmt: skip


def _each(setting: str, given: object, number: int) -> Iterable[object]:
    """One id for each of so many messages: that given for all, or a list of them."""
    if given is None or (isinstance(given, str) and setting == "message_group_id"):
        return repeat(given, number)
    if isinstance(given, (list, tuple)) and len(given) == number:
        return given
    alone = "one for all, or " if setting == "message_group_id" else ""
    raise InvalidSetting(
        setting, given, f"{alone}a list with one for each of the {number} messages"
    )
