"""Amazon Data Firehose: records are buffered, transformed by a function, and delivered.

A buffer is handed to the function when it is as large or as old as the stream's hints say; the function
answers for each record with ``Ok``, ``Dropped`` or ``ProcessingFailed``. A call that Lambda refuses, that
gets no answer in five minutes or that fails is made again, three times by default; then the whole batch
goes, as records that failed do, to ``processing-failed/``. Sources: firehose/data-transformation,
-failure-handling and -status-model; error codes: firehose/monitoring-with-cloudwatch-logs. Choices: what
was transformed is delivered at once (S3 has a buffer of its own on AWS), and batches may overtake.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import InvalidArgumentException, InvalidSetting, ResourceNotFoundException
from lambdalab.functions.outcome import encode
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.rules import Rules
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Action, Cause, ParentKind, QueueKind
from lambdalab.triggers import front
from lambdalab.triggers.firehose.answers import NO_RECORDS, problem, verdict
from lambdalab.triggers.firehose.delivery import Delivery
from lambdalab.triggers.front import Result
from lambdalab.triggers.parts import ACCOUNT, REGION, Parts, arn
from lambdalab.triggers.thin import (
    as_json,
    checked_number,
    document,
    seconds_us,
    uuid,
)

_MB = 1 << 20
_RECORD = 140  # bytes of a record's JSON around its data, at most


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a delivery stream buffers: MB, seconds, and how often it calls again."""

    buffer_size: float
    buffer_interval: float
    retries: int

    @classmethod
    def make(
        cls, rules: Rules, size: float | None, interval: float | None, retries: int | None
    ) -> StreamSettings:
        """Settings, the rules' where None is given; what is out of range is refused."""
        source, most = "firehose/data-transformation", rules.firehose_retries_maximum
        size = rules.firehose_buffer_size_default if size is None else size
        interval = rules.firehose_buffer_interval_default if interval is None else interval
        retries = rules.firehose_retries if retries is None else retries
        least, largest = rules.firehose_buffer_size_minimum, rules.firehose_buffer_size_maximum
        longest = rules.firehose_buffer_interval_maximum
        if isinstance(retries, float):
            raise InvalidSetting("retries", retries, "a whole number", source)
        return cls(
            checked_number("buffer_size", size, least, largest, source),
            checked_number("buffer_interval", interval, 0, longest, source),
            int(
                checked_number(
                    "retries", retries, 0, most, rules.source("firehose_retries_maximum")
                )
            ),
        )


@dataclass(slots=True)
class Record:
    """A record on its way: its number ``m12``, data, when it came, and who put it there."""

    number: int
    data: bytes
    at: int
    epoch_ms: int
    request: int
    id: str
    tries: int = 0


def as_they_came(batch: list[Record]) -> dict[str, Any]:
    """What a modelled function makes of records: each is Ok, and as it was."""
    return {
        "records": [
            {"recordId": each.id, "result": "Ok", "data": base64.b64encode(each.data).decode()}
            for each in batch
        ]
    }


class DeliveryStream(Shown):
    """A delivery stream.

    Attributes: ``name``, ``arn``, ``settings``; without a destination what was delivered stands in
    ``delivered`` (bytes, one for each batch) and what failed in ``processing_failed`` (Firehose's own
    JSON, one for each record); ``deleted``, whether it takes nothing any more.
    """

    drive_key = ""

    def __init__(
        self, parts: Parts, name: str, target: Target, destination: Any, settings: StreamSettings
    ) -> None:
        self.name, self.settings, self._parts = name, settings, parts
        self.arn = arn("firehose", f"deliverystream/{name}")
        self._target, self._destination, self.deleted = target, destination, False
        self.begin()

    def begin(self) -> None:
        """A run begins: nothing buffered, nothing delivered."""
        books = self._parts.books
        self._queue = books.queue(self.name, QueueKind.PUSH, "firehose")
        self._source = books.name(self.name)
        self._buffer: list[Record] = []
        self._size = self._token = self._batches = 0
        self._count = self._parts.count(self._queue)
        self._delivery = Delivery(self._parts, self.name, self._destination)
        books.wired(
            "delivery_stream", self.name,
            {"function": self._target.name, "buffer_size": self.settings.buffer_size,
             "buffer_interval": self.settings.buffer_interval, "retries": self.settings.retries,
             "destination": getattr(self._destination, "name", None)},
        )  # fmt: skip

    @property
    def delivered(self) -> list[bytes]:
        """What has been delivered, without a destination: the data of each batch."""
        return self._delivery.delivered

    @property
    def processing_failed(self) -> list[dict[str, Any]]:
        """What could not be processed, without a destination: a document for each record."""
        return self._delivery.failed

    def is_same(self, target: Target, destination: Any, settings: StreamSettings) -> bool:
        """Whether it has been made just so."""
        mine = self._target.qualified_arn, self.settings
        return mine == (target.qualified_arn, settings) and destination is self._destination

    # ------------------------------------------------------------------ what people do

    def put_record(self, data: Any) -> str:
        """Put one record: bytes, a text, or any JSON; returns its id (PutRecord)."""
        return self._put([data])[0]

    def put_record_batch(self, records: Sequence[Any]) -> list[str]:
        """Put up to 500 records, 4 MiB in all; returns their ids (PutRecordBatch)."""
        if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
            raise InvalidSetting("records", records, "a list of records", "botocore PutRecordBatch")
        return self._put(list(records))

    def check_arrival(self, payload: Any, key: Any) -> None:
        """Raise where ``lab.drive`` could not put it."""
        self._data(payload)

    def arrive(self, payload: Any, number: int, key: Any = None) -> None:
        """``lab.drive`` puts a record; a stream that is deleted meanwhile takes none."""
        if not self.deleted:
            self._put([payload])

    def _put(self, given: Sequence[Any]) -> list[str]:
        origin, rules = self._parts.origin(), self._parts.rules
        if self.deleted:
            raise ResourceNotFoundException(
                f"Firehose {self.name} under account {ACCOUNT} not found."
            )
        datas = [self._data(each) for each in given]
        if len(datas) > rules.firehose_put_batch or not datas:
            limit = f"1 to {rules.firehose_put_batch} records"
            raise InvalidSetting("records", len(datas), limit, "botocore PutRecordBatch")
        if sum(map(len, datas)) > rules.firehose_put_batch_size:
            limit = f"{rules.firehose_put_batch_size:,} bytes at most in all"
            raise InvalidSetting(
                "records", sum(map(len, datas)), limit, rules.source("firehose_put_batch_size")
            )
        return [self._take(data, origin) for data in datas]

    def _data(self, given: Any) -> bytes:
        if isinstance(given, (bytes, bytearray)):
            data = bytes(given)
        else:
            text = isinstance(given, str)
            data = given.encode(errors="backslashreplace") if text else as_json("data", given)
        most = self._parts.rules.firehose_record_size
        if len(data) > most:
            raise InvalidArgumentException(
                f"Record size {len(data)} bytes is greater than the limit of {most} bytes"
            )
        return data

    def _take(self, data: bytes, origin: Origin) -> str:
        parts = self._parts
        request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
        number = parts.new_number()
        # as long as the ids of AWS, and rising
        record = Record(number, data, parts.now, parts.epoch_ms, request, f"496{number:053d}")
        if self._buffer and self._too_large(len(data)):
            self._flush(Cause.BUFFER_SIZE)
        self._count.depth += 1
        self._note(record, Action.SENT, Cause.PUBLISHED)
        self._buffer.append(record)
        self._size += len(data)
        if self._too_large(0) or not self.settings.buffer_interval:
            self._flush(Cause.BUFFER_SIZE if self._too_large(0) else Cause.BUFFER_INTERVAL)
        elif not self._token:
            at = parts.now + seconds_us(self.settings.buffer_interval)
            self._token = parts.scheduler.at(at, self._old)
        return record.id

    def _too_large(self, more: int) -> bool:
        """Whether the buffer is full, or would be with so much more: as a buffer, or as a request."""
        count = len(self._buffer) + (1 if more else 0)
        size = self._size + more
        full = size > self.settings.buffer_size * _MB if more else (
            size >= self.settings.buffer_size * _MB
        )  # fmt: skip
        request: int = self._parts.rules.synchronous_payload
        return full or 4 * size // 3 + _RECORD * (count + 3) > request

    def _old(self, _: object) -> None:
        self._token = 0
        self._flush(Cause.BUFFER_INTERVAL)

    def _flush(self, cause: int) -> None:
        batch, self._buffer, self._size = self._buffer, [], 0
        if self._token:
            self._parts.scheduler.cancel(self._token)
            self._token = 0
        self._batches += 1
        self._transform(batch, self._batches, 1, cause, 0)

    # ------------------------------------------------------------------ the function

    def _transform(
        self, batch: list[Record], number: int, tries: int, cause: int, call: int
    ) -> None:
        """Call the function with a batch, for the first time or again: a row of ``requests`` each
        (``call`` is the first one's, 0 where this is it)."""
        parts = self._parts
        row = parts.books.sent(self._source, call, tries, parts.now)
        call = call or row + 1
        for record in batch:
            self._count.in_flight += 1
            self._count.delayed -= tries > 1
            record.tries += 1
            self._note(record, Action.RECEIVED, cause)
        event = {
            "invocationId": uuid(parts, f"firehose/{self.name}/{number}"),
            "deliveryStreamArn": self.arn,
            "region": REGION,
            "records": [
                {"recordId": record.id, "approximateArrivalTimestamp": record.epoch_ms,
                 "data": base64.b64encode(record.data).decode()}
                for record in batch
            ],
        }  # fmt: skip

        def heard(result: Result) -> None:
            self._told(row, result)
            self._heard(batch, number, tries, result, call)

        front.call(
            parts, self._target, encode(event), heard,
            source=self._source, principal="", source_arn=self.arn,
            limit_us=parts.us("firehose_timeout"),
        )  # fmt: skip

    def _told(self, row: int, result: Result) -> None:
        """What Firehose saw of a call: an error of the function is a 200, as of any Invoke."""
        status = 200 if result.error is None else result.error.status_code
        cause = result.cause if result.timed_out else 0
        self._parts.books.answered(
            row, self._parts.now, 0 if result.timed_out else status, result.timed_out,
            result.request, cause,
        )  # fmt: skip

    def _heard(
        self, batch: list[Record], number: int, tries: int, result: Result, call: int
    ) -> None:
        if result.good:
            self._sort(batch, tries, result)
            return
        code, message, cause = problem(result)
        gone = result.error is not None and result.error.status_code in (403, 404, 413)
        if gone or tries > self.settings.retries:
            ended = cause if gone else Cause.RETRIES_EXHAUSTED
            self._fail([(record, code, message) for record in batch], tries, ended, result.request)
            return
        wait = self._parts.us("firehose_retry_wait")
        for record in batch:
            self._count.in_flight -= 1
            self._count.delayed += 1
            self._note(record, Action.RETRY_SCHEDULED, cause, result.request, wait)
        throttled = result.error is not None
        why = Cause.RETRY_AFTER_THROTTLE if throttled else Cause.RETRY_AFTER_ERROR
        at = self._parts.now + wait
        again = batch, number, tries + 1, why, call
        self._parts.scheduler.at(at, lambda _: self._transform(*again))

    def _sort(self, batch: list[Record], tries: int, result: Result) -> None:
        """Deliver what is Ok, forget what is Dropped, keep what failed."""
        told = as_they_came(batch) if result.modelled else document(result.response)
        answers = told.get("records") if isinstance(told, dict) else None
        if not isinstance(answers, list) or not all(isinstance(each, dict) for each in answers):
            failed = [(record, *NO_RECORDS) for record in batch]
            self._fail(failed, tries, Cause.MALFORMED_RESPONSE, result.request)
            return
        by_id: dict[Any, list[dict[str, Any]]] = {}
        for each in answers:
            by_id.setdefault(str(each.get("recordId")), []).append(each)
        failed, good = [], []
        for record in batch:
            data, code, message = verdict(by_id.get(record.id, []))
            if code:
                failed.append((record, code, message))
                continue
            if data is not None:
                good.append(data)
            action = Action.DELETED if data is not None else Action.FILTERED
            cause = Cause.DELIVERED if data is not None else Cause.PATTERN_MISMATCH
            self._end(record, action, cause, result.request)
        if good:
            self._delivery.good(b"".join(good))
        self._fail(failed, tries, Cause.MALFORMED_RESPONSE, result.request)

    def _fail(
        self, failed: list[tuple[Record, str, str]], tries: int, cause: int, request: int
    ) -> None:
        """Put what could not be processed beside the rest, as it came."""
        documents = []
        for record, code, message in failed:
            self._end(record, Action.DROPPED, cause, request)
            documents.append(
                {
                    "attemptsMade": tries, "arrivalTimestamp": record.epoch_ms, "errorCode": code,
                    "errorMessage": message, "attemptEndingTimestamp": self._parts.epoch_ms,
                    "rawData": base64.b64encode(record.data).decode(),
                    "lambdaArn": self._target.qualified_arn,
                }
            )  # fmt: skip
        if documents:
            self._delivery.bad(documents)

    # ------------------------------------------------------------------ the books

    def _end(self, record: Record, action: int, cause: int, request: int) -> None:
        self._count.depth -= 1
        self._count.in_flight -= 1
        self._note(record, action, cause, request)

    def _note(
        self, record: Record, action: int, cause: int, request: int = 0, delay_us: int = 0
    ) -> None:
        now = self._parts.now
        self._parts.books.queue_event(
            now, self._queue, record.number, action, self._count.depth, now - record.at, delay_us,
            request or record.request, 0, cause, self._count.in_flight, self._count.delayed, record.tries,
            now + delay_us if delay_us else -1,
        )  # fmt: skip

    def __repr__(self) -> str:
        to = "kept here" if self._destination is None else repr(self._destination.name)
        way = f"{self.name} -> {self._target.name} -> {to}"
        when = f"{self.settings.buffer_size:g} MB or {self.settings.buffer_interval:g} s"
        waiting = f" · {self._count.depth} on the way" if self._count.depth else ""
        return f"<delivery stream {way}: {when}{waiting}>"
