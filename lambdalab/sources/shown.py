"""What tab completion offers of a queue, a stream, a table or a mapping: what a person types."""

from __future__ import annotations

from collections.abc import Iterable

#: What the parts of a lab say to each other. It can be called all the same, and is no promise.
WIRING = frozenset({
    # of queues, streams and tables
    "arrival", "arrive", "batch_info", "check_arrival", "configure", "deliver", "drive_key", "faults",
    "filter_text", "filters", "implied", "poll_interval", "positions", "push_latency", "read_budget",
    "read_limits", "record_json", "start", "store", "take_over",
    # of services
    "books", "by_arn", "changed", "check_shards", "clock", "destination", "ids", "imply", "left_over",
    "letters_name", "new_fifo_message", "new_message", "new_number", "next_number", "noun", "open_door",
    "linger", "origin", "reset", "rules", "scheduler", "sent", "service", "sources_of", "streams",
    "target_kind", "wait_us",
    # of schedules
    "ticker",
    # of topics and buckets
    "begin", "change_subscription", "drop_subscription", "wants",
    # of buses and their rules
    "bus_of", "change", "document", "forward", "hand_on", "is_default", "label", "matches", "note",
    "parts", "way", "ways",
    # of APIs and their routes
    "drive_operation", "front_code", "gateway", "handle", "new_tokens", "own_words", "path_template",
    "request_ids", "source_arn", "tell", "tokens",
    # of stacks, filters and delivery streams
    "begin_create", "begin_delete", "begin_update", "is_of", "is_same", "logged",
    # of mappings
    "checked", "leaving", "reason", "target",
})  # fmt: skip


class Shown:
    """Leaves what is between the lab's own parts out of ``dir()``.

    >>> from lambdalab import Lab
    >>> [name for name in dir(Lab().sqs) if not name.startswith("_")]
    ['create_queue', 'delete_queue']
    """

    def __dir__(self) -> Iterable[str]:
        return sorted(set(super().__dir__()) - WIRING)
