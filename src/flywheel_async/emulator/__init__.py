"""A Flywheel-compatible site on your own machine, for tests, demos and work without a network.

It keeps its data in one folder, checks keys and permissions, and can be told to misbehave.

Example:
    >>> from flywheel_async.emulator import Emulator
    >>> with Emulator() as site:
    ...     print(site.url)
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flywheel_async.emulator.emulator import Emulator
    from flywheel_async.emulator.faults import Fault, FaultPlan
    from flywheel_async.emulator.process import EmulatorProcess

__all__ = ["Emulator", "EmulatorProcess", "Fault", "FaultPlan", "missing_extra"]

_HOMES = {"Emulator": "emulator", "EmulatorProcess": "process", "Fault": "faults", "FaultPlan": "faults"}
_NEEDS = ("uvicorn", "python_multipart", "regex", "lark")


def missing_extra() -> str | None:
    """Returns what to install when parts of the `[emulator]` extra are missing, else None."""
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if not missing:
        return None
    return f"the emulator needs {', '.join(missing)}: pip install 'flywheel-async[emulator]'"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    problem = missing_extra()
    if problem is not None:
        raise ImportError(problem)
    from importlib import import_module

    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
