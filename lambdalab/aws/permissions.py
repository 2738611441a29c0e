"""Lambda's operations on a function's resource policy.

``PrincipalOrgID`` and ``EventSourceToken`` are refused: the lab has one account, and no Alexa.
"""

from __future__ import annotations

import json
from typing import Any

from lambdalab.aws.lambda_api import (
    SERVICE,
    check_revision,
    missing,
    refuse,
    revision,
    target_of,
    touch,
)
from lambdalab.aws.operations import Call


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


@SERVICE.operation
def add_permission(call: Call) -> dict[str, Any]:
    """Allow a service, an account or anybody to invoke a function, version or alias."""
    refuse(call, "PrincipalOrgID", "EventSourceToken")
    target = target_of(call)
    check_revision(call, target.function, target.qualifier, "GetPolicy")
    statement = call.lab.add_permission(
        target.function, call["StatementId"], action=call["Action"], principal=call["Principal"],
        qualifier=target.qualifier or None,
        **call.settings(
            source_arn="SourceArn", source_account="SourceAccount",
            function_url_auth_type="FunctionUrlAuthType",
            invoked_via_function_url="InvokedViaFunctionUrl",
        ),
    )  # fmt: skip
    touch(call, target.function, "policy", target.qualifier)
    call.status = 201
    return {"Statement": _text(statement)}


@SERVICE.operation
def remove_permission(call: Call) -> None:
    """Take a permission away."""
    target = target_of(call)
    check_revision(call, target.function, target.qualifier, "GetPolicy")
    known = [statement.sid for statement in target.function.policy.of(target.qualifier)]
    if not known:
        raise missing("No policy is associated with the given resource.")
    if call["StatementId"] not in known:
        raise missing(f"Statement {call['StatementId']} is not found in resource policy.")
    call.lab.remove_permission(
        target.function, call["StatementId"], qualifier=target.qualifier or None
    )
    touch(call, target.function, "policy", target.qualifier)
    call.status = 204


@SERVICE.operation
def get_policy(call: Call) -> dict[str, Any]:
    """The policy of a function, version or alias, as the JSON text that AWS gives."""
    target = target_of(call)
    policy = call.lab.get_policy(target.function, qualifier=target.qualifier or None)
    if not policy["Statement"]:
        raise missing()
    rev = revision(call, target.function, target.qualifier)
    return {"Policy": _text(policy), "RevisionId": rev}
