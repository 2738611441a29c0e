"""A stack: its resources, its state, and the way from one state to the next.

All resources of a phase are asked for at once (nothing depends on another here). The first failure of a
creation or an update ends the phase; what was under way is given up, and the stack rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.sources.shown import Shown
from lambdalab.triggers.cloudformation.requests import Outcome, Requests, Waiting
from lambdalab.triggers.errors import ValidationError
from lambdalab.triggers.parts import Parts, arn
from lambdalab.triggers.thin import hexadecimal, uuid


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom resource in a template: type, function (a name, maybe with a qualifier), its ARN, the
    properties as texts, and how long to wait for an answer (seconds)."""

    type: str
    function: str
    service_token: str
    properties: Mapping[str, Any]
    timeout: float


@dataclass(slots=True)
class Resource:
    """A resource of a stack: its id, what made it, its state and the attributes its function gave."""

    logical_id: str
    definition: Definition
    physical_id: str
    status: str = ""
    status_reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        told = f": {self.status_reason}" if self.status_reason else ""
        data = f" · {dict(self.data)!r}" if self.data else ""
        named = self.logical_id + (f" ({self.physical_id})" if self.physical_id else "")
        return f"<resource {named} {self.status}{told}{data}>"


@dataclass(slots=True)
class Job:
    """One request: ``kind`` Create, Update or Delete; the definition it is made by; the resource's id
    then, and for an update the definition so far."""

    kind: str
    resource: Resource
    definition: Definition
    physical_id: str = ""
    old: Definition | None = None


Then = Callable[[list[Job]], None]
_DOING = {"Create": "CREATE", "Update": "UPDATE", "Delete": "DELETE"}


class Stack(Shown):
    """A stack, as ``lab.cloudformation.create_stack`` returns it.

    Attributes
    ----------
    name, id
        Its name, and the ARN that requests carry.
    status, status_reason
        AWS's words: ``CREATE_IN_PROGRESS``, ``CREATE_COMPLETE``, ``ROLLBACK_COMPLETE`` ...
    resources
        By logical id; each has ``physical_id``, ``status``, ``status_reason`` and ``data``.
    events
        What has happened: seconds since the lab's start, logical id, status, reason.
    """

    def __init__(
        self, parts: Parts, requests: Requests, name: str, disable_rollback: bool, number: int
    ) -> None:
        self.name, self._parts, self._requests = name, parts, requests
        self.id = arn("cloudformation", f"stack/{name}/{uuid(parts, f'stack/{name}/{number}')}")
        self.disable_rollback = disable_rollback
        self.status = self.status_reason = ""
        self.resources: dict[str, Resource] = {}
        self.events: list[tuple[float, str, str, str]] = []
        self._under_way: dict[int, tuple[Job, Waiting]] = {}
        self._cleanup: list[Job] = []
        self._request = self._jobs = 0

    # ------------------------------------------------------------------ what the service says

    def begin_create(self, template: Mapping[str, Definition], request: int) -> None:
        """Make all resources."""
        self._request = request
        self._is("CREATE_IN_PROGRESS")
        for logical_id, definition in template.items():
            self._add(logical_id, definition)
        jobs = [Job("Create", each, each.definition) for each in self.resources.values()]
        self._phase(jobs, self._created)

    def begin_update(self, template: Mapping[str, Definition], request: int) -> None:
        """Make it what the template says: create, update, and clean up what is not needed any more."""
        jobs: list[Job] = []
        gone = [each for name, each in self.resources.items() if name not in template]
        for logical_id, definition in template.items():
            known = self.resources.get(logical_id)
            if known is not None and known.definition.service_token != definition.service_token:
                raise ValidationError("Modifying service token is not allowed.")
            if known is None or known.definition.properties != definition.properties:
                old = None if known is None else known.definition
                kind = "Create" if known is None else "Update"
                place = known or Resource(logical_id, definition, "")
                jobs.append(Job(kind, place, definition, place.physical_id, old))
        if not jobs and not gone:
            raise ValidationError("No updates are to be performed.")
        self._request = request
        self._is("UPDATE_IN_PROGRESS")
        for job in jobs:
            if job.kind == "Create":
                job.resource = self._add(job.resource.logical_id, job.definition)
        self._cleanup = [
            Job("Delete", each, each.definition, each.physical_id) for each in gone
        ]  # fmt: skip
        self._phase(jobs, lambda failed: self._updated(jobs, failed))

    def begin_delete(self, request: int, gone: Callable[[], None]) -> None:
        """Unmake all resources, whatever was under way; ``gone`` is called when it is over."""
        self._give_up("")
        self._request = request
        self._is("DELETE_IN_PROGRESS")

        def then(failed: list[Job]) -> None:
            if failed:
                names = ", ".join(job.resource.logical_id for job in failed)
                reason = f"The following resource(s) failed to delete: [{names}]."
                self._is("DELETE_FAILED", reason)
            else:
                self._is("DELETE_COMPLETE")
                gone()

        self._phase(self._deletions(list(self.resources.values())), then)

    # ------------------------------------------------------------------ what comes after a phase

    def _created(self, failed: list[Job]) -> None:
        if not failed:
            self._is("CREATE_COMPLETE")
            return
        reason = self._told(failed, "create")
        if self.disable_rollback:
            self._is("CREATE_FAILED", reason)
            return
        self._is("ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
        self._phase(
            self._deletions(list(self.resources.values())),
            lambda left: self._is("ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE"),
        )

    def _updated(self, jobs: list[Job], failed: list[Job]) -> None:
        if not failed:
            self._clean("UPDATE_COMPLETE")
            return
        self._is("UPDATE_ROLLBACK_IN_PROGRESS", self._told(failed, "update"))
        # what was replaced or left out stays: the way back may lead to it
        self._cleanup = self._deletions([job.resource for job in jobs if job.kind == "Create"])
        back = [
            Job("Update", job.resource, job.old, job.resource.physical_id, job.definition)
            for job in jobs if job.old is not None
        ]  # fmt: skip

        def then(left: list[Job]) -> None:
            if left:
                self._is("UPDATE_ROLLBACK_FAILED", self._told(left, "update"))
            else:
                self._clean("UPDATE_ROLLBACK_COMPLETE")

        self._phase(back, then)

    def _clean(self, then: str) -> None:
        """Delete what has been replaced or left out; what fails there is left over."""
        jobs, self._cleanup = self._cleanup, []
        if jobs:
            self._is(f"{then}_CLEANUP_IN_PROGRESS")
        self._phase(jobs, lambda _: self._is(then))

    def _deletions(self, resources: list[Resource]) -> list[Job]:
        return [Job("Delete", each, each.definition, each.physical_id) for each in resources]

    def _told(self, failed: list[Job], what: str) -> str:
        names = ", ".join(job.resource.logical_id for job in failed)
        return f"The following resource(s) failed to {what}: [{names}]."

    # ------------------------------------------------------------------ one phase

    def _phase(self, jobs: list[Job], then: Then) -> None:
        """Do all of it, then go on with those that failed."""
        failed: list[Job] = []

        def over(job: Job, outcome: Outcome) -> None:
            if self._under_way.pop(id(job), None) is None:
                return  # given up at the very moment at which the answer came
            if not self._settle(job, outcome):
                failed.append(job)
                if job.kind != "Delete":
                    what = "creation" if job.kind == "Create" else "update"
                    self._give_up(f"Resource {what} cancelled")
            if not self._under_way:
                then(failed)

        for job in jobs:
            self._under_way[id(job)] = job, self._ask(job, over)
        if not jobs:
            then(failed)

    def _ask(self, job: Job, over: Callable[[Job, Outcome], None]) -> Waiting:
        self._mark(job, "IN_PROGRESS")
        definition = job.definition
        members: dict[str, Any] = {
            "RequestType": job.kind, "ServiceToken": definition.service_token, "StackId": self.id,
            "LogicalResourceId": job.resource.logical_id, "ResourceType": definition.type,
            "ResourceProperties": self._properties(definition),
        }  # fmt: skip
        if job.kind != "Create":
            members["PhysicalResourceId"] = job.physical_id
        if job.old is not None:
            members["OldResourceProperties"] = self._properties(job.old)
        return self._requests.send(
            definition.function, members, definition.timeout, self._request,
            lambda outcome: over(job, outcome),
        )  # fmt: skip

    def _properties(self, definition: Definition) -> dict[str, Any]:
        return {"ServiceToken": definition.service_token, **definition.properties}

    def _settle(self, job: Job, outcome: Outcome) -> bool:
        """A job is over."""
        resource = job.resource
        if not outcome.good:
            if job.kind == "Create" and outcome.physical_id:
                resource.physical_id = outcome.physical_id
            self._mark(job, "FAILED", outcome.reason)
            return False
        self._mark(job, "COMPLETE")
        if job.kind == "Delete":
            if resource.physical_id == job.physical_id:
                self.resources.pop(resource.logical_id, None)
            return True
        if job.kind == "Update" and outcome.physical_id != job.physical_id and job.old is not None:
            self._cleanup.append(Job("Delete", resource, job.old, job.physical_id))
        resource.physical_id, resource.definition = outcome.physical_id, job.definition
        resource.data = dict(outcome.data or {})
        return True

    def _give_up(self, reason: str) -> None:
        """Wait for nothing that is under way any more."""
        for job, waiting in self._under_way.values():
            self._requests.forget(waiting)
            if reason:
                self._mark(job, "FAILED", reason)
        self._under_way.clear()

    def _add(self, logical_id: str, definition: Definition) -> Resource:
        """A resource that is to be made has an id already, in case its function never gives it one."""
        self._jobs += 1
        tail = hexadecimal(self._parts, f"{self.id}/{logical_id}/{self._jobs}", 12).upper()
        made = Resource(logical_id, definition, f"{self.name}-{logical_id}-{tail}")
        self.resources[logical_id] = made
        return made

    def _is(self, status: str, reason: str = "") -> None:
        self.status, self.status_reason = status, reason
        self.events.append((self._parts.now / 1e6, self.name, status, reason))

    def _mark(self, job: Job, how: str, reason: str = "") -> None:
        resource, status = job.resource, f"{_DOING[job.kind]}_{how}"
        if job.kind != "Delete" or resource.physical_id == job.physical_id:
            resource.status, resource.status_reason = status, reason  # else: of one it has replaced
        self.events.append((self._parts.now / 1e6, resource.logical_id, status, reason))

    def __repr__(self) -> str:
        told = f": {self.status_reason}" if self.status_reason else ""
        count = f"{len(self.resources)} resource{'s' * (len(self.resources) != 1)}"
        return f"<stack {self.name} {self.status}{told} · {count}>"
