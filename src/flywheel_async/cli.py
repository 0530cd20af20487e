"""The `fwa` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_USAGE = """usage: fwa COMMAND [options]

commands:
  emulator   run a local Flywheel-compatible site (fwa emulator --help)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the `fwa` command.

    Args:
        argv: The arguments after the command's name; those of the process by default.

    Returns:
        The exit status: 0 on success, 2 for wrong usage or a missing extra.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["-h"], ["--help"]):
        print(_USAGE, end="")
        return 0
    if arguments[:1] != ["emulator"]:
        print(_USAGE, end="", file=sys.stderr)
        return 2
    return run_emulator(arguments[1:])


def run_emulator(arguments: list[str]) -> int:
    """Runs the emulator, or says which extra is missing."""
    try:
        from flywheel_async.emulator.cli import main as emulator_main
    except ImportError as exc:
        print(f"fwa emulator needs more packages: {exc}\nrun: pip install 'flywheel-async[emulator]'", file=sys.stderr)
        return 2
    return emulator_main(arguments)
