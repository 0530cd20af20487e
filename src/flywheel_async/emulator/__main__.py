"""Runs the emulator: `python -m flywheel_async.emulator`."""

from __future__ import annotations

import sys

from flywheel_async.emulator.cli import main

sys.exit(main())
