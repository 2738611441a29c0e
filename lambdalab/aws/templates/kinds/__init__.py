"""The kinds of resources that a lab builds, a file a service; and those that change nothing in a lab."""

from __future__ import annotations

from lambdalab.aws.templates.kinds import (
    api_gateway,
    cognito,
    config,
    dynamodb,
    elb,
    events,
    firehose,
    functions,
    http_api,
    kinesis,
    logs,
    s3,
    scheduler,
    sns,
    sqs,
)
from lambdalab.aws.templates.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    **api_gateway.KINDS,
    **cognito.KINDS,
    **config.KINDS,
    **dynamodb.KINDS,
    **elb.KINDS,
    **events.KINDS,
    **firehose.KINDS,
    **functions.KINDS,
    **http_api.KINDS,
    **kinesis.KINDS,
    **logs.KINDS,
    **s3.KINDS,
    **scheduler.KINDS,
    **sns.KINDS,
    **sqs.KINDS,
}
"""What builds the resources of each type."""

_IAM = "a lab has no IAM: everything is allowed"
_WATCH = "a lab has no alarms or dashboards: lab.trace has the metrics"
IGNORED: dict[str, str] = {
    "AWS::IAM::": _IAM,
    "AWS::SQS::QueuePolicy": _IAM, "AWS::SNS::TopicPolicy": _IAM, "AWS::S3::BucketPolicy": _IAM,
    "AWS::Events::EventBusPolicy": _IAM, "AWS::Logs::ResourcePolicy": _IAM,
    "AWS::Kinesis::ResourcePolicy": _IAM, "AWS::SQS::QueueInlinePolicy": _IAM,
    "AWS::SNS::TopicInlinePolicy": _IAM, "AWS::SecretsManager::ResourcePolicy": _IAM,
    "AWS::KMS::": "nothing is encrypted in a lab",
    "AWS::CloudWatch::": _WATCH, "AWS::Logs::MetricFilter": _WATCH, "AWS::Synthetics::": _WATCH,
    "AWS::Logs::QueryDefinition": _WATCH, "AWS::Oam::": _WATCH, "AWS::XRay::": _WATCH,
    "AWS::ApplicationInsights::": _WATCH, "AWS::ResourceGroups::": "a group changes nothing",
    "AWS::ServiceCatalogAppRegistry::": "a group changes nothing",
    "AWS::CodeDeploy::": "a lab's versions go live at once",
    "AWS::CDK::Metadata": "it changes nothing",
    "AWS::CloudFormation::WaitConditionHandle": "it changes nothing",
    "AWS::Lambda::CodeSigningConfig": "a lab trusts its code",
    "AWS::ApiGateway::Account": "a lab writes no logs of APIs",
    "AWS::Config::ConfigurationRecorder": "it changes nothing",
}  # fmt: skip
"""Types, and beginnings of types, that change nothing in a lab, and why."""


def kind_of(kind: str) -> Kind | str:
    """What builds a type; else why it need not be built, "" where it is not simulated."""
    found = KINDS.get(kind)
    if found is not None:
        return found
    return next((why for begin, why in IGNORED.items() if kind.startswith(begin)), "")
