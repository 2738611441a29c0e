"""One resource while it is built: its properties, and the API calls that make it.

CloudFormation itself makes most resources by the operation of the service's API that has their name, and
its properties are called as that operation's parameters are. So the lab does: what is asked of its API is
checked by botocore's model and by the lab, in AWS's words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdalab.aws.dispatch import OperationNotSimulated
from lambdalab.aws.operations import ApiError, Call
from lambdalab.aws.session import client as client_of
from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.aws.templates.parameters import text_of
from lambdalab.errors import LabError, TemplateError

if TYPE_CHECKING:
    from lambdalab.aws.templates.building import Stack
    from lambdalab.lab import Lab

_NOT_SIMULATED = ("not simulated", "not simulate", "a lab's ", "a lab has ")
"""How the lab's own refusals begin: what AWS has and a lab has not is left out, not wrong."""
HARMLESS = {
    "Tags": "tags change nothing", "Description": "a description changes nothing",
    "Role": "a lab has no IAM: everything is allowed", "Policies": "a lab has no IAM",
    "PermissionsBoundary": "a lab has no IAM",
    "KmsKeyArn": "nothing is encrypted in a lab", "KMSKeyArn": "nothing is encrypted in a lab",
    "TracingConfig": "a lab has no X-Ray: lab.trace tells more",
    "RoleArn": "a lab has no IAM: everything is allowed",
}  # fmt: skip
"""Properties that change nothing in a lab, of any resource."""


class Resource:
    """A resource of a template.

    Attributes: ``stack``, which it is built in; ``id``, its logical id; ``type``; ``properties``, their
    values; ``name``, what the lab calls it.
    """

    def __init__(
        self, stack: Stack, logical_id: str, kind: str, properties: dict[str, Any], name: str
    ) -> None:
        self.stack, self.id, self.type, self.properties = stack, logical_id, kind, properties
        self.name = name

    @property
    def lab(self) -> Lab:
        """The lab that is being built."""
        return self.stack.lab

    @property
    def left_out(self) -> LeftOut:
        """Where the stack writes down what it does not build."""
        return self.stack.left_out

    # ------------------------------------------------------------------ properties

    def take(self, name: str, default: Any = None) -> Any:
        """A property, which is then dealt with."""
        return self.properties.pop(name, default)

    def needed(self, name: str) -> Any:
        """A property that has to be there."""
        if name not in self.properties:
            raise self.wrong(f"{name} is missing")
        return self.properties.pop(name)

    def told(self, *names: str) -> None:
        """Properties that have been looked at already."""
        for name in names:
            self.properties.pop(name, None)

    def ignore(self, *names: str, why: str = "it changes nothing that a lab simulates") -> None:
        """Properties that change nothing in a lab."""
        for name in names:
            if name in self.properties:
                del self.properties[name]
                self.left_out.ignore(self.id, self.type, name, HARMLESS.get(name, why))

    def skip(self, name: str, why: str) -> None:
        """A property, or a part of one, that the lab does not build."""
        self.properties.pop(name, None)
        self.left_out.partly(self.id, self.type, name, why)

    def finish(self) -> None:
        """Write down what nobody has dealt with."""
        self.ignore(*(name for name in HARMLESS if name in self.properties))
        for name in list(self.properties):
            self.skip(name, "not simulated")

    def wrong(self, why: object) -> TemplateError:
        """An error of this resource."""
        return TemplateError(f"{self.id} ({self.type}): {why}")

    # ------------------------------------------------------------------ the lab's API

    def client(self, service: str) -> Any:
        """The client of a service, whose calls the lab answers."""
        return self.stack.client(service)

    def call(self, service: str, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What an operation answers; of what it does not know, a note is made.

        Raises :class:`TemplateError` for what AWS would refuse, and :class:`NotBuilt` for what a lab has
        not.
        """
        client = self.client(service)
        model = client.meta.service_model.operation_model(operation)
        fitted = self._structure(model.input_shape, given, "")
        try:
            return client._make_api_call(operation, fitted)  # type: ignore[no-any-return]
        except OperationNotSimulated as error:
            raise NotBuilt(str(error)) from None
        except ClientError as error:
            raise self.refused(error.response["Error"]["Message"]) from None
        except (BotoCoreError, LabError) as error:
            raise self.refused(" ".join(str(error).split())) from None

    def request(self, service: str, operation: str, given: Mapping[str, Any]) -> Call:
        """A call as its operation would see it, for what the lab's own verbs carry out."""
        client = self.client(service)
        model = client.meta.service_model.operation_model(operation)
        return Call(self.lab, client, operation, self._structure(model.input_shape, given, ""))

    def refused(self, why: str) -> LabError:
        """The error for what a service refuses."""
        return NotBuilt(why) if any(word in why for word in _NOT_SIMULATED) else self.wrong(why)

    # ------------------------------------------------------------------ values as an API has them

    def _fitted(self, shape: Any, value: Any, path: str) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, value, f"{path}.")
        if kind == "list":
            items = value if isinstance(value, list) else [value]
            return [
                self._fitted(shape.member, each, f"{path}[{i}]") for i, each in enumerate(items)
            ]
        if kind == "map" and isinstance(value, Mapping):
            return {
                text_of(name): self._fitted(shape.value, each, f"{path}.{name}")
                for name, each in value.items()
            }
        return _scalar(kind, value)

    def _structure(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        found = {}
        for name, each in value.items():
            member = shape.members.get(name) or shape.members.get(_lower(name))
            if member is not None:
                known = name if name in shape.members else _lower(name)
                found[known] = self._fitted(member, each, f"{path}{name}")
            elif name in HARMLESS:
                self.left_out.ignore(self.id, self.type, f"{path}{name}", HARMLESS[name])
            else:
                self.left_out.partly(self.id, self.type, f"{path}{name}", "not simulated")
        return found


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


class NotBuilt(LabError):
    """Why a resource, or a part of one, is not built: AWS has it and a lab has not."""


def refusal(error: ApiError) -> str:
    """What an operation says when it refuses."""
    return error.message


def _scalar(kind: str, value: Any) -> Any:
    """A value of the type that the API wants, where it can be read as one: templates write ``"5"``."""
    if kind in ("integer", "long"):
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            return int(value)
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if kind in ("float", "double") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "string" and isinstance(value, (bool, int, float)):
        return text_of(value)
    if kind == "string" and isinstance(value, (dict, list)):
        return json.dumps(value)
    return value


def whole(value: Any) -> Any:
    """A whole number, where it can be read as one."""
    return _scalar("integer", value)


def truth(value: Any) -> bool:
    """Whether a property says yes."""
    return _scalar("boolean", value) is True


def as_list(value: Any) -> list[Any]:
    """A list; one thing by itself is one of a single thing, as CloudFormation has it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


__all__ = ["HARMLESS", "NotBuilt", "Resource", "as_list", "client_of", "refusal", "truth", "whole"]
