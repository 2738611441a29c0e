"""The numbers of AWS's APIs as such, pages and batches of requests: rows of :mod:`lambdalab.rules`.

Nobody but :mod:`lambdalab.rules` reads them. What a queue, a stream or a trigger does by itself stands in
:mod:`lambdalab.source_rules` and :mod:`lambdalab.trigger_rules`; ``cwl`` stands for the user guide of
CloudWatch Logs, ``cw`` for CloudWatch's, ``lambda`` for Lambda's API reference.
"""

from __future__ import annotations

from lambdalab.source_rules import KIB, MIB, Row, row

DAY = 86_400

CLOUDWATCH: list[Row] = [
    row("cloudwatch_statistics_points", 1_440, "data points", "botocore GetMetricStatistics"),
    row("cloudwatch_data_points", 100_800, "data points", "botocore GetMetricData", "of one answer"),
    row("cloudwatch_metrics_page", 500, "metrics", "botocore ListMetrics"),
    row("cloudwatch_recently_active", 10_800, "s", "botocore ListMetrics (RecentlyActive)"),
    row("cloudwatch_period_step", 60, "s", "botocore MetricStat (Period)"),
    row(
        "cloudwatch_short_periods", (1, 5, 10, 20, 30), "s", "botocore MetricStat (Period)",
        "those below cloudwatch_period_step",
    ),
    row(
        "cloudwatch_resolutions", (60, 300, 3_600), "s", "botocore GetMetricStatistics",
        "of data points that are younger than each of cloudwatch_resolution_ages, and older",
    ),
    row("cloudwatch_resolution_ages", (15 * DAY, 63 * DAY), "s", "botocore GetMetricStatistics"),
    row("cloudwatch_put_metrics", 1_000, "metrics", "botocore PutMetricData", "in one call"),
    row("cloudwatch_put_values", 150, "values", "botocore PutMetricData", "of one metric"),
    row("cloudwatch_put_past", 14 * DAY, "s", "botocore PutMetricData"),
    row("cloudwatch_put_future", 7_200, "s", "botocore PutMetricData"),
    row("cloudwatch_value_bits", 360, "bits", "botocore PutMetricData", "a value is below 2^360"),
    row("cloudwatch_dimensions", 30, "dimensions", "botocore Dimension", "of one metric"),
]  # fmt: skip

LOGS: list[Row] = [
    row("logs_page", 50, "items", "botocore DescribeLogGroups", "of groups, of streams, of filters"),
    row("logs_events_page", 10_000, "events", "botocore GetLogEvents, FilterLogEvents"),
    row("logs_query_results", 10_000, "events", "botocore GetQueryResults", "of one answer"),
    row("logs_query_limit", 100_000, "events", "botocore StartQuery (limit)"),
    row("logs_query_groups", 50, "groups", "botocore StartQuery (logGroupNames)"),
    row("logs_put_events", 10_000, "events", "botocore PutLogEvents"),
    row("logs_put_size", 1 * MIB, "bytes", "botocore PutLogEvents"),
    row("logs_event_size", 1 * MIB, "bytes", "botocore PutLogEvents"),
    row("logs_event_overhead", 26, "bytes", "botocore PutLogEvents", "counted with every event"),
    row("logs_put_past", 14 * DAY, "s", "botocore PutLogEvents"),
    row("logs_put_future", 7_200, "s", "botocore PutLogEvents"),
    row("logs_put_span", DAY, "s", "botocore PutLogEvents", "between the events of one batch"),
    row(
        "logs_retention_days",
        (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557,
         2_922, 3_288, 3_653),
        "days", "botocore PutRetentionPolicy",
    ),
]  # fmt: skip

LAMBDA: list[Row] = [
    row("lambda_list_page", 50, "items", "botocore ListFunctions"),
    row("mapping_list_page", 100, "mappings", "botocore ListEventSourceMappings"),
    row("lambda_tags", 50, "tags", "dg/configuration-tags", "of one function or mapping"),
    row("ephemeral_storage_default", 512, "MB", "botocore CreateFunction (EphemeralStorage)"),
]  # fmt: skip

SQS: list[Row] = [
    row("sqs_list_page", 1_000, "queues", "botocore ListQueues"),
    row("sqs_move_tasks_page", 10, "tasks", "botocore ListMessageMoveTasks"),
    row("sqs_message_size_minimum", 1 * KIB, "bytes", "botocore SetQueueAttributes",
        "the least that MaximumMessageSize may be set to"),
    row("sqs_entry_id_length", 80, "characters", "botocore SendMessageBatchRequestEntry"),
]  # fmt: skip

SNS: list[Row] = [
    row("sns_list_page", 100, "items", "botocore ListTopics, ListSubscriptions"),
    row("sns_entry_id_length", 80, "characters", "botocore PublishBatchRequestEntry"),
    row("sns_http_retries", 3, "tries", "snsdg/sns-message-delivery-retries",
        "what a topic's policy says of HTTP endpoints, which no lab has"),
    row("sns_http_retry_wait", 20, "s", "snsdg/sns-message-delivery-retries", "likewise"),
]  # fmt: skip

KINESIS: list[Row] = [
    row("kinesis_list_page", 100, "streams, shards or consumers",
        "botocore ListStreams, DescribeStream, ListStreamConsumers"),
    row("kinesis_shards_page", 1_000, "shards", "botocore ListShards"),
    row("kinesis_list_maximum", 10_000, "items", "botocore ListStreams",
        "the most that may be asked for; a page has no more for it"),
    row("kinesis_tags_page", 50, "tags", "botocore ListTagsForStream"),
]  # fmt: skip

DYNAMODB: list[Row] = [
    row("dynamodb_list_page", 100, "tables, streams or shards",
        "botocore ListTables; dynamodbstreams ListStreams, DescribeStream"),
    row("dynamodb_tags_page", 10, "tags", "choice", "AWS gives no figure"),
    row("dynamodb_batch_writes", 25, "requests", "botocore BatchWriteItem"),
    row("dynamodb_batch_gets", 100, "keys", "botocore BatchGetItem"),
    row("dynamodb_transaction", 100, "actions", "botocore TransactWriteItems, TransactGetItems"),
    row("dynamodb_token_life", 600, "s", "botocore TransactWriteItems (ClientRequestToken)"),
]  # fmt: skip

OTHERS: list[Row] = [
    row("s3_list_keys", 1_000, "keys", "botocore ListObjectsV2"),
    row("s3_list_buckets", 10_000, "buckets", "botocore ListBuckets"),
    row("s3_delete_objects", 1_000, "keys", "botocore DeleteObjects"),
    row("firehose_list_page", 10, "streams", "botocore ListDeliveryStreams"),
    row("firehose_s3_buffer_size", 5, "MB", "botocore BufferingHints", "of a bucket; told, no more"),
    row("firehose_s3_interval", 300, "s", "botocore BufferingHints", "of a bucket; told, no more"),
    row("eventbridge_list_page", 100, "items", "botocore ListRules"),
    row("scheduler_list_page", 100, "items", "botocore ListSchedules"),
]  # fmt: skip
"""Of S3, Firehose, EventBridge and its Scheduler."""

ENDPOINT: list[Row] = [
    row("endpoint_clock_skew", 900, "s", "IAM user guide, Signature Version 4 (15 minutes)",
        "how old, or how far ahead of the clock on the wall, a signature may be"),
    row("endpoint_presigned", 604_800, "s", "S3 API reference, authenticating requests by query",
        "the longest that a presigned URL may hold"),
    row("endpoint_head", 1 * MIB, "bytes", "dg/gettingstarted-limits",
        "request line and headers of a request over HTTP"),
    row("endpoint_lambda_body", 70_167_211, "bytes",
        "recorded: RequestEntityTooLargeException of UpdateFunctionCode",
        "of a request to Lambda over HTTP; what an operation takes may be less"),
    row("endpoint_s3_body", 100 * MIB, "bytes", "choice",
        "of a request to S3 over HTTP, where AWS takes 5 GB: objects of a lab lie in memory"),
    row("endpoint_body", 16 * MIB, "bytes", "choice",
        "of a request to any other service, as DynamoDB's largest; also of the page's own"),
    row("endpoint_body_time", 30, "s", "choice", "of the clock on the wall, until a body is there"),
    row("endpoint_head_time", 10, "s", "choice",
        "of the clock on the wall, until request line and headers are there"),
    row("endpoint_idle_time", 20, "s", "choice",
        "of the clock on the wall, for which a connection without a request is kept open"),
    row("endpoint_requests", 256, "requests", "choice",
        "at once; more are answered with 503, which SDKs try again"),
    row("endpoint_connections", 1_024, "connections", "choice", "at once"),
]  # fmt: skip
"""Of a lab that is served over HTTP; what AWS leaves open is chosen so that no client can hold it up."""

APIS: list[Row] = [
    *CLOUDWATCH, *LOGS, *LAMBDA, *SQS, *SNS, *KINESIS, *DYNAMODB, *OTHERS, *ENDPOINT,
]  # fmt: skip
