"""Where a schedule may send to, and what: its target, its dead-letter queue, its input."""

from __future__ import annotations

import json
from typing import NoReturn

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode_text
from lambdalab.invocation.destinations import Destination
from lambdalab.triggers.parts import Parts


def place_of(setting: str, parts: Parts, given: object) -> Destination:
    """The function, queue, topic or bus that a setting means; raises where there is none."""
    name = given if isinstance(given, str) else getattr(given, "name", "")
    if isinstance(name, str) and name.endswith(".fifo"):
        limit = "no FIFO queue or topic: a schedule to one is not simulated"
        raise InvalidSetting(setting, name, limit, "docs/fidelity.md")
    found = parts.functions.destinations.resolve(setting, given, "")
    if found is None:
        limit = "a function, queue, topic or bus of this lab, its name or ARN"
        raise InvalidSetting(setting, given, limit, "botocore CreateSchedule")
    return found


def letters_queue(parts: Parts, given: object) -> Destination | None:
    """The dead-letter queue, made where it is missing; None where none was given."""
    if given is None:
        return None
    found = parts.functions.letters.queue(given)
    if found is None or found.service != "sqs":
        limit = "a standard SQS queue, its name or ARN"
        raise InvalidSetting(
            "dead_letter_queue", given, limit, "scheduler/configuring-schedule-dlq"
        )
    return found


def event_words(given: object, target: Destination) -> tuple[tuple[str, str], ...]:
    """What a schedule calls its events on a bus: their source and detail type, which a bus needs."""
    if given is None and target.service != "events":
        return ()
    names = {"source", "detail_type"}
    if (
        target.service != "events"
        or not isinstance(given, dict)
        or set(given) != names
        or not all(isinstance(value, str) and value for value in given.values())
    ):
        limit = (
            '{"source": ..., "detail_type": ...} for an event bus, and nothing for other targets'
        )
        raise InvalidSetting(
            "event_bridge_parameters", given, limit, "botocore EventBridgeParameters"
        )
    if given["source"].startswith("aws."):
        limit = "a source that does not begin with 'aws.': those are AWS's own"
        raise InvalidSetting(
            "event_bridge_parameters", given, limit, "botocore EventBridgeParameters"
        )
    return tuple(sorted(given.items()))


def input_text(parts: Parts, given: object, target: Destination) -> str:
    """The input as text: a text as it is, anything else as JSON; "{}" where there is none."""
    try:
        text = "{}" if given is None else given if isinstance(given, str) else encode_text(given)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        limit, shown = f"a text, or a value that JSON can express: {error}", ascii(given)
        raise InvalidSetting("input", shown, limit, "botocore Target.Input") from None
    largest = parts.rules.scheduler_input_size
    if not text or len(text.encode()) > largest:
        source = parts.rules.source("scheduler_input_size")
        raise InvalidSetting(
            "input", f"{len(text):,} characters", f"1 to {largest:,} bytes", source
        )
    if target.service in ("lambda", "events"):
        try:
            found = json.loads(text, parse_constant=_no_constant)
            if target.service == "events" and not isinstance(found, dict):
                raise ValueError("the detail of an event is an object")
        except ValueError as error:
            limit = f"well-formed JSON for this target ({error})"
            raise InvalidSetting("input", text, limit, "botocore Target.Input") from None
    return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
