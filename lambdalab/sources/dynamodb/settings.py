"""The settings of a table, checked when they are made.

Sources: botocore CreateTable, UpdateTable and UpdateTimeToLive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.sources.dynamodb.events import VIEWS
from lambdalab.sources.dynamodb.reader import KeyAttribute

KEY_TYPES = ("S", "N", "B")

_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")


@dataclass(frozen=True, slots=True)
class TableSettings:
    """Settings of ``create_table``, all checked: made by :meth:`make`.

    ``keys`` are the partition key and, where there is one, the sort key.
    """

    keys: tuple[KeyAttribute, ...]
    stream_view_type: str | None
    time_to_live: str | None
    shards: int

    @classmethod
    def make(
        cls, rules: Rules, partition_key: object, sort_key: object, stream_view_type: object,
        time_to_live: object, shards: object,
    ) -> TableSettings:  # fmt: skip
        """Check what ``create_table`` is given; raises :class:`InvalidSetting`."""
        keys = [_key("partition_key", partition_key, rules)]
        if sort_key is not None:
            keys.append(_key("sort_key", sort_key, rules))
            if keys[0].name == keys[1].name:
                limit = "another attribute than partition_key"
                raise InvalidSetting("sort_key", sort_key, limit, "botocore KeySchemaElement")
        count = rules.dynamodb_stream_shards
        if shards is not None:
            source = rules.source("dynamodb_stream_shards_maximum")
            most = rules.dynamodb_stream_shards_maximum
            count = whole("shards", shards, 1, most, "shards", source)
        made = cls(tuple(keys), None, None, max(1, count))
        return made.changed(rules, stream_view_type=stream_view_type, time_to_live=time_to_live)

    def changed(self, rules: Rules, **given: Any) -> TableSettings:
        """With another ``stream_view_type`` or ``time_to_live``; raises :class:`InvalidSetting`."""
        view = given.get("stream_view_type")
        if view is not None and view not in VIEWS:
            limit = f"one of {', '.join(VIEWS)}, or None for no stream"
            raise InvalidSetting("stream_view_type", view, limit, "botocore StreamSpecification")
        attribute = given.get("time_to_live")
        if attribute is not None:
            _check_attribute("time_to_live", attribute, rules)
        return replace(self, **given)

    @property
    def keys_told(self) -> str:
        """The keys, for people: ``id (S)``."""
        return " and ".join(f"{name} ({kind})" for name, kind in self.keys)

    def as_dict(self) -> dict[str, object]:
        """The settings as the books keep them."""
        keys: list[object] = [list(key) for key in self.keys]
        return {
            "partition_key": keys[0],
            "sort_key": keys[1] if len(keys) > 1 else None,
            "stream_view_type": self.stream_view_type,
            "time_to_live": self.time_to_live,
            "shards": self.shards,
        }


def check_name(name: object, rules: Rules) -> str:
    """The name of a table, or :class:`InvalidSetting`."""
    least, most = rules.dynamodb_name_minimum, rules.dynamodb_name_length
    if not isinstance(name, str) or not _NAME.match(name) or not least <= len(name) <= most:
        limit = f"{least} to {most} letters, digits, _, - or ."
        raise InvalidSetting("name", name, limit, rules.source("dynamodb_name_length"))
    return name


def _key(setting: str, given: object, rules: Rules) -> KeyAttribute:
    """A key attribute: a name (of a text), or a name and a type."""
    name, kind = given, "S"
    if isinstance(given, (tuple, list)) and len(given) == 2:
        name, kind = given
    if kind not in KEY_TYPES:
        limit = f"a name, or a name and a type, as ('id', 'N'); types are {', '.join(KEY_TYPES)}"
        raise InvalidSetting(setting, given, limit, "botocore AttributeDefinition")
    return KeyAttribute(_check_attribute(setting, name, rules), kind)


def _check_attribute(setting: str, name: object, rules: Rules) -> str:
    most: int = rules.dynamodb_key_name_length
    if not isinstance(name, str) or not 1 <= len(name) <= most:
        limit = f"the name of an attribute, 1 to {most} characters"
        raise InvalidSetting(setting, name, limit, rules.source("dynamodb_key_name_length"))
    return name
