"""Templates of CloudFormation and SAM: the verb that makes a lab of one, and what the lab keeps of it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lambdalab.errors import UnknownName

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """One thing that the lab has not built as the template says.

    Attributes: ``resource``, its logical id; ``type``, as AWS calls it; ``property``, which of its
    properties ("" : all of it); ``why``.
    """

    resource: str
    type: str
    property: str
    why: str

    def __str__(self) -> str:
        of = f".{self.property}" if self.property else ""
        return f"{self.resource}{of} ({self.type}): {self.why}"


class Template:
    """A template that a lab was made from.

    Attributes
    ----------
    name
        Of its file.
    names
        What each resource that was built is called in the lab, by its logical id; where AWS gives it a
        name of its own (a random tail), a lab has the logical id.
    resources
        The lab's own things by logical id, as far as there are such: ``lab.template.resources["Orders"]``.
    parameters, outputs
        Their values by name.
    left_out
        What the lab has not built as the template says: ``resource`` (its logical id), ``type``,
        ``property`` ("": all of it) and ``why`` of each.
    ignored
        Likewise what changes nothing that a lab simulates: roles, alarms, tags.
    warnings
        What was built as it stands there and will not work so, on AWS neither.
    """

    def __init__(
        self,
        name: str,
        names: Mapping[str, str],
        resources: Mapping[str, Any],
        parameters: Mapping[str, Any],
        outputs: Mapping[str, Any],
        left_out: Iterable[Unbuilt],
        ignored: Iterable[Unbuilt],
        warnings: Iterable[str],
    ) -> None:
        self.name = name
        self.names, self.resources = (
            MappingProxyType(dict(names)),
            MappingProxyType(dict(resources)),
        )
        self.parameters = MappingProxyType(dict(parameters))
        self.outputs = MappingProxyType(dict(outputs))
        self.left_out, self.ignored = tuple(left_out), tuple(ignored)
        self.warnings = tuple(warnings)

    def __getitem__(self, logical_id: str) -> Any:
        """The lab's own thing of a logical id; raises :class:`~lambdalab.errors.UnknownName`."""
        if logical_id not in self.resources:
            raise UnknownName("resource in this lab", logical_id, self.resources)
        return self.resources[logical_id]

    def report(self) -> str:
        """Everything that was left out, warned of and ignored, a line each."""
        lines = [repr(self)[1:-1]]
        for title, found in (
            ("left out", self.left_out), ("warning", self.warnings), ("ignored", self.ignored),
        ):  # fmt: skip
            lines += [f"  {title}: {each}" for each in found]
        return "\n".join(lines)

    def __repr__(self) -> str:
        parts = [f"{self.name or 'template'}: {len(self.names)} built"]
        if self.left_out:
            of = ", ".join(dict.fromkeys(each.resource for each in self.left_out))
            parts.append(f"{len(self.left_out)} left out ({_short(of)})")
        if self.warnings:
            parts.append(f"{len(self.warnings)} warning{'s' * (len(self.warnings) > 1)}")
        if self.ignored:
            parts.append(f"{len(self.ignored)} ignored")
        return f"<{' · '.join(parts)}>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.report())}</pre>"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 4].rpartition(",")[0] + ", ..."


class TemplateVerbs:
    """What :class:`~lambdalab.Lab` does with templates; the lab is what it is mixed into."""

    template: Template | None = None
    """The template the lab was made from, if it was: what was built of it, and what was left out."""

    @staticmethod
    def _door(door: str) -> Any:
        """What stands above the lab, imported when it is first used."""
        raise NotImplementedError

    @classmethod
    def from_template(
        cls,
        template: Any,
        *,
        parameters: Mapping[str, Any] | None = None,
        code: Mapping[str, Any] | None = None,
        stack_name: str = "stack",
        strict: bool = False,
        **settings: Any,
    ) -> Self:
        """A lab with what a template of SAM or CloudFormation describes (needs the ``templates`` extra).

        Functions run the code that their paths lead to, from the template's folder on. What has no name of
        its own is called by its logical id. What a lab cannot build is left out, and
        ``lab.template.left_out`` lists it.

        Parameters
        ----------
        template
            A path, or the text itself: YAML or JSON. It is trusted as Python is: its functions are run.
        parameters
            Values of its parameters, by name.
        code
            By a function's logical id or name, what runs where its code is elsewhere or no Python: a path,
            a Python function, a source text; or how long a model takes, in seconds or as a distribution.
        stack_name
            What ``AWS::StackName`` stands for.
        strict
            Refuse a template of which something would be left out.
        settings
            Of the lab, as ``seed=7``; see :class:`~lambdalab.Lab`.

        Raises
        ------
        TemplateError
            For a template that does not parse, or that AWS would refuse: unknown or missing parameters,
            references to nothing, circles, values out of range; with ``strict``, for what is left out.
        MissingExtra
            Without the libraries: ``pip install "lambdalab[templates]"``.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab.from_template('''
        ... Resources:
        ...   Bill:
        ...     Type: AWS::Lambda::Function
        ...     Properties:
        ...       Runtime: python3.13
        ...       Handler: index.handler
        ...       Code: {ZipFile: "def handler(event, context): return event"}
        ... ''')
        >>> lab.template
        <template: 1 built>
        >>> lab.invoke("Bill", {"order": 1}).payload
        {'order': 1}
        """
        given = (template, parameters, code, stack_name, strict, settings)
        made: Self = cls._door("from_template").load(cls, *given)
        return made

    def _of_template(self) -> dict[str, list[object]]:
        """What the lab's repr says of its template."""
        return {} if self.template is None else {"template": [self.template]}
