"""Every number AWS documents, once, with its date and its source; and our choices where it documents none.

AWS changes its rules, so a lab is made with those of one date and keeps them:

>>> Rules.as_of("2025-01-07").asynchronous_payload
262144
>>> Rules.as_of("latest").asynchronous_payload
1048576

``dg/x`` stands for the page x of the AWS Lambda developer guide, ``botocore`` for AWS's own API model,
``measured`` for published measurements, ``choice`` for a number that AWS
leaves open: the most plausible one is taken, and ``Lab(quotas={name: value})`` changes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.api_rules import APIS
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.source_rules import SOURCES
from lambdalab.trigger_rules import TRIGGERS

KB = 1024
MB = 1024 * KB
DEFAULT_DATE = "2025-01-07"
EARLIEST = dt.date(2023, 12, 1)


@dataclass(frozen=True, slots=True)
class Rule:
    """One number: its values by the day each came into force, its unit and its source."""

    name: str
    unit: str
    source: str
    values: tuple[tuple[dt.date, Any], ...]
    note: str = ""

    def value(self, date: dt.date) -> Any:
        """The value in force on ``date``."""
        return [value for since, value in self.values if since <= date][-1]

    def since(self, date: dt.date) -> dt.date:
        """The day since which the value of ``date`` holds (as far back as rules go)."""
        return [since for since, _ in self.values if since <= date][-1]


def _rule(
    name: str, value: Any, unit: str, source: str, note: str = "", **later: Any
) -> tuple[str, Rule]:
    """A rule whose value may change on days given as ``d2025_10_24=new``."""
    days = [(dt.date.fromisoformat(day[1:].replace("_", "-")), new) for day, new in later.items()]
    return name, Rule(name, unit, source, ((EARLIEST, value), *sorted(days)), note)


_INIT = {
    ("python3.12", "x86_64"): (74, 84, 99, 142), ("python3.12", "arm64"): (64, 81, 90, 129),
    ("python3.13", "x86_64"): (76, 84, 98, 117), ("python3.13", "arm64"): (63, 80, 87, 105),
    ("nodejs22.x", "x86_64"): (120, 140, 160, 187), ("nodejs22.x", "arm64"): (102, 130, 139, 179),
    ("java21", "x86_64"): (220, 239, 278, 618), ("java21", "arm64"): (189, 251, 271, 593),
    ("dotnet8", "x86_64"): (232, 251, 330, 629), ("dotnet8", "arm64"): (233, 299, 611, 752),
    ("ruby3.4", "x86_64"): (194, 229, 399, 542), ("ruby3.4", "arm64"): (184, 250, 405, 467),
    ("provided.al2023", "x86_64"): (46, 50, 53, 63), ("provided.al2023", "arm64"): (36, 43, 45, 53),
}  # fmt: skip
_INIT_2025_10 = _INIT | {
    ("python3.14", "x86_64"): (98, 107, 135, 251), ("python3.14", "arm64"): (80, 102, 113, 204),
    ("nodejs24.x", "x86_64"): (118, 134, 152, 181), ("nodejs24.x", "arm64"): (98, 124, 133, 184),
}  # fmt: skip
_INIT_2026_07 = _INIT_2025_10 | {
    ("java25", "x86_64"): (170, 190, 270, 448), ("java25", "arm64"): (145, 199, 227, 454),
    ("dotnet10", "x86_64"): (228, 250, 367, 701), ("dotnet10", "arm64"): (202, 251, 583, 713),
}  # fmt: skip
_MEMORY = {
    "python3.12": 37, "python3.13": 36, "nodejs22.x": 74, "java21": 95, "dotnet8": 70,
    "ruby3.4": 37, "provided.al2023": 17,
}  # fmt: skip
_MEMORY_LATER = _MEMORY | {"python3.14": 38, "nodejs24.x": 76, "java25": 87, "dotnet10": 73}

_RESERVED_VARIABLES = (
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
)  # fmt: skip

_FUNCTIONS = [
    _rule("memory_minimum", 128, "MB", "dg/configuration-memory"),
    _rule("memory_maximum", 10_240, "MB", "dg/configuration-memory"),
    _rule("memory_default", 128, "MB", "dg/configuration-memory"),
    _rule("memory_of_one_vcpu", 1_769, "MB", "dg/configuration-memory"),
    _rule(
        "init_vcpus", 2, "vCPU", "bitesizedserverless.com: when is the Lambda init phase free",
        "during an init on demand, however little the memory; published init times do not depend on "
        "memory either",
    ),
    _rule("timeout_minimum", 1, "s", "dg/configuration-timeout"),
    _rule("timeout_maximum", 900, "s", "dg/configuration-timeout"),
    _rule("timeout_default", 3, "s", "dg/configuration-timeout"),
    _rule("function_name_length", 64, "characters", "botocore CreateFunction"),
    _rule(
        "template_model", 0.1, "s", "choice",
        "how long a function of a template takes whose code is not there, or no Python",
    ),
    _rule("environment_size", 4 * KB, "bytes", "dg/gettingstarted-limits"),
    _rule("code_zipped", 50 * MB, "bytes", "dg/gettingstarted-limits", "uploaded, not by way of S3"),
    _rule("code_unzipped", 250 * MB, "bytes", "dg/gettingstarted-limits"),
    _rule("code_storage", 75 * 1024 * MB, "bytes", "dg/gettingstarted-limits"),
    _rule("reserved_variables", _RESERVED_VARIABLES, "names", "dg/configuration-envvars"),
    _rule("runtime_default", "python3.13", "runtime", "dg/lambda-runtimes"),
    _rule(
        "init_percentiles", _INIT, "ms (p10, p50, p90, p99)",
        "measured: maxday/lambda-perf, Init Duration of 30 days in 2026, hello world, zip, 512 MB",
        "nearly the same at 128 to 1,024 MB; provided.al2023 is the figure for Go; java25 and dotnet10 "
        "from the day they were measured",
        d2025_10_31=_INIT_2025_10, d2026_07_23=_INIT_2026_07,
    ),
    _rule(
        "max_memory_used", _MEMORY, "MB", "measured: maxday/lambda-perf, Max Memory Used",
        d2025_10_31=_MEMORY_LATER,
    ),
    _rule(
        "timeout_wording", "old", "wording", "recorded in April 2024 and in November 2025",
        "of a timeout's error document and log; both were seen in between, the day is a decision",
        d2025_01_01="Sandbox.Timedout",
    ),
    _rule(
        "timeout_overrun", 0.00492, "s", "dg/lambda-runtime-environment (Duration: 3004.92 ms)",
        "how long past its timeout a run was stopped, not billed; exactly at the timeout since",
        d2025_01_01=0.0,
    ),
    _rule(
        "init_limit", 10, "s", "dg/lambda-runtime-environment",
        "an init on demand that takes longer is run again inside the invoke, under its timeout",
    ),
    _rule(
        "provisioned_init_limit", 130, "s", "dg/lambda-runtime-environment",
        "or the function's timeout where that is longer",
    ),
    _rule(
        "function_creation", 0.0, "s", "choice",
        "how long a new function is Pending; AWS takes a moment and gives no figure",
    ),
    _rule(
        "function_update", 0.0, "s", "choice",
        "how long an update is InProgress and the old code still serves; AWS gives no figure",
    ),
    _rule(
        "unknown_function_version", "", "qualifier", "recorded in 2023 and 2025",
        "what the 404 of an unqualified name ends with; the day is a decision", d2025_07_01=":$LATEST",
    ),
]  # fmt: skip

_PAYLOADS = [
    _rule(
        "synchronous_payload", 6 * MB + 100, "bytes", "dg/gettingstarted-limits",
        "6 MB in words; the service's own error text gives 6,291,556 bytes",
    ),
    _rule(
        "asynchronous_payload", 256 * KB, "bytes", "dg/gettingstarted-limits", d2025_10_24=1 * MB
    ),
    _rule("client_context", 3_583, "bytes of base64", "botocore Invoke (ClientContext)"),
    _rule("log_tail", 4 * KB, "bytes", "botocore Invoke (LogResult)"),
]  # fmt: skip

_ENVIRONMENTS = [
    _rule("account_concurrency", 1_000, "environments", "dg/lambda-concurrency"),
    _rule("unreserved_minimum", 100, "environments", "dg/configuration-concurrency"),
    _rule(
        "requests_per_concurrency", 10, "requests/s", "dg/lambda-concurrency",
        "per unit of concurrency: of the account's unreserved pool, of a reservation, of provisioned "
        "concurrency. That reservations leave the others ten times what they leave of concurrency is "
        "our reading; asynchronous runs are bound by concurrency alone",
    ),
    _rule(
        "scaling_burst", 1_000, "environments", "dg/scaling-behavior",
        "new environments of one function at once; refilled at scaling_rate",
    ),
    _rule("scaling_rate", 100, "environments/s", "dg/scaling-behavior", "1,000 every 10 s"),
    _rule(
        "provisioned_preparation", (60, 120), "s", "dg/lambda-concurrency",
        "before the first environment of an allocation begins",
    ),
    _rule("provisioned_per_minute", 6_000, "environments/min", "dg/lambda-concurrency"),
    _rule(
        "provisioned_init_attempts", 6, "attempts", "measured",
        "six failed inits were seen before an allocation was FAILED",
    ),
    _rule(
        "idle_expiry", 600, "s", "choice",
        "undocumented; 25 to 60 min (June 2019), exactly 10 min (August 2019)",
    ),
    _rule(
        "environment_setup", 0.15, "s", "choice",
        "before INIT_START, in no log line; real traffic of 2020 shows cold calls 0.26 s slower than warm "
        "ones beyond their Duration, which leaves about 0.15 s beside the init",
    ),
    _rule("network_latency", 0.0, "s", "choice", "round trip between a caller and Lambda"),
    _rule("invoke_overhead", 0.0, "s", "choice", "Lambda's own work on a warm synchronous call"),
    _rule(
        "init_billed", False, "yes or no", "aws.amazon.com/blogs/compute/"
        "aws-lambda-standardizes-billing-for-init-phase", d2025_08_01=True,
    ),
    _rule(
        "init_always_billed", frozenset({"provided.al2023"}), "runtimes",
        "aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase",
        "runtimes whose init was billed before that day too: a custom one",
    ),
    _rule("billing_step", 1, "ms", "aws.amazon.com/lambda/pricing"),
    _rule("price_request", 200, "nano-USD", "aws.amazon.com/lambda/pricing", "0.20 USD a million"),
    _rule(
        "price_gb_second", {"x86_64": 166_667, "arm64": 133_334}, "1e-10 USD",
        "aws.amazon.com/lambda/pricing", "us-east-1, first tier",
    ),
    _rule(
        "price_provisioned_gb_second", {"x86_64": 41_667, "arm64": 33_334}, "1e-10 USD",
        "aws.amazon.com/lambda/pricing", "us-east-1; for as long as provisioned concurrency is asked for",
    ),
    _rule(
        "price_provisioned_duration_gb_second", {"x86_64": 97_222, "arm64": 77_778}, "1e-10 USD",
        "aws.amazon.com/lambda/pricing", "us-east-1; runs, and inits, in provisioned environments",
    ),
    _rule(
        "provisioned_billing_step", 300, "s", "aws.amazon.com/lambda/pricing",
        "from when provisioned concurrency is asked for until it is given back, rounded up to this",
    ),
]  # fmt: skip

_EVENTS = [
    _rule("maximum_retry_attempts", 2, "retries", "dg/invocation-async-error-handling"),
    _rule("event_age_minimum", 60, "s", "botocore PutFunctionEventInvokeConfig"),
    _rule("event_age_maximum", 21_600, "s", "botocore PutFunctionEventInvokeConfig"),
    _rule(
        "asynchronous_dwell", 0.15, "s", "measured",
        "first attempts started 0.4 to 0.5 s after the call, set-up and init included (Nov 2025)",
    ),
    _rule("retry_waits", (60, 120), "s", "dg/invocation-async-error-handling"),
    _rule(
        "retry_jitter", (5, 10), "s", "measured",
        "second and third attempts came 5 to 10 s after the documented one and two minutes (Nov 2025)",
    ),
    _rule("throttle_backoff_first", 1, "s", "dg/invocation-async-error-handling"),
    _rule("throttle_backoff_maximum", 300, "s", "dg/invocation-async-error-handling"),
    _rule(
        "throttle_backoff_jitter", (1.0, 1.1), "factor", "choice",
        "the measured ages of throttled events (16.6 s, 32.8 s, 67.9 s) fit doubling with a little more; "
        "it goes on top of throttle_backoff_maximum, so that events that have reached it do not all come "
        "back at once",
    ),
    _rule("dead_letter_error_message", 1 * KB, "bytes", "dg/invocation-async-retain-records"),
    _rule(
        "recursion_limit", 16, "invocations", "dg/invocation-recursion",
        "of one function in one chain of requests: about 16, and the next is stopped (since 2023-07-13)",
    ),
    _rule(
        "recursion_setting", False, "yes or no", "botocore PutFunctionRecursionConfig",
        "whether recursive_loop can be chosen for a function", d2024_08_19=True,
    ),
    _rule(
        "recursion_condition", "RecursiveInvocation", "condition", "choice",
        "what an invocation record says of an event that was stopped: AWS documents no word",
    ),
]  # fmt: skip

RULES: dict[str, Rule] = dict(
    [*_FUNCTIONS, *_PAYLOADS, *_ENVIRONMENTS, *_EVENTS]
    + [_rule(**row) for row in (*SOURCES, *TRIGGERS, *APIS)]
)


class Rules:
    """The rules of one date, each as an attribute; ``quotas`` holds those a user changed.

    Example
    -------
    >>> rules = Rules.as_of("2025-01-07", quotas={"account_concurrency": 5000})
    >>> rules.account_concurrency, rules.timeout_default
    (5000, 3)
    >>> rules.describe("timeout_maximum")
    'timeout_maximum = 900 s (dg/configuration-timeout; rules of 2025-01-07)'
    """

    def __init__(self, date: dt.date, quotas: Mapping[str, Any] | None = None) -> None:
        self.date = date
        self.quotas = dict(quotas or {})
        for name, value in self.quotas.items():
            if name not in RULES:
                raise UnknownName("quota", name, RULES)
            _check_quota(name, value, RULES[name].value(date))
        self._values = {name: rule.value(date) for name, rule in RULES.items()} | self.quotas

    @classmethod
    def as_of(
        cls, date: str | dt.date = DEFAULT_DATE, quotas: Mapping[str, Any] | None = None
    ) -> Rules:
        """The rules of a day: a date, ``"2025-01-07"`` or ``"latest"``.

        Raises :class:`InvalidSetting` for days before 2023-12-01, where the sources end.
        """
        day = _day(date)
        if day < EARLIEST:
            raise InvalidSetting(
                "rules", str(date), f"{EARLIEST} or later, or 'latest'", "rules.py"
            )
        return cls(day, quotas)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"there is no rule {name!r}") from None

    def __dir__(self) -> list[str]:
        return sorted([*super().__dir__(), *RULES])

    def source(self, name: str) -> str:
        """Where a rule is documented, and the date of the rules: the tail of every error on a limit."""
        changed = "; changed by quotas=" if name in self.quotas else ""
        return f"{RULES[name].source}; rules of {self.date}{changed}"

    def describe(self, name: str) -> str:
        """One line on a rule: its value, unit and source."""
        return f"{name} = {getattr(self, name)} {RULES[name].unit} ({self.source(name)})"

    def __repr__(self) -> str:
        changed = "".join(f", {name}={value}" for name, value in self.quotas.items())
        return f"<rules of {self.date}: {len(RULES)} numbers{changed}>"


def _day(date: str | dt.date) -> dt.date:
    if isinstance(date, dt.datetime):
        return date.date()
    if isinstance(date, dt.date):
        return date
    if date == "latest":
        return max(since for rule in RULES.values() for since, _ in rule.values)
    try:
        return dt.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise InvalidSetting("rules", date, "a date such as '2025-01-07', or 'latest'") from None


_DIVISORS = {
    "billing_step", "memory_of_one_vcpu", "provisioned_billing_step", "mapping_provisioned_invokes",
    "mapping_provisioned_polls", "mapping_provisioned_bytes", "sqs_receive_batch",
    "kinesis_read_records", "dynamodb_read_records", "cloudwatch_metrics_page", "cloudwatch_data_points",
    "cloudwatch_period_step", "cloudwatch_statistics_points", "logs_page", "logs_events_page",
    "lambda_list_page", "mapping_list_page", "sqs_list_page", "sqs_move_tasks_page", "sns_list_page",
    "kinesis_list_page", "kinesis_shards_page", "kinesis_list_maximum", "kinesis_tags_page",
    "dynamodb_list_page", "dynamodb_tags_page", "s3_list_keys", "s3_list_buckets",
    "eventbridge_list_page", "scheduler_list_page", "firehose_list_page", "logs_query_results",
}  # 0 is none  # fmt: skip


def _check_quota(name: str, value: Any, documented: Any) -> None:
    """A changed number has the kind of the documented one and is not negative."""
    least = 1 if name in _DIVISORS else 0
    whole = isinstance(documented, int) and not isinstance(documented, bool)
    if isinstance(documented, bool):
        good = isinstance(value, bool)
    elif isinstance(documented, (int, float)):
        kinds = int if whole and RULES[name].unit != "s" else (int, float)
        good = isinstance(value, kinds) and not isinstance(value, bool) and least <= value < 1e12
    elif isinstance(documented, tuple):
        good = isinstance(value, (tuple, list)) and len(value) == len(documented)
        good = good and all(isinstance(v, (int, float)) and 0 <= v < 1e12 for v in value)
    elif len(words := {known for _, known in RULES[name].values if isinstance(known, str)}) > 1:
        good = value in words
    else:
        good = isinstance(value, type(documented))
    if not good:
        kind = f"a whole number from {least} to 999,999,999,999" if whole else "of the same kind"
        limit = f"{kind}; documented is {documented!r}"
        raise InvalidSetting(f"quotas[{name!r}]", value, limit, RULES[name].source)
