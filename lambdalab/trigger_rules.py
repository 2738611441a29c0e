"""The numbers of the services that call Lambda by themselves: rows of :mod:`lambdalab.rules`.

Nobody but :mod:`lambdalab.rules` reads them. ``apigw`` stands for the API Gateway developer guide,
``s3ug`` for the S3 user guide, ``snsdg`` for the SNS developer guide, ``ebug`` for EventBridge's.
"""

from __future__ import annotations

from lambdalab.source_rules import KIB, MIB, Row, row

API_GATEWAY: list[Row] = []

FUNCTION_URLS: list[Row] = []

LOAD_BALANCERS: list[Row] = []

S3: list[Row] = []

SNS: list[Row] = [
    row("sns_message_size", 256 * KIB, "bytes", "snsdg/sns-message-size; botocore Publish"),
]

EVENTBRIDGE: list[Row] = [
    row(
        "eventbridge_entry_size", 256 * KIB, "bytes",
        "https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb",
        "the day is the first on which a source says so", d2026_01_29=1 * MIB,
    ),
]  # fmt: skip

SCHEDULER: list[Row] = []

THIN: list[Row] = []
"""Of the services that have few: Cognito, Firehose, CloudFront, Logs, CloudFormation, Config."""

CALLERS: list[Row] = []
"""Of those who call: SDK clients and browsers."""

TRIGGERS: list[Row] = [
    *API_GATEWAY, *FUNCTION_URLS, *LOAD_BALANCERS, *S3, *SNS, *EVENTBRIDGE, *SCHEDULER, *THIN,
    *CALLERS,
]  # fmt: skip
