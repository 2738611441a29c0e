"""Templates to try: each a folder with a template, as one would deploy it, and the code it names.

``orders_api``, an API with functions and a table (SAM); ``thumbnails``, a bucket that calls a function,
whose results and failures go to queues (SAM); ``billing``, a queue with a function and a dead-letter queue
(CloudFormation).
"""

from __future__ import annotations

from pathlib import Path

from lambdalab.errors import UnknownName

NAMES = ("billing", "orders_api", "thumbnails")
"""What there is."""


def path(name: str) -> Path:
    """The path of a template, by its name.

    Raises :class:`~lambdalab.errors.UnknownName`.

    >>> path("billing").name
    'template.yaml'
    """
    if name not in NAMES:
        raise UnknownName("template", name, NAMES)
    return Path(__file__).parent / name / "template.yaml"
