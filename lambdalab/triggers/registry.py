"""The services of a lab that call Lambda by themselves, wired to its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.triggers.api_gateway import ApiGateway
from lambdalab.triggers.cloudformation.service import CloudFormation
from lambdalab.triggers.cloudfront.service import CloudFront
from lambdalab.triggers.codecommit import CodeCommit
from lambdalab.triggers.cognito.service import Cognito
from lambdalab.triggers.config.service import Config
from lambdalab.triggers.elb.service import Elb
from lambdalab.triggers.eventbridge.service import EventBridge
from lambdalab.triggers.firehose.service import Firehose
from lambdalab.triggers.function_urls import FunctionUrls
from lambdalab.triggers.logs.service import Logs
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.s3.service import S3
from lambdalab.triggers.scheduler import Schedules
from lambdalab.triggers.sns.service import Sns


class Triggers:
    """Every trigger service of one lab, by the name that the lab has for it.

    Parameters: the lab's ``parts``. A new service is one line in :attr:`SERVICES`.
    """

    SERVICES: ClassVar[dict[str, Callable[..., Any]]] = {
        "api_gateway": ApiGateway,
        "sns": Sns,
        "s3": S3,
        "scheduler": Schedules,
        "elb": Elb,
        "eventbridge": EventBridge,
        "cognito": Cognito,
        "firehose": Firehose,
        "cloudfront": CloudFront,
        "logs": Logs,
        "codecommit": CodeCommit,
        "cloudformation": CloudFormation,
        "config": Config,
    }
    """What each is made of, by its attribute of the lab; the lab's repr shows them in this order."""

    NEEDS: ClassVar[dict[str, tuple[str, ...]]] = {"firehose": ("s3",)}
    """Whose things a service is given besides the parts; they stand before it in :attr:`SERVICES`."""

    DRIVEN: ClassVar[tuple[str, ...]] = (
        "sns", "s3", "eventbridge", "firehose", "api_gateway", "elb",
    )  # fmt: skip
    """Those whose things traffic can go to."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.function_urls = FunctionUrls(parts)
        for name, service in self.SERVICES.items():
            others = [getattr(self, other) for other in self.NEEDS.get(name, ())]
            setattr(self, name, service(parts, *others))

    def driven(self, name: str, others: Iterable[str]) -> Any:
        """The topic, bucket, bus, stream or API that traffic may go to by its name.

        Raises :class:`~lambdalab.errors.UnknownName` where none has it; ``others`` are the names of what
        is none of these.
        """
        services = [getattr(self, service) for service in self.DRIVEN]
        found = [service[name] for service in services if name in service]
        if len(found) == 1:
            return found[0]
        if found:
            nouns = " and a ".join(each.noun for each in services if name in each)
            limit = f"one of several: there is a {nouns} of this name; give it itself"
            raise InvalidSetting("target", name, limit)
        known = [*self.parts.service.functions, *others, *(n for s in services for n in s)]
        raise UnknownName("function, queue, stream, table, topic, bucket, bus or API", name, known)

    def wiring(self) -> dict[str, list[object]]:
        """What has been made of each service, for the lab's repr; not what nobody has made or used."""
        services = {name: getattr(self, name) for name in self.SERVICES}
        return {
            name: [each for each in map(service.__getitem__, service) if not is_implied(each)]
            for name, service in services.items()
        }


def is_implied(thing: object) -> bool:
    """Whether nobody has made or used it yet, such as the default bus."""
    return bool(getattr(thing, "implied", False))
