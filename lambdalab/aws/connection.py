"""``with lab.aws():`` every client of boto3 talks to the lab, and the block lives in the lab's time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import boto3
from botocore.client import BaseClient

from lambdalab import lab as labs
from lambdalab.aws.dispatch import api_call
from lambdalab.functions.context import REGION
from lambdalab.kernel import outside, shims
from lambdalab.kernel.current import green

if TYPE_CHECKING:
    from lambdalab.kernel.tasks import Tasks
    from lambdalab.lab import Lab

ENVIRONMENT: dict[str, str | None] = {
    "AWS_ACCESS_KEY_ID": "LAMBDALAB", "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PROFILE": None, "AWS_DEFAULT_PROFILE": None, "AWS_SESSION_TOKEN": None,
    "AWS_ENDPOINT_URL": None,
}  # fmt: skip
"""What the block's environment says; None: it is not there."""
_connected: list[Connection] = []
_homes: WeakKeyDictionary[Tasks, Lab] = WeakKeyDictionary()


class Connection:
    """All of boto3 talks to a ``lab`` from :meth:`on` to :meth:`off`.

    Attributes: ``time``, which gives the thread the lab's time; None in a handler, which has it.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.time = None if green() else outside.Virtual(lab._own_time)
        self._undo = ExitStack()

    def on(self) -> None:
        """Connect; what fails leaves nothing behind."""
        with ExitStack() as undo:
            undo.enter_context(_environment())
            if not _connected:
                undo.enter_context(_answering())
            _connected.append(self)
            undo.callback(_connected.remove, self)
            if self.time is not None:
                shims.handlers_changed(lambda: True)  # the block's code may have bound clocks early
                self.time.on()
                undo.callback(self.time.off)
            self._undo = undo.pop_all()

    def off(self) -> None:
        """All as it was; once more does nothing."""
        self._undo.close()


@contextmanager
def connected(lab: Lab) -> Iterator[Lab]:
    """See :meth:`lambdalab.Lab.aws`."""
    connection = Connection(lab)
    connection.on()
    try:
        yield lab
    finally:
        connection.off()


@contextmanager
def _environment() -> Iterator[None]:
    """Credentials and a region that are nobody's; what else the block writes there stays."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    _set(ENVIRONMENT)
    try:
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _answering() -> Iterator[None]:
    """Calls of every client, whenever it was made, come here; so does a new default session's."""
    real, session = BaseClient._make_api_call, boto3.DEFAULT_SESSION

    def answer(client: Any, operation: str, given: dict[str, Any]) -> Any:
        return api_call(_here(), client, operation, given)

    BaseClient._make_api_call, boto3.DEFAULT_SESSION = answer, None
    try:
        yield
    finally:
        BaseClient._make_api_call, boto3.DEFAULT_SESSION = real, session


def _here() -> Lab:
    """The lab of the handler or thread that calls; else that of the innermost block."""
    task = green()
    if task is None:
        return _connected[-1].lab
    home = _homes.get(task.tasks)
    if home is None:
        every: WeakSet[Lab] = labs._LABS
        for lab in every:
            if lab._lambda.tasks is task.tasks:
                home = _homes[task.tasks] = lab
    return home or _connected[-1].lab
