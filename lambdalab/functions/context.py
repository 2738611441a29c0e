"""The context object a handler gets as its second argument (source: AWS's Python runtime client)."""

from __future__ import annotations

from collections.abc import Callable


class Identity:
    """Who called, for calls through Cognito; empty here."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class LambdaContext:
    """What a handler may ask about its own invocation.

    ``get_remaining_time_in_millis()`` counts down in virtual time.
    """

    def __init__(
        self,
        function_name: str,
        memory_limit_in_mb: str,
        aws_request_id: str,
        log_stream_name: str,
        remaining: Callable[[], int],
    ) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.invoked_function_arn = function_arn(function_name)
        self.memory_limit_in_mb = memory_limit_in_mb
        self.aws_request_id = aws_request_id
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = log_stream_name
        self.identity = Identity()
        self.client_context = None
        self.tenant_id = None
        self._remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        """Whole milliseconds of virtual time until the function times out, never below 0."""
        return max(0, self._remaining() // 1000)

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
