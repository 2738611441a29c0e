"""Notifications of what happens in a bucket: the events there are, and what each tells.

Sources: metrics-and-shapes.md 3 of the reference (dg-old/with-s3; SAM s3);
s3ug/notification-how-to-event-types-and-destinations, s3ug/notification-content-structure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from urllib.parse import quote_plus

import orjson

from lambdalab.errors import InvalidArgument, InvalidSetting, suggestion
from lambdalab.functions.context import REGION
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.s3.objects import S3Object

CREATED = tuple(
    f"s3:ObjectCreated:{how}" for how in ("Put", "Post", "Copy", "CompleteMultipartUpload")
)
DELETED = "s3:ObjectRemoved:Delete"
_FAMILIES = {
    "s3:ObjectCreated:*": CREATED,
    "s3:ObjectRemoved:*": (DELETED, "s3:ObjectRemoved:DeleteMarkerCreated"),
}
_ELSEWHERE = (
    "s3:ReducedRedundancyLostObject", "s3:ObjectRestore:", "s3:Replication:", "s3:ObjectTagging:",
    "s3:LifecycleExpiration:", "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectAcl:Put",
)  # fmt: skip
SUBJECT = "Amazon S3 Notification"
_SOURCE = "s3ug/notification-how-to-event-types-and-destinations"


def check_events(events: object) -> tuple[str, ...]:
    """The event types of a notification; a single text is one.

    Raises :class:`~lambdalab.errors.InvalidArgument` for one that S3 does not know, and
    :class:`~lambdalab.errors.InvalidSetting` for what never happens in a lab's bucket.
    """
    given = (events,) if isinstance(events, str) else events
    if not isinstance(given, (tuple, list)) or not given:
        raise InvalidSetting("events", events, 'a tuple such as ("s3:ObjectCreated:*",)', _SOURCE)
    known = [*_FAMILIES, *CREATED, *_FAMILIES["s3:ObjectRemoved:*"]]
    for event in given:
        if isinstance(event, str) and event.startswith(_ELSEWHERE):
            limit = f"one of {', '.join(known)}: others are not simulated"
            raise InvalidSetting("events", event, limit, _SOURCE)
        if event not in known:
            raise InvalidArgument(
                "The event is not supported for notifications",
                f" ({event!r}{suggestion(str(event), known)})",
            )
    return tuple(dict.fromkeys(given))


def each_of(events: Iterable[str]) -> set[str]:
    """The single event types that a notification's cover; only ever asked what is in it."""
    return {single for event in events for single in _FAMILIES.get(event, (event,))}


def notification(
    parts: Parts, event: str, number: int, found: S3Object, bucket_arn: str, configuration: str
) -> bytes:
    """What the target gets: one record.

    ``event`` is its type in full, ``number`` the event's, ``configuration`` the notification's name. Of
    an object that was deleted there are neither size nor eTag.
    """
    told: dict[str, object] = {"key": quote_plus(found.key, safe="/*-._")}
    if event != DELETED:
        told |= {"size": found.size, "eTag": found.etag}
    request_id, host_id = ids_of(parts, number)
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": parts.iso,
        "eventName": event.removeprefix("s3:"),
        "userIdentity": {"principalId": "AWS:AIDALAMBDALABSENDER00"},
        "requestParameters": {"sourceIPAddress": "10.0.0.1"},
        "responseElements": {"x-amz-request-id": request_id, "x-amz-id-2": host_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": found.bucket,
                "ownerIdentity": {"principalId": "A1LAMBDALABOWNER"},
                "arn": bucket_arn,
            },
            "object": told | {"sequencer": f"{parts.epoch_ms:012X}{number:08X}"},
        },
    }
    return orjson.dumps({"Records": [record]})


def test_event(parts: Parts, bucket: str, number: int) -> bytes:
    """What a queue or topic gets when a notification to it is put."""
    request_id, host_id = ids_of(parts, number)
    return orjson.dumps({
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": parts.iso, "Bucket": bucket,
        "RequestId": request_id, "HostId": host_id,
    })  # fmt: skip


def ids_of(parts: Parts, number: int) -> tuple[str, str]:
    """S3's two ids of a request."""
    h = hashlib.sha256(f"{parts.ids.seed}/s3/{number}".encode()).hexdigest()
    return h[:16].upper(), h[16:]
