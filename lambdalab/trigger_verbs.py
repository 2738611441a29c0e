"""Lambda's verbs for those who call by themselves: permissions and function URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.functions.policy import INVOKE, INVOKE_URL, Statement

if TYPE_CHECKING:
    from lambdalab.invocation.registry import FunctionRegistry
    from lambdalab.triggers.registry import Triggers


class TriggerVerbs:
    """What :class:`~lambdalab.Lab` says in AWS's words about who may call a function."""

    _functions: FunctionRegistry
    _triggers: Triggers

    def _check_open(self) -> None:
        """Raise where the lab is closed."""
        raise NotImplementedError

    def add_permission(
        self,
        function: Any,
        statement_id: str,
        *,
        principal: str,
        source_arn: str | None = None,
        action: str = INVOKE,
        qualifier: Any = None,
    ) -> dict[str, Any]:
        """Allow a service to invoke a function (botocore AddPermission).

        A lab grants what is needed when it wires a trigger, as the console does; this verb is for what
        was taken away, and for callers that nobody wired.

        Parameters
        ----------
        function, qualifier
            The function; a version's number or an alias has a policy of its own.
        statement_id
            The name of the permission: letters, digits, ``-`` and ``_``; at most 100.
        principal
            The service ("sns.amazonaws.com"), an account, or ``"*"``.
        source_arn
            Only on behalf of this ARN, in which ``*`` and ``?`` stand for anything.
        action
            ``"lambda:InvokeFunction"``, or ``"lambda:InvokeFunctionUrl"``.

        Returns the statement as AWS shows it.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> bill = lab.create_function("bill", duration=0.1)
        >>> lab.add_permission(bill, "topic", principal="sns.amazonaws.com")["Action"]
        'lambda:InvokeFunction'
        """
        self._check_open()
        target = self._functions.target(function, qualifier)
        for setting, value in (("statement_id", statement_id), ("principal", principal)):
            if not isinstance(value, str) or not value:
                raise InvalidSetting(setting, value, "a text", "botocore AddPermission")
        if not all(c.isascii() and (c.isalnum() or c in "-_") for c in statement_id) or (
            len(statement_id) > 100
        ):
            limit = "letters, digits, '-' and '_'; at most 100"
            raise InvalidSetting("statement_id", statement_id, limit, "botocore AddPermission")
        if action not in (INVOKE, INVOKE_URL, "lambda:*"):
            raise InvalidParameterValueException(
                f"The action {action!r} is not one that a resource policy can allow",
                f"; {INVOKE!r} or {INVOKE_URL!r}",
            )
        statement = Statement(statement_id, principal, action, source_arn)
        target.function.policy.add(target.qualifier, statement)
        return statement.as_dict(target.arn)

    def remove_permission(
        self, function: Any, statement_id: str | None = None, *, qualifier: Any = None
    ) -> None:
        """Take a permission away (botocore RemovePermission): the caller gets AWS's error from now on.

        Parameters: the ``function``, and the name of the permission; None takes all of them away.
        :meth:`get_policy` lists them.

        Raises :class:`ResourceNotFoundException` where there is no such permission.
        """
        self._check_open()
        target = self._functions.target(function, qualifier)
        policy = target.function.policy
        if statement_id is None:
            for statement in list(policy.of(target.qualifier)):
                policy.remove(target.qualifier, statement.sid)
        else:
            policy.remove(target.qualifier, statement_id)

    def get_policy(self, function: Any, *, qualifier: Any = None) -> dict[str, Any]:
        """A function's resource policy, as AWS shows it; without a statement where nothing is allowed."""
        self._check_open()
        target = self._functions.target(function, qualifier)
        statements = target.function.policy.of(target.qualifier)
        return {
            "Version": "2012-10-17",
            "Id": "default",
            "Statement": [statement.as_dict(target.arn) for statement in statements],
        }
