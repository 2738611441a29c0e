"""Labs from templates of CloudFormation and SAM: what ``Lab.from_template`` opens.

Reading (:mod:`.reading`), SAM's transform (:mod:`.sam`) and the intrinsic functions (:mod:`.intrinsics`)
are libraries'; a stack (:mod:`.building`) puts the resources in order, and each kind of them
(:mod:`.kinds`) is made by the operations of the lab's own API, as CloudFormation makes it by AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.errors import MissingExtra, TemplateError, suggestion

if TYPE_CHECKING:
    from lambdalab.aws.templates.left_out import LeftOut
    from lambdalab.lab import Lab

_TRANSFORMS = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions")


def load(
    kind: type[Lab],
    template: object,
    parameters: Mapping[str, Any] | None,
    code: Mapping[str, Any] | None,
    stack_name: str,
    strict: bool,
    settings: Mapping[str, Any],
) -> Lab:
    """See :meth:`lambdalab.Lab.from_template`."""
    try:
        from lambdalab.aws.templates import building, intrinsics, reading, sam
        from lambdalab.aws.templates.left_out import LeftOut
        from lambdalab.aws.templates.parameters import parameters_of
    except ModuleNotFoundError as error:
        if str(error.name).startswith("lambdalab"):
            raise
        raise MissingExtra(
            f'templates need {error.name}: pip install "lambdalab[templates]"'
        ) from error
    source, left_out = reading.read(template), LeftOut()
    values = parameters_of(source.template, parameters, left_out)
    plain = intrinsics.looped(source.template, values, stack_name)
    reading.check_resources(plain["Resources"], source.name)
    if sam.is_sam(plain):
        plain = sam.transformed(plain, values, source.folder)
        plain["Transform"] = source.template[
            "Transform"
        ]  # what functions there are follows from it
    seed = settings.get("seed", 0)
    _list_sections(source.template, left_out)
    stack = building.Stack(source, plain, values, dict(code or {}), stack_name, left_out, seed)
    _check_code(code or {}, stack)
    lab = kind(**settings)
    try:
        lab.template = stack.build(lab)
        if strict and left_out.missing:
            told = f"{source.name} has what a lab cannot build (strict=True)"
            raise TemplateError(told, map(str, left_out.missing))
    except Exception:
        lab.close()
        raise
    return lab


def _list_sections(template: Mapping[str, Any], left_out: LeftOut) -> None:
    """Sections of the template that mean nothing here."""
    if template.get("Rules"):
        left_out.wholly("Rules", "Rules", "what rules say of parameters is not checked")
    transforms = template.get("Transform") or []
    for each in [transforms] if isinstance(transforms, (str, dict)) else transforms:
        name = each.get("Name", "") if isinstance(each, dict) else str(each)
        if name not in _TRANSFORMS:
            left_out.wholly("Transform", name, "macros are not carried out")


def _check_code(code: Mapping[str, Any], stack: Any) -> None:
    """Raise for code of a function that is not there."""
    kind = "AWS::Lambda::Function"
    functions = {name: each for name, each in stack.resources.items() if each["Type"] == kind}
    names = [each.get("Properties", {}).get("FunctionName") for each in functions.values()]
    known = [*functions, *(name for name in names if isinstance(name, str))]
    for name in code:
        if name not in known:
            raise TemplateError(f"code= of {name!r}: no such function{suggestion(name, known)}")
