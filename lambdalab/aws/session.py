"""Clients of boto3 that talk to a lab, one at a time: ``lab.client("sqs")``, ``lab.session()``."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import botocore.loaders
import botocore.session
from botocore.client import BaseClient

from lambdalab.aws.dispatch import api_call
from lambdalab.aws.elsewhere import KEYS
from lambdalab.functions.context import REGION
from lambdalab.kernel import outside

if TYPE_CHECKING:
    from lambdalab.lab import Lab


_MODELS = botocore.loaders.Loader()
"""The models of AWS's services, which every session here reads once: they are large, and never change."""


class LabSession(boto3.Session):  # type: ignore[misc]
    """A session whose clients, and whose resources' clients, talk to one lab."""

    def __init__(self, lab: Lab, region_name: str = REGION) -> None:
        core = botocore.session.Session()
        core.register_component("data_loader", _MODELS)
        for name in ("config_file", "credentials_file"):  # whatever this machine has set up
            core.set_config_variable(name, os.devnull)
        core.set_config_variable("profile", None)
        self._lab = lab
        super().__init__(botocore_session=core, region_name=region_name, **KEYS)
        paths = _MODELS.search_paths  # boto3 adds its own, for every session
        paths[:] = dict.fromkeys(paths)

    def client(self, service_name: str, *given: Any, **named: Any) -> BaseClient:
        """A client as boto3 makes it; its calls are answered by the lab."""
        made = super().client(service_name, *given, **named)
        answers: Callable[..., Any] = partial(api_call, self._lab, made)
        made._make_api_call = answers
        made.get_waiter = partial(_waiter, self._lab, made.get_waiter)
        return made


def _waiter(lab: Lab, get: Callable[[str], Any], name: str) -> Any:
    """A waiter that waits in the lab's time."""
    waiter = get(name)
    waits = waiter.wait

    def wait(**given: Any) -> None:
        with outside.virtual(lab._own_time):
            waits(**given)

    waiter.wait = wait
    return waiter


def session(lab: Lab, region_name: str = REGION) -> LabSession:
    """A session of boto3 whose clients and resources talk to a lab."""
    return LabSession(lab, region_name)


def client(lab: Lab, service_name: str, **settings: Any) -> BaseClient:
    """A client of boto3 that talks to a lab; ``settings`` are those of ``boto3.client``."""
    made: LabSession | None = lab.__dict__.get("_aws_session")
    if made is None:
        made = lab.__dict__["_aws_session"] = LabSession(lab)
    return made.client(service_name, **settings)
