"""The numbers of queues, streams and their mappings: rows of :mod:`lambdalab.rules`.

Nobody but :mod:`lambdalab.rules` reads them; what the sources mean is told there. ``kdg`` stands for the
Kinesis Data Streams developer guide.
"""

from __future__ import annotations

from typing import Any

KIB = 1024
MIB = 1024 * KIB

Row = dict[str, Any]


def _row(name: str, value: object, unit: str, source: str, note: str = "", **later: object) -> Row:
    """What a rule is made of: the arguments of ``rules._rule``."""
    return {"name": name, "value": value, "unit": unit, "source": source, "note": note, **later}


SQS: list[Row] = [
    _row("sqs_message_size", 256 * KIB, "bytes", "botocore SetQueueAttributes", d2025_08_04=1 * MIB),
    _row("sqs_send_batch", 10, "messages", "botocore SendMessageBatch"),
    _row("sqs_receive_batch", 10, "messages", "botocore ReceiveMessage"),
    _row("sqs_visibility_default", 30, "s", "botocore SetQueueAttributes"),
    _row("sqs_visibility_maximum", 43_200, "s", "botocore SetQueueAttributes"),
    _row("sqs_retention_default", 345_600, "s", "botocore SetQueueAttributes"),
    _row("sqs_retention_minimum", 60, "s", "botocore SetQueueAttributes"),
    _row("sqs_retention_maximum", 1_209_600, "s", "botocore SetQueueAttributes"),
    _row("sqs_delay_maximum", 900, "s", "botocore SetQueueAttributes"),
    _row("sqs_max_receive_count_default", 10, "receives", "botocore SetQueueAttributes"),
    _row("sqs_max_receive_count_maximum", 1_000, "receives", "SQS console and API"),
    _row("sqs_in_flight", 120_000, "messages", "SQS developer guide, quotas"),
    _row("sqs_name_length", 80, "characters", "botocore CreateQueue"),
    _row("sqs_message_attributes", 10, "attributes", "SQS developer guide, quotas"),
]  # fmt: skip

KINESIS: list[Row] = [
    _row("kinesis_name_length", 128, "characters", "botocore CreateStream"),
    _row(
        "kinesis_shards", 500, "shards", "kdg/service-sizes-and-limits",
        "open ones of the account; the default quota of us-east-1",
    ),
    _row("kinesis_partition_key_length", 256, "characters", "botocore PutRecord"),
    _row("kinesis_record_size_minimum", 1024, "KiB", "botocore UpdateMaxRecordSize"),
    _row(
        "kinesis_record_size_maximum", 1024, "KiB", "botocore UpdateMaxRecordSize",
        "the most that max_record_size may be set to", d2025_10_27=10_240,
    ),
    _row(
        "kinesis_record_size", 1024, "KiB", "botocore PutRecord",
        "of a record, partition key included, where the stream is not set to more",
    ),
    _row("kinesis_put_records", 500, "records", "botocore PutRecords"),
    _row(
        "kinesis_put_records_size", 5 * MIB, "bytes", "botocore PutRecords",
        "of all records, partition keys included", d2025_10_27=10 * MIB,
    ),
    _row("kinesis_shard_records", 1_000, "records/s", "botocore PutRecord", "written to a shard"),
    _row(
        "kinesis_shard_bytes", 1 * MIB, "bytes/s", "kdg/service-sizes-and-limits",
        "written to a shard, partition keys included",
    ),
    _row("kinesis_shard_reads", 5, "reads/s", "botocore GetRecords", "of a shard, by all readers"),
    _row("kinesis_shard_read_bytes", 2 * MIB, "bytes/s", "botocore GetRecords", "read from a shard"),
    _row("kinesis_read_records", 10_000, "records", "botocore GetRecords"),
    _row("kinesis_read_size", 10 * MIB, "bytes", "botocore GetRecords"),
    _row("kinesis_iterator_life", 300, "s", "botocore GetShardIterator"),
    _row("kinesis_retention_default", 24, "h", "botocore CreateStream"),
    _row("kinesis_retention_minimum", 24, "h", "botocore DecreaseStreamRetentionPeriod"),
    _row("kinesis_retention_maximum", 8_760, "h", "botocore IncreaseStreamRetentionPeriod"),
]  # fmt: skip

MAPPINGS: list[Row] = [
    _row("mapping_batch_size_default", 10, "records", "botocore CreateEventSourceMapping"),
    _row("mapping_batch_size_maximum", 10_000, "records", "botocore CreateEventSourceMapping"),
    _row("mapping_window_maximum", 300, "s", "botocore CreateEventSourceMapping"),
    _row(
        "mapping_window_needed_above", 10, "records", "measured",
        "a larger batch size than this needs a window of at least 1 s (SQS)",
    ),
    _row("mapping_payload", 6 * MIB, "bytes", "dg/invocation-eventsourcemapping"),
    _row("mapping_pollers_start", 5, "pollers", "dg/services-sqs-scaling"),
    _row("mapping_visibility_margin", 30, "s", "dg/with-sqs",
          "window + function timeout + this, where a window makes the queue's own timeout too short"),
    _row(
        "mapping_throttle_backoff_first", 1, "s", "choice",
        "a throttled batch is tried again until its visibility timeout passes; the pace is undocumented",
    ),
    _row("mapping_throttle_backoff_maximum", 30, "s", "choice", "see mapping_throttle_backoff_first"),
    _row(
        "mapping_filters", 5, "filters", "dg/invocation-eventfiltering", "10 with a quota increase"
    ),
    _row("mapping_filter_length", 4_096, "characters", "botocore Filter (Pattern)"),
]  # fmt: skip

STREAM_MAPPINGS: list[Row] = [
    _row("stream_batch_size_default", 100, "records", "botocore CreateEventSourceMapping"),
    _row("stream_parallelization_maximum", 10, "lanes", "botocore CreateEventSourceMapping"),
    _row("stream_retries_maximum", 10_000, "retries", "botocore CreateEventSourceMapping"),
    _row("stream_record_age_minimum", 60, "s", "botocore CreateEventSourceMapping"),
    _row("stream_record_age_maximum", 604_800, "s", "botocore CreateEventSourceMapping"),
    _row(
        "stream_poll_interval", 1, "s", "dg/with-kinesis",
        "between two reads of a shard by one mapping",
    ),
    _row(
        "stream_retry_backoff_first", 0.25, "s", "choice",
        "before a failed or throttled batch is tried again; twice as long each time. Undocumented: about "
        "eight invocations in the first 60 s were recorded",
    ),
    _row("stream_retry_backoff_maximum", 60, "s", "choice", "see stream_retry_backoff_first"),
]  # fmt: skip

SOURCES: list[Row] = [*SQS, *KINESIS, *MAPPINGS, *STREAM_MAPPINGS]
