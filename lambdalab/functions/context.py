"""The context object a handler gets as its second argument (source: AWS's Python runtime client)."""

from __future__ import annotations

from typing import NamedTuple

from lambdalab.kernel.scheduler import Scheduler


class Identity:
    """Who called, for calls through Cognito; empty here."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class FunctionIdentity(NamedTuple):
    """What is the same for every invocation in one environment."""

    name: str
    memory_limit_in_mb: str
    log_stream_name: str


class LambdaContext:
    """What a handler may ask about its own invocation.

    ``get_remaining_time_in_millis()`` counts down in virtual time.
    """

    function_version = "$LATEST"
    client_context = None
    tenant_id = None

    def __init__(
        self, identity: FunctionIdentity, aws_request_id: str, deadline: int, clock: Scheduler
    ) -> None:
        self.function_name, self.memory_limit_in_mb, self.log_stream_name = identity
        self.aws_request_id = aws_request_id
        self._deadline, self._clock = deadline, clock

    @property
    def invoked_function_arn(self) -> str:
        """The ARN that was invoked."""
        return function_arn(self.function_name)

    @property
    def log_group_name(self) -> str:
        """Where the function's logs go."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def identity(self) -> Identity:
        """Who called, for calls through Cognito."""
        return Identity()

    def get_remaining_time_in_millis(self) -> int:
        """Whole milliseconds of virtual time until the function times out, never below 0."""
        return max(0, (self._deadline - self._clock.now) // 1000)

    def log(self, message: object) -> None:
        """Write to the function's log, as ``print`` does."""
        print(message)

    def __repr__(self) -> str:
        return f"LambdaContext({self.function_name!r}, aws_request_id={self.aws_request_id!r})"


ACCOUNT = "123456789012"
REGION = "us-east-1"


def function_arn(name: str) -> str:
    """The ARN of a function of the lab's account."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
