"""The delivery streams of a lab (:mod:`.stream` has what they do)."""

from __future__ import annotations

from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting, ResourceInUseException
from lambdalab.triggers.firehose.stream import DeliveryStream, StreamSettings
from lambdalab.triggers.parts import ACCOUNT
from lambdalab.triggers.thin import (
    ThinService,
    checked_number,
    checked_text,
)

_SOURCE = "firehose/data-transformation"


class Firehose(ThinService[DeliveryStream]):
    """The delivery streams of a lab."""

    service: ClassVar[str] = "firehose"
    noun: ClassVar[str] = "delivery stream"

    def create_delivery_stream(
        self,
        name: str,
        function: Any,
        destination: Any = None,
        *,
        buffer_size: float | None = None,
        buffer_interval: float | None = None,
        retries: int | None = None,
    ) -> DeliveryStream:
        """Make a delivery stream whose records a function transforms.

        Parameters
        ----------
        name, function
            The stream's name, and the function; Firehose calls it by a role and needs no permission.
        destination
            A bucket of the lab (anything with ``put_object(key, body)``); None: the stream keeps what
            it delivers.
        buffer_size, buffer_interval
            Hints: MB (0.2 to 3, default 1) and seconds (0 to 900, default 60); what comes first hands
            the buffer over.
        retries
            How often a call is made again (default 3).

        With a name that there is: that stream, if everything is the same, else ``ResourceInUseException``.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> @lab.function
        ... def shout(event, context):
        ...     return {"records": [{**record, "result": "Ok"} for record in event["records"]]}
        >>> stream = lab.firehose.create_delivery_stream("clicks", shout)
        >>> _ = stream.put_record("hello"), stream.put_record("there"), lab.run()
        >>> stream.delivered
        [b'hellothere']
        """
        parts, rules = self._parts, self._parts.rules
        parts.origin()
        checked_text("name", name, 64, "botocore CreateDeliveryStream")
        target = parts.target(function)
        if destination is not None and not hasattr(destination, "put_object"):
            raise InvalidSetting(
                "destination", destination, "a bucket of the lab, or None", _SOURCE
            )
        settings = StreamSettings(
            checked_number(
                "buffer_size", rules.firehose_buffer_size_default if buffer_size is None else buffer_size,
                rules.firehose_buffer_size_minimum, rules.firehose_buffer_size_maximum, _SOURCE,
            ),
            checked_number(
                "buffer_interval",
                rules.firehose_buffer_interval_default if buffer_interval is None else buffer_interval,
                0, rules.firehose_buffer_interval_maximum, _SOURCE,
            ),
            int(checked_number(
                "retries", rules.firehose_retries if retries is None else retries,
                0, rules.firehose_retries_maximum, rules.source("firehose_retries_maximum"),
            )),
        )  # fmt: skip
        known = self._found.get(name)
        if known is not None and known.is_same(target, destination, settings):
            return known
        if known is not None:
            raise ResourceInUseException(
                f"Firehose {name} under accountId {ACCOUNT} already exists",
                f"; lab.firehose.delete_delivery_stream({name!r}) removes it",
            )
        stream = DeliveryStream(parts, name, target, destination, settings)
        self._found[name] = stream
        return stream

    def delete_delivery_stream(self, name: str) -> None:
        """Delete a stream; what is buffered is still handed over (AWS may lose it)."""
        self._parts.origin()
        self._found.pop(name, None)
