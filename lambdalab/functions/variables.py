"""The environment variables that AWS sets, and the function's own.

Names and values: those of a real function (invocation.md 4 of the reference), the addresses too; nothing
listens there.
"""

from __future__ import annotations

import hashlib

from lambdalab.functions.context import REGION
from lambdalab.functions.settings import FunctionSettings

TRACE_ID = "_X_AMZN_TRACE_ID"


def variables(
    name: str,
    version: str,
    settings: FunctionSettings,
    handler: str,
    log_stream: str,
    initialization_type: str,
) -> dict[str, str]:
    """What a handler finds in ``os.environ``, but for the invocation's own trace id."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings.runtime}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # a role's temporary credentials, good for nothing: the host's are never looked for
        "AWS_ACCESS_KEY_ID": "ASIALAMBDALABEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "lambdalab",
        "AWS_SESSION_TOKEN": "lambdalab",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "PWD": "/var/task",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": (
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
            "/var/task:/var/task/lib:/opt/lib"
        ),
        "PYTHONPATH": "/var/runtime",
        **_logging(settings),
        **settings.environment,
    }


def _logging(settings: FunctionSettings) -> dict[str, str]:
    """What tells the runtime to write JSON."""
    if settings.log_format != "JSON":
        return {}
    level = settings.application_log_level or "INFO"
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}


def trace_id(request_id: str, epoch_s: int) -> str:
    """The X-Ray header of an invocation that nobody samples."""
    digits = hashlib.sha256(request_id.encode()).hexdigest()
    return f"Root=1-{epoch_s:08x}-{digits[:24]};Parent={digits[24:40]};Sampled=0"
