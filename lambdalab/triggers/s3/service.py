"""S3: the buckets of the lab's account (``lab.s3``), and buckets as destinations of failures."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable

import orjson

from lambdalab.errors import BucketNotEmpty, InvalidBucketName, InvalidSetting, NoSuchBucket
from lambdalab.invocation.destinations import Destination, Envelope
from lambdalab.invocation.front_door import Origin
from lambdalab.rules import RULES
from lambdalab.sources.directory import Directory
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.s3.bucket import Bucket

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]\Z")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_SOURCE = "s3ug/bucketnamingrules"


class S3(Directory[Bucket]):
    """The buckets of one account, found by name: ``lab.s3["photos"]``. Parameters: the lab's parts."""

    service, noun = "s3", "bucket"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        parts.on_reset(self._begin)
        parts.functions.destinations.add(S3Target(self, parts))

    def create_bucket(self, name: str) -> Bucket:
        """Create a bucket; or get one's own of the name (as in us-east-1).

        Parameters: ``name``: 3 to 63 lower-case letters, digits, dots and hyphens, between letters or
        digits; no two dots side by side, no IP address.

        Raises :class:`InvalidBucketName`.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> shrink = lab.create_function("shrink", duration=1)
        >>> photos = lab.s3.create_bucket("photos")
        >>> photos.notify(shrink, events=["s3:ObjectCreated:*"], prefix="in/", suffix=".jpg")
        <notification shrink photos->shrink: s3:ObjectCreated:* of 'in/*.jpg'>
        >>> photos.put_object("in/cat.jpg", b"a photo")
        <photos/in/cat.jpg: 7 bytes 'a photo'>
        >>> photos.get_object("in/cat.jpg").body
        b'a photo'
        """
        self._parts.origin()
        if not isinstance(name, str) or not _good(name):
            raise InvalidBucketName(
                "The specified bucket is not valid.",
                f" ({name!r}: 3 to 63 lower-case letters, digits, dots and hyphens, between letters "
                f"or digits, and none of the reserved forms; {_SOURCE})",
            )
        known = self._found.get(name)
        if known is None:
            known = self._found[name] = Bucket(name, self, self._parts)
        return known

    def delete_bucket(self, bucket: str | Bucket) -> None:
        """Delete an empty bucket, and whom it tells; what is on its way to them still arrives.

        What writes to it fails from now on: a record of a failure, too.

        Raises :class:`UnknownName` where there is none, :class:`BucketNotEmpty`.
        """
        self._parts.origin()
        found = self._mine(bucket)
        if len(found):
            number = len(found)
            raise BucketNotEmpty(
                "The bucket you tried to delete is not empty",
                f" ({number:,} object{'s' * (number != 1)} in {found.name!r})",
            )
        del self._found[found.name]

    def _origin_of(self, bucket: Bucket) -> Origin:
        """Who calls a bucket's verb right now; raises where the bucket has been deleted."""
        if self._found.get(bucket.name) is not bucket:
            raise NoSuchBucket(
                "The specified bucket does not exist", f" ({bucket.name!r}; it was deleted)"
            )
        return self._parts.origin()

    def _begin(self) -> None:
        for bucket in self._found.values():
            bucket.begin()


def _good(name: str) -> bool:
    if not _NAME.match(name) or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        return False
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return True
    return False


class S3Target:
    """The buckets of a lab, as far as they take records of failures.

    The key says of what a record is, and when it came:
    ``aws/lambda/async/<function>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>`` of an asynchronous event (in no
    source we have: taken from that of mappings), ``aws/lambda/<mapping's uuid>/<shard>/...`` of a
    stream's records, which come with the event itself as ``payload``.

    Sources: async.md 5, event-source-mappings.md 4 and dated-rules.md of the reference.
    """

    service, noun = "s3", "bucket"

    def __init__(self, s3: S3, parts: Parts) -> None:
        self._s3, self._parts = s3, parts

    def names(self) -> Iterable[str]:
        """The buckets there are."""
        return self._s3

    def find(self, given: object) -> Destination | None:
        """A bucket by name, or as such."""
        if given not in self._s3:
            return None
        name = given if isinstance(given, str) else given.name  # type: ignore[attr-defined]
        return Destination(self.service, name, self._s3[name].arn)

    def check(self, setting: str, destination: Destination) -> None:
        """Refuse a bucket where it cannot be, and before the day from which it can."""
        rules = self._parts.rules
        if setting != "on_failure":
            limit = "no bucket: one takes records of failures alone (on_failure)"
            source = "dg/invocation-async-retain-records"
            raise InvalidSetting(setting, destination.arn, limit, source)
        if not rules.s3_destination:
            since = RULES["s3_destination"].values[-1][0]
            limit = f"no bucket: one can be a destination since {since}"
            source = rules.source("s3_destination")
            raise InvalidSetting(setting, destination.arn, limit, source)

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Write it as an object."""
        if destination.name not in self._s3:
            return "The specified bucket does not exist"
        bucket = self._s3[destination.name]
        at = self._parts.iso
        second = at[:19].replace(":", ".")
        h = hashlib.sha256(record + str(len(bucket)).encode()).hexdigest()
        uuid = f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:32]}"
        day = at[:10].replace("-", "/")
        key = f"aws/lambda/{envelope.folder}/{day}/{second}-{uuid}"
        if envelope.payload:
            document = orjson.loads(record) | {"payload": orjson.loads(envelope.payload)}
            record = orjson.dumps(document)
        bucket.deliver(key, record, envelope.request, envelope.chain, envelope.cause)
        return ""
