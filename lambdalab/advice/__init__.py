"""Advice about a lab's wiring, each piece with a counter-example that has just been simulated.

The rules stand in a module each: :mod:`.visibility`, :mod:`.payload`, :mod:`.letters`, :mod:`.pollers`,
:mod:`.api`, :mod:`.bucket`, :mod:`.idempotency`. What the books tell of is ``lab.trace.findings()``.
"""

from lambdalab.advice.check import check
from lambdalab.advice.finding import Advice, Checked, Example

__all__ = ["Advice", "Checked", "Example", "check"]
