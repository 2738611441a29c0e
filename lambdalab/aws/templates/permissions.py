"""The permissions of a template: who may call which function is what it says, not what a lab is used to.

A lab grants a permission when it wires a trigger, as the console does. CloudFormation does not: a trigger
without an ``AWS::Lambda::Permission`` is refused. So what was granted by the way is taken back, and a
warning says whom that concerns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lambdalab.functions.policy import INVOKE_URL, Statement

if TYPE_CHECKING:
    from lambdalab.lab import Lab
    from lambdalab.triggers.function_url import FunctionUrl


def not_granted(
    lab: Lab, granted: Iterable[tuple[str, str, str]], urls: Iterable[FunctionUrl]
) -> list[str]:
    """Take back what the template does not grant; a warning for each caller that is refused now.

    Parameters: ``granted``, the permissions of the template: function, qualifier, name; its ``urls``.
    """
    known, warnings = set(granted), []
    for function in lab.list_functions():
        policy = function.policy
        for qualifier in ("", *function.versions, *function.aliases):
            for each in list(policy.of(qualifier)):
                if (function.name, qualifier, each.sid) in known:
                    continue
                policy.remove(qualifier, each.sid)
                if not policy.allows(qualifier, each.principal, each.action, each.source_arn or ""):
                    warnings.append(_warning(function.name, qualifier, each))
    for url in urls:
        policy, qualifier = url.target.function.policy, url.target.qualifier
        if url.auth_type == "NONE" and not policy.allows_url(qualifier, "NONE", INVOKE_URL):
            warnings.append(
                f"no AWS::Lambda::Permission lets anybody call the {url.name}: it answers 403"
            )
    return warnings


def _warning(name: str, qualifier: str, statement: Statement) -> str:
    of = f"{name}:{qualifier}" if qualifier else name
    on = f" on behalf of {statement.source_arn}" if statement.source_arn else ""
    return f"no AWS::Lambda::Permission lets {statement.principal} invoke {of}{on}: its calls are refused"
