"""What a function has to be to run at the edge.

Source: cloudfront/edge-functions-restrictions; the first text is AWS's, the others are this lab's.
"""

from __future__ import annotations

from lambdalab.functions.target import Target
from lambdalab.rules import Rules
from lambdalab.triggers.errors import InvalidLambdaFunctionAssociation

_SOURCE = "cloudfront/edge-functions-restrictions"


def check_edge(rules: Rules, event_type: str, target: Target) -> None:
    """Raise :class:`~lambdalab.triggers.errors.InvalidLambdaFunctionAssociation` for what cannot."""
    if not target.qualifier.isdigit():
        raise InvalidLambdaFunctionAssociation(
            "The function ARN must reference a specific function version. (The ARN must end with the "
            f"version number.) ARN: {target.arn}",
            f"; lab.publish_version() makes one ({_SOURCE})",
        )
    problem = _problem(rules, event_type, target)
    if problem:
        raise InvalidLambdaFunctionAssociation(f"{problem} ARN: {target.arn}", f" ({_SOURCE})")


def _problem(rules: Rules, event_type: str, target: Target) -> str:
    version, kind = target.resolve(), event_type.partition("-")[0]
    settings = version.settings
    longest = getattr(rules, f"edge_{kind}_timeout")
    if settings.environment:
        return "The function cannot have environment variables."
    if settings.dead_letter_queue:
        return "The function cannot have a dead-letter queue."
    if version.provisioned is not None:
        return "The function cannot have provisioned concurrency."
    if settings.architecture != "x86_64":
        return "The function must have the architecture x86_64."
    if kind == "viewer" and settings.memory_size > rules.edge_viewer_memory:
        most = rules.edge_viewer_memory
        return f"The function memory size for {event_type} must be at most {most} MB."
    if settings.timeout > longest:
        return f"The function timeout for {event_type} must be at most {longest} seconds."
    return ""
