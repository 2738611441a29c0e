"""Where a function's code is: a path of this machine, a text in the template, or somewhere else.

Code that is not there, and code that is no Python, makes a modelled function, which takes the time of the
rule ``template_model``; the list of what was left out says so. ``code=`` of ``from_template`` gives a
function its code, or a duration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lambdalab.aws.templates.resource import Resource
from lambdalab.aws.templates.sam import unmarked
from lambdalab.errors import HandlerError
from lambdalab.functions import durations
from lambdalab.functions.code import Code
from lambdalab.kernel.surroundings import CodeFolder

_INLINE = "index.py"


@dataclass(slots=True)
class Found:
    """A function's code: as ``create_function`` takes it, or the settings of a model."""

    code: Any = None
    handler: str | None = None
    runtime: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def code_of(resource: Resource) -> Found:
    """The code of an AWS::Lambda::Function, or what stands for it."""
    given, handler = resource.take("Code"), resource.take("Handler")
    runtime = str(resource.take("Runtime", ""))
    own = resource.stack.own_code(resource.id, resource.name)
    if own is not None:
        return _own(resource, own, handler, runtime)
    if runtime and not runtime.startswith("python"):
        return _model(resource, f"a lab runs Python, not {runtime}", runtime)
    place, why = _place(resource, given, handler)
    if why or not runtime:
        return _model(resource, why or "it has no Runtime", runtime)
    if isinstance(place, Code):
        return Found(place, None, runtime)
    try:
        return Found(Code.load(place, handler), None, runtime)
    except HandlerError as error:
        if not place.is_dir():
            return _model(resource, str(error), runtime)
        resource.left_out.partly(resource.id, resource.type, "Handler", str(error))
        return Found(Code(str(handler), CodeFolder(str(place))), None, runtime)


def _own(resource: Resource, own: Any, handler: Any, runtime: str) -> Found:
    """What the caller gave for this function."""
    if isinstance(own, (int, float)) or hasattr(own, "sampler"):
        durations.check("duration", own)
        return Found(settings={"duration": own} | _runtime(resource, runtime))
    python = runtime if runtime.startswith("python") else ""
    path = isinstance(own, (str, Path)) and handler is not None
    return Found(own, str(handler) if path else None, python)


def _place(resource: Resource, given: Any, handler: Any) -> tuple[Any, str]:
    """The code's path, or a Code; or why there is none."""
    if isinstance(given, str):  # as ``aws cloudformation package`` takes it
        return _path(resource, given)
    if not isinstance(given, dict):
        return None, "it has no Code"
    if "ZipFile" in given:
        files = {_INLINE: str(given["ZipFile"]).encode()}
        return Code(str(handler), CodeFolder(files=files)), ""
    if "ImageUri" in given:
        return None, "a lab runs no images"
    path = unmarked(given.get("S3Bucket"), given.get("S3Key"))
    if path is not None:
        return _path(resource, path)
    place = f"s3://{given.get('S3Bucket')}/{given.get('S3Key')}"
    return None, f"its code is elsewhere ({place})"


def _path(resource: Resource, path: str) -> tuple[Any, str]:
    place: Path = resource.stack.source.folder / path
    if path.startswith("s3://"):
        return None, f"its code is elsewhere ({path})"
    if place.exists():
        return place, ""
    beside = [each.name for each in place.parent.iterdir()] if place.parent.is_dir() else []
    near = get_close_matches(place.name, sorted(beside), 1)
    told = f" (did you mean {near[0]!r}?)" if near else ""
    return None, f"there is no {path!r} beside the template{told}"


def _model(resource: Resource, why: str, runtime: str) -> Found:
    """A modelled function in its place."""
    seconds: float = resource.lab.rules.template_model
    told = f"{why}: a model that takes {seconds:g} s; code={{{resource.id!r}: ...}} gives it code"
    resource.left_out.partly(resource.id, resource.type, "Code", told)
    return Found(settings={"duration": seconds} | _runtime(resource, runtime))


def _runtime(resource: Resource, runtime: str) -> dict[str, Any]:
    """The runtime of a model, as far as the lab has measured it."""
    known = {each for each, _ in resource.lab.rules.init_percentiles}
    return {"runtime": runtime} if runtime in known else {}
