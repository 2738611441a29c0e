"""The metrics that the books have, under the names and dimensions that CloudWatch gives them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lambdalab.functions.target import LATEST
from lambdalab.kernel.clock import US
from lambdalab.trace.metrics import OF_VERSIONS

if TYPE_CHECKING:
    from lambdalab.lab import Lab

OURS = "AWS/"
"""What the namespaces of AWS's own services begin with."""
_LAMBDA = f"{OURS}Lambda"
_MINUTE = 60 * US
_OF_MAPPINGS = frozenset(
    {"PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "FailedInvokeEventCount"}
    | {"DeletedEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount"}
    | {"ProvisionedPollers"}
)


def listed(lab: Lab, since: dt.datetime | None) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each; of those with data ``since`` then, where it is given."""
    figures, calls = lab.trace.metrics(), lab.trace.invocations
    if since is not None:
        figures, calls = figures[figures["at"] >= since], calls[calls["requested_at"] >= since]
    known = figures[["namespace", "metric", "name"]].drop_duplicates()
    for namespace, metric, name in known.itertuples(index=False, name=None):
        for dimensions in _dimensions(lab, namespace, metric, name):
            yield namespace, metric, dimensions
    versions = calls[["function", "qualifier"]].drop_duplicates()
    for function, qualifier in versions.itertuples(index=False, name=None):
        if qualifier not in ("", LATEST):
            for metric in OF_VERSIONS:
                yield _LAMBDA, metric, _of_version(str(function), str(qualifier))


def _dimensions(lab: Lab, namespace: str, metric: str, name: str) -> Iterator[dict[str, str]]:
    """The combinations of dimensions under which CloudWatch has a metric of the books."""
    if namespace == f"{OURS}SQS":
        yield {"QueueName": name.removesuffix(" (queue)")}
    elif not name:
        yield {}
    elif metric in _OF_MAPPINGS:
        yield {"EventSourceMappingUUID": str(lab.trace.wired("mapping")[name]["uuid"])}
    else:
        yield {"FunctionName": name}
        yield {"FunctionName": name, "Resource": name}
        if metric != "ConcurrentExecutions":  # of which the account's own series has no name
            yield {}


def _of_version(function: str, qualifier: str) -> dict[str, str]:
    return {"FunctionName": function, "Resource": f"{function}:{qualifier}"}


def samples(
    lab: Lab, namespace: str, metric: str, wanted: dict[str, str]
) -> tuple[str, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The unit, moments (microseconds since 1970) and values of a metric with those dimensions."""
    function, _, qualifier = wanted.get("Resource", "").partition(":")
    if qualifier:
        found = lab.trace.samples(namespace, metric, qualifier=qualifier)
        mine = {function} if wanted == _of_version(function, qualifier) else set()
    else:
        found = lab.trace.samples(namespace, metric)
        mine = {
            name
            for name in found["name"].unique().tolist()
            if any(each == wanted for each in _dimensions(lab, namespace, metric, name))
        }
    found = found[found["name"].isin(mine)]
    at = found["at"].dt.as_unit("us").astype(np.int64).to_numpy()
    at = at // _MINUTE * _MINUTE  # which is what CloudWatch keeps of them
    unit = "" if found.empty else str(found["unit"].iloc[0])
    return unit, at, found["value"].to_numpy(np.float64)
