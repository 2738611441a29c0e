"""The public names that a set-up uses, so that it reads as a cell of a notebook does: ``ll.Poisson``.

A room of the house may not import the front door, ``lambdalab`` itself, that stands above it.
"""

from lambdalab.errors import LabError, ServiceError
from lambdalab.functions.cpu import compute
from lambdalab.functions.durations import LogNormal
from lambdalab.lab import Lab
from lambdalab.traffic.arrivals import Burst, Every, Poisson
from lambdalab.traffic.callers import Browser, QueueingCaller, ReadTimeoutError
from lambdalab.traffic.sdk import SdkClient

__all__ = [
    "Browser",
    "Burst",
    "Every",
    "Lab",
    "LabError",
    "LogNormal",
    "Poisson",
    "QueueingCaller",
    "ReadTimeoutError",
    "SdkClient",
    "ServiceError",
    "compute",
]
