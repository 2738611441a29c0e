"""AWS Config: custom rules, evaluated by functions.

A rule is invoked when a resource of its types changes, or at a fixed frequency, asynchronously; its
function says what it found by ``put_evaluations``, with the token it was given. An item that is too large
for an event comes as a summary. How often Config tries when Lambda does not accept an event is not
documented (rules ``push_tries`` and ``push_wait``). Sources: config/evaluate-config_develop-rules_example-events,
botocore config; the reference, metrics-and-shapes.md 3.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode, encode_text
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.kernel.clock import US
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause, ParentKind
from lambdalab.triggers.errors import (
    InvalidResultTokenException,
    MaxNumberOfConfigRulesExceededException,
)
from lambdalab.triggers.parts import ACCOUNT, REGION, Parts, arn, one_of
from lambdalab.triggers.push import FunctionReceiver, Push
from lambdalab.triggers.thin import ThinService, checked_text, few_tries, hexadecimal, uuid

PRINCIPAL = "config.amazonaws.com"
FREQUENCIES = {
    "One_Hour": 1, "Three_Hours": 3, "Six_Hours": 6, "Twelve_Hours": 12, "TwentyFour_Hours": 24
}  # fmt: skip
"""How often a periodic rule may run: AWS's words, and hours."""
STATUSES = ("OK", "ResourceDiscovered", "ResourceDeleted", "ResourceNotRecorded")
COMPLIANCES = ("COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA")


class Rule(Shown):
    """A rule.

    Attributes: ``name``, ``id``, ``arn``; ``resource_types`` or ``frequency``; ``parameters``;
    ``compliance``: resource id to the last ``ComplianceType`` that its function has put;
    ``evaluations``, all of them as they were put.
    """

    def __init__(
        self,
        parts: Parts,
        name: str,
        target: Target,
        resource_types: tuple[str, ...],
        frequency: str | None,
        parameters: Mapping[str, str],
    ) -> None:
        self.name, self._parts = name, parts
        self.id = f"config-rule-{hexadecimal(parts, f'config rule/{name}', 6)}"
        self.arn = arn("config", f"config-rule/{self.id}")
        self.resource_types, self.frequency = resource_types, frequency
        self.parameters = dict(parameters)
        parts.grant(target, PRINCIPAL, self.arn, name)
        receiver = FunctionReceiver(parts, target, PRINCIPAL, self.arn)
        self.function = receiver.name
        self._push = Push(parts, f"{name}->{receiver.name}", receiver, few_tries(parts))
        self.begin()

    def begin(self) -> None:
        """A run begins: nothing evaluated; a periodic rule is due after its first interval."""
        self.compliance: dict[str, str] = {}
        self.evaluations: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.deleted = False
        self._push.begin()
        parts = self._parts
        parts.books.wired(
            "config_rule", self.name,
            {"function": self.function, "resource_types": list(self.resource_types),
             "maximum_execution_frequency": self.frequency},
        )  # fmt: skip
        if self.frequency is not None:
            self._plan()

    def _plan(self) -> None:
        hours = FREQUENCIES[self.frequency or ""]
        scheduler = self._parts.scheduler
        scheduler.background(scheduler.now + hours * 3600 * US, self._due)

    def _due(self, _: object) -> None:
        """The time has come: look at everything."""
        if self.deleted:
            return
        invoking = {
            "awsAccountId": ACCOUNT, "notificationCreationTime": self._parts.iso,
            "messageType": "ScheduledNotification", "recordVersion": "1.0",
        }  # fmt: skip
        self._invoke(invoking, False, 0, Cause.SCHEDULED)
        self._plan()

    def changed(self, item: dict[str, Any], origin: Origin, number: int) -> None:
        """A resource has changed, of whatever type."""
        request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
        if self.frequency is not None:
            return
        if item["resourceType"] not in self.resource_types:
            self._push.filtered(number, request)
            return
        invoking = {
            "configurationItem": item, "configurationItemDiff": None,
            "notificationCreationTime": self._parts.iso,
            "messageType": "ConfigurationItemChangeNotification", "recordVersion": "1.3",
        }  # fmt: skip
        gone = item["configurationItemStatus"] == "ResourceDeleted"
        self._invoke(invoking, gone, request, Cause.PUBLISHED, number)

    def _invoke(
        self, invoking: dict[str, Any], gone: bool, request: int, cause: int, number: int = 0
    ) -> None:
        number = number or self._parts.new_number()
        body = self._event(invoking, gone, number)
        if len(body) > self._parts.rules.asynchronous_payload:
            body = self._event(_summary(invoking), gone, number)
        self._push.send(number, body, request=request, cause=cause)

    def _event(self, invoking: dict[str, Any], gone: bool, number: int) -> bytes:
        token = hexadecimal(self._parts, f"result token/{self.name}/{number}", 64)
        self.tokens.add(token)
        return encode(
            {
                "version": "1.0",
                "invokingEvent": encode_text(invoking),
                "ruleParameters": encode_text(self.parameters),
                "resultToken": token,
                "eventLeftScope": gone,
                "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/config-role",
                "configRuleArn": self.arn,
                "configRuleName": self.name,
                "configRuleId": self.id,
                "accountId": ACCOUNT,
            }
        )

    def __repr__(self) -> str:
        when = self.frequency or ", ".join(self.resource_types)
        failed = sum(word == "NON_COMPLIANT" for word in self.compliance.values())
        return f"<config rule {self.name} -> {self.function}: {when} · {failed} not compliant>"


class Config(ThinService[Rule]):
    """The rules of a lab, and what they are told of."""

    service: ClassVar[str] = "config"
    noun: ClassVar[str] = "config rule"

    def put_config_rule(
        self,
        name: str,
        function: Any,
        *,
        resource_types: Sequence[str] | None = None,
        maximum_execution_frequency: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Rule:
        """Make a rule, or one of that name anew; Config gets its permission, as by the console.

        Parameters
        ----------
        name, function
            The rule's name, and the function that evaluates.
        resource_types
            Invoke it when a resource of these types changes (``"AWS::S3::Bucket"``) ...
        maximum_execution_frequency
            ... or so often: ``"One_Hour"``, ``"Three_Hours"``, ``"Six_Hours"``, ``"Twelve_Hours"``,
            ``"TwentyFour_Hours"``. It does not keep ``lab.run()`` going.
        parameters
            Texts by name that each event brings.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> check = lab.create_function("check", duration=0.1)
        >>> rule = lab.config.put_config_rule("tags", check, resource_types=["AWS::S3::Bucket"])
        >>> lab.config.record("AWS::S3::Bucket", "photos", {"tags": {}})
        >>> _ = lab.run()
        """
        parts = self._parts
        parts.origin()
        checked_text("name", name, 128, "botocore ConfigRuleName")
        target = parts.target(function)
        if (resource_types is None) == (maximum_execution_frequency is None):
            raise InvalidSetting(
                "resource_types", resource_types,
                "given, or maximum_execution_frequency: one of the two", "botocore PutConfigRule",
            )  # fmt: skip
        types = () if resource_types is None else tuple(resource_types)
        if isinstance(resource_types, str) or not all(isinstance(each, str) for each in types):
            raise InvalidSetting("resource_types", resource_types, "a list of texts")
        if maximum_execution_frequency is not None:
            one_of(
                "maximum_execution_frequency", maximum_execution_frequency, tuple(FREQUENCIES),
                "botocore MaximumExecutionFrequency",
            )  # fmt: skip
        most = parts.rules.config_rules
        if name not in self._found and len(self._found) >= most:
            raise MaxNumberOfConfigRulesExceededException(
                f"Failed to put config rule '{name}' because you reached the limit of {most} rules."
            )
        self.delete_config_rule(name)
        rule = Rule(parts, name, target, types, maximum_execution_frequency, parameters or {})
        self._found[name] = rule
        return rule

    def delete_config_rule(self, name: str) -> None:
        """Delete a rule; nothing happens where there is none."""
        self._parts.origin()
        rule = self._found.pop(name, None)
        if rule is not None:
            rule.deleted = True

    def record(
        self,
        resource_type: str,
        resource_id: str,
        configuration: Any = None,
        *,
        status: str = "OK",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """A resource has changed: a configuration item, of which the rules of its type are told.

        Parameters: ``status`` is ``"OK"``, ``"ResourceDiscovered"``, ``"ResourceDeleted"`` or
        ``"ResourceNotRecorded"``; ``configuration`` any JSON.
        """
        parts = self._parts
        origin = parts.origin()
        checked_text("resource_type", resource_type, 196, "botocore ConfigurationItem")
        checked_text("resource_id", resource_id, 768, "botocore ConfigurationItem")
        one_of("status", status, STATUSES, "botocore ConfigurationItemStatus")
        try:
            encode(configuration)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidSetting("configuration", configuration, f"JSON: {error}") from None
        number = parts.new_number()
        service, _, kind = resource_type.removeprefix("AWS::").partition("::")
        item = {
            "configurationItemVersion": "1.3",
            "configurationItemCaptureTime": parts.iso,
            "configurationStateId": parts.epoch_ms,
            "awsAccountId": ACCOUNT,
            "configurationItemStatus": status,
            "resourceType": resource_type,
            "resourceId": resource_id,
            "resourceName": resource_id,
            "ARN": arn(service.lower(), f"{kind.lower()}/{resource_id}"),
            "awsRegion": REGION,
            "availabilityZone": "Not Applicable",
            "configurationStateMd5Hash": "",
            "tags": dict(tags or {}),
            "relationships": [],
            "configuration": configuration,
            "relatedEvents": [uuid(parts, f"config event/{number}")],
        }
        for rule in list(self._found.values()):
            rule.changed(item, origin, number)

    def put_evaluations(
        self, result_token: str, evaluations: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """What a rule's function has found (PutEvaluations), in AWS's words: ``ComplianceResourceId``,
        ``ComplianceResourceType``, ``ComplianceType``, ``Annotation``, ``OrderingTimestamp``.

        Raises :class:`~lambdalab.triggers.errors.InvalidResultTokenException` for a token that no rule gave out.
        """
        self._parts.origin()
        rule = next((each for each in self._found.values() if result_token in each.tokens), None)
        if rule is None:
            raise InvalidResultTokenException("The result token is invalid.")
        most = self._parts.rules.config_evaluations
        found = [dict(each) for each in evaluations]
        if len(found) > most:
            raise InvalidSetting(
                "evaluations", len(found), f"{most} at most", "botocore PutEvaluations"
            )
        for each in found:
            for member in ("ComplianceResourceType", "ComplianceResourceId", "ComplianceType"):
                if member not in each:
                    raise InvalidSetting(
                        "evaluations", each, f"with {member}", "botocore Evaluation"
                    )
            one_of("ComplianceType", each["ComplianceType"], COMPLIANCES, "botocore Evaluation")
        for each in found:
            rule.evaluations.append(each)
            rule.compliance[each["ComplianceResourceId"]] = each["ComplianceType"]
        return {"FailedEvaluations": []}


def _summary(invoking: dict[str, Any]) -> dict[str, Any]:
    """The invoking event of an item that is too large for one: the function has to ask Config for it."""
    item = invoking["configurationItem"]
    told = {
        "changeType": "DELETE" if item["configurationItemStatus"] == "ResourceDeleted" else "UPDATE",
        **{
            name: item[name]
            for name in (
                "configurationItemVersion", "configurationItemCaptureTime", "configurationStateId",
                "awsAccountId", "configurationItemStatus", "resourceType", "resourceId",
                "resourceName", "ARN", "awsRegion", "availabilityZone",
            )
        },
    }  # fmt: skip
    return {
        "configurationItemSummary": told,
        "notificationCreationTime": invoking["notificationCreationTime"],
        "messageType": "OversizedConfigurationItemChangeNotification",
        "recordVersion": "1.0",
    }
