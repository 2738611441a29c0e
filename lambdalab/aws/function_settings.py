"""A function's configuration: what requests give of it as the lab's settings, and what answers show.

Kept and given back, and nothing more: Description, Role, VpcConfig, KMSKeyArn, TracingConfig, Layers,
FileSystemConfigs, EphemeralStorage, the log group's name, a Python that the lab has not measured (it runs
as the next one that it has).
Refused: container images, SnapStart of published versions, durable functions, capacity providers, tenancy.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from typing import Any

from lambdalab.aws.function_code import package_of
from lambdalab.aws.lambda_api import changed_at, invalid, notes_of, refuse, revision
from lambdalab.aws.operations import Call
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.functions.function import Function
from lambdalab.functions.settings import FunctionSettings
from lambdalab.functions.target import LATEST, Target
from lambdalab.functions.version import Version

ROLE = f"arn:aws:iam::{ACCOUNT}:role/lambdalab"
KEPT = (
    "Description", "Role", "VpcConfig", "KMSKeyArn", "TracingConfig", "FileSystemConfigs",
    "EphemeralStorage",
)  # fmt: skip
_REFUSED = (
    "ImageConfig", "TenancyConfig", "CapacityProviderConfig", "DurableConfig", "RuntimeConfig",
    "AcceleratorConfig", "PublishTo",
)  # fmt: skip


# ---------------------------------------------------------------------- what a request gives


def settings_given(call: Call) -> dict[str, Any]:
    """The lab's settings for what CreateFunction or UpdateFunctionConfiguration gives."""
    refuse(call, *_REFUSED)
    if call.get("SnapStart", {}).get("ApplyOn", "None") != "None":
        raise invalid("SnapStart is not simulated by lambdalab; leave it out.")
    found = call.settings(memory_size="MemorySize", timeout="Timeout")
    if "Environment" in call:
        found["environment"] = _environment(call)
    if "Architectures" in call:
        found["architecture"] = call["Architectures"][0]
    if "DeadLetterConfig" in call:
        found["dead_letter_queue"] = call["DeadLetterConfig"].get("TargetArn") or None
    if "LoggingConfig" in call:
        found |= _logging(call["LoggingConfig"])
    if call.get("Runtime"):
        found["runtime"] = _runtime(call, call["Runtime"])
    return found


def _environment(call: Call) -> dict[str, str]:
    variables: dict[str, str] = call["Environment"].get("Variables", {})
    reserved = [name for name in variables if name in call.lab.rules.reserved_variables]
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    return variables


def _logging(given: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "LogFormat" in given:
        found["log_format"] = given["LogFormat"]
        if given["LogFormat"] == "Text":
            found |= {"application_log_level": None, "system_log_level": None}
    for theirs, ours in (
        ("ApplicationLogLevel", "application_log_level"), ("SystemLogLevel", "system_log_level"),
    ):  # fmt: skip
        if theirs in given:
            found[ours] = given[theirs]
    return found


def _runtime(call: Call, given: str) -> str:
    """The runtime whose measured times the lab has: the next later one, or the last, of Python's."""
    model = call.client.meta.service_model.shape_for("Runtime")
    if given not in model.enum:
        raise invalid(
            f"Value {given} at 'runtime' failed to satisfy constraint: Member must satisfy enum value "
            f"set: [{', '.join(model.enum)}] or be a valid ARN"
        )
    known = {runtime for runtime, _ in call.lab.rules.init_percentiles}
    if not given.startswith("python3."):
        raise invalid(f"Runtime {given} is not simulated: a lab runs code in Python only.")
    minors = sorted(int(name[8:]) for name in known if name.startswith("python3."))
    later = [minor for minor in minors if minor >= int(given[8:])]
    return f"python3.{later[0] if later else minors[-1]}"


def keep(call: Call, function: Function) -> None:
    """Keep what else a request gives of ``$LATEST``."""
    kept = notes_of(function).of(LATEST)
    kept |= {name: call[name] for name in (*KEPT, "Runtime") if name in call}
    if "Layers" in call:
        kept["Layers"] = [{"Arn": arn, "CodeSize": 0} for arn in call["Layers"]]
    if "LogGroup" in call.get("LoggingConfig", {}):
        kept["LogGroup"] = call["LoggingConfig"]["LogGroup"]


# ---------------------------------------------------------------------- what an answer shows


def configuration(
    call: Call, target: Target, *, listing: bool = False, arn: str | None = None
) -> dict[str, Any]:
    """A FunctionConfiguration as AWS gives it; in a ``listing`` without its states.

    ``arn``: another FunctionArn than the one that the target has.
    """
    function, version = target.function, _version(target)
    settings, code = version.settings, version.code
    if version.number == LATEST and function.update is not None:
        settings, code = function.update  # AWS shows what is to be
    kept = notes_of(function).of(version.number)
    sha, size = package_of(function.name, code)
    storage = call.lab.rules.ephemeral_storage_default
    shown: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": target.arn if arn is None else arn,
        "Runtime": _runtime_shown(call, settings, kept),
        "Role": kept.get("Role", ROLE),
        "Handler": code.handler if code is not None else "lambda_function.lambda_handler",
        "CodeSize": size,
        "Description": version.description or kept.get("Description", ""),
        "Timeout": settings.timeout,
        "MemorySize": settings.memory_size,
        "LastModified": stamp(call, changed_at(call, function, "configuration", version.number)),
        "CodeSha256": sha,
        "Version": version.number,
        "TracingConfig": kept.get("TracingConfig", {"Mode": "PassThrough"}),
        "RevisionId": revision(call, function, version.number),
        "PackageType": "Zip",
        "Architectures": [settings.architecture],
        "EphemeralStorage": kept.get("EphemeralStorage", {"Size": storage}),
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": _logging_shown(function, settings, kept),
    }
    shown |= _only_where_set(call, settings, kept)
    if not listing:
        shown |= _states(function, version, settings)
    shown["ConfigSha256"] = _digest(shown)
    return shown


def _version(target: Target) -> Version:
    """The version a target leads to, the first one of an alias."""
    alias = target.alias
    number = alias.function_version if alias else target.qualifier or LATEST
    return target.function.version(number)


def _runtime_shown(call: Call, settings: FunctionSettings, kept: dict[str, Any]) -> str:
    """The runtime as it was given, unless the lab's own verbs have set another one since."""
    given: str | None = kept.get("Runtime")
    same = given is not None and _runtime(call, given) == settings.runtime
    return given if same and given is not None else settings.runtime


def _logging_shown(
    function: Function, settings: FunctionSettings, kept: dict[str, Any]
) -> dict[str, str]:
    shown = {"LogFormat": settings.log_format}
    if settings.log_format == "JSON":
        shown["ApplicationLogLevel"] = settings.application_log_level or "INFO"
        shown["SystemLogLevel"] = settings.system_log_level or "INFO"
    return shown | {"LogGroup": kept.get("LogGroup", f"/aws/lambda/{function.name}")}


def _only_where_set(call: Call, settings: FunctionSettings, kept: dict[str, Any]) -> dict[str, Any]:
    """Members that AWS leaves out where nothing was given."""
    shown: dict[str, Any] = {}
    if settings.environment:
        shown["Environment"] = {"Variables": dict(settings.environment)}
    if settings.dead_letter_queue:
        shown["DeadLetterConfig"] = {"TargetArn": _arn(call, settings.dead_letter_queue)}
    network = kept.get("VpcConfig")
    if network is not None:
        ids = {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": False} | network
        digits = hashlib.sha256("".join(ids["SubnetIds"]).encode()).hexdigest()[:17]
        shown["VpcConfig"] = ids | {"VpcId": f"vpc-{digits}" if ids["SubnetIds"] else ""}
    shown |= {n: kept[n] for n in ("KMSKeyArn", "Layers", "FileSystemConfigs") if kept.get(n)}
    return shown


def _arn(call: Call, letters: str) -> str:
    """The ARN of what a function's settings call its dead-letter queue."""
    return letters if letters.startswith("arn:") else call.lab.sqs[letters].arn


def _states(function: Function, version: Version, settings: FunctionSettings) -> dict[str, Any]:
    """State and last update, with AWS's reasons; and the version of the runtime."""
    digest = hashlib.sha256(settings.runtime.encode()).hexdigest()
    arn = f"arn:aws:lambda:{REGION}::runtime:{digest}"
    shown: dict[str, Any] = {"RuntimeVersionConfig": {"RuntimeVersionArn": arn}}
    if version.number != LATEST:
        return shown | {"State": "Active", "LastUpdateStatus": "Successful"}
    shown["State"] = function.state
    if function.state == "Pending":
        return shown | {
            "StateReason": "The function is being created.", "StateReasonCode": "Creating"
        }  # fmt: skip
    return shown | {"LastUpdateStatus": function.last_update_status}


def _digest(shown: dict[str, Any]) -> str:
    """The SHA-256 of a configuration, without what it says of the moment."""
    of = {
        name: value for name, value in shown.items()
        if name not in ("RevisionId", "LastModified", "State", "LastUpdateStatus")
    }  # fmt: skip
    told = json.dumps(of, sort_keys=True, default=str).encode()
    return base64.b64encode(hashlib.sha256(told).digest()).decode()


def stamp(call: Call, at: int) -> str:
    """A moment as Lambda writes it in its configurations."""
    return call.lab._clock.iso(at).replace("Z", "+0000")


def when(call: Call, at: int) -> dt.datetime:
    """A moment as botocore gives timestamps."""
    return call.lab._clock.datetime(at)
