"""Finding what people name: a queue, a stream or a table, by a handle, its name or its ARN."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from lambdalab.errors import InvalidParameterValueException, InvalidSetting, UnknownName
from lambdalab.sources.dynamodb.service import DynamoDb, Table, TableStream
from lambdalab.sources.kinesis.consumers import Consumer
from lambdalab.sources.kinesis.service import Kinesis
from lambdalab.sources.sqs.service import Sqs

_NOT_SIMULATED = {
    "kafka": "Amazon MSK",
    "mq": "Amazon MQ",
    "rds": "Amazon DocumentDB",
    "docdb-elastic": "Amazon DocumentDB",
}
"""What Lambda polls on AWS, and no lab has; by the service's name in an ARN."""


CLIENT_NAMES = {
    "apigateway": "api_gateway", "apigatewayv2": "api_gateway", "events": "eventbridge", "elbv2": "elb",
    "cognito_idp": "cognito",
}  # fmt: skip
"""What boto3 calls services that a lab has by their product's name; a lab answers to both."""

_OTHER_NAMES = {
    **dict.fromkeys(("api_gateway_v2", "apigw", "gateway", "http_api", "rest_api"), "api_gateway"),
    **dict.fromkeys(("event_bridge", "cloudwatch_events", "bus", "event_bus"), "eventbridge"),
    **dict.fromkeys(("schedules", "schedule", "eventbridge_scheduler"), "scheduler"),
    **dict.fromkeys(("alb", "load_balancer", "load_balancers"), "elb"),
    **dict.fromkeys(("topics", "topic"), "sns"),
    **dict.fromkeys(("queues", "queue"), "sqs"),
    **dict.fromkeys(("streams", "stream"), "kinesis"),
    **dict.fromkeys(("tables", "table", "dynamo"), "dynamodb"),
    **dict.fromkeys(("buckets", "bucket"), "s3"),
    "user_pools": "cognito",
    **dict.fromkeys(("kinesis_firehose", "data_firehose"), "firehose"),
    **dict.fromkeys(("lambda_edge", "edge"), "cloudfront"),
    **dict.fromkeys(("cloudwatch_logs", "log_groups"), "logs"),
    **dict.fromkeys(("function_url", "function_urls", "lambda_url", "urls"), "create_function_url"),
}  # fmt: skip
"""What a lab's services are called elsewhere; by these words, the lab's own."""


def not_simulated(attribute: str) -> str:
    """Why a lab has no such attribute; "" where there is nothing to say.

    >>> not_simulated("msk")
    'Amazon MSK is not simulated: lambdalab polls SQS, Kinesis and DynamoDB streams'
    >>> not_simulated("alb")
    "a lab has no 'alb'; did you mean 'elb'?"
    """
    if attribute in _OTHER_NAMES:
        return f"a lab has no {attribute!r}; did you mean {_OTHER_NAMES[attribute]!r}?"
    names = _NOT_SIMULATED | {"msk": "Amazon MSK", "docdb": "Amazon DocumentDB"}
    service = names.get("rds" if attribute == "documentdb" else attribute)
    return "" if service is None else f"{service} is not simulated: {_POLLED}"


_POLLED = "lambdalab polls SQS, Kinesis and DynamoDB streams"


class Sources:
    """The queues, streams and tables of a lab. Parameters: the services."""

    def __init__(self, sqs: Sqs, kinesis: Kinesis, dynamodb: DynamoDb) -> None:
        self._kinesis, self._dynamodb = kinesis, dynamodb
        self._services: list[tuple[str, Any]] = [
            ("queue", sqs), ("stream", kinesis), ("table", dynamodb),
        ]  # fmt: skip

    def polled(self, given: object) -> Any:
        """What Lambda polls of it: a queue, a stream, or the stream of a table.

        Raises as :meth:`find` does, and :class:`InvalidSetting` for a table without a stream.
        """
        if isinstance(given, TableStream):
            table = self.find(given.name)
            if isinstance(table, Table) and table.stream is given:
                return given
            raise UnknownName("stream in this lab", given.arn, self.names)
        if isinstance(given, str) and given.startswith("arn:") and "/stream/" in given:
            for name in self._dynamodb:
                table = self._dynamodb[name]
                if table.settings.stream_view_type is not None and table.stream.arn == given:
                    return table.stream
        found = self.find(given)
        return found.stream if isinstance(found, Table) else found

    def find(self, given: object) -> Any:
        """The queue, stream or table.

        Raises
        ------
        UnknownName
            For a name that nothing has, and a handle of another lab.
        InvalidSetting
            For a name that several have.
        InvalidParameterValueException
            For an ARN of nothing there is, in AWS's words.
        """
        if isinstance(given, str) and given.startswith("arn:"):
            return self._by_arn(given)
        if isinstance(given, str):
            return self._named(given)
        for _, service in self._services:
            if isinstance(given, Hashable) and given in service:
                return given
        if given is None:
            raise InvalidParameterValueException(
                "Unrecognized event source.", f"; give {self._nouns}, its name or its ARN"
            )
        raise UnknownName(f"{self._nouns} in this lab", getattr(given, "name", given), self.names)

    def has(self, source: Any) -> bool:
        """Whether what a mapping polls is there: it has not been deleted."""
        if isinstance(source, TableStream):
            name = source.name
            return name in self._dynamodb and self._dynamodb[name]._stream is source
        return any(source in service for _, service in self._services)

    @property
    def names(self) -> list[str]:
        """The names of everything that Lambda can poll."""
        return [name for _, service in self._services for name in service]

    @property
    def _nouns(self) -> str:
        *first, last = [noun for noun, _ in self._services]
        return f"{', '.join(first)} or {last}"

    def _named(self, name: str) -> Any:
        found = [(noun, service[name]) for noun, service in self._services if name in service]
        if not found and (consumer := self._consumer(name)) is not None:
            return consumer
        if not found:
            raise UnknownName(self._nouns, name, self.names)
        if len(found) > 1:
            nouns = " and a ".join(noun for noun, _ in found)
            limit = f"one of several: there is a {nouns} of this name; give it itself, or its ARN"
            raise InvalidSetting("source", name, limit)
        return found[0][1]

    def _consumer(self, given: str) -> Consumer | None:
        """The consumer of a Kinesis stream that a name ("clicks/fast") or an ARN stands for."""
        for name in self._kinesis:
            for consumer in self._kinesis[name].consumers.values():
                if given in (consumer.name, consumer.arn):
                    return consumer
        return None

    def _by_arn(self, arn: str) -> Any:
        for _, service in self._services:
            for name in service:
                if service[name].arn == arn:
                    return service[name]
        if (consumer := self._consumer(arn)) is not None:
            return consumer
        kind = [*arn.split(":"), "", ""][2]
        if kind in _NOT_SIMULATED:
            raise InvalidParameterValueException(
                "Unrecognized event source.",
                f"; {not_simulated(kind)} ({arn})",
            )
        if kind == "sqs":
            raise InvalidParameterValueException(
                "Error occurred while ReceiveMessage. SQS Error Code: "
                "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
                "not exist.", f" ({arn})",
            )  # fmt: skip
        if kind in ("kinesis", "dynamodb"):
            raise InvalidParameterValueException(f"Stream not found: {arn}")
        raise InvalidParameterValueException("Unrecognized event source.", f" ({arn})")
