"""AWS Config: custom rules, evaluated by functions.

A rule is invoked when a resource of its types changes, or at a fixed frequency, asynchronously; its
function says what it found by ``put_evaluations``, with the token it was given. An item that is too large
for an event comes as a summary. How often Config tries when Lambda does not accept an event is not
documented (rules ``push_tries`` and ``push_wait``). Sources: config's page on example events for rules,
botocore config; the reference, metrics-and-shapes.md 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdalab.functions.outcome import encode, encode_text
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.kernel.clock import US
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause, ParentKind
from lambdalab.triggers.parts import ACCOUNT, Parts, arn
from lambdalab.triggers.push import FunctionReceiver, Push
from lambdalab.triggers.thin import few_tries, hexadecimal

PRINCIPAL = "config.amazonaws.com"
FREQUENCIES = {
    "One_Hour": 1, "Three_Hours": 3, "Six_Hours": 6, "Twelve_Hours": 12, "TwentyFour_Hours": 24
}  # fmt: skip
"""How often a periodic rule may run: AWS's words, and hours."""


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

    def follow(self, before: Rule) -> None:
        """Take the place of what it was before it was changed: tokens that are out still hold."""
        before.deleted = True
        self.compliance, self.evaluations = before.compliance, before.evaluations
        self.tokens = before.tokens

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
