"""AWS CodeCommit: a repository that invokes functions when something is pushed to it.

A trigger is told of pushes, new branches and deleted branches, asynchronously, one event for each. How
often CodeCommit tries when Lambda does not accept one is not documented (rules ``push_tries`` and
``push_wait``). Sources: codecommit/how-to-notify, codecommit/limits; the event: the example in Lambda's
own guide (dg/services-codecommit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import ParentKind
from lambdalab.triggers.errors import (
    BranchDoesNotExistException,
    BranchNameExistsException,
    MaximumRepositoryTriggersExceededException,
    RepositoryDoesNotExistException,
    RepositoryNameExistsException,
)
from lambdalab.triggers.parts import ACCOUNT, REGION, Parts, arn, one_of
from lambdalab.triggers.push import FunctionReceiver, Push
from lambdalab.triggers.thin import ThinService, checked_text, few_tries, hexadecimal, uuid

PRINCIPAL = "codecommit.amazonaws.com"
EVENTS = ("all", "updateReference", "createReference", "deleteReference")


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a function wants to be told of.

    Attributes: ``name``; ``branches`` (none: every branch); ``events``, of :data:`EVENTS`;
    ``custom_data`` that each event brings; ``function``, its name.
    """

    name: str
    function: str
    branches: tuple[str, ...]
    events: tuple[str, ...]
    custom_data: str

    def wants(self, event: str, branch: str) -> bool:
        """Whether it is told of this."""
        named = not self.branches or branch in self.branches
        return named and ("all" in self.events or event in self.events)

    def __repr__(self) -> str:
        branches = ", ".join(self.branches) or "every branch"
        events = "" if "all" in self.events else f" ({', '.join(self.events)})"
        return f"<trigger {self.name}: {branches}{events} -> {self.function}>"


class Repository(Shown):
    """A repository: its branches, each with its newest commit, and its triggers.

    Attributes: ``name``, ``arn``, ``branches`` (name to commit), ``triggers`` by name; ``deleted``.
    """

    def __init__(self, parts: Parts, name: str) -> None:
        self.name, self._parts = name, parts
        self.arn = arn("codecommit", name)
        self.triggers: dict[str, Trigger] = {}
        self._pushes: dict[str, Push] = {}
        self.deleted = False
        self.begin()

    def begin(self) -> None:
        """A run begins: an empty repository."""
        self.branches: dict[str, str] = {}
        self._count = 0
        for push in self._pushes.values():
            push.begin()
        self._tell()

    def _tell(self) -> None:
        targets = {trigger.name: trigger.function for trigger in self.triggers.values()}
        self._parts.books.wired("repository", self.name, {"triggers": targets})

    def put_trigger(
        self,
        name: str,
        function: Any,
        *,
        branches: Sequence[str] = (),
        events: Sequence[str] = ("all",),
        custom_data: str = "",
    ) -> Trigger:
        """Have a function told; a trigger of that name is replaced (PutRepositoryTriggers).

        Parameters: the trigger's name; the function; the branches (none: every one, 10 at most); the
        events, of :data:`EVENTS`; and a text of at most 1,000 characters that each event brings.

        Raises :class:`MaximumRepositoryTriggersExceededException` for an eleventh.
        """
        self._parts.origin()
        rules = self._parts.rules
        checked_text("name", name, 100, "codecommit/limits")
        target = self._parts.target(function)
        named, kinds = _list("branches", branches), _list("events", events)
        for kind in kinds:
            one_of("events", kind, EVENTS, "botocore RepositoryTrigger")
        if not kinds:
            raise InvalidSetting("events", events, "at least one", "botocore RepositoryTrigger")
        most = rules.codecommit_trigger_branches
        if len(named) > most:
            raise InvalidSetting("branches", list(named), f"{most} at most", "codecommit/limits")
        if not isinstance(custom_data, str) or len(custom_data) > rules.codecommit_custom_data:
            limit = f"a text of at most {rules.codecommit_custom_data:,} characters"
            raise InvalidSetting("custom_data", custom_data, limit, "codecommit/how-to-notify")
        if name not in self.triggers and len(self.triggers) >= rules.codecommit_triggers:
            raise MaximumRepositoryTriggersExceededException(
                f"The number of triggers allowed for the repository was exceeded: "
                f"{rules.codecommit_triggers}"
            )
        self._parts.grant(target, PRINCIPAL, self.arn, f"{self.name}-{name}")
        receiver = FunctionReceiver(self._parts, target, PRINCIPAL, self.arn)
        trigger = Trigger(name, receiver.name, named, kinds, custom_data)
        way = f"{self.name} {name}->{receiver.name}"
        self.triggers[name] = trigger
        self._pushes[name] = Push(self._parts, way, receiver, few_tries(self._parts))
        self._tell()
        return trigger

    def remove_trigger(self, name: str) -> None:
        """Tell its function no more; what is on its way arrives."""
        self._parts.origin()
        if name in self.triggers:
            del self.triggers[name], self._pushes[name]
            self._tell()

    # ------------------------------------------------------------------ what people do

    def push(self, branch: str = "main", commit: str | None = None) -> str:
        """Push a commit; the branch is created where there is none. Returns the commit's id."""
        checked_text("branch", branch, 256, "botocore BranchName")
        known = branch in self.branches
        event = "updateReference" if known else "createReference"
        return self._change(event, branch, commit, {} if known else {"created": True})

    def create_branch(self, name: str, commit: str | None = None) -> str:
        """Make a branch, of the newest commit of all where none is given; returns the commit's id."""
        self._parts.origin()
        checked_text("name", name, 256, "botocore BranchName")
        if name in self.branches:
            raise BranchNameExistsException(f"{name} already exists")
        newest = commit or next(reversed(self.branches.values()), None)
        return self._change("createReference", name, newest, {"created": True})

    def delete_branch(self, name: str) -> str:
        """Delete a branch; returns the commit that it had."""
        self._parts.origin()
        if name not in self.branches:
            raise BranchDoesNotExistException(f"{name} does not exist")
        return self._change("deleteReference", name, self.branches[name], {"deleted": True})

    def _change(self, event: str, branch: str, commit: str | None, more: dict[str, bool]) -> str:
        origin = self._parts.origin()
        if self.deleted:
            raise RepositoryDoesNotExistException(f"{self.name} does not exist")
        if commit is not None:
            checked_text("commit", commit, 64, "botocore ObjectId")
        self._count += 1
        seed = f"commit/{self.name}/{self._count}"
        commit = commit or hexadecimal(self._parts, seed, 40)
        if event == "deleteReference":
            del self.branches[branch]
        else:
            self.branches[branch] = commit
        request = origin.parent if origin.parent_kind == ParentKind.REQUEST else 0
        number = self._parts.new_number()
        for name, trigger in list(self.triggers.items()):
            if trigger.wants(event, branch):
                body = self._event(
                    trigger, {"commit": commit, "ref": f"refs/heads/{branch}", **more}
                )
                self._pushes[name].send(number, encode(body), request=request)
            else:
                self._pushes[name].filtered(number, request)
        return commit

    def _event(self, trigger: Trigger, reference: dict[str, Any]) -> dict[str, Any]:
        told = {"customData": trigger.custom_data} if trigger.custom_data else {}
        seed = f"{self.name}/{trigger.name}"
        record = {
            "awsRegion": REGION,
            "codecommit": {"references": [reference]},
            **told,
            "eventId": uuid(self._parts, f"codecommit/{seed}/{self._count}"),
            "eventName": "ReferenceChanges",
            "eventPartNumber": 1,
            "eventSource": "aws:codecommit",
            "eventSourceARN": self.arn,
            "eventTime": self._parts.iso.replace("Z", "+0000"),
            "eventTotalParts": 1,
            "eventTriggerConfigId": uuid(self._parts, f"codecommit/{seed}"),
            "eventTriggerName": trigger.name,
            "eventVersion": "1.0",
            "userIdentityARN": f"arn:aws:iam::{ACCOUNT}:user/lambdalab",
        }
        return {"Records": [record]}

    def __repr__(self) -> str:
        told = ", ".join(f"{name} -> {each.function}" for name, each in self.triggers.items())
        branches = ", ".join(self.branches) or "no branches"
        return f"<repository {self.name}: {branches} · {told or 'no triggers'}>"


class CodeCommit(ThinService[Repository]):
    """The repositories of a lab."""

    service: ClassVar[str] = "codecommit"
    noun: ClassVar[str] = "repository"

    def create_repository(self, name: str) -> Repository:
        """Make an empty repository.

        Raises :class:`~lambdalab.triggers.errors.RepositoryNameExistsException` where there is one of
        that name with branches or triggers already; an untouched one is returned.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> build = lab.create_function("build", duration=1)
        >>> shop = lab.codecommit.create_repository("shop")
        >>> trigger = shop.put_trigger("build", build, branches=["main"])
        >>> len(shop.push("main"))
        40
        """
        self._parts.origin()
        checked_text("name", name, 100, "botocore CreateRepository", "[a-zA-Z0-9_.-]+")
        known = self._found.get(name)
        if known is not None and (known.branches or known.triggers):
            raise RepositoryNameExistsException(
                f"Repository named {name} already exists",
                f"; it is lab.codecommit[{name!r}], and lab.codecommit.delete_repository removes it",
            )
        return self._found.setdefault(name, known or Repository(self._parts, name))

    def delete_repository(self, name: str) -> None:
        """Delete a repository with all that is in it; nothing happens where there is none."""
        self._parts.origin()
        repository = self._found.pop(name, None)
        if repository is not None:
            repository.deleted = True


def _list(setting: str, given: Sequence[str]) -> tuple[str, ...]:
    good = isinstance(given, Sequence) and not isinstance(given, (str, bytes))
    if not good or not all(isinstance(each, str) for each in given):
        raise InvalidSetting(setting, given, "a list of texts", "botocore RepositoryTrigger")
    return tuple(given)
