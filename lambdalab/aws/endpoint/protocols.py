"""AWS's wire formats, by moto's protocol layer and botocore's models: requests in, answers out.

What moto's routers, parsers and serializers do stands there. Here they are chosen and kept, and told what
they are lenient about: a body that cannot be read is refused.
"""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl
from xml.parsers import expat

import orjson
from botocore.utils import parse_timestamp
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.routing import RestRouter, get_router_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import HTTPException

from lambdalab.aws.endpoint.http import Request
from lambdalab.aws.operations import ApiError

_FORM = "application/x-www-form-urlencoded"
_ORDER = ("json", "rest-json", "rest-xml", "query", "ec2")
"""Moto's protocols; where a service has several, botocore takes the first of them. CBOR is none."""
_OLD_PROTOCOLS = frozenset({"sqs", "cloudwatch"})
"""Services that take the query protocol beside the one they have now."""
_MOST_FIELDS = 100_000
UNREADABLE = (
    ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, RecursionError,
    RequestParserError,
)  # fmt: skip
"""What a parser raises for a body that is not what the operation's model says."""


class Unreadable(Exception):
    """A body that is no JSON, no XML or no form."""


def _moment(value: Any) -> dt.datetime:
    """A timestamp of the wire in UTC."""
    found: dt.datetime = parse_timestamp(value).astimezone(dt.UTC)
    return found


def _json(self: Any, body: bytes) -> Any:
    """The body's JSON; moto's own takes what is none for a message."""
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _no_doctype(*_: object) -> None:
    raise Unreadable("a document type is not allowed here")


def _xml(self: Any, body: bytes) -> ET.Element:
    """The body's XML, which may have no document type: that could define entities without end."""
    looked = expat.ParserCreate()
    looked.StartDoctypeDeclHandler = _no_doctype
    try:
        looked.Parse(body, True)
        return ET.fromstring(body)
    except (expat.ExpatError, ET.ParseError) as error:
        raise Unreadable(str(error)) from None


_PARSERS = {
    name: type(
        parser.__name__, (parser,),
        {"_parse_body_as_json": _json, "_parse_xml_string_to_dom": _xml},
    )
    for name, parser in PROTOCOL_PARSERS.items()
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request as moto's routers and parsers look at one.

    Parameters: the ``request``; the ``bucket`` of a host that names one, "" for others.
    """

    request: Request
    bucket: str = ""
    method: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", self.request.method)

    @property
    def raw_path(self) -> str:
        """The path as it was sent; an S3 bucket is always in it."""
        path = self.request.raw_path or "/"
        return f"/{self.bucket}{path}" if self.bucket else path

    @cached_property
    def host(self) -> str:
        """Which the maps of paths want to know, and do not look at."""
        return "localhost"

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The query."""
        return MultiDict(self.request.pairs)

    @cached_property
    def headers(self) -> Headers:
        """The headers, found in any spelling."""
        return Headers(list(self.request.headers.items()))

    @cached_property
    def values(self) -> MultiDict[str, str]:
        """The query and, where the body is a form, its fields."""
        if not self.request.headers.get("content-type", "").startswith(_FORM):
            return self.args
        try:
            fields = parse_qsl(
                self.request.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS,
                errors="strict",
            )  # fmt: skip
        except ValueError as error:
            raise Unreadable(str(error)) from None
        return MultiDict([*self.request.pairs, *fields])


@dataclass(frozen=True, eq=False)
class Protocol:
    """One protocol of one service. Make it with :func:`protocol_of`; ``model`` is the service's."""

    name: str
    model: ServiceModel
    _parsers: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def router(self) -> Any:
        """Finds the operation of a request."""
        kind = RestRouter if self.model.service_name == "s3" else None
        kind = kind or get_router_class(self.model.service_name, self.name)
        return kind(self.model)

    def operation(self, asked: Asked) -> tuple[OperationModel, dict[str, Any]]:
        """The operation that a request asks for, and what its path says.

        Raises :class:`ApiError` where there is none, :class:`Unreadable`.
        """
        try:
            found, params = self.router.match(asked)
        except HTTPException:
            raise self._unknown(asked) from None
        return found, params

    def _unknown(self, asked: Asked) -> ApiError:
        """The refusal of an operation that the service does not have."""
        if self.name == "query":
            told = f"Could not find operation {asked.values.get('Action', '')}"
            return ApiError("InvalidAction", told)
        if self.model.service_name == "s3":
            told = "The specified method is not allowed against this resource."
            return ApiError("MethodNotAllowed", told, 405)
        status = 404 if self.name.startswith("rest") else 400
        return ApiError("UnknownOperationException", "There is no such operation.", status)

    def parse(
        self, operation: OperationModel, asked: Asked, params: dict[str, Any]
    ) -> dict[str, Any]:
        """The parameters of a request. Raises :class:`Unreadable`."""
        parser = self._parsers.get(operation.name)
        if parser is None:
            parser = self._parsers[operation.name] = _PARSERS[self.name](operation, _moment)
        try:
            given: dict[str, Any] | None = parser.parse(
                {
                    "method": asked.method, "values": asked.values, "headers": asked.headers,
                    "body": asked.request.body, "url_path": asked.raw_path, "url_params": params,
                }
            )  # fmt: skip
        except UNREADABLE as error:
            raise Unreadable(str(error)) from None
        return given or {}


@cache
def _protocol(service: str, name: str) -> Protocol:
    return Protocol(name, get_service_model(service))


def protocol_of(service: str, request: Request) -> Protocol:
    """The protocol that a request to a service is in."""
    spoken = get_service_model(service).metadata["protocols"]
    name: str = next(each for each in _ORDER if each in spoken)
    if name == "json" and "x-amz-target" not in request.headers and service in _OLD_PROTOCOLS:
        name = "query"
    return _protocol(service, name)
