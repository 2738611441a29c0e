"""Lambda's verbs for those who call by themselves: permissions and function URLs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.functions.policy import INVOKE, INVOKE_URL, Statement
from lambdalab.functions.target import LATEST, Target
from lambdalab.triggers.parts import no_others, one_of

_ACCOUNT = re.compile(r"\d{12}\Z", re.ASCII)
_PRINCIPAL = re.compile(
    r"\*|[a-z0-9.-]+\.amazonaws\.com(\.cn)?|\d{12}|arn:aws[a-z-]*:iam::\d{12}:.+", re.ASCII
)
_SOURCE_ARN = re.compile(r"arn:[^\ud800-\udfff]+\Z", re.DOTALL)

if TYPE_CHECKING:
    from lambdalab.invocation.registry import FunctionRegistry
    from lambdalab.rules import Rules
    from lambdalab.triggers.api_gateway import ApiGateway
    from lambdalab.triggers.cloudformation.service import CloudFormation
    from lambdalab.triggers.cloudfront.service import CloudFront
    from lambdalab.triggers.codecommit import CodeCommit
    from lambdalab.triggers.cognito.service import Cognito
    from lambdalab.triggers.config.service import Config
    from lambdalab.triggers.elb.service import Elb
    from lambdalab.triggers.eventbridge.service import EventBridge
    from lambdalab.triggers.firehose.service import Firehose
    from lambdalab.triggers.function_url import FunctionUrl
    from lambdalab.triggers.logs.service import Logs
    from lambdalab.triggers.registry import Triggers
    from lambdalab.triggers.s3.service import S3
    from lambdalab.triggers.scheduler import Schedules
    from lambdalab.triggers.sns.service import Sns

_URL_SETTINGS = ("auth_type", "qualifier", "cors", "invoke_mode")


class TriggerVerbs:
    """What :class:`~lambdalab.Lab` says in AWS's words about who may call a function."""

    _functions: FunctionRegistry
    _triggers: Triggers
    rules: Rules
    api_gateway: ApiGateway
    cloudformation: CloudFormation
    cloudfront: CloudFront
    codecommit: CodeCommit
    cognito: Cognito
    config: Config
    firehose: Firehose
    logs: Logs
    eventbridge: EventBridge
    elb: Elb
    scheduler: Schedules
    sns: Sns
    s3: S3

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
        function_url_auth_type: str | None = None,
        invoked_via_function_url: bool = False,
        source_account: str | None = None,
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
        function_url_auth_type
            Only through a function URL of this kind: ``"NONE"`` or ``"AWS_IAM"``.
        invoked_via_function_url
            Only for calls that come through a function URL.
        source_account
            Only on behalf of what belongs to this account, 12 digits; a lab has one, 123456789012.

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
        most: int = self.rules.policy_statement_id
        _check_permission(target, statement_id, principal, action, function_url_auth_type, most)
        _check_source(source_arn, source_account)
        statement = Statement(
            statement_id, principal, action, source_arn, function_url_auth_type,
            bool(invoked_via_function_url), source_account,
        )  # fmt: skip
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
        elif isinstance(statement_id, str):
            policy.remove(target.qualifier, statement_id)
        else:
            limit = "the name of a permission, or None for all of them"
            raise InvalidSetting("statement_id", statement_id, limit, "botocore RemovePermission")

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

    # ------------------------------------------------------------------ function URLs

    def create_function_url(
        self,
        function: Any,
        *,
        auth_type: str = "NONE",
        qualifier: Any = None,
        cors: Any = None,
        invoke_mode: str = "BUFFERED",
        **unknown: object,
    ) -> FunctionUrl:
        """Give a function, or one of its aliases, an HTTPS address (botocore CreateFunctionUrlConfig).

        Parameters
        ----------
        function, qualifier
            The function; an alias has a URL of its own, a version has none.
        auth_type
            ``"NONE"``: anybody may come, and the lab adds the statement that allows it, as the console
            does; ``"AWS_IAM"``: only who signs (``url.get("/", signed=True)``).
        cors
            What pages of other origins may do, as ``{"allow_origins": ["*"], "allow_methods": ["GET"]}``;
            also ``allow_headers``, ``expose_headers``, ``allow_credentials`` and ``max_age`` (seconds).
        invoke_mode
            ``"BUFFERED"``; response streaming is not simulated.

        Raises :class:`~lambdalab.errors.ResourceConflictException` where there is a URL already.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> hello = lab.create_function("hello", lambda event, context: "hello " + event["rawPath"])
        >>> url = lab.create_function_url(hello)
        >>> url.get("/you").text
        'hello /you'
        """
        self._check_open()
        no_others("create_function_url", unknown, _URL_SETTINGS)
        return self._triggers.function_urls.create(
            function, qualifier, auth_type, cors, invoke_mode
        )

    def get_function_url(self, function: Any, *, qualifier: Any = None) -> FunctionUrl:
        """The URL of a function or alias (botocore GetFunctionUrlConfig).

        Raises :class:`~lambdalab.errors.ResourceNotFoundException` where it has none.
        """
        self._check_open()
        return self._triggers.function_urls.find(function, qualifier)

    def update_function_url(
        self,
        function: Any,
        *,
        qualifier: Any = None,
        auth_type: str | None = None,
        cors: Any = None,
        invoke_mode: str | None = None,
        **unknown: object,
    ) -> FunctionUrl:
        """Change a URL; what is not given stays as it is (botocore UpdateFunctionUrlConfig).

        Parameters: as of :meth:`create_function_url`; ``cors={}`` takes the CORS settings away.
        """
        self._check_open()
        no_others("update_function_url", unknown, _URL_SETTINGS)
        return self._triggers.function_urls.update(
            function, qualifier, auth_type, cors, invoke_mode
        )

    def delete_function_url(self, function: Any, *, qualifier: Any = None) -> None:
        """Take a URL away; its callers get 403 from now on (botocore DeleteFunctionUrlConfig)."""
        self._check_open()
        self._triggers.function_urls.delete(function, qualifier)


def _check_permission(
    target: Target, statement_id: str, principal: str, action: str, auth_type: str | None, most: int
) -> None:
    """Raise where AddPermission would not take the values."""
    if target.qualifier == LATEST:
        raise InvalidParameterValueException(
            "We currently do not support adding policies for $LATEST.",
            "; without a qualifier the permission is the function's, and $LATEST's",
        )
    for setting, value in (("statement_id", statement_id), ("principal", principal)):
        if not isinstance(value, str) or not value:
            raise InvalidSetting(setting, value, "a text", "botocore AddPermission")
    if _PRINCIPAL.fullmatch(principal) is None:
        hint = f"did you mean '{principal}.amazonaws.com'?" if principal.isalnum() else (
            "a service ('sns.amazonaws.com'), an account's 12 digits, an ARN of IAM, or '*'"
        )  # fmt: skip
        raise InvalidParameterValueException(
            "The provided principal was invalid. Please check the principal and try again.",
            f"; {principal!r}: {hint}",
        )
    if not all(c.isascii() and (c.isalnum() or c in "-_") for c in statement_id) or (
        len(statement_id) > most
    ):
        limit = f"letters, digits, '-' and '_'; at most {most}"
        raise InvalidSetting("statement_id", statement_id, limit, "botocore AddPermission")
    if action not in (INVOKE, INVOKE_URL, "lambda:*"):
        raise InvalidParameterValueException(
            f"The action {action!r} is not one that a resource policy can allow",
            f"; {INVOKE!r} or {INVOKE_URL!r}",
        )
    if auth_type is not None:
        kinds, source = ("NONE", "AWS_IAM"), "botocore AddPermission"
        one_of("function_url_auth_type", auth_type, kinds, source)


def _check_source(source_arn: object, source_account: object) -> None:
    """Raise for a source that could be nobody's."""
    arn = "an ARN, such as 'arn:aws:sns:us-east-1:123456789012:orders' (a topic's arn)"
    for setting, value, pattern, limit in (
        ("source_arn", source_arn, _SOURCE_ARN, arn),
        ("source_account", source_account, _ACCOUNT, "12 digits, as a text"),
    ):
        if value is not None and not (isinstance(value, str) and pattern.match(value)):
            raise InvalidSetting(setting, value, limit, "botocore AddPermission")
