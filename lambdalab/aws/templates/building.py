"""A stack: a template's resources in their order, and the lab that they are built in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from lambdalab.aws.operations import id_of
from lambdalab.aws.session import client as client_of
from lambdalab.aws.templates.intrinsics import NOTHING, Facts, Values
from lambdalab.aws.templates.kinds import kind_of
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.aws.templates.permissions import not_granted
from lambdalab.aws.templates.reading import Source
from lambdalab.aws.templates.resource import NotBuilt, Resource
from lambdalab.errors import LabError, TemplateError, suggestion
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.template_verbs import Template

if TYPE_CHECKING:
    from lambdalab.functions.target import Target
    from lambdalab.lab import Lab
    from lambdalab.triggers.function_url import FunctionUrl

_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
_BY_ARN = (
    "AWS::ECS::TaskDefinition", "AWS::IAM::ManagedPolicy", "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret", "AWS::StepFunctions::Activity", "AWS::StepFunctions::StateMachine",
)  # fmt: skip
"""Types that ``Ref`` gives the ARN of."""


class Stack:
    """A template that is being built.

    Parameters: its ``source``; the ``template`` in plain CloudFormation; the values of its
    ``parameters``; the ``code`` given for functions; its ``name``; what is ``left_out`` of it so far; and
    the lab's ``seed``.
    """

    def __init__(
        self,
        source: Source,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        code: Mapping[str, Any],
        name: str,
        left_out: LeftOut,
        seed: object,
    ) -> None:
        self.source, self.code, self.name, self.left_out = source, code, name, left_out
        self.parameters = parameters
        self.lab: Lab
        self.granted: set[tuple[str, str, str]] = set()
        """The permissions that the template gives: function, qualifier, name."""
        self.urls: list[FunctionUrl] = []
        """The function URLs of the template."""
        self.notes: dict[str, Any] = {}
        """What the builders of one service keep for each other."""
        self._later: list[tuple[Resource, Callable[[], None]]] = []
        self._clients: dict[str, Any] = {}
        self._facts: dict[str, Facts] = {}
        stack_id = (
            f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{id_of(seed, 'stack', name)}"
        )
        self.values = Values(
            template, parameters, self._facts.__getitem__, name, stack_id, left_out
        )
        self._all: dict[str, Any] = template["Resources"]
        self.outputs: dict[str, Any] = template.get("Outputs") or {}
        self.values.resources = self.resources = {
            logical_id: resource
            for logical_id, resource in self._all.items()
            if self._there(logical_id, resource)
        }
        self.order = self._ordered()

    # ------------------------------------------------------------------ what is there, and in what order

    def _there(self, logical_id: str, resource: Any) -> bool:
        """Whether a resource is made at all; the checks that need no value come first."""
        if logical_id.startswith("Fn::Transform"):
            why = "macros and includes are not carried out"
            self.left_out.wholly(logical_id, "AWS::Include", why)
            return False
        condition = resource.get("Condition")
        self.values.where = logical_id
        return condition is None or self.values.condition(condition)

    def _ordered(self) -> list[str]:
        """The resources, each after what it refers to; else as they stand in the template.

        Raises :class:`TemplateError` for references to nothing, and for circles.
        """
        known = {*self.values.pseudo, *self.parameters, *self.resources}
        needs: dict[str, list[str]] = {}
        problems = []
        for logical_id, resource in self.resources.items():
            self.values.where = logical_id
            found = [*self.values.references(resource.get("Properties") or {})]
            after = resource.get("DependsOn") or []
            after = [after] if isinstance(after, str) else after
            problems += self._dangling(logical_id, dict.fromkeys(found), known)
            problems += [
                f"{logical_id}: DependsOn {each!r}, which is nothing{suggestion(each, self._all)}"
                for each in after
                if each not in self._all
            ]
            needs[logical_id] = [each for each in (*found, *after) if each in self.resources]
        for name, output in self.outputs.items():
            if self._output_there(name, output):
                used = self.values.references(output.get("Value"))
                problems += self._dangling(f"Outputs.{name}", dict.fromkeys(used), known)
        if problems:
            raise TemplateError("the template refers to what is not there", problems)
        return self._sorted(needs)

    def _dangling(self, where: str, used: Mapping[str, Any], known: set[str]) -> list[str]:
        problems = []
        for each in used:
            if each in known:
                continue
            why = f"which is nothing{suggestion(each, sorted(known))}"
            if each in self._all:
                why = f"whose condition {self._all[each]['Condition']} does not hold"
            problems.append(f"{where} refers to {each!r}, {why}")
        return problems

    def _sorted(self, needs: Mapping[str, list[str]]) -> list[str]:
        """As the template has them, but for what has to come first."""
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            raise TemplateError(f"Circular dependency between resources: {circle}") from None
        found: dict[str, None] = {}

        def put(logical_id: str) -> None:
            for each in needs[logical_id]:
                if each not in found and each != logical_id:
                    put(each)
            found[logical_id] = None

        for logical_id in needs:
            if logical_id not in found:
                put(logical_id)
        return list(found)

    # ------------------------------------------------------------------ building

    def build(self, lab: Lab) -> Template:
        """Make everything in a new lab; what was made, and what was not."""
        self.lab = lab
        names: dict[str, str] = {}
        for logical_id in self.order:
            facts, built = self._one(logical_id, self.resources[logical_id])
            self._facts[logical_id] = facts
            if built:
                names[logical_id] = facts.name
        for resource, make in self._later:
            try:
                make()
            except NotBuilt as error:
                self.left_out.wholly(resource.id, resource.type, str(error))
                names.pop(resource.id)
        warnings = not_granted(lab, self.granted, self.urls)
        return Template(
            self.source.name, names,
            {name: facts.thing for name, facts in self._facts.items() if facts.thing is not None},
            self.parameters, self._outputs(), self.left_out.missing, self.left_out.ignored, warnings,
        )  # fmt: skip

    def _one(self, logical_id: str, described: Mapping[str, Any]) -> tuple[Facts, bool]:
        """Build a resource: what references to it find, and whether the lab has it."""
        kind = described["Type"]
        found = {
            name: self.values.resolve(each, f"{logical_id}.{name}", kind)
            for name, each in (described.get("Properties") or {}).items()
        }
        properties = {name: value for name, value in found.items() if value is not NOTHING}
        resource = Resource(self, logical_id, kind, properties, "")
        known = kind_of(kind)
        if isinstance(known, str):
            if known:
                self.left_out.ignore(logical_id, kind, "", known)
            else:
                self.left_out.wholly(logical_id, kind, "not simulated")
            return stand_in(resource), False
        resource.name = self._name(resource, known)
        try:
            facts = _built(resource, known)
        except NotBuilt as error:
            self.left_out.wholly(logical_id, kind, str(error))
            return stand_in(resource), False
        resource.finish()
        return facts, True

    def _name(self, resource: Resource, kind: Kind) -> str:
        """The name a resource gives itself, else its logical id, as the service takes it."""
        given = resource.take(kind.name_property) if kind.name_property else None
        own = kind.name(resource.id, self.name, self.lab.rules)
        return own if given is None else str(given)

    def own_code(self, logical_id: str, name: str) -> Any:
        """The code that the caller gave for a function; None where it gave none."""
        return self.code.get(logical_id, self.code.get(name))

    def peers(self, kind: str, prop: str, logical_id: str) -> list[dict[str, Any]]:
        """The properties of the resources of a type that refer to another one by a property, as far as
        they can be known before it is made."""
        found = []
        for name, each in self.resources.items():
            given = each.get("Properties") or {}
            if each["Type"] == kind and logical_id in self.values.references(given.get(prop)):
                known = {
                    key: self.values.resolve(value, f"{name}.{key}", kind)
                    for key, value in given.items()
                    if not set(self.values.references(value)) & set(self.resources)
                }
                found.append({key: value for key, value in known.items() if value is not NOTHING})
        return found

    def later(self, resource: Resource, make: Callable[[], None]) -> None:
        """Make something when everything else is made."""
        self._later.append((resource, make))

    def trusted(self, target: Target) -> None:
        """Somebody calls a function by a role of IAM, and needs no permission of its policy."""
        for statement in target.function.policy.of(target.qualifier):
            self.granted.add((target.name, target.qualifier, statement.sid))

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something of the lab's account."""
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def client(self, service: str) -> Any:
        """The client of a service, whose calls the lab answers."""
        if service not in self._clients:
            self._clients[service] = client_of(self.lab, service)
        return self._clients[service]

    # ------------------------------------------------------------------ outputs

    def _output_there(self, name: str, output: Any) -> bool:
        if not isinstance(output, dict) or "Value" not in output:
            raise TemplateError(f"Outputs.{name} has no Value")
        condition = output.get("Condition")
        self.values.where = f"Outputs.{name}"
        return condition is None or self.values.condition(condition)

    def _outputs(self) -> dict[str, Any]:
        return {
            name: self.values.resolve(output["Value"], f"Outputs.{name}", "Output")
            for name, output in self.outputs.items()
            if self._output_there(name, output)
        }


def _built(resource: Resource, kind: Kind) -> Facts:
    """What a kind makes of a resource; its errors name the resource."""
    try:
        return kind.build(resource)
    except (NotBuilt, TemplateError):
        raise
    except LabError as error:
        raise resource.refused(str(error)) from None
    except _MALFORMED as error:
        raise resource.wrong(f"its properties are not as AWS has them ({error!r})") from error


def stand_in(resource: Resource) -> Facts:
    """What references to a thing find that the lab does not have: a name and an ARN that nobody has."""
    parts = resource.type.split("::")
    service = parts[1].lower() if len(parts) > 1 else "custom"
    kind = parts[-1].lower()
    arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{resource.id}"
    if service == "iam":
        arn = f"arn:aws:iam::{ACCOUNT}:{kind}/{resource.id}"
    digits = hashlib.sha256(resource.id.encode()).hexdigest()
    ref = arn if resource.type in _BY_ARN else resource.id
    return Facts(ref, None, Arn=arn, Id=digits[:10])
