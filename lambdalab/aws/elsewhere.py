"""Services that no lab has, such as IAM or the parameter store: moto answers, in this process.

Each lab has a world of its own there. Nothing of moto is switched on: a call goes through botocore's
regular way up to where it would open a connection, and is handed to moto there.
"""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from lambdalab.lab import Lab

KEYS = {"aws_access_key_id": "LAMBDALAB", "aws_secret_access_key": "not-a-secret"}
"""Credentials that no account of AWS has: botocore wants some before it makes a client."""
_REAL = BaseClient._make_api_call
_ID = "lambdalab-elsewhere"
_worlds: WeakKeyDictionary[Lab, tuple[list[Any], Any]] = WeakKeyDictionary()
_here: list[ref[Lab]] = []


class NotThere(Exception):
    """Moto has no such service, or not this operation of it."""


def ask(lab: Lab, client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """What moto answers to a call. Raises :class:`NotThere`, and what the client raises."""
    try:
        from moto.core.models import MockAWS, botocore_stubber
    except ImportError as error:
        raise NotThere from error

    def send(request: Any, **_: Any) -> AWSResponse:
        try:
            answer = botocore_stubber.process_request(request)
        except NotImplementedError as error:
            raise NotThere from error
        if answer is None or (
            answer[0] == HTTPStatus.NOT_FOUND and answer[2] == "Not yet implemented"
        ):
            raise NotThere
        status, headers, body = answer
        return AWSResponse(request.url, status, headers, _Raw(body))

    if not MockAWS._mocks_active:  # else it is somebody's own, who wants its world
        _enter(lab)
    signer, events = client._request_signer, client.meta.events
    own, signer._credentials = signer._credentials, Credentials(*KEYS.values())
    events.register_first("before-send", send, unique_id=_ID)
    try:
        answer: dict[str, Any] = _REAL(client, operation, given)
        return answer
    finally:
        events.unregister("before-send", unique_id=_ID)
        signer._credentials = own


def answered(lab: Lab, request: AWSPreparedRequest) -> tuple[int, dict[str, Any], str | bytes]:
    """Moto's answer to a request for one of AWS's own hosts: status, headers and body.

    Raises :class:`NotThere`.
    """
    try:
        from moto.core.models import MockAWS, botocore_stubber
    except ImportError as error:
        raise NotThere from error
    if not MockAWS._mocks_active:  # else it is somebody's own, who wants its world
        _enter(lab)
    try:
        answer = botocore_stubber.process_request(request)
    except NotImplementedError as error:
        raise NotThere from error
    if answer is None or (answer[0] == HTTPStatus.NOT_FOUND and answer[2] == "Not yet implemented"):
        raise NotThere
    status, headers, body = answer
    return status, headers, body


class _Raw:
    """A body as botocore reads it off a connection."""

    def __init__(self, body: str | bytes) -> None:
        self._left = body.encode() if isinstance(body, str) else body

    def stream(self, **_: Any) -> Any:
        """All that is left."""
        yield self.read()

    def read(self, most: int | None = None, **_: Any) -> bytes:
        """So many bytes."""
        end = len(self._left) if most is None else most
        taken, self._left = self._left[:end], self._left[end:]
        return taken

    def close(self) -> None:
        """Nothing is open."""


def _enter(lab: Lab) -> None:
    """Let moto have the world of this lab, and put away that of another."""
    if _here and _here[0]() is lab:
        return
    from moto.core.base_backend import BackendDict
    from moto.moto_api._internal import mock_random

    instances: list[Any] = BackendDict._instances
    before = _here[0]() if _here else None
    if before is not None:
        _worlds[before] = [(each, dict(each)) for each in instances], mock_random.getstate()
    for each in instances:
        each.clear()
    backends, chance = _worlds.get(lab, ([], None))
    instances[:] = [each for each, _ in backends]
    for each, found in backends:
        each.update(found)
    mock_random.setstate(chance or random.Random(f"{lab.seed}/elsewhere").getstate())
    _here[:] = [ref(lab)]
