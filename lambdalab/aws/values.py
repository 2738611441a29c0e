"""What the operations of several services need: moments as clients give them, and pages of lists."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.utils import parse_to_aware_datetime

from lambdalab.aws.operations import ApiError, Service

if TYPE_CHECKING:
    from lambdalab.lab import Lab

Item = TypeVar("Item")


class JsonService(Service):
    """A service of AWS's JSON protocol: whatever it refuses, it does so with the status 400."""

    def error(self, error: Exception) -> ApiError:
        """One of the lab's errors as this service tells it."""
        told = super().error(error)
        told.status = min(told.status, 400) if told.status < 500 else told.status
        return told


def moment(value: Any) -> dt.datetime:
    """A time as botocore takes it (datetime, ISO text, seconds since 1970) in UTC.

    One without a zone is of this machine's, as botocore has it.
    """
    return parse_to_aware_datetime(value).astimezone(dt.UTC)  # type: ignore[no-any-return]


def token_of(place: object) -> str:
    """A token that stands for a place: the same for the same place."""
    return base64.urlsafe_b64encode(f"lambdalab:{place}".encode()).decode()


def place_of(token: str, refusal: ApiError) -> str:
    """The place of a token, or the refusal is raised."""
    try:
        name, _, place = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except ValueError:  # also of what is no UTF-8
        raise refusal from None
    if name != "lambdalab":
        raise refusal
    return place


def page(
    items: Sequence[Item], token: str | None, most: int, refusal: ApiError
) -> tuple[Sequence[Item], str | None]:
    """One page of a list, and the token of the next one (None: there is none).

    Parameters: the whole list; the ``token`` that the client gives, None at first; how many at ``most``;
    and the ``refusal`` of a token that is none.
    """
    begin = 0
    if token is not None:
        place = place_of(token, refusal)
        if not place.isdecimal():
            raise refusal
        begin = int(place)
    end = begin + most
    return items[begin:end], token_of(end) if end < len(items) else None


def kept(lab: Lab, service: str) -> dict[str, Any]:
    """What a service's operations keep of a lab that the lab itself has no use for."""
    found: dict[str, dict[str, Any]] = lab.__dict__.setdefault("_aws_kept", {})
    return found.setdefault(service, {})


def disable(lab: Lab, sources: Iterable[object]) -> None:
    """Disable the mappings of sources that are about to be deleted: they stay, and read no more."""
    wanted = {id(source) for source in sources}
    for mapping in lab.list_event_source_mappings():
        if id(mapping.source) in wanted and mapping.enabled:
            mapping.disable()


def constraint(code: str, name: str, value: object, rule: str) -> ApiError:
    """A refusal in the words of AWS's own validation."""
    return ApiError(
        code,
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must {rule}",
    )


def limit(given: int | None, default: int, most: int, code: str, name: str = "limit") -> int:
    """How many a page may have, or the refusal is raised."""
    if given is None:
        return default
    if not 1 <= given <= most:
        side, bound = ("less", most) if given > most else ("greater", 1)
        raise constraint(code, name, given, f"have value {side} than or equal to {bound}")
    return given
