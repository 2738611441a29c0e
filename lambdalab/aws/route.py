"""What is the same in every call of one operation by one client: looked up once.

A client's parameters are validated by botocore, and its events emitted under botocore's names. Both are
found out here in advance, for a call in process costs as much as its look-ups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.hooks import first_non_none_response
from botocore.utils import is_json_value_header
from botocore.validate import ParamValidationDecorator, ParamValidator

from lambdalab.aws.operations import Service

_VALIDATOR = ParamValidator()
_TYPES: dict[str, type] = {
    "string": str, "blob": bytes, "boolean": bool, "integer": int, "long": int,
}  # fmt: skip


class Route:
    """The way from a ``client`` to the function that answers one ``operation`` of a ``known`` service.

    Attributes: ``answering``, that function; ``model``, the operation's; ``context``, what botocore tells
    those who listen, to be copied; ``emit``, the client's; ``answered``, the event after a call;
    ``validates``, whether the client wants its parameters validated.
    """

    def __init__(self, client: Any, operation: str, known: Service) -> None:
        meta = client.meta
        self.known, self.answering = known, known.operations[operation]
        self.model = meta.service_model.operation_model(operation)
        self.context: dict[str, Any] = {
            "client_region": meta.region_name, "client_config": meta.config,
            "has_streaming_input": self.model.has_streaming_input,
            "auth_type": self.model.auth_type,
        }  # fmt: skip
        self.emit = meta.events.emit
        of = f"{meta.service_model.service_id.hyphenize()}.{operation}"
        self._provide, self._before = f"provide-client-params.{of}", f"before-parameter-build.{of}"
        self.answered = f"after-call.{of}"
        self._shape = self.model.input_shape
        asked = isinstance(client._serializer, ParamValidationDecorator)  # its config does not tell
        self.validates: bool = asked and self._shape is not None
        self._simple, self._required = _simple(self._shape) if self.validates else ({}, set())

    def told(self, given: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a call, as those who listen to the client's events leave them."""
        model = self.model
        answers = self.emit(self._provide, params=given, model=model, context=context)
        if answers:
            given = first_non_none_response(answers, default=given)
        self.emit(self._before, params=given, model=model, context=context)
        return given

    def validate(self, given: dict[str, Any]) -> None:
        """Raise :class:`ParamValidationError` for what the client's model does not allow."""
        if self._surely_valid(given):
            return
        report = _VALIDATOR.validate(given, self._shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())

    def _surely_valid(self, given: Mapping[str, Any]) -> bool:
        """Whether there is nothing that botocore would object to; it is asked where this says False."""
        simple = self._simple
        for name, value in given.items():
            known = simple.get(name)
            if known is None or type(value) is not known[0]:
                return False
            least = known[1]
            if least is not None and (value if known[0] is int else len(value)) < least:
                return False
        return self._required <= given.keys()


def _simple(shape: Any) -> tuple[dict[str, tuple[Any, int | None]], set[str]]:
    """The members of a request of which botocore checks the type and a least value or length at most.

    With them the names of those that have to be there.
    """
    found: dict[str, tuple[Any, int | None]] = {}
    if not shape.is_tagged_union and not shape.is_document_type:
        for name, member in shape.members.items():
            kind = _TYPES.get(member.type_name)
            if kind is not None and not is_json_value_header(member):
                host = 1 if member.serialization.get("hostLabel") else None
                found[name] = kind, member.metadata.get("min", host)
    return found, set(shape.metadata.get("required", ()))
