"""Real logs in, modelled functions out: what a function's REPORT lines say about it.

>>> import lambdalab as ll
>>> lab = ll.Lab(seed=7)
>>> bill = lab.create_function("bill", duration=ll.LogNormal(p50=0.12, p99=0.8), idle_expiry=420)
>>> lab.drive("bill", ll.Poisson(rate=1 / 200), count=400)
>>> note = lab.run()
>>> fit = ll.calibrate(lab.trace.logs)
>>> fit["bill"].settings()["duration"]
LogNormal(p50=0.1137, p99=0.7117)
"""

from lambdalab.calibration.calibrating import calibrate
from lambdalab.calibration.distributions import Distribution
from lambdalab.calibration.figures import Figure
from lambdalab.calibration.fitted import FittedFunction
from lambdalab.calibration.idle import IdleExpiry
from lambdalab.calibration.result import Calibration

__all__ = ["Calibration", "Distribution", "Figure", "FittedFunction", "IdleExpiry", "calibrate"]
