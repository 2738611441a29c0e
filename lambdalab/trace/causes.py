"""Which causes each table may hold, and AWS's own words for those of a throttle."""

from __future__ import annotations

from lambdalab.trace.codes import Cause

_RUN_FAILURES = (
    Cause.FUNCTION_ERROR, Cause.TIMEOUT, Cause.EXIT, Cause.OUT_OF_MEMORY, Cause.INIT_ERROR,
    Cause.RESPONSE_TOO_LARGE, Cause.KILLED,
)  # fmt: skip
_THROTTLES = (
    Cause.THROTTLED_ACCOUNT, Cause.THROTTLED_RESERVED, Cause.THROTTLED_RATE,
    Cause.THROTTLED_RESERVED_RATE, Cause.THROTTLED_CALLER_RATE, Cause.ZERO_RESERVED_CONCURRENCY,
    Cause.THROTTLED_SCALING, Cause.THROTTLED_PROVISIONED, Cause.INJECTED,
)  # fmt: skip
_GIVEN_UP = (
    Cause.RETRIES_EXHAUSTED, Cause.EVENT_AGE_EXCEEDED, Cause.RECORD_AGE_EXCEEDED,
    Cause.MAX_RECEIVE_COUNT, Cause.RETENTION, Cause.FILTER_MISMATCH, Cause.RECURSIVE_LOOP,
    Cause.FUNCTION_DELETED, Cause.LAB_CLOSED,
)  # fmt: skip
_RUNS = (
    Cause.CALLED, Cause.DRIVEN, Cause.TRIGGERED, Cause.NESTED, Cause.EVENT_SOURCE_MAPPING,
    Cause.FIRST_ATTEMPT, Cause.RETRY_AFTER_ERROR, Cause.RETRY_AFTER_THROTTLE,
    Cause.RETRY_AFTER_SERVICE_ERROR, Cause.DUPLICATE,
)  # fmt: skip
_MESSAGES = (
    Cause.ACCEPTED, Cause.MESSAGE_SENT, Cause.DEAD_LETTER, Cause.DESTINATION, Cause.POLLED,
    Cause.RECEIVED_BY_CALLER, Cause.BATCH_SUCCEEDED, Cause.BATCH_FAILED,
    Cause.PARTIAL_BATCH_FAILURE, Cause.VISIBILITY_TIMEOUT, Cause.VISIBILITY_CHANGED, Cause.DELAY,
    Cause.BACK_OFF, Cause.DELETED_BY_CALLER, Cause.PURGED, Cause.REDRIVE,
)  # fmt: skip
_SOURCES = (*_RUNS[:5], *_MESSAGES[:4])
_PUSHES = (
    Cause.PUBLISHED, Cause.SCHEDULED, Cause.PATTERN_MISMATCH, Cause.FANNED_OUT, Cause.DELIVERED,
    Cause.BUFFER_SIZE, Cause.BUFFER_INTERVAL, Cause.PERMISSION_DENIED, Cause.TARGET_GONE,
    Cause.TARGET_FAILED, Cause.THIRD_BUS,
)  # fmt: skip

#: AWS's ``Reason`` of a 429, by cause (botocore ThrottleReason); for the scaling rate, which AWS does
#: not name, that of the account's concurrency.
THROTTLE_REASONS: dict[int, str] = {
    Cause.THROTTLED_ACCOUNT: "ConcurrentInvocationLimitExceeded",
    Cause.THROTTLED_RESERVED: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Cause.ZERO_RESERVED_CONCURRENCY: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Cause.THROTTLED_RATE: "FunctionInvocationRateLimitExceeded",
    Cause.THROTTLED_RESERVED_RATE: "ReservedFunctionInvocationRateLimitExceeded",
    Cause.THROTTLED_CALLER_RATE: "CallerRateLimitExceeded",
    Cause.THROTTLED_SCALING: "ConcurrentInvocationLimitExceeded",
    Cause.THROTTLED_PROVISIONED: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Cause.INJECTED: "ConcurrentInvocationLimitExceeded",
}

#: Which causes each table's ``cause`` column may hold, in the order of its categories.
CAUSES: dict[str, tuple[int, ...]] = {
    "invocations": (
        Cause.IN_FLIGHT, Cause.COMPLETED, Cause.DRY_RUN, *_RUN_FAILURES, *_THROTTLES,
        Cause.PAYLOAD_TOO_LARGE, Cause.INVALID_JSON, Cause.INVALID_PARAMETER,
        Cause.UNKNOWN_FUNCTION, Cause.FUNCTION_STATE, Cause.ACCESS_DENIED, Cause.SERVICE_ERROR,
        *_GIVEN_UP,
    ),
    "attempts": _RUNS,
    "queue_events": (
        *_SOURCES, *_MESSAGES[4:], *_RUNS[5:], Cause.COMPLETED, *_RUN_FAILURES, *_THROTTLES,
        Cause.SERVICE_ERROR, *_GIVEN_UP, Cause.DELIVERY_FAILED, Cause.DEDUPLICATED,
        Cause.MAPPING_DELETED, Cause.PAYLOAD_TOO_LARGE, Cause.FUNCTION_STATE, *_PUSHES,
        Cause.THROTTLED, Cause.SERVER_ERROR, Cause.CLIENT_TIMEOUT, Cause.MALFORMED_RESPONSE,
        Cause.STREAM_DELETED,
    ),
    "requests": (
        Cause.IN_FLIGHT, Cause.COMPLETED, Cause.ACCEPTED, Cause.DRY_RUN, *_RUN_FAILURES, *_THROTTLES,
        Cause.PAYLOAD_TOO_LARGE, Cause.INVALID_JSON, Cause.INVALID_PARAMETER,
        Cause.UNKNOWN_FUNCTION, Cause.FUNCTION_STATE, Cause.ACCESS_DENIED, Cause.SERVICE_ERROR,
        Cause.RECURSIVE_LOOP, Cause.CLIENT_TIMEOUT, Cause.INTEGRATION_TIMEOUT,
        Cause.MALFORMED_RESPONSE, Cause.NO_ROUTE, Cause.NO_TARGET, Cause.THROTTLED_FRONT,
        Cause.DELIVERED, Cause.TARGET_GONE, Cause.TARGET_FAILED, Cause.PERMISSION_DENIED,
        Cause.FUNCTION_DELETED, Cause.LAB_CLOSED,
    ),
    "retries": (
        *_RUN_FAILURES, *_THROTTLES, Cause.SERVICE_ERROR, *_MESSAGES[7:11], Cause.BACK_OFF,
        Cause.THROTTLED, Cause.SERVER_ERROR, Cause.CLIENT_TIMEOUT, Cause.PAYLOAD_TOO_LARGE,
        Cause.FUNCTION_STATE,
    ),
    "scaling": (
        Cause.COLD_START, Cause.WARM, Cause.IDLE, Cause.BACKLOG, Cause.BACKLOG_GONE,
        Cause.FAILURES, Cause.THROTTLED, Cause.RECOVERED, Cause.CONFIGURED,
        Cause.ENVIRONMENT_FAILED, *_THROTTLES, Cause.FUNCTION_DELETED, Cause.LAB_CLOSED,
        Cause.RELEASED, Cause.ALLOCATED, Cause.THROTTLED_SHARD,
    ),
}  # fmt: skip
