"""A change of an item as a record of the table's stream, as it stands in a function's event.

Sources: metrics-and-shapes.md 3 of the reference (recordings of the service), botocore dynamodbstreams
Record and StreamRecord. ``SizeBytes`` counts the keys and the images, as in the guide's examples.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.functions.outcome import encode
from lambdalab.kernel.clock import US
from lambdalab.sources.dynamodb.items import Item, size_of_item, wired_item

VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
"""What a stream's records show of an item."""

EXPIRY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""The user identity of a record: DynamoDB itself has deleted the item, its time to live being over."""


class Change(NamedTuple):
    """What has become of an item: ``old`` and ``new`` differ, None stands for none."""

    keys: Item
    old: Item | None
    new: Item | None
    expired: bool = False

    @property
    def event_name(self) -> str:
        """``INSERT``, ``MODIFY`` or ``REMOVE``."""
        if self.new is None:
            return "REMOVE"
        return "INSERT" if self.old is None else "MODIFY"

    def images(self, view: str) -> dict[str, Item]:
        """The keys, and what a view shows of the item."""
        shown = {"Keys": self.keys}
        if self.new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            shown["NewImage"] = self.new
        if self.old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            shown["OldImage"] = self.old
        return shown

    def size(self, view: str) -> int:
        """Bytes of the record: its keys and images."""
        return sum(map(size_of_item, self.images(view).values()))


def table_arn(name: str) -> str:
    """The ARN of a table of the lab's account."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def change_record(
    change: Change, view: str, *, event_id: str, sequence_number: str, epoch_us: int, arn: str
) -> bytes:
    """The JSON of a record, in the service's order; ``epoch_us`` is when the item changed."""
    shown: dict[str, Any] = {"ApproximateCreationDateTime": epoch_us // US}
    shown |= {key: wired_item(item) for key, item in change.images(view).items()}
    shown |= {
        "SequenceNumber": sequence_number,
        "SizeBytes": change.size(view),
        "StreamViewType": view,
    }
    record: dict[str, Any] = {
        "eventID": event_id,
        "eventName": change.event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": shown,
    }
    if change.expired:
        record["userIdentity"] = EXPIRY
    record["eventSourceARN"] = arn
    return encode(record)
