"""What a mapping of a FIFO queue may not be set to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.errors import InvalidParameterValueException
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole

if TYPE_CHECKING:
    from lambdalab.sources.mappings.queue_settings import MappingSettings
    from lambdalab.sources.sqs.queue import Queue


def check_fifo(queue: Queue, settings: MappingSettings, rules: Rules) -> None:
    """Refuse larger batches than one receive brings, and a batching window, for a FIFO queue.

    Sources: dg/services-sqs-configure; the words about the window are AWS's (aws/aws-lambda-dotnet pull
    request 1758). A standard queue passes.
    """
    if not queue.fifo:
        return
    if settings.maximum_batching_window:
        raise InvalidParameterValueException(
            "Batching window is not supported for FIFO queues",
            f" (maximum_batching_window={settings.maximum_batching_window}; {queue.name!r})",
        )
    whole(
        "batch_size", settings.batch_size, 1, rules.mapping_fifo_batch_size_maximum,
        "records, for a FIFO queue", rules.source("mapping_fifo_batch_size_maximum"),
    )  # fmt: skip
