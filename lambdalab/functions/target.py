"""Whom a caller names: a function, and which of its versions.

An unqualified name means ``$LATEST``; a number is a published version; any other qualifier is an alias,
which leads to one version, or to one of two by chance (dg/configuring-alias-routing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lambdalab.functions.context import ACCOUNT, REGION, function_arn

if TYPE_CHECKING:
    from lambdalab.functions.function import Function
    from lambdalab.functions.version import Version

LATEST = "$LATEST"
_ARN = re.compile(
    r"(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[A-Za-z0-9_-]+)(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?\Z"
)


def split(name: str) -> tuple[str, str] | None:
    """Name and qualifier out of any form AWS takes; None where it is none, or another account's.

    A name, ``name:qualifier``, an ARN or a part of one (botocore FunctionName).

    >>> split("123456789012:function:bill:live")
    ('bill', 'live')
    """
    match = _ARN.match(name)
    if match is None:
        return None
    if match["region"] not in (None, REGION) or match["account"] not in (None, ACCOUNT):
        return None
    return match["name"], match["qualifier"] or ""


def unreachable(name: str, default: str) -> tuple[str, str]:
    """Why a name that :func:`split` does not take leads nowhere: another region, and the ARN it means.

    The region is ``""`` where it is this one; ``default`` is what the ARN ends with without a qualifier.
    Another region's functions are refused by name of both regions (seen in clients' logs of 2025).
    """
    match = _ARN.match(name)
    if match is None:
        return "", function_arn(name) + default
    region, account = match["region"] or REGION, match["account"] or ACCOUNT
    last = f":{match['qualifier']}" if match["qualifier"] else default
    arn = f"arn:aws:lambda:{region}:{account}:function:{match['name']}{last}"
    return "" if region == REGION else region, arn


@dataclass(frozen=True)
class Alias:
    """A name for a version, or for two of them: ``routing`` gives the share of the other one.

    Parameters: ``function``, the name of its function; ``name``; ``function_version``; ``routing``,
    another version's number to its weight, 0.0 to 1.0.
    """

    function: str
    name: str
    function_version: str
    routing: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    description: str = ""

    @property
    def arn(self) -> str:
        """The alias's own ARN."""
        return f"{function_arn(self.function)}:{self.name}"

    def __repr__(self) -> str:
        other = "".join(f", {weight:.0%} to {version}" for version, weight in self.routing.items())
        return f"<alias {self.function}:{self.name}: version {self.function_version}{other}>"


class Target:
    """A function and the qualifier a caller used (``""``: none).

    ``code`` is the qualifier's number in the books of the run, ``$LATEST``'s where there is none.
    """

    __slots__ = ("_draw", "code", "function", "qualifier")

    def __init__(self, function: Function, qualifier: str) -> None:
        self.function, self.qualifier = function, qualifier
        self.code = 0
        self._draw: Callable[[], float] | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

    @property
    def arn(self) -> str:
        """The ARN as the caller used it: with a qualifier only where there was one."""
        arn = function_arn(self.function.name)
        return f"{arn}:{self.qualifier}" if self.qualifier else arn

    @property
    def qualified_arn(self) -> str:
        """The ARN with its qualifier, ``$LATEST`` where the caller gave none."""
        return f"{function_arn(self.function.name)}:{self.qualifier or LATEST}"

    @property
    def alias(self) -> Alias | None:
        """The alias it names, if it names one."""
        return self.function.aliases.get(self.qualifier)

    def resolve(self) -> Version:
        """The version that runs this time; an alias with weights draws one."""
        function, qualifier = self.function, self.qualifier
        if not qualifier or qualifier == LATEST:
            return function.latest
        alias = function.aliases.get(qualifier)
        if alias is None:
            return function.versions[qualifier]
        chosen = alias.function_version
        if alias.routing:
            if self._draw is None:
                self._draw = function.stream(f"routing/{function.name}/{qualifier}").uniform
            left = self._draw()
            for other, weight in alias.routing.items():
                if left < weight:
                    return function.versions[other]
        return function.version(chosen)

    @property
    def timeout(self) -> int:
        """The timeout in seconds of what it leads to, the longer one of two versions."""
        alias = self.alias
        if alias is None:
            return self.resolve().settings.timeout
        numbers = [alias.function_version, *alias.routing]
        return max(self.function.version(number).settings.timeout for number in numbers)

    def attach(self, code: int) -> None:
        """Begin a run."""
        self.code, self._draw = code, None

    def __repr__(self) -> str:
        return f"<{self.function.name}:{self.qualifier or LATEST}>"
