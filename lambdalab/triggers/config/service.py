"""The rules of a lab, and the resources they are told of (:mod:`.rule` has what one does)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting
from lambdalab.triggers.config.rule import FREQUENCIES, Rule
from lambdalab.triggers.errors import (
    InvalidResultTokenException,
    MaxNumberOfConfigRulesExceededException,
)
from lambdalab.triggers.parts import ACCOUNT, REGION, arn, one_of
from lambdalab.triggers.thin import ThinService, as_json, checked_text, checked_texts, uuid

STATUSES = ("OK", "ResourceDiscovered", "ResourceDeleted", "ResourceNotRecorded")
COMPLIANCES = ("COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA")


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
        """Make a rule, or change the one of that name, which keeps what has been evaluated; Config gets
        its permission, as by the console.

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
        types = _types(resource_types)
        told = checked_texts("parameters", parameters, "config PutConfigRule")
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
        known = self._found.get(name)
        rule = Rule(parts, name, target, types, maximum_execution_frequency, told)
        if known is not None:
            rule.follow(known)
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
        as_json("configuration", configuration)
        tags = checked_texts("tags", tags, "botocore ConfigurationItem")
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
            "tags": tags,
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

        Raises :class:`~lambdalab.triggers.errors.InvalidResultTokenException` for a token that no rule
        gave out.
        """
        self._parts.origin()
        token = str(result_token)
        rule = next((each for each in self._found.values() if token in each.tokens), None)
        if rule is None:
            raise InvalidResultTokenException("The result token is invalid.")
        most = self._parts.rules.config_evaluations
        good = isinstance(evaluations, Sequence) and all(
            isinstance(each, Mapping) for each in evaluations
        )
        if not good:
            limit = "a list of evaluations by AWS's words"
            raise InvalidSetting("evaluations", evaluations, limit, "botocore PutEvaluations")
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
            checked_text(
                "ComplianceResourceId", each["ComplianceResourceId"], 768, "botocore Evaluation"
            )
            one_of("ComplianceType", each["ComplianceType"], COMPLIANCES, "botocore Evaluation")
        for each in found:
            rule.evaluations.append(each)
            rule.compliance[each["ComplianceResourceId"]] = each["ComplianceType"]
        return {"FailedEvaluations": []}


def _types(given: Any) -> tuple[str, ...]:
    """Resource types, or :class:`InvalidSetting`; None: none."""
    if given is None:
        return ()
    types = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if not types or not all(isinstance(each, str) for each in types):
        raise InvalidSetting("resource_types", given, "a list of texts")
    return types
