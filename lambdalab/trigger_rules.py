"""The numbers of the services that call Lambda by themselves: rows of :mod:`lambdalab.rules`.

Nobody but :mod:`lambdalab.rules` reads them. ``apigw`` stands for the API Gateway developer guide,
``elb`` for the guide of Application Load Balancers, ``s3ug`` for the S3 user guide, ``snsdg`` for the
SNS developer guide, ``ebug`` for EventBridge's.
"""

from __future__ import annotations

from lambdalab.source_rules import KIB, MIB, Row, row

API_GATEWAY: list[Row] = [
    row("api_gateway_timeout_minimum", 0.05, "s", "botocore PutIntegration (50 ms)"),
    row(
        "api_gateway_rest_timeout", 29, "s", "botocore PutIntegration",
        "of an integration, unless it is given; counted from the integration request",
    ),
    row(
        "api_gateway_rest_timeout_maximum", 29, "s",
        "https://aws.amazon.com/about-aws/whats-new/2024/06/amazon-api-gateway-integration-timeout-"
        "limit-29-seconds/",
        "of Regional and private APIs; AWS raises it on request, perhaps for less throughput",
    ),
    row(
        "api_gateway_rest_timeout_raised", False, "yes or no",
        "https://aws.amazon.com/about-aws/whats-new/2024/06/amazon-api-gateway-integration-timeout-"
        "limit-29-seconds/",
        "whether api_gateway_rest_timeout_maximum counts at all; June 2024, the day is a decision",
        d2024_06_04=True,
    ),
    row("api_gateway_http_timeout", 30, "s", "botocore CreateIntegration (apigatewayv2)"),
    row("api_gateway_payload", 10 * MIB, "bytes", "apigw/limits", "of a request's body"),
    row("api_gateway_response", 10 * MIB, "bytes", "apigw/limits", "of a function's result"),
    row(
        "api_gateway_account_rate", 10_000, "requests/s", "apigw/limits",
        "of all APIs of the account and Region",
    ),
    row(
        "api_gateway_rest_event_too_large", 500, "status", "dg/services-apigateway-errors",
        "where a request fits and its event is over Lambda's limit: 500 is what the guide says of "
        "whatever Lambda refuses; 413, Request Too Long, was recorded in 2021 "
        "(https://github.com/koki-develop/lgtm-generator/issues/10)",
    ),
    row("api_gateway_account_burst", 5_000, "requests", "apigw/limits"),
    row("api_gateway_name_length", 128, "characters", "botocore CreateApi (apigatewayv2)"),
    row(
        "api_gateway_rest_unknown_route", 404, "status", "choice",
        "of a request that no route of a REST API takes; AWS answers 403 with the same body, "
        "Missing Authentication Token: Lab(quotas={'api_gateway_rest_unknown_route': 403})",
    ),
]  # fmt: skip

FUNCTION_URLS: list[Row] = [
    row("policy_statement_id", 100, "characters", "botocore AddPermission"),
    row("function_url_cors_age", 86_400, "s", "botocore Cors", "the most that max_age may be"),
    row(
        "function_url_needs_invoke", False, "yes or no", "dg/urls-auth; botocore 1.40.50 AddPermission",
        "whether a caller needs lambda:InvokeFunction besides lambda:InvokeFunctionUrl; October 2025, the "
        "day is the first on which a source says so",
        d2025_10_10=True,
    ),
]  # fmt: skip

LOAD_BALANCERS: list[Row] = [
    row("load_balancer_priority", 50_000, "priority", "botocore elbv2 CreateRule", "the highest"),
    row("load_balancer_condition_length", 128, "characters", "botocore elbv2 CreateRule"),
    row("load_balancer_request_body", 1 * MIB, "bytes", "elb/lambda-functions", "413 above it"),
    row("load_balancer_response", 1 * MIB, "bytes", "elb/lambda-functions",
        "of the JSON a function returns; 502 above it"),
    row("load_balancer_name_length", 32, "characters", "botocore CreateLoadBalancer",
        "of a load balancer, and of a target group"),
    row("load_balancer_idle_timeout", 60, "s", "botocore ModifyLoadBalancerAttributes",
        "where none is given; 504 when the function has not answered by then"),
    row("load_balancer_idle_timeout_maximum", 4_000, "s", "botocore ModifyLoadBalancerAttributes"),
    row("load_balancer_check_interval", 35, "s", "botocore CreateTargetGroup",
        "of a function's health checks, where none is given"),
    row("load_balancer_check_timeout", 30, "s", "botocore CreateTargetGroup",
        "of a function's health checks, where none is given"),
    row("load_balancer_healthy_threshold", 5, "checks", "botocore CreateTargetGroup"),
    row("load_balancer_unhealthy_threshold", 2, "checks", "botocore CreateTargetGroup"),
    row("load_balancer_fails_open", True, "yes or no", "elb/target-group-health-checks",
        "whether a group of which every target is unhealthy gets its requests all the same; else 503"),
    row("load_balancer_throttled_status", 502, "HTTP status", "elb/load-balancer-troubleshooting",
        "what a caller gets when Lambda throttles the function"),
]  # fmt: skip

S3: list[Row] = [
    row("s3_object_size", 5 * 1024 * MIB, "bytes", "s3ug/upload-objects", "of one PUT, POST or copy"),
    row(
        "s3_multipart_size", 5 * 1024 * 1024 * MIB, "bytes", "s3ug/qfacts",
        "of an object that is uploaded in parts",
    ),
    row("s3_part_size_minimum", 5 * MIB, "bytes", "s3ug/qfacts", "of each part but the last"),
    row("s3_parts", 10_000, "parts", "s3ug/qfacts"),
    row("s3_bucket_name_minimum", 3, "characters", "s3ug/bucketnamingrules"),
    row("s3_key_length", 1_024, "bytes", "s3ug/object-keys", "of the key's UTF-8 form"),
    row("s3_metadata_size", 2 * KIB, "bytes", "s3ug/UsingMetadata", "of an object's own, in all"),
    row("s3_notifications", 100, "configurations", "s3ug/EventNotifications", "of a bucket"),
    row(
        "s3_delivery_latency", 1.0, "s", "choice",
        "from the write to the first try: S3 says typically seconds, sometimes a minute or longer "
        "(s3ug/EventNotifications); here the same for each event, so that only a quota shows the rest",
    ),
    row(
        "s3_retry_wait_minimum", 1, "s", "choice",
        "S3 says that it delivers at least once, and nothing of how it tries again; here the waits "
        "double",
    ),
    row("s3_retry_wait_maximum", 300, "s", "choice", "the longest wait between two tries"),
    row("s3_retry_age", 21_600, "s", "choice", "for which a notification is tried; then it is lost"),
    row(
        "s3_test_event", True, "yes or no", "s3ug/notification-content-structure",
        "whether a queue or a topic gets s3:TestEvent when a notification is put",
    ),
    row(
        "s3_destination", False, "yes or no", "botocore DestinationConfig (API model of that day)",
        "whether a bucket can be an on_failure destination; the day is the last it can have been",
        d2024_11_22=True,
    ),
    row(
        "s3_recursion", False, "yes or no",
        "https://aws.amazon.com/jp/about-aws/whats-new/2024/10/"
        "aws-lambda-detects-stops-recursive-loops-lambda-s3",
        "whether the chain that recursive loops are found by goes through a bucket; before that day a "
        "bucket that feeds itself never ends: give lab.run() an until=",
        d2024_10_09=True,
    ),
]  # fmt: skip

SNS: list[Row] = [
    row("sns_message_size", 256 * KIB, "bytes", "snsdg/sns-message-size; botocore Publish"),
    row("sns_publish_batch", 10, "messages", "botocore PublishBatch"),
    row("sns_name_length", 256, "characters", "botocore CreateTopic"),
    row("sns_subject_length", 100, "characters", "botocore Publish", "fewer than 100"),
    row(
        "sns_raw_attributes", 10, "attributes", "snsdg/sns-large-payload-raw-message-delivery",
        "that a raw message can bring to a queue; with more it is not delivered, as a client error",
    ),
    row("sns_immediate_tries", 3, "tries", "snsdg/sns-message-delivery-retries"),
    row("sns_tries_before_backoff", 2, "tries", "snsdg/sns-message-delivery-retries"),
    row(
        "sns_backoff_tries", 10, "tries", "snsdg/sns-message-delivery-retries",
        "the waits rise by one factor from sns_retry_wait_minimum to sns_retry_wait_maximum: a choice, "
        "AWS says exponential",
    ),
    row(
        "sns_tries_after_backoff", 100_000, "tries", "snsdg/sns-message-delivery-retries",
        "100,015 in all, the first of all taken to be one of them, over 23 days",
    ),
    row("sns_retry_wait_minimum", 1, "s", "snsdg/sns-message-delivery-retries"),
    row("sns_retry_wait_maximum", 20, "s", "snsdg/sns-message-delivery-retries"),
    row(
        "sns_retry_jitter", (0.95, 1.05), "factor", "choice",
        "AWS says that it jitters retries, and not how much",
    ),
    row(
        "sns_delivery_latency", 0.0, "s", "choice",
        "from publishing to the first try; AWS gives no figure, and a function's asynchronous_dwell "
        "comes on top",
    ),
    row(
        "sns_filter_keys", 5, "keys", "snsdg/subscription-filter-policy-constraints",
    ),
    row(
        "sns_filter_combinations", 150, "combinations",
        "snsdg/subscription-filter-policy-constraints",
        "the product of the numbers of values, each times how deep its key is nested (MessageBody)",
    ),
    row("sns_filter_size", 256 * KIB, "bytes", "snsdg/subscription-filter-policy-constraints"),
    row(
        "sns_record_drops_payloads", True, "yes or no", "botocore OnFailure",
        "a destination record above sns_message_size: whether it goes without requestPayload and "
        "responsePayload, or (dg/invocation-async-retain-records) its delivery fails",
    ),
]  # fmt: skip

EVENTBRIDGE: list[Row] = [
    row(
        "eventbridge_entry_size", 256 * KIB, "bytes",
        "https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb",
        "the day is the first on which a source says so", d2026_01_29=1 * MIB,
    ),
    row("eventbridge_entries", 10, "entries", "botocore PutEvents"),
    row("eventbridge_buses", 100, "buses", "ebug/eb-quota"),
    row("eventbridge_rules", 300, "rules", "ebug/eb-quota", "of one bus; us-east-1"),
    row("eventbridge_targets", 5, "targets", "ebug/eb-quota", "of one rule"),
    row("eventbridge_pattern_size", 2_048, "bytes", "ebug/eb-quota"),
    row(
        "eventbridge_wildcards", 4, "wildcards", "choice",
        "of one field, followed by the same character; the service refused 5 "
        "(LSP:content_wildcard_complex_EXC) and names no number",
    ),
    row("eventbridge_bus_hops", 1, "buses", "ebug/eb-bus-to-bus",
        "that an event goes on to from the one it was put on: EventBridge routes none that came from "
        "another bus to a third, and tells nobody; here it ends as dropped, third_bus"),
    row("eventbridge_bus_name_length", 256, "characters", "botocore CreateEventBus"),
    row("eventbridge_rule_name_length", 64, "characters", "botocore PutRule, PutTargets",
        "of a rule, and of a target's id"),
    row("eventbridge_description_length", 512, "characters", "botocore PutRule"),
    row("eventbridge_input_length", 8_192, "characters", "botocore PutTargets",
        "of a constant input, and of a template"),
    row("eventbridge_path_length", 256, "characters", "botocore PutTargets"),
    row("eventbridge_input_paths", 100, "paths", "botocore InputTransformer"),
    row("eventbridge_retry_attempts", 185, "retries", "ebug/eb-rule-retry-policy",
        "the default, and the most"),
    row("eventbridge_event_age_minimum", 60, "s", "botocore RetryPolicy"),
    row("eventbridge_event_age", 86_400, "s", "ebug/eb-rule-retry-policy",
        "the default, and the most"),
    row(
        "eventbridge_latency", 0.1, "s", "choice",
        "from PutEvents to the first try at a target; AWS has told 0.13 s at p99 (November 2024) and "
        "half a second as typical before",
    ),
]  # fmt: skip

SCHEDULER: list[Row] = [
    row(
        "schedule_firings", 50_000, "firings", "choice",
        "of schedules in one run() without until=: beyond, the run is taken for one that never ends",
    ),
    row("schedule_expression_length", 256, "characters", "botocore PutRule, CreateSchedule"),
    row("scheduler_input_size", 256 * KIB, "bytes", "botocore CreateSchedule Target.Input"),
    row("scheduler_name_length", 64, "characters", "botocore CreateSchedule"),
    row(
        "scheduler_start_date_past", 300, "s", "https://github.com/getmoto/moto/pull/8172",
        "how far back a start date may be: AWS's answer as quoted there",
    ),
    row("scheduler_retries_default", 185, "retries", "scheduler/managing-targets"),
    row("scheduler_retries_maximum", 185, "retries", "botocore MaximumRetryAttempts"),
    row("scheduler_event_age_default", 86_400, "s", "scheduler/managing-targets"),
    row("scheduler_event_age_minimum", 60, "s", "botocore MaximumEventAgeInSeconds"),
    row("scheduler_event_age_maximum", 86_400, "s", "botocore MaximumEventAgeInSeconds"),
    row(
        "scheduler_delay", 0, "s", "choice",
        "of each firing: AWS fires within 60 s of the time (scheduler/schedule-types), the lab at it",
    ),
    row(
        "target_retry_first_wait", 1, "s", "choice",
        "EventBridge and Scheduler name only 24 h, 185 retries, exponential back-off and jitter",
    ),
    row(
        "target_retry_longest_wait", 650, "s", "choice",
        "such that 185 waits, drawn from the upper half of what each could be, fill about 24 h",
    ),
]  # fmt: skip

THIN: list[Row] = [
    row("push_tries", 3, "tries", "choice",
        "of CodeCommit, CloudFormation and AWS Config to have Lambda accept an event: each says that it "
        "invokes asynchronously, none how often"),
    row("push_wait", 1, "s", "choice", "before the second of push_tries; it doubles with each"),
    row("cognito_timeout", 5, "s", "cognito/cognito-user-pools-working-with-aws-lambda-triggers",
        "for a trigger to answer, cold start included; it cannot be changed"),
    row("cognito_tries", 3, "tries", "cognito/cognito-user-pools-working-with-aws-lambda-triggers",
        "of a call that gets no answer or is throttled; what the function itself raises is final"),
    row("firehose_streams", 5_000, "streams", "firehose/limits", "of the account, in us-east-1"),
    row("firehose_record_size", 1_000 * KIB, "bytes", "botocore PutRecord", "before base64"),
    row("firehose_put_batch", 500, "records", "botocore PutRecordBatch"),
    row("firehose_put_batch_size", 4 * MIB, "bytes", "botocore PutRecordBatch"),
    row("firehose_buffer_size_minimum", 0.2, "MB", "firehose/data-transformation"),
    row("firehose_buffer_size_maximum", 3, "MB", "firehose/data-transformation"),
    row("firehose_buffer_size_default", 1, "MB", "firehose/data-transformation"),
    row("firehose_buffer_interval_maximum", 900, "s", "firehose/data-transformation"),
    row("firehose_buffer_interval_default", 60, "s", "firehose/data-transformation"),
    row("firehose_timeout", 300, "s", "firehose/data-transformation", "of one transformation"),
    row("firehose_retries", 3, "retries", "firehose/data-transformation-failure-handling",
        "after a network timeout or the invocation limit, and as users report after an error of the "
        "function too; where create_delivery_stream is not told"),
    row("firehose_retries_maximum", 300, "retries", "firehose API ProcessorParameter",
        "NumberOfRetries"),
    row("firehose_retry_wait", 1, "s", "choice", "before each retry; undocumented"),
    row("edge_viewer_memory", 128, "MB", "cloudfront/edge-functions-restrictions"),
    row("edge_viewer_timeout", 5, "s", "cloudfront/edge-functions-restrictions"),
    row("edge_viewer_response", 40 * KIB, "bytes", "cloudfront/edge-functions-restrictions",
        "generated by a viewer function, headers and body; of the request's body it sees as much"),
    row("edge_origin_timeout", 30, "s", "cloudfront/edge-functions-restrictions"),
    row("edge_origin_response", 1 * MIB, "bytes", "cloudfront/edge-functions-restrictions",
        "generated by an origin function, headers and body; of the request's body it sees as much"),
    row("logs_filters", 2, "filters", "logs/cloudwatch_limits_cwl", "of one log group"),
    row("logs_delay", 1, "s", "choice",
        "from a line to its delivery; usually less than 3 minutes (logs/Subscriptions)"),
    row("logs_retry_age", 86_400, "s", "logs/Subscriptions", "retryable errors are retried so long"),
    row("logs_retry_first_wait", 1, "s", "choice", "it doubles with each try; undocumented"),
    row("logs_retry_longest_wait", 60, "s", "choice"),
    row("logs_disabled", 600, "s", "logs/Subscriptions",
        "a filter sleeps after an error that no retry mends; \"up to 10 minutes\""),
    row("codecommit_triggers", 10, "triggers", "codecommit/limits", "of one repository"),
    row("codecommit_trigger_branches", 10, "branches", "codecommit/limits", "of one trigger"),
    row("codecommit_custom_data", 1_000, "characters", "codecommit/how-to-notify"),
    row("cloudformation_service_timeout", 3_600, "s",
        "cloudformation/crpg-ref-requests", "where the stack does not say"),
    row("cloudformation_service_timeout_maximum", 3_600, "s", "cloudformation/crpg-ref-requests"),
    row("cloudformation_response_size", 4_096, "bytes", "cloudformation/crpg-ref-responses"),
    row("config_rules", 1_000, "rules", "config/configlimits"),
    row("config_evaluations", 100, "evaluations", "botocore PutEvaluations", "in one call"),
]  # fmt: skip
"""Of the services that have few: Cognito, Firehose, CloudFront, Logs, CloudFormation, Config."""

CALLERS: list[Row] = [
    row("sdk_attempts_standard", 3, "tries", "botocore 1.35.91 retries/standard",
        "of a call, the first included; adaptive mode has as many"),
    row("sdk_attempts_legacy", 5, "tries", "botocore 1.35.91 _retry.json",
        "of a call, the first included"),
    row("sdk_retried_standard", (429, 500, 502, 503, 504), "statuses",
        "botocore 1.35.91 retries/standard",
        "429 is known there by its error code, which Lambda and API Gateway both send; a function's "
        "own error is a 200 and never tried again"),
    row("sdk_retried_legacy", (429, 500, 502, 503, 504, 509), "statuses",
        "botocore 1.35.91 _retry.json"),
    row("sdk_read_timeout", 60, "s", "botocore 1.35.91 httpsession",
        "without a byte of an answer, counted from sending; Lambda sends none before the last"),
    row("sdk_backoff_base", 1.0, "s", "botocore 1.35.91 and 1.44.0 retries/standard",
        "full jitter under base x 2^n; from the new day for what is not a throttle. The day: AWS "
        "Developer Tools Blog, updated-default-retry-behavior", d2026_11_10=0.05),
    row("sdk_backoff_base_throttled", 1.0, "s", "botocore 1.35.91 and 1.44.0 retries/standard"),
    row("sdk_backoff_maximum", 20, "s", "botocore 1.35.91 retries/standard"),
    row("sdk_backoff_base_legacy", 1.0, "s", "botocore 1.35.91 _retry.json",
        "times 2^n and a random factor of 0 to 1; legacy mode has no cap"),
    row("sdk_retry_quota", 500, "tokens", "botocore 1.35.91 retries/quota"),
    row("sdk_retry_cost", 5, "tokens", "botocore 1.35.91 and 1.44.0 retries/standard",
        "of a try after 5xx; the day as of sdk_backoff_base", d2026_11_10=14),
    row("sdk_retry_cost_throttled", 5, "tokens", "botocore 1.35.91 and 1.44.0 retries/standard"),
    row("sdk_retry_cost_timeout", 10, "tokens", "botocore 1.35.91 and 1.44.0 retries/standard",
        "the day as of sdk_backoff_base", d2026_11_10=14),
    row("sdk_retry_refund", 1, "tokens", "botocore 1.35.91 retries/standard",
        "put back by a call whose first try succeeds; a later one puts back what its own try cost"),
    row("sdk_rate_minimum", 0.5, "requests/s", "botocore 1.35.91 retries/bucket",
        "adaptive mode never sends less"),
    row("sdk_rate_cut", 0.7, "share", "botocore 1.35.91 retries/throttling",
        "of the measured rate that a throttle leaves (CUBIC's beta)"),
    row("sdk_rate_growth", 0.4, "requests/s^4", "botocore 1.35.91 retries/throttling",
        "CUBIC's scale: the rate grows with the third power of the time since the throttle"),
    row("sdk_rate_lead", 2.0, "times", "botocore 1.35.91 retries/adaptive",
        "the most that the allowed rate may be of the measured one"),
    row("sdk_rate_smoothing", 0.8, "share", "botocore 1.35.91 retries/adaptive",
        "what the last interval weighs in the measured rate"),
    row("sdk_rate_interval", 0.5, "s", "botocore 1.35.91 retries/adaptive",
        "in which the rate is measured"),
]  # fmt: skip
"""Of those who call: SDK clients and browsers.

AWS's SDKs changed their defaults on 2026-11-10 (in Python with botocore 1.44.0, which also made
``standard`` the mode of who names none).
"""

TRIGGERS: list[Row] = [
    *API_GATEWAY, *FUNCTION_URLS, *LOAD_BALANCERS, *S3, *SNS, *EVENTBRIDGE, *SCHEDULER, *THIN,
    *CALLERS,
]  # fmt: skip
