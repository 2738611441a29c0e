"""A bucket: its objects, and who is told of what happens to them."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting, NoSuchKey, UnknownName, UnknownSetting, suggestion
from lambdalab.invocation.recursion import Chain
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause, ParentKind
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Arrivals, Push
from lambdalab.triggers.s3.events import CREATED, DELETED, check_events, notification, test_event
from lambdalab.triggers.s3.notifications import (
    PRINCIPAL,
    Notification,
    check_overlap,
    receiver_of,
    retries,
    target_of,
)
from lambdalab.triggers.s3.objects import (
    S3Object,
    body_of,
    check_key,
    check_metadata,
    check_size,
    etag_of,
    joined,
)

if TYPE_CHECKING:
    from lambdalab.triggers.s3.service import S3

_PUT, _POST, _COPY, _MULTIPART = CREATED
_LOOKED_AT = 100  # keys among which one is looked for that is like the one given
_NOTIFY = ("target", "events", "prefix", "suffix", "name")


class Bucket(Shown):
    """A bucket, made by ``lab.s3.create_bucket``. Its objects are bytes in memory.

    Attributes: ``name``, ``arn``.

    Example
    -------
    >>> from lambdalab import Lab
    >>> lab = Lab()
    >>> resize = lab.create_function("resize", duration=0.1)
    >>> photos = lab.s3.create_bucket("photos")
    >>> photos.notify(resize, prefix="in/", suffix=".jpg")
    <notification resize photos->resize: s3:ObjectCreated:* of 'in/*.jpg'>
    >>> photos.put_object("in/cat.jpg", b"...")
    <photos/in/cat.jpg: 3 bytes '...'>
    """

    drive_key = ""

    def __init__(self, name: str, s3: S3, parts: Parts) -> None:
        self.name, self.arn = name, f"arn:aws:s3:::{name}"
        self._s3, self._parts = s3, parts
        self._notifications: dict[str, Notification] = {}
        self._ways: dict[str, Push] = {}
        self._arrivals = Arrivals(parts, name, "bucket")
        self._objects: dict[str, S3Object] = {}
        self._told()

    # ------------------------------------------------------------------ objects

    def put_object(
        self,
        key: str,
        body: object = b"",
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> S3Object:
        """Write an object; one of the key is replaced.

        Parameters
        ----------
        key
            1 to 1,024 bytes.
        body
            Bytes, a text, an open file, or a value that is written as JSON; at most 5 GB.
        content_type, metadata
            Kept with it; the metadata at most 2 KB.

        Raises :class:`EntityTooLarge`, :class:`KeyTooLongError`, :class:`InvalidSetting`; then nothing
        has been written.
        """
        return self._write(_PUT, key, body, content_type, metadata)

    def post_object(
        self,
        key: str,
        body: object = b"",
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> S3Object:
        """Write an object as a browser's form does (POST); otherwise as :meth:`put_object`."""
        return self._write(_POST, key, body, content_type, metadata)

    def upload_parts(
        self,
        key: str,
        parts: object,
        *,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> S3Object:
        """Write an object in parts (botocore CompleteMultipartUpload): a list of bodies.

        Each but the last has at least 5 MB (:class:`EntityTooSmall`).
        """
        self._s3._origin_of(self)
        body, etag = joined(parts, self._parts.rules)
        return self._write(_MULTIPART, key, body, content_type, metadata, etag)

    def copy_object(self, key: str, copy_source: object) -> S3Object:
        """Write a copy of an object here.

        ``copy_source``: an object, or "bucket/key" as AWS has it. Raises :class:`NoSuchKey`,
        :class:`UnknownName` where there is none.
        """
        self._s3._origin_of(self)
        found = copy_source
        if isinstance(copy_source, str):
            bucket, _, source = copy_source.removeprefix("/").partition("/")
            found = self._s3[bucket].head_object(source)
        if not isinstance(found, S3Object):
            limit = 'an object, or "bucket/key"'
            raise InvalidSetting("copy_source", copy_source, limit, "botocore CopyObject")
        return self._write(_COPY, key, found.body, found.content_type, found.metadata)

    def get_object(self, key: str) -> S3Object:
        """An object; raises :class:`NoSuchKey` where there is none."""
        self._s3._origin_of(self)
        found = self._objects.get(key) if isinstance(key, str) else None
        if found is None:
            raise NoSuchKey("The specified key does not exist.", self._nearest(key))
        return found

    def _nearest(self, key: object) -> str:
        """Which key might have been meant; of many objects only their number, for handlers that look
        whether something is there would spend their time with it."""
        number = len(self._objects)
        told = (
            suggestion(str(key), self._objects) if number <= _LOOKED_AT else f", of {number:,} keys"
        )
        return f" ({key!r} in {self.name!r}{told})"

    def head_object(self, key: str) -> S3Object:
        """The same as :meth:`get_object`: size, ETag and metadata stand in what it returns."""
        return self.get_object(key)

    def delete_object(self, key: str) -> None:
        """Delete an object. Where there is none nothing happens, and nobody is told of it."""
        origin = self._s3._origin_of(self)
        found = self._objects.pop(check_key(key, self._parts.rules), None)
        if found is not None:
            request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
            self._happened(DELETED, found, request, origin.chain, Cause.PUBLISHED)

    def list_objects(self, prefix: str = "") -> list[S3Object]:
        """The objects whose keys begin with ``prefix``, by key."""
        self._s3._origin_of(self)
        if not isinstance(prefix, str):
            raise InvalidSetting("prefix", prefix, "a text", "botocore ListObjectsV2")
        return [self._objects[key] for key in sorted(self._objects) if key.startswith(prefix)]

    @property
    def objects(self) -> list[S3Object]:
        """Every object, by key."""
        return [self._objects[key] for key in sorted(self._objects)]

    def __contains__(self, key: object) -> bool:
        """Whether there is an object with this key."""
        return isinstance(key, str) and key in self._objects

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._objects))

    def __len__(self) -> int:
        return len(self._objects)

    def __bool__(self) -> bool:
        return True

    def check_arrival(self, body: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        name, content = _arriving(body, 0)
        check_key(name, self._parts.rules)
        check_size(len(body_of(content)), self._parts.rules)

    def arrive(self, body: object, number: int, key: object) -> None:
        """What ``lab.drive`` writes: a (key, body), or a body with the key "object-<number>"."""
        self.put_object(*_arriving(body, number))

    def deliver(self, key: str, body: bytes, request: int, chain: Chain | None, cause: int) -> None:
        """Keep what another service writes."""
        made = S3Object(self.name, key, body, etag_of(body), self._parts.iso, "application/json")
        self._objects[key] = made
        self._happened(_PUT, made, request, chain, cause)

    def _write(
        self, event: str, key: str, body: object, content_type: str, metadata: object, etag: str = "",
    ) -> S3Object:  # fmt: skip
        origin, rules = self._s3._origin_of(self), self._parts.rules
        check_key(key, rules)
        data, own = body_of(body), check_metadata(metadata, rules)
        if not isinstance(content_type, str):
            raise InvalidSetting("content_type", content_type, "a text", "botocore PutObject")
        if not etag:
            check_size(len(data), rules)
        made = S3Object(
            self.name, key, data, etag or etag_of(data), self._parts.iso, content_type, own
        )
        self._objects[key] = made
        request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
        self._happened(event, made, request, origin.chain, Cause.PUBLISHED)
        return made

    # ------------------------------------------------------------------ notifications

    def notify(
        self,
        target: object,
        events: object = ("s3:ObjectCreated:*",),
        prefix: str = "",
        suffix: str = "",
        name: str | None = None,
        **unknown: object,
    ) -> Notification:
        """Tell a function, a queue or a topic what happens here; a function's policy allows it.

        Parameters
        ----------
        target
            A function, a standard SQS queue or an SNS topic: itself, its name or ARN. A queue and a
            topic get S3's test event at once, and again in each run (rule ``s3_test_event``).
        events
            Event types, such as ``("s3:ObjectCreated:Put", "s3:ObjectRemoved:*")``.
        prefix, suffix
            Only of keys that begin and end so.
        name
            AWS's Id of it; a notification of that name is replaced.

        The same once more gives the notification that is there (botocore
        PutBucketNotificationConfiguration), and allows the function to be called again, where that
        was taken away.

        Raises
        ------
        InvalidArgument
            For an event that S3 does not know, and where another notification is of the same events of
            the same keys, in S3's words.
        InvalidSetting, UnknownName, UnknownSetting
            For what cannot be.
        """
        self._s3._origin_of(self)
        if unknown:
            raise UnknownSetting("notify", next(iter(unknown)), _NOTIFY)
        found = target_of(self._parts, target)
        types = check_events(events)
        for setting, text in (("prefix", prefix), ("suffix", suffix)):
            if not isinstance(text, str):
                raise InvalidSetting(setting, text, "a text", "botocore FilterRule")
        if name is not None and not (isinstance(name, str) and name and name.isprintable()):
            raise InvalidSetting("name", name, "a text that can be printed", "botocore Id")
        wanted = Notification(name or "", self.name, types, prefix, suffix, found)
        for known in self._notifications.values():
            if known.as_dict() == wanted.as_dict() and name in (None, known.name):
                self._grant(known)  # it may have been taken away, or the function made anew
                return known
        made = Notification(self._id(name, found.name), self.name, types, prefix, suffix, found)
        others = [known for known in self._notifications.values() if known.name != made.name]
        check_overlap(made, others)
        rules = self._parts.rules
        if len(others) >= rules.s3_notifications:
            limit = f"at most {rules.s3_notifications} of a bucket"
            raise InvalidSetting("notify", made.name, limit, rules.source("s3_notifications"))
        return self._put(made)

    @property
    def notifications(self) -> list[Notification]:
        """The notifications, in the order in which they were made."""
        return list(self._notifications.values())

    def remove_notification(self, name: str) -> None:
        """Take a notification away, by name. What is on its way still arrives."""
        self._s3._origin_of(self)
        name = getattr(name, "name", name)
        if not isinstance(name, str) or name not in self._notifications:
            raise UnknownName(f"notification in bucket {self.name}", name, self._notifications)
        del self._notifications[name]
        self._told()

    def _id(self, name: str | None, target: str) -> str:
        """The name given, or that of the target, with a number where it is taken."""
        if name is not None:
            return name
        made, number = target, 1
        while made in self._notifications:
            number += 1
            made = f"{target}-{number}"
        return made

    def _put(self, made: Notification) -> Notification:
        self._grant(made)
        self._notifications[made.name] = made
        self._announce(made)
        self._told()
        return made

    def _announce(self, made: Notification) -> None:
        """S3 tries the way to a queue or topic at once."""
        way, parts = self._way(made), self._parts
        if made.destination.service != "lambda" and parts.rules.s3_test_event:
            number = parts.new_number()
            self._arrivals.arrive(number, wanted=True)
            way.send(number, test_event(parts, self.name, number))

    def _grant(self, made: Notification) -> None:
        """Let the bucket call the function, as the console does when it is wired."""
        if made.destination.service == "lambda":
            target = self._parts.target(made.destination.name)
            sid = f"s3-{self.name}".replace(".", "-")
            self._parts.grant(target, PRINCIPAL, self.arn, sid)

    def _way(self, made: Notification) -> Push:
        """The way of a notification to its target; it stays for one that comes back."""
        parts, target = self._parts, made.destination
        place = f"{made.name} {target.arn}"
        way = self._ways.get(place)
        if way is None:
            extra = "" if made.name == target.name else f" ({made.name})"
            name = f"{self.name}->{target.name}{extra}"
            receiver, kind = receiver_of(parts, target, self.arn), f"{target.service} notification"
            way = self._ways[place] = Push(parts, name, receiver, retries(parts), kind=kind)
        return way

    def _happened(
        self, event: str, found: S3Object, request: int, chain: Chain | None, cause: int
    ) -> None:
        """Tell those who want to hear of it, after a while; the others have it as filtered."""
        parts, number = self._parts, self._parts.new_number()
        chain = chain if parts.rules.s3_recursion else None
        told = [each.wants(event, found.key) for each in self.notifications]
        kept = event != DELETED or any(told)
        self._arrivals.arrive(number, wanted=kept, request=request, cause=cause)
        for each, wants in zip(self.notifications, told, strict=True):
            way = self._way(each)
            if not wants:
                way.filtered(number, request)
                continue
            body = notification(parts, event, number, found, self.arn, each.name)
            way.send(
                number, body, request=request, chain=chain, delay_us=parts.us("s3_delivery_latency")
            )

    # ------------------------------------------------------------------ wiring

    def begin(self) -> None:
        """Begin a run: empty, the same notifications."""
        self._objects = {}
        self._arrivals.begin()
        for way in self._ways.values():
            way.begin()
        for made in self._notifications.values():
            self._announce(made)
        self._told()

    def _told(self) -> None:
        """Tell the books what is wired."""
        told = {name: each.as_dict() for name, each in self._notifications.items()}
        self._parts.books.wired("bucket", self.name, {"arn": self.arn, "notifications": told})

    def __repr__(self) -> str:
        number = len(self._objects)
        size = sum(found.size for found in self._objects.values())
        names = ", ".join(each.destination.name for each in self.notifications)
        told = f"{number:,} object{'' if number == 1 else 's'}, {size:,} bytes"
        return f"<bucket {self.name}: {told}{f', notifies {names}' if names else ''}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"


def _arriving(body: object, number: int) -> tuple[Any, object]:
    """Key and body of an arrival."""
    if isinstance(body, tuple) and len(body) == 2:
        return body[0], body[1]
    return f"object-{number}", body
