"""STS: who the lab's user is."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.operations import Call, Service
from lambdalab.functions.context import ACCOUNT

SERVICE = Service("sts")


@SERVICE.operation
def get_caller_identity(call: Call) -> dict[str, Any]:
    """Everybody is the one user of the lab's account."""
    return {
        "UserId": "AIDALAMBDALABSENDER00",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/lambdalab",
    }
