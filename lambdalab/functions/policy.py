"""A function's resource policy: which service may invoke it, on behalf of what.

Each function has one policy, and so has each of its versions and aliases; a caller's qualifier says
which one counts. A statement allows one action to one principal, narrowed to callers whose ARN matches,
where it names one. Sources: botocore AddPermission, RemovePermission and GetPolicy;
dg/access-control-resource-based.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lambdalab.errors import ResourceConflictException, ResourceNotFoundException
from lambdalab.functions.context import ACCOUNT
from lambdalab.functions.target import LATEST

INVOKE = "lambda:InvokeFunction"
INVOKE_URL = "lambda:InvokeFunctionUrl"


@dataclass(frozen=True, slots=True)
class Statement:
    """One permission.

    Attributes: ``sid``, its name; ``principal``, a service ("sns.amazonaws.com"), an account or ``"*"``;
    ``action``; ``source_arn``, which may hold ``*`` and ``?`` (None: any caller of the principal);
    ``auth_type`` of a function URL that it is for; ``via_url``: only for calls through a function URL;
    ``source_account``: only for callers of that account.
    """

    sid: str
    principal: str
    action: str = INVOKE
    source_arn: str | None = None
    auth_type: str | None = None
    via_url: bool = False
    source_account: str | None = None

    def allows(self, principal: str, action: str, source_arn: str) -> bool:
        """Whether a call by ``principal`` on behalf of ``source_arn`` is allowed by this alone."""
        return (
            not self.via_url
            and self.principal in ("*", principal)
            and self.action in ("*", "lambda:*", action)
            and self.source_account in (None, ACCOUNT)
            and (
                self.source_arn is None or _like(self.source_arn).fullmatch(source_arn) is not None
            )
        )

    def allows_url(self, auth_type: str, action: str) -> bool:
        """Whether anybody may come in through a function URL of this kind (dg/urls-auth)."""
        return (
            self.principal == "*"
            and self.source_arn is None
            and self.source_account is None
            and self.action in ("*", "lambda:*", action)
            and self.auth_type in (None, auth_type)
        )

    def as_dict(self, resource: str) -> dict[str, Any]:
        """The statement as AWS shows it; ``resource`` is the ARN of the function."""
        service = self.principal.endswith(".amazonaws.com")
        principal: Any = {"Service": self.principal} if service else {"AWS": self.principal}
        conditions: dict[str, Any] = {}
        if self.source_arn is not None:
            conditions["ArnLike"] = {"AWS:SourceArn": self.source_arn}
        equal = {
            "AWS:SourceAccount": self.source_account,
            "lambda:FunctionUrlAuthType": self.auth_type,
        }
        if any(equal.values()):
            conditions["StringEquals"] = {key: value for key, value in equal.items() if value}
        if self.via_url:
            conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
        shown = {
            "Sid": self.sid, "Effect": "Allow",
            "Principal": "*" if self.principal == "*" else principal,
            "Action": self.action, "Resource": resource,
        }  # fmt: skip
        return shown | ({"Condition": conditions} if conditions else {})


class Policy:
    """The statements of a function, by qualifier ("": the function itself, and its ``$LATEST``)."""

    def __init__(self) -> None:
        self._statements: dict[str, dict[str, Statement]] = {}

    def add(self, qualifier: str, statement: Statement) -> None:
        """Allow one thing more.

        Raises :class:`~lambdalab.errors.ResourceConflictException` where the name is taken.
        """
        own = self._statements.setdefault(_key(qualifier), {})
        if statement.sid in own:
            raise ResourceConflictException(
                f"The statement id ({statement.sid}) provided already exists. Please provide a new "
                "statement id, or remove the existing statement."
            )
        own[statement.sid] = statement

    def remove(self, qualifier: str, sid: str) -> None:
        """Allow it no more.

        Raises :class:`~lambdalab.errors.ResourceNotFoundException` where there is no such statement.
        """
        own = self._statements.get(_key(qualifier), {})
        if sid not in own:
            known = f"; there are {', '.join(map(repr, own))}" if own else "; there are none"
            raise ResourceNotFoundException(
                f"Statement {sid} is not found in resource policy.", known
            )
        del own[sid]

    def allows(self, qualifier: str, principal: str, action: str, source_arn: str) -> bool:
        """Whether any statement allows it."""
        own = self._statements.get(_key(qualifier))
        return own is not None and any(
            statement.allows(principal, action, source_arn) for statement in own.values()
        )

    def allows_url(self, qualifier: str, auth_type: str, action: str) -> bool:
        """Whether any statement lets anybody in through a function URL."""
        own = self._statements.get(_key(qualifier), {})
        return any(statement.allows_url(auth_type, action) for statement in own.values())

    def forget(self, qualifier: str) -> None:
        """The qualifier is gone, and its statements with it."""
        self._statements.pop(_key(qualifier), None)

    def of(self, qualifier: str) -> Iterator[Statement]:
        """The statements of one qualifier."""
        return iter(self._statements.get(_key(qualifier), {}).values())


def _key(qualifier: str) -> str:
    """``$LATEST`` has no policy of its own: it is the function's."""
    return "" if qualifier == LATEST else qualifier


@lru_cache(maxsize=1024)
def _like(pattern: str) -> re.Pattern[str]:
    """An ARN with ``*`` and ``?`` as a regular expression."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)
