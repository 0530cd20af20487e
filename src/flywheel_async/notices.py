"""Warnings that point at the user's own line."""

from __future__ import annotations

import asyncio
import sys
import warnings
from pathlib import Path
from types import FrameType

_NOT_THE_USER = (str(Path(__file__).parent), str(Path(asyncio.__file__).parent))


def warn(message: str, category: type[Warning]) -> None:
    """Warns about something in the user's code.

    Args:
        message: What is wrong and what to write.
        category: The kind of warning.
    """
    level = 1
    frame: FrameType | None = sys._getframe(0)
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_THE_USER):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level if frame is not None else 2)
