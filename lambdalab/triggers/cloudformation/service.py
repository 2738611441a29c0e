"""CloudFormation as people call it: create, update and delete stacks of custom resources.

A function is invoked by the role of whoever deploys: it needs no permission of its own. A stack waits for
an answer of each resource, an hour if nothing else is said (cloudformation/crpg-ref-requests), and so long
a run is not over. Nothing but custom resources is simulated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode
from lambdalab.sources.directory import Directory
from lambdalab.trace.schema import ParentKind
from lambdalab.triggers.cloudformation.requests import HOST, Requests, as_strings
from lambdalab.triggers.cloudformation.stack import Definition, Stack
from lambdalab.triggers.errors import AlreadyExistsException, ValidationError
from lambdalab.triggers.parts import Parts, one_of
from lambdalab.triggers.thin import as_json, checked_number, checked_text

_KNOWN = ("Type", "ServiceToken", "Properties", "ServiceTimeout")
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


class CloudFormation(Directory[Stack]):
    """The stacks of a lab; a new run begins without any."""

    service: ClassVar[str] = "cloudformation"
    noun: ClassVar[str] = "stack"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self._requests = Requests(parts)
        self._made = 0
        parts.on_reset(self._begin)

    def _begin(self) -> None:
        self._found.clear()
        self._made = 0
        self._requests.begin()

    def create_stack(
        self,
        name: str,
        resources: Mapping[str, Mapping[str, Any]],
        *,
        service_timeout: float | None = None,
        disable_rollback: bool = False,
    ) -> Stack:
        """Begin to make a stack; ``lab.run()`` makes it happen, and ``stack.status`` says how it went.

        Parameters
        ----------
        name
            The stack's name.
        resources
            Logical id to ``{"Type": "Custom::X", "ServiceToken": function, "Properties": {...}}``.
            ``ServiceToken`` and ``ServiceTimeout`` may stand among the properties, as in a template.
        service_timeout
            How long to wait for each answer: 1 to 3,600 s; also ``"ServiceTimeout"`` of a resource.
        disable_rollback
            Leave a stack as it is where a resource fails.

        Raises ``AlreadyExistsException`` for a name that there is.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> @lab.function
        ... def seed(event, context):
        ...     lab.cloudformation.respond(event, physical_resource_id="table-1", data={"Rows": 3})
        >>> stack = lab.cloudformation.create_stack(
        ...     "shop", {"Seed": {"Type": "Custom::Seed", "ServiceToken": seed}})
        >>> stack.status
        'CREATE_IN_PROGRESS'
        >>> _ = lab.run()
        >>> stack.status, stack.resources["Seed"].data
        ('CREATE_COMPLETE', {'Rows': 3})
        """
        request = self._request()
        checked_text("name", name, 128, "botocore CreateStack", "[a-zA-Z][-a-zA-Z0-9]*")
        template = self._template(resources, service_timeout)
        if name in self._found:
            raise AlreadyExistsException(
                f"Stack [{name}] already exists",
                "; lab.cloudformation.update_stack changes it, delete_stack removes it",
            )
        self._made += 1
        stack = Stack(self._parts, self._requests, name, disable_rollback, self._made)
        self._found[name] = stack
        self._tell(name, template)
        stack.begin_create(template, request)
        return stack

    def update_stack(
        self,
        name: str,
        resources: Mapping[str, Mapping[str, Any]],
        *,
        service_timeout: float | None = None,
    ) -> Stack:
        """Begin to change a stack. A function that answers an update with another PhysicalResourceId has
        replaced the resource: it is sent a Delete for the old one when all else is done.

        Raises ``ValidationError`` where nothing changes, or the stack's state does not allow it.
        """
        request = self._request()
        stack, template = self[name], self._template(resources, service_timeout)
        if stack.status not in _UPDATABLE:
            raise ValidationError(
                f"Stack:{stack.id} is in {stack.status} state and can not be updated."
            )
        stack.begin_update(template, request)
        self._tell(name, template)
        return stack

    def delete_stack(self, name: str) -> None:
        """Begin to delete a stack; nothing happens where there is none."""
        request = self._request()
        stack = self._found.get(name)
        if stack is not None and stack.status != "DELETE_IN_PROGRESS":
            stack.begin_delete(request, lambda: self._forget(name, stack))

    def respond(
        self,
        event: Mapping[str, Any],
        status: str = "SUCCESS",
        *,
        reason: str = "",
        physical_resource_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Answer a request of a custom resource: the PUT to its ``ResponseURL``, in one call.

        Parameters: the handler's ``event``; ``"SUCCESS"`` or ``"FAILED"``, with its ``reason``; the
        resource's id (the one it has, or else the log stream's place is taken by its logical id); and the
        attributes that it gives (4,096 bytes in all).
        """
        self._parts.origin()
        one_of("status", status, ("SUCCESS", "FAILED"), "cloudformation/crpg-ref-responses")
        for member in ("ResponseURL", "StackId", "RequestId", "LogicalResourceId"):
            if not isinstance(event, Mapping) or member not in event:
                raise InvalidSetting("event", event, f"a custom resource's event, with {member}")
        if data is not None and not isinstance(data, Mapping):
            raise InvalidSetting("data", data, "values by name")
        as_json("data", data)
        physical = physical_resource_id or event.get("PhysicalResourceId")
        document = {
            "Status": status, "Reason": reason,
            "PhysicalResourceId": physical or event["LogicalResourceId"],
            "StackId": event["StackId"], "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"], "Data": dict(data or {}),
        }  # fmt: skip
        path = str(event["ResponseURL"]).removeprefix(f"https://{HOST}")
        if self._requests.put("PUT", path, encode(document))[0] != 200:
            raise InvalidSetting(
                "event", event["RequestId"], "the event of a request that this run has sent"
            )

    # ------------------------------------------------------------------ inside

    def _request(self) -> int:
        origin = self._parts.origin()
        return origin.parent if origin.parent_kind == ParentKind.REQUEST else 0

    def _forget(self, name: str, stack: Stack) -> None:
        if self._found.get(name) is stack:
            del self._found[name]

    def _tell(self, name: str, template: Mapping[str, Definition]) -> None:
        wired = {
            logical_id: {"function": each.function, "service_timeout": each.timeout}
            for logical_id, each in template.items()
        }
        self._parts.books.wired("stack", name, {"resources": wired})

    def _template(
        self, resources: Mapping[str, Mapping[str, Any]], service_timeout: float | None
    ) -> dict[str, Definition]:
        rules = self._parts.rules
        usual = rules.cloudformation_service_timeout if service_timeout is None else service_timeout
        if not isinstance(resources, Mapping) or not resources:
            raise InvalidSetting("resources", resources, "at least one resource by its logical id")
        made: dict[str, Definition] = {}
        for logical_id, told in resources.items():
            told = _lifted(told)
            if not isinstance(told, Mapping) or "ServiceToken" not in told:
                limit = '{"Type": "Custom::X", "ServiceToken": function, "Properties": {...}}'
                raise InvalidSetting(f"resources[{logical_id!r}]", told, limit)
            if re.fullmatch("[a-zA-Z0-9]+", str(logical_id)) is None:
                raise ValidationError(
                    f"Template format error: Resource name {logical_id} is non alphanumeric."
                )
            for key in told:
                one_of(
                    f"resources[{logical_id!r}]", key, _KNOWN, "cloudformation/crpg-ref-requests"
                )
            kind = told.get("Type", "AWS::CloudFormation::CustomResource")
            if kind != "AWS::CloudFormation::CustomResource" and not str(kind).startswith(
                "Custom::"
            ):
                raise ValidationError(
                    f"Template format error: Unrecognized resource types: [{kind}]",
                    "; a lab makes custom resources only",
                )
            target = self._parts.target(told["ServiceToken"])
            timeout = checked_number(
                "service_timeout", told.get("ServiceTimeout", usual), 1,
                rules.cloudformation_service_timeout_maximum,
                rules.source("cloudformation_service_timeout_maximum"),
            )  # fmt: skip
            function = f"{target.name}:{target.qualifier}" if target.qualifier else target.name
            properties = told.get("Properties") or {}
            if not isinstance(properties, Mapping):
                raise InvalidSetting("Properties", properties, "values by name")
            properties = as_strings(properties)
            made[str(logical_id)] = Definition(str(kind), function, target.arn, properties, timeout)
        return made


def _lifted(told: Any) -> Any:
    """A resource with what a template has among its properties (and we beside them) beside them."""
    properties = told.get("Properties") if isinstance(told, Mapping) else None
    if not isinstance(properties, Mapping):
        return told
    own = {key: properties[key] for key in ("ServiceToken", "ServiceTimeout") if key in properties}
    rest = {key: value for key, value in properties.items() if key not in own}
    return {**own, **told, "Properties": rest}
