"""The numbers of queues, streams and their mappings: rows of :mod:`lambdalab.rules`.

Nobody but :mod:`lambdalab.rules` reads them; what the sources mean is told there. ``kdg`` stands for the
Kinesis Data Streams developer guide, ``ddg`` for DynamoDB's.
"""

from __future__ import annotations

from typing import Any

KIB = 1024
MIB = 1024 * KIB

Row = dict[str, Any]


def row(name: str, value: object, unit: str, source: str, note: str = "", **later: object) -> Row:
    """What a rule is made of: the arguments of ``rules._rule``."""
    return {"name": name, "value": value, "unit": unit, "source": source, "note": note, **later}


SQS: list[Row] = [
    row("sqs_message_size", 256 * KIB, "bytes", "botocore SetQueueAttributes", d2025_08_04=1 * MIB),
    row("sqs_send_batch", 10, "messages", "botocore SendMessageBatch"),
    row("sqs_receive_batch", 10, "messages", "botocore ReceiveMessage"),
    row("sqs_visibility_default", 30, "s", "botocore SetQueueAttributes"),
    row("sqs_visibility_maximum", 43_200, "s", "botocore SetQueueAttributes"),
    row("sqs_retention_default", 345_600, "s", "botocore SetQueueAttributes"),
    row("sqs_retention_minimum", 60, "s", "botocore SetQueueAttributes"),
    row("sqs_retention_maximum", 1_209_600, "s", "botocore SetQueueAttributes"),
    row("sqs_delay_maximum", 900, "s", "botocore SetQueueAttributes"),
    row("sqs_max_receive_count_default", 10, "receives", "botocore SetQueueAttributes"),
    row("sqs_max_receive_count_maximum", 1_000, "receives", "SQS console and API"),
    row("sqs_in_flight", 120_000, "messages", "SQS developer guide, quotas"),
    row(
        "sqs_fifo_in_flight", 20_000, "messages", "botocore 1.35.91 ReceiveMessage",
        "raised in November 2024; the day is the first on which a source says so", d2025_01_02=120_000,
    ),
    row("sqs_fifo_id_length", 128, "characters", "botocore SendMessage",
         "of a message group id, and of a deduplication id"),
    row("sqs_deduplication_interval", 300, "s", "botocore SendMessage"),
    row(
        "sqs_redrive_rate_maximum", 500, "messages/s", "botocore StartMessageMoveTask",
        "from a dead-letter queue back",
    ),
    row(
        "sqs_redrive_rate_default", 500, "messages/s", "choice",
        "AWS chooses and changes it with the backlog, and tells nobody how",
    ),
    row("sqs_name_length", 80, "characters", "botocore CreateQueue"),
    row("sqs_wait_maximum", 20, "s", "botocore ReceiveMessage, WaitTimeSeconds"),
    row("sqs_purge_interval", 60, "s", "botocore PurgeQueue"),
    row("sqs_deletion_interval", 60, "s", "botocore DeleteQueue"),
    row("sqs_message_attributes", 10, "attributes", "SQS developer guide, quotas"),
]  # fmt: skip

KINESIS: list[Row] = [
    row("kinesis_name_length", 128, "characters", "botocore CreateStream"),
    row(
        "kinesis_shards", 500, "shards", "kdg/service-sizes-and-limits",
        "open ones of the account; the default quota of us-east-1",
    ),
    row("kinesis_partition_key_length", 256, "characters", "botocore PutRecord"),
    row("kinesis_record_size_minimum", 1024, "KiB", "botocore UpdateMaxRecordSize"),
    row(
        "kinesis_record_size_maximum", 1024, "KiB", "botocore UpdateMaxRecordSize",
        "the most that max_record_size may be set to", d2025_10_27=10_240,
    ),
    row(
        "kinesis_record_size", 1024, "KiB", "botocore PutRecord",
        "of a record, partition key included, where the stream is not set to more",
    ),
    row(
        "kinesis_on_demand_shards", 4, "shards", "kdg/how-do-i-size-a-stream",
        "that a stream on demand begins with: it takes 4 MB/s",
    ),
    row("kinesis_put_records", 500, "records", "botocore PutRecords"),
    row(
        "kinesis_put_records_size", 5 * MIB, "bytes", "botocore PutRecords",
        "of all records, partition keys included", d2025_10_27=10 * MIB,
    ),
    row("kinesis_shard_records", 1_000, "records/s", "botocore PutRecord", "written to a shard"),
    row(
        "kinesis_shard_bytes", 1 * MIB, "bytes/s", "kdg/service-sizes-and-limits",
        "written to a shard, partition keys included",
    ),
    row("kinesis_shard_reads", 5, "reads/s", "botocore GetRecords", "of a shard, by all readers"),
    row("kinesis_shard_read_bytes", 2 * MIB, "bytes/s", "botocore GetRecords", "read from a shard"),
    row("kinesis_read_records", 10_000, "records", "botocore GetRecords"),
    row("kinesis_read_size", 10 * MIB, "bytes", "botocore GetRecords"),
    row("kinesis_iterator_life", 300, "s", "botocore GetShardIterator"),
    row("kinesis_consumers", 20, "consumers", "kdg/service-sizes-and-limits", "of a stream"),
    row(
        "kinesis_push_latency", 0.07, "s", "kdg/enhanced-consumers",
        "from a put to a consumer with enhanced fan-out; \"about\", on average",
    ),
    row("kinesis_retention_default", 24, "h", "botocore CreateStream"),
    row("kinesis_retention_minimum", 24, "h", "botocore DecreaseStreamRetentionPeriod"),
    row("kinesis_retention_maximum", 8_760, "h", "botocore IncreaseStreamRetentionPeriod"),
]  # fmt: skip

DYNAMODB: list[Row] = [
    row(
        "dynamodb_name_minimum", 1, "characters", "choice",
        "of a table's name; AWS asks for 3 (botocore CreateTable), and a notebook likes short names",
    ),
    row("dynamodb_name_length", 255, "characters", "botocore CreateTable"),
    row("dynamodb_key_name_length", 255, "characters", "botocore KeySchemaElement"),
    row("dynamodb_attribute_name_size", 65_535, "bytes", "botocore PutItem"),
    row(
        "dynamodb_item_size", 400 * KIB, "bytes", "ddg/Constraints",
        "names and values; how they are counted: ddg/CapacityUnitCalculations",
    ),
    row("dynamodb_partition_key_size", 2_048, "bytes", "ddg/Constraints"),
    row("dynamodb_sort_key_size", 1_024, "bytes", "ddg/Constraints"),
    row("dynamodb_nesting", 32, "levels", "ddg/Constraints", "of lists and maps in an attribute"),
    row("dynamodb_number_digits", 38, "digits", "ddg/Constraints", "significant ones"),
    row(
        "dynamodb_number_magnitude", (-130, 125), "powers of ten", "ddg/Constraints",
        "of a number's first digit",
    ),
    row("dynamodb_stream_retention", 24, "h", "ddg/Streams"),
    row(
        "dynamodb_stream_shards", 1, "shards", "choice",
        "of a table's stream, where create_table is not told; on AWS one for each partition of the table, "
        "replaced by another every few hours",
    ),
    row("dynamodb_stream_shards_maximum", 1_000, "shards", "choice"),
    row(
        "dynamodb_poll_interval", 0.25, "s", "dg/with-ddb",
        "between two reads of a shard by one mapping",
    ),
    row("dynamodb_read_records", 1_000, "records", "botocore dynamodbstreams GetRecords"),
    row("dynamodb_read_size", 1 * MIB, "bytes", "botocore dynamodbstreams GetRecords"),
    row("dynamodb_iterator_life", 900, "s", "botocore dynamodbstreams GetShardIterator"),
    row(
        "dynamodb_ttl_delay", (0, 172_800), "s", "choice",
        "from when an item's time to live is over until it is deleted, drawn evenly; documented is "
        "within a few days (ddg/TTL), formerly within 48 hours",
    ),
    row(
        "dynamodb_ttl_oldest", 157_680_000, "s", "ddg/time-to-live-ttl-before-you-start",
        "a time to live that was over five years ago is taken for a mistake: nothing is deleted",
    ),
]  # fmt: skip

MAPPINGS: list[Row] = [
    row(
        "mapping_transition", 0, "s", "choice",
        "how long a mapping is Creating, Updating, Enabling, Disabling or Deleting; on AWS seconds to "
        "minutes, undocumented",
    ),
    row("mapping_batch_size_default", 10, "records", "botocore CreateEventSourceMapping"),
    row("mapping_batch_size_maximum", 10_000, "records", "botocore CreateEventSourceMapping"),
    row("mapping_fifo_batch_size_maximum", 10, "records", "dg/services-sqs-configure"),
    row(
        "mapping_fifo_groups", 1, "groups", "dg/with-sqs",
        "how many message groups a batch of a FIFO queue may hold; 0: any number. The day is a decision",
        d2024_01_01=0,
    ),
    row("mapping_window_maximum", 300, "s", "botocore CreateEventSourceMapping"),
    row(
        "mapping_window_default_elsewhere", 0.5, "s", "botocore CreateEventSourceMapping",
        "of Kafka, Amazon MQ and DocumentDB, which no lab has: for the table of limits alone",
    ),
    row(
        "mapping_window_needed_above", 10, "records", "measured",
        "a larger batch size than this needs a window of at least 1 s (SQS)",
    ),
    row("mapping_payload", 6 * MIB, "bytes", "dg/invocation-eventsourcemapping"),
    row("mapping_pollers_start", 5, "pollers", "dg/services-sqs-scaling"),
    row(
        "mapping_pollers_maximum", 1_250, "pollers", "aws.amazon.com/blogs/compute/introducing-faster-"
        "polling-scale-up-for-aws-lambda-functions-configured-with-amazon-sqs",
        "of one mapping; the guide has also said 1,000",
    ),
    row(
        "mapping_pollers_idle", 2, "pollers", "dg/services-sqs-scaling",
        "what an idle mapping may go down to; not with maximum_concurrency",
    ),
    row(
        "mapping_growth", 300, "concurrent invokes/min", "dg/services-sqs-scaling",
        "while there is a backlog; 60 until November 2023",
    ),
    row(
        "mapping_growth_interval", 1, "s", "choice",
        "pollers are added so often, mapping_growth / 60 s each time, and a backlog has to last so long; "
        "how the growth is spread is undocumented (at least 0.1 s)",
    ),
    row(
        "mapping_shrink_after", 60, "s", "choice",
        "a poller above the number at the start stops when it has been idle for so long",
    ),
    row(
        "mapping_idle_after", 300, "s", "choice",
        "a mapping without a batch for so long goes down to mapping_pollers_idle",
    ),
    row(
        "mapping_throttle_reduction", 0.5, "share", "choice",
        "of its pollers a mapping keeps when its function is throttled, at most once every "
        "mapping_reduction_interval; AWS says that they become fewer, not how many",
    ),
    row(
        "mapping_pollers_throttled", 5, "pollers", "choice",
        "throttles leave at least so many. AWS advises against reserving less than 5 for a function "
        "behind a queue, and says that mappings take no account of what is reserved: so the five of the "
        "start seem to stay",
    ),
    row(
        "mapping_failures_in_a_row", 3, "batches", "choice",
        "that fail one after the other make a mapping lower its pollers; AWS says that errors do",
    ),
    row("mapping_failure_reduction", 0.5, "share", "choice", "see mapping_throttle_reduction"),
    row("mapping_pollers_failing", 5, "pollers", "choice", "failures leave at least so many"),
    row(
        "mapping_reduction_interval", 10, "s", "choice",
        "between two reductions of a mapping's pollers because of throttles or failures",
    ),
    row(
        "mapping_recovery_interval", 60, "s", "choice",
        "so long after the last throttle or failure, and once an invocation has succeeded, a mapping with "
        "a backlog adds a poller, and then, so often, twice as many each time, until that is its usual "
        "growth; undocumented",
    ),
    row("mapping_concurrency_minimum", 2, "concurrent invokes", "botocore ScalingConfig"),
    row("mapping_concurrency_maximum", 1_000, "concurrent invokes", "botocore ScalingConfig"),
    row(
        "mapping_provisioned", False, "yes or no", "aws.amazon.com/blogs/aws: provisioned mode for SQS",
        "whether there is provisioned_poller_config", d2025_11_14=True,
    ),
    row(
        "mapping_provisioned_minimum_default", 2, "pollers", "dg/services-sqs-configure",
        "the least that minimum_pollers may be, too",
    ),
    row("mapping_provisioned_minimum_pollers", 200, "pollers", "dg/services-sqs-configure",
         "the most that minimum_pollers may be"),
    row("mapping_provisioned_maximum_default", 200, "pollers", "dg/services-sqs-configure"),
    row(
        "mapping_provisioned_pollers", 2_000, "pollers", "dg/services-sqs-configure",
        "the most that maximum_pollers may be; the API model says 10,000",
    ),
    row("mapping_provisioned_invokes", 10, "concurrent invokes", "dg/services-sqs-scaling",
         "of one provisioned poller"),
    row("mapping_provisioned_polls", 10, "polls/s", "dg/services-sqs-scaling",
         "of one provisioned poller"),
    row("mapping_provisioned_bytes", 1 * MIB, "bytes/s", "dg/services-sqs-scaling",
         "received by one provisioned poller: bodies and message attributes"),
    row("mapping_provisioned_growth", 1_000, "concurrent invokes/min", "dg/services-sqs-scaling"),
    row(
        "mapping_long_poll", 0, "s", "dg/with-sqs",
        "a quiet queue's batch may wait for the long poll under way although its window, shorter than "
        "this, is over: up to 20 s, says a note; 0, the default, leaves that out",
    ),
    row("mapping_visibility_margin", 30, "s", "dg/with-sqs",
          "window + function timeout + this, where a window makes the queue's own timeout too short"),
    row("mapping_visibility_factor", 6, "times", "dg/services-sqs-configure",
         "the function's timeout, and the window besides: the least that AWS advises a queue's visibility "
         "timeout to be, so that a throttled batch can be tried again"),
    row(
        "mapping_throttle_backoff_first", 1, "s", "choice",
        "a throttled batch is tried again until its visibility timeout passes; the pace is undocumented",
    ),
    row("mapping_throttle_backoff_maximum", 30, "s", "choice", "see mapping_throttle_backoff_first"),
    row(
        "mapping_filters", 5, "filters", "dg/invocation-eventfiltering", "10 with a quota increase"
    ),
    row("mapping_filter_length", 4_096, "characters", "botocore Filter (Pattern)"),
]  # fmt: skip

STREAM_MAPPINGS: list[Row] = [
    row("stream_batch_size_default", 100, "records", "botocore CreateEventSourceMapping"),
    row("stream_parallelization_maximum", 10, "lanes", "botocore CreateEventSourceMapping"),
    row("stream_retries_maximum", 10_000, "retries", "botocore CreateEventSourceMapping"),
    row("stream_record_age_minimum", 60, "s", "botocore CreateEventSourceMapping"),
    row("stream_record_age_maximum", 604_800, "s", "botocore CreateEventSourceMapping"),
    row(
        "stream_poll_interval", 1, "s", "dg/with-kinesis",
        "between two reads of a shard by one mapping",
    ),
    row(
        "stream_refused_pause", 0.2, "s", "choice",
        "at least so long after a read that the shard's limits refused; a shard has five reads a second",
    ),
    row(
        "stream_retry_backoff_first", 0.25, "s", "choice",
        "before a failed or throttled batch is tried again; twice as long each time. Undocumented: about "
        "eight invocations in the first 60 s were recorded",
    ),
    row("stream_retry_backoff_maximum", 60, "s", "choice", "see stream_retry_backoff_first"),
    row("stream_tumbling_maximum", 900, "s", "botocore CreateEventSourceMapping"),
    row(
        "stream_tumbling_state", 1 * MIB, "bytes", "dg/services-kinesis-windows",
        "of the state a function hands on, as JSON; a larger one ends the window early",
    ),
    row(
        "stream_tumbling_quiet", 120, "s", "dg/services-kinesis-windows",
        "a window without newer records is taken to be over \"up to\" so long after its end; a record of "
        "a later window ends it at once",
    ),
]  # fmt: skip

SOURCES: list[Row] = [*SQS, *KINESIS, *DYNAMODB, *MAPPINGS, *STREAM_MAPPINGS]
