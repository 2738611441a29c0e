"""The delivery streams of a lab (:mod:`.stream` has what they do)."""

from __future__ import annotations

from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting, LimitExceededException, ResourceInUseException
from lambdalab.sources.directory import Directory
from lambdalab.triggers.firehose.stream import DeliveryStream, StreamSettings
from lambdalab.triggers.parts import ACCOUNT, Parts, no_others
from lambdalab.triggers.thin import ThinService, checked_text

_SETTINGS = ("destination", "buffer_size", "buffer_interval", "retries")


class Firehose(ThinService[DeliveryStream]):
    """The delivery streams of a lab. Parameters: the lab's parts, and its buckets by name."""

    service: ClassVar[str] = "firehose"
    noun: ClassVar[str] = "delivery stream"

    def __init__(self, parts: Parts, buckets: Directory[Any]) -> None:
        super().__init__(parts)
        self._buckets = buckets

    def create_delivery_stream(
        self,
        name: str,
        function: Any,
        destination: Any = None,
        *,
        buffer_size: float | None = None,
        buffer_interval: float | None = None,
        retries: int | None = None,
        **unknown: object,
    ) -> DeliveryStream:
        """Make a delivery stream whose records a function transforms.

        Parameters
        ----------
        name, function
            The stream's name, and the function; Firehose calls it by a role and needs no permission.
        destination
            A bucket of the lab, or its name (or anything with ``put_object(key, body)``); None: the
            stream keeps what it delivers.
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
        no_others("create_delivery_stream", unknown, _SETTINGS)
        checked_text("name", name, 64, "botocore CreateDeliveryStream", "[a-zA-Z0-9_.-]+")
        target = parts.target(function)
        destination = self._bucket(destination)
        settings = StreamSettings.make(rules, buffer_size, buffer_interval, retries)
        known = self._found.get(name)
        if known is not None:
            if known.is_same(target, destination, settings):
                return known
            there = f"Firehose {name} under accountId {ACCOUNT} already exists"
            hint = f"; lab.firehose.delete_delivery_stream({name!r}) removes it"
            raise ResourceInUseException(there, hint)
        if len(self._found) >= rules.firehose_streams:
            quota = f"your firehose quota of {rules.firehose_streams} hoses"
            raise LimitExceededException(f"You have already consumed {quota}.")
        self._found[name] = DeliveryStream(parts, name, target, destination, settings)
        return self._found[name]

    def _bucket(self, given: Any) -> Any:
        """The bucket that is meant, if one is."""
        found = self._buckets[given] if isinstance(given, str) else given
        if found is not None and not hasattr(found, "put_object"):
            raise InvalidSetting("destination", given, "a bucket of the lab, or None")
        return found

    def delete_delivery_stream(self, name: str) -> None:
        """Delete a stream; what is buffered is still handed over (AWS may lose it)."""
        self._parts.origin()
        stream = self._found.pop(name, None)
        if stream is not None:
            stream.deleted = True
