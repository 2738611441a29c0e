"""The intrinsic functions of a template, as cloud-radar carries them out.

What is ours: the walk over the template (a branch of ``Fn::If`` that is not taken is never looked at),
what ``Ref`` and ``Fn::GetAtt`` find of a lab's things, that scalars are texts where AWS takes them for
texts, and availability zones, which the library would fetch from the network.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cloud_radar.cf.unit import functions

from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.aws.templates.parameters import text_of
from lambdalab.errors import LabError, TemplateError, suggestion
from lambdalab.functions.context import ACCOUNT, REGION

LANGUAGE = "AWS::LanguageExtensions"
FOR_EACH = "Fn::ForEach::"
_ZONES = "abcdef"
_CONDITIONS = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals")


class _Nothing:
    """What ``!Ref AWS::NoValue`` stands for: the property is not there."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NOTHING: Any = _Nothing()


class Facts:
    """What ``Ref`` and ``Fn::GetAtt`` say of a resource.

    Parameters: ``ref``; ``thing``, the lab's own; the ``attributes`` by AWS's names. ``name`` is what the
    lab calls it, where that is not what ``Ref`` says.
    """

    def __init__(
        self, ref: str, thing: Any = None, /, name: str | None = None, **attributes: Any
    ) -> None:
        self.ref, self.thing, self.attributes = ref, thing, attributes
        self.name = ref if name is None else name


class Values:
    """The values that a template's expressions come to.

    Parameters: the ``template``; its ``parameters``; ``facts_of(logical_id)``, what is known of a
    resource; the ``stack_name``; ``left_out``, which hears of what has no value here.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        facts_of: Callable[[str], Facts],
        stack_name: str,
        stack_id: str,
        left_out: LeftOut,
    ) -> None:
        self._facts_of, self._left_out = facts_of, left_out
        self.pseudo: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": stack_name, "AWS::StackId": stack_id,
            "AWS::NotificationARNs": [], "AWS::NoValue": NOTHING,
        }  # fmt: skip
        self.parameters = parameters
        self.template: dict[str, Any] = {"Mappings": template.get("Mappings") or {}}
        """What the library's functions read: they take this object for a template of theirs."""
        self._conditions: dict[str, Any] = template.get("Conditions") or {}
        self._known: dict[str, bool | None] = {}
        self.where, self._type = "", ""
        self.resources: Mapping[str, Any] = template.get("Resources") or {}
        self._functions = dict(functions.ALL_FUNCTIONS)
        transforms = template.get("Transform") or []
        self.extended = LANGUAGE in ([transforms] if isinstance(transforms, str) else transforms)
        if self.extended:
            self._functions |= functions.TRANSFORMS[LANGUAGE]
        self._functions |= {
            "Ref": self._ref, "Fn::GetAtt": self._attribute, "Fn::Sub": self._sub,
            "Fn::GetAZs": self._zones, "Fn::Base64": self._base64, "Fn::ImportValue": self._import,
            "Fn::Transform": self._transform, "Fn::Select": self._select, "Fn::Join": self._join,
        }  # fmt: skip

    # ------------------------------------------------------------------ values

    def resolve(self, node: Any, where: str, kind: str = "") -> Any:
        """What an expression comes to; ``where`` it stands, for errors, and the resource's type.

        Raises :class:`~lambdalab.errors.TemplateError`.
        """
        self.where, self._type = where, kind
        return self._value(node)

    def resolve_values(self, node: Any) -> Any:
        """The same, as the library asks for it."""
        return self._value(node)

    def _value(self, node: Any) -> Any:
        if isinstance(node, dict):
            return self._mapping(node)
        if isinstance(node, list):
            found = [self._value(each) for each in node]
            return [each for each in found if each is not NOTHING]
        if isinstance(node, str) and "{{resolve:" in node:
            self._note(f"the dynamic reference {node!r} is not looked up: the text stays as it is")
        return node

    def _mapping(self, node: dict[str, Any]) -> Any:
        if len(node) == 1:
            ((name, given),) = node.items()
            if name == "Fn::If":
                return self._value(self._branch(given))
            if name in self._functions and (name != "Condition"):
                return self._call(name, given)
            if name.startswith("Fn::") and not name.startswith(FOR_EACH):
                more = f"; it needs Transform: {LANGUAGE}" if _extension(name) else ""
                raise self._wrong(
                    f"there is no function {name}{more or suggestion(name, self._functions)}"
                )
        found = {}
        for name, each in node.items():
            if name.startswith("Fn::Transform"):
                self._transform(each)
            elif (value := self._value(each)) is not NOTHING:
                found[name] = value
        return found

    def _branch(self, given: Any) -> Any:
        if not isinstance(given, list) or len(given) != 3:
            raise self._wrong("Fn::If takes a condition and two values")
        return given[1] if self.condition(given[0]) else given[2]

    def _call(self, name: str, given: Any) -> Any:
        as_is = name in ("Ref", "Fn::GetAtt", "Fn::Transform")
        arguments = given if as_is else self._value(given)
        if name == "Fn::FindInMap" and isinstance(arguments, list):
            arguments = [text_of(each) if _scalar(each) else each for each in arguments]
        try:
            return self._functions[name](self, arguments)
        except LabError:
            raise
        except Exception as error:  # whatever the library raises says what is wrong
            told = error.args[0] if error.args else repr(error)
            raise self._wrong(told if str(told).startswith("Fn::") else f"{name}: {told}") from None

    def _wrong(self, why: str) -> TemplateError:
        return TemplateError(f"{self.where}: {why}")

    def _note(self, why: str) -> None:
        resource, _, prop = self.where.partition(".")
        self._left_out.partly(resource, self._type, prop, why)

    # ------------------------------------------------------------------ functions

    def _ref(self, _: Any, name: Any) -> Any:
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if name in self.resources:
            return self._facts_of(name).ref
        known = [*self.parameters, *self.resources, *self.pseudo]
        raise self._wrong(f"Ref to {name!r}, which is nothing{suggestion(str(name), known)}")

    def _attribute(self, _: Any, given: Any) -> Any:
        path = given.split(".", 1) if isinstance(given, str) else given
        if not isinstance(path, list) or len(path) < 2 or not isinstance(path[0], str):
            raise self._wrong(f"Fn::GetAtt takes a resource and an attribute, not {given!r}")
        name, attribute = path[0], ".".join(text_of(self._value(each)) for each in path[1:])
        if name not in self.resources:
            told = suggestion(name, self.resources)
            raise self._wrong(f"Fn::GetAtt of {name!r}, which is no resource{told}")
        facts = self._facts_of(name)
        if attribute in facts.attributes:
            return facts.attributes[attribute]
        self._note(
            f"a lab knows no {attribute} of {name}: the text {name}.{attribute} stands for it"
        )
        return f"{name}.{attribute}"

    def _sub(self, _: Any, given: Any) -> str:
        """The library's, with this object's Ref and GetAtt in place of its own."""
        text, own = given if isinstance(given, list) and len(given) == 2 else (given, {})
        if not isinstance(text, str) or not isinstance(own, dict):
            raise self._wrong("Fn::Sub takes a text, or a text and a mapping")
        values = {name: text_of(value) for name, value in own.items()}
        for name in variables(text):
            if name not in values:
                found = self._attribute(_, name) if "." in name else self._ref(_, name)
                if isinstance(found, list) or found is NOTHING:
                    raise self._wrong(f"Fn::Sub: ${{{name}}} is no text")
                values[name] = text_of(found)
        return str(functions.sub(_, [text, values]))

    def _zones(self, _: Any, region: Any) -> list[str]:
        return [f"{region or REGION}{zone}" for zone in _ZONES]

    def _base64(self, _: Any, value: Any) -> str:
        return base64.b64encode(text_of(value).encode()).decode()

    def _import(self, _: Any, name: Any) -> str:
        self._note(f"the export {name!r} of another stack is not there: its name stands for it")
        return text_of(name)

    def _transform(self, _: Any, given: Any = None) -> Any:
        told = given if given is not None else _
        name = told.get("Name", "") if isinstance(told, dict) else told
        self._note(f"the transform {name} is not carried out")
        return NOTHING

    def _select(self, _: Any, given: Any) -> Any:
        if isinstance(given, list) and len(given) == 2 and text_of(given[0]).isdecimal():
            given = [int(given[0]), given[1]]
        return functions.select(_, given)

    def _join(self, _: Any, given: Any) -> Any:
        if isinstance(given, list) and len(given) == 2 and isinstance(given[1], list):
            given = [given[0], [text_of(each) for each in given[1]]]
        return functions.join(_, given)

    # ------------------------------------------------------------------ conditions

    def condition(self, name: Any) -> bool:
        """Whether a condition of the template holds."""
        if not isinstance(name, str) or name not in self._conditions:
            told = suggestion(str(name), self._conditions)
            raise self._wrong(f"there is no condition {name!r}{told}")
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._holds(self._conditions[name])
        found = self._known[name]
        if found is None:
            raise self._wrong(f"the condition {name} leads back to itself")
        return found

    def _holds(self, node: Any) -> bool:
        if isinstance(node, dict) and len(node) == 1:
            ((name, given),) = node.items()
            if name == "Condition":
                return self.condition(given)
            if name == "Fn::Equals" and isinstance(given, list):
                sides = [self._value(each) for each in given]
                return bool(self._checked(name, [_comparable(each) for each in sides]))
            if name in _CONDITIONS and isinstance(given, list):
                return bool(self._checked(name, [self._holds(each) for each in given]))
        raise self._wrong(f"{node!r} is no condition")

    def _checked(self, name: str, values: list[Any]) -> Any:
        try:
            return self._functions[name](self, values)
        except (TypeError, ValueError) as error:
            raise self._wrong(str(error)) from None

    # ------------------------------------------------------------------ loops

    def expanded(self, node: Any) -> Any:
        """A part of the template with its ``Fn::ForEach`` carried out (by the library)."""
        if isinstance(node, list):
            return [self.expanded(each) for each in node]
        if not isinstance(node, dict):
            return node
        found: dict[str, Any] = {}
        for name, each in node.items():
            if name.startswith(FOR_EACH):
                if not self.extended:
                    raise TemplateError(f"{name} needs Transform: {LANGUAGE}")
                self.where = name
                try:
                    found |= functions.for_each(self, each, self.expanded)
                except (TypeError, ValueError) as error:
                    raise self._wrong(str(error)) from None
            else:
                found[name] = self.expanded(each)
        return found

    # ------------------------------------------------------------------ references

    def references(self, node: Any) -> Iterator[str]:
        """The names that an expression refers to, without those in branches that are not taken."""
        if isinstance(node, list):
            for each in node:
                yield from self.references(each)
        elif isinstance(node, dict):
            for name, given in node.items():
                if name == "Fn::If" and isinstance(given, list):
                    yield from self.references(self._branch(given))
                elif name == "Ref" and len(node) == 1:
                    yield str(given)
                elif name == "Fn::GetAtt" and len(node) == 1:
                    of = given[0] if isinstance(given, list) and given else given
                    yield str(of).split(".", 1)[0]
                elif name == "Fn::Sub" and len(node) == 1:
                    yield from self._substituted(given)
                else:
                    yield from self.references(given)

    def _substituted(self, given: Any) -> Iterator[str]:
        text, own = given if isinstance(given, list) and len(given) == 2 else (given, {})
        yield from (name.split(".", 1)[0] for name in variables(text) if name not in own)
        yield from self.references(own)


def looped(
    template: Mapping[str, Any], parameters: Mapping[str, Any], stack_name: str
) -> dict[str, Any]:
    """The template with its ``Fn::ForEach`` carried out.

    Raises :class:`~lambdalab.errors.TemplateError`.
    """

    def none(name: str) -> Facts:
        raise TemplateError(f"a loop cannot go over what {name} is once it is made")

    values = Values(template, parameters, none, stack_name, "", LeftOut())
    sections = ("Conditions", "Resources", "Outputs")
    return dict(template) | {
        each: values.expanded(template[each]) for each in sections if template.get(each)
    }


def variables(text: object) -> list[str]:
    """The names in a text of ``Fn::Sub``; ``${!name}`` is none.

    >>> variables("${A}-${B.Arn}-${!C}")
    ['A', 'B.Arn']
    """
    found, rest = [], text if isinstance(text, str) else ""
    while "${" in rest:
        name, end, rest = rest.partition("${")[2].partition("}")
        if end and not name.startswith("!"):
            found.append(name)
    return found


def _extension(name: str) -> bool:
    return name in functions.TRANSFORMS[LANGUAGE]


def _scalar(value: Any) -> bool:
    return isinstance(value, (str, bool, int, float))


def _comparable(value: Any) -> Any:
    return text_of(value) if _scalar(value) else value
