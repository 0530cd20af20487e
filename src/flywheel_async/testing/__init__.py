"""Help for tests of programs that use this library: a network that misbehaves as told.

Example:
    >>> from flywheel_async.testing import ConnectionPlan, FaultProxy, Flow
    >>> plan = [ConnectionPlan(down=Flow(reset_after=1000))]
"""

from __future__ import annotations

from flywheel_async.testing.fault_proxy import FaultProxy
from flywheel_async.testing.plans import ConnectionPlan, Flow, Traffic

__all__ = ["ConnectionPlan", "FaultProxy", "Flow", "Traffic"]
