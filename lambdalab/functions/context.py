"""The context object a handler gets as its second argument (source: AWS's Python runtime client)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from lambdalab.kernel.scheduler import Scheduler

if TYPE_CHECKING:
    from lambdalab.functions.call import Call


class _Told:
    """An object of named values, as the runtime client makes them: missing ones are None."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name in self._names:
            setattr(self, name, values.get(name))

    _names: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        told = ",".join(f"{name}={getattr(self, name)}" for name in self._names)
        return f"{type(self).__name__}([{told}])"


class CognitoIdentity(_Told):
    """Who called, for calls through Cognito; empty here."""

    _names = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(_Told):
    """The mobile application that called, as it tells itself."""

    _names = (
        "installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"
    )  # fmt: skip


class ClientContext(_Told):
    """What a caller sent as ``client_context``: its ``custom``, ``env`` and ``client`` parts.

    Other members are dropped, as AWS's runtime does.
    """

    _names = ("custom", "env", "client")

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        client = values.get("client")
        self.client = Client(client) if isinstance(client, Mapping) else client


class FunctionIdentity(NamedTuple):
    """What is the same for every invocation in one environment."""

    name: str
    memory_limit_in_mb: str
    log_stream_name: str
    version: str


class LambdaContext:
    """What a handler may ask about its own invocation.

    ``get_remaining_time_in_millis()`` counts down in virtual time.
    """

    tenant_id = None

    def __init__(
        self,
        identity: FunctionIdentity,
        call: Call,
        request_id: str,
        deadline: int,
        clock: Scheduler,
    ) -> None:
        self.aws_request_id = request_id
        self._identity, self._call, self._deadline, self._clock = identity, call, deadline, clock

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._identity.name

    @property
    def function_version(self) -> str:
        """The version that runs: ``$LATEST`` or a number."""
        return self._identity.version

    @property
    def memory_limit_in_mb(self) -> str:
        """The function's memory, as text."""
        return self._identity.memory_limit_in_mb

    @property
    def log_stream_name(self) -> str:
        """The environment's log stream."""
        return self._identity.log_stream_name

    @property
    def invoked_function_arn(self) -> str:
        """The ARN as the caller named it: with a version or alias only if there was one."""
        return self._call.target.arn

    @property
    def log_group_name(self) -> str:
        """Where the function's logs go."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def identity(self) -> CognitoIdentity:
        """Who called, for calls through Cognito."""
        return CognitoIdentity({})

    @property
    def client_context(self) -> ClientContext | None:
        """What the caller of a synchronous invocation told of itself, if anything."""
        told = self._call.client_context
        return None if told is None else ClientContext(told)

    def get_remaining_time_in_millis(self) -> int:
        """Whole milliseconds of virtual time until the function times out, never below 0."""
        return max(0, (self._deadline - self._clock.now) // 1000)

    def log(self, message: object) -> None:
        """Write to the function's log, as ``print`` does."""
        print(message)

    def __repr__(self) -> str:
        names = (
            "aws_request_id", "log_group_name", "log_stream_name", "function_name",
            "memory_limit_in_mb", "function_version", "invoked_function_arn", "client_context",
            "identity", "tenant_id",
        )  # fmt: skip
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in names)}])"


ACCOUNT = "123456789012"
REGION = "us-east-1"


def function_arn(name: str) -> str:
    """The ARN of a function of the lab's account."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
