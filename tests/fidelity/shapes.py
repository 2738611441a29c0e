"""Events compared member by member with what is written of them.

A pattern is JSON in which leaves may also be: a compiled regular expression (a text that it matches as a
whole), a type (a value of just that type: ``True`` is no ``int``), or :class:`AtLeast` (an object that has
these members and may have more). Everything else must be equal; an object has exactly these members.
"""

from __future__ import annotations

import re
from typing import Any

ACCOUNT, REGION = "123456789012", "us-east-1"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LOG_TIME = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
IP = re.compile(r"\d+\.\d+\.\d+\.\d+")
TEXT = re.compile(r"(?s).+")


class AtLeast(dict[str, Any]):
    """An object that may have more members than these."""


def check(seen: Any, wanted: Any, at: str = "event") -> None:
    """Assert that a value is as a pattern says; a failure names the place."""
    if isinstance(wanted, dict):
        assert isinstance(seen, dict), f"{at} is {seen!r}, no object"
        missing = set(wanted) - set(seen)
        more = set() if isinstance(wanted, AtLeast) else set(seen) - set(wanted)
        assert not missing, f"{at} has no {sorted(missing)}"
        assert not more, f"{at} has {sorted(more)}"
        for name, each in wanted.items():
            check(seen[name], each, f"{at}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(seen, list), f"{at} is {seen!r}, no list"
        assert len(seen) == len(wanted), f"{at} has {len(seen)} members"
        for number, (one, each) in enumerate(zip(seen, wanted, strict=True)):
            check(one, each, f"{at}[{number}]")
    elif isinstance(wanted, re.Pattern):
        assert isinstance(seen, str), f"{at} is {seen!r}, no text"
        assert wanted.fullmatch(seen), f"{at} is {seen!r}, not like {wanted.pattern}"
    elif isinstance(wanted, type):
        assert type(seen) is wanted, f"{at} is {seen!r}, no {wanted.__name__}"
    else:
        assert type(seen) is type(wanted), f"{at} is {seen!r}, not {wanted!r}"
        assert seen == wanted, f"{at} is {seen!r}, not {wanted!r}"


def arn(service: str, rest: str) -> str:
    """An ARN of the lab's account and Region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"
