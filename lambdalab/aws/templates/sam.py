"""SAM's transform, by AWS's own aws-sam-translator, without a call to AWS.

It wants code in S3: a path of this machine goes through it as an object of a bucket that is nobody's
(:data:`HERE`), and comes out as such. The region is told to it; managed policies, which it would ask IAM
for, are left to their names. Applications of the Serverless Application Repository, which it would fetch,
go round it.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

from samtranslator.metrics.metrics import Metrics
from samtranslator.model.exceptions import ExceptionWithMessage, InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.arn_generator import ArnGenerator
from samtranslator.translator.translator import Translator

from lambdalab.aws.templates.reading import document
from lambdalab.errors import TemplateError
from lambdalab.functions.context import REGION

TRANSFORM = "AWS::Serverless-2016-10-31"
HERE = "lambdalab.local"
_CODE = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
_DEFINITIONS = {
    "AWS::Serverless::Api": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::HttpApi": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::StateMachine": ("DefinitionUri", "Definition"),
}
_TAKEN_OUT = ("AWS::Serverless::Application", "AWS::Serverless::GraphQLApi")


def is_sam(template: Mapping[str, Any]) -> bool:
    """Whether a template asks for SAM's transform."""
    transforms = template.get("Transform") or []
    return TRANSFORM in ([transforms] if isinstance(transforms, str) else transforms)


def transformed(
    template: dict[str, Any], parameters: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """The template in plain CloudFormation.

    Raises :class:`~lambdalab.errors.TemplateError` with everything that SAM finds wrong.
    """
    given = copy.deepcopy(template)
    resources: dict[str, Any] = given["Resources"]
    taken: dict[str, Any] = {}
    own = (given.get("Globals") or {}).get("Function")
    own = own if isinstance(own, dict) else {}
    if isinstance(own.get("CodeUri"), str):
        own["CodeUri"] = marked(own["CodeUri"])
    for logical_id, resource in list(resources.items()):
        kind = resource["Type"]
        if kind in _TAKEN_OUT:
            taken[logical_id] = {"Type": kind}
            del resources[logical_id]
        elif kind in _CODE or kind in _DEFINITIONS:
            _localize(resource, own, folder)
    try:
        found = _translated(given, parameters)
    except InvalidDocumentException as error:
        told = [_told(cause) for cause in error.causes]
        raise TemplateError(
            "SAM cannot transform the template", [one for one in told if one] or [error.message]
        ) from None
    except Exception as error:  # the transform itself is not ready for what no schema of it allows
        raise TemplateError(f"SAM cannot transform the template: {error!r}") from error
    found["Resources"] |= taken
    return found


def _translated(given: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    session: Any = SimpleNamespace(region_name=REGION)
    log, region = logging.getLogger("samtranslator"), ArnGenerator.BOTO_SESSION_REGION_NAME
    level = log.level
    log.setLevel(logging.CRITICAL)
    metrics = Metrics()  # where they are published to nobody; it complains of those that are not
    try:
        translator = Translator({}, Parser(), boto_session=session, metrics=metrics)
        values = {**parameters, "AWS::Region": REGION, "AWS::Partition": "aws"}
        found: dict[str, Any] = translator.translate(
            given, parameter_values=values, get_managed_policy_map=dict
        )
        return found
    finally:
        metrics.publish()
        log.setLevel(level)
        ArnGenerator.BOTO_SESSION_REGION_NAME = region  # the translator has set it for the process


def _told(error: ExceptionWithMessage) -> str:
    return str(error.message)


def _localize(resource: dict[str, Any], own: dict[str, Any], folder: Path) -> None:
    """Paths of this machine as SAM takes them."""
    kind, properties = resource["Type"], resource.setdefault("Properties", {})
    if kind in _CODE:
        name = _CODE[kind]
        if isinstance(properties.get(name), str):
            properties[name] = marked(properties[name])
        elif kind == "AWS::Serverless::Function" and not (
            {"InlineCode", "ImageUri", name} & {*properties, *own}
            or "Image" in (properties.get("PackageType"), own.get("PackageType"))
        ):
            properties[name] = marked(".")  # as the SAM CLI has it
        return
    where, inside = _DEFINITIONS[kind]
    uri = properties.get(where)
    if isinstance(uri, str) and not uri.startswith("s3://"):
        if (folder / uri).is_file():
            properties[inside] = document(folder / uri)
            del properties[where]
        else:  # listed where the API is built
            properties[where] = marked(uri)


def marked(path: str) -> str:
    """A path as the object of a bucket that stands for this machine; what is in S3 stays."""
    return path if path.startswith("s3://") else f"s3://{HERE}/{quote(path, safe='') or '.'}"


def unmarked(bucket: object, key: object) -> str | None:
    """The path that such an object stands for; None where it is another."""
    return unquote(str(key)) if bucket == HERE else None
