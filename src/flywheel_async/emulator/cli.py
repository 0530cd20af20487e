"""The command line: `fwa emulator`, the same as `python -m flywheel_async.emulator`."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from flywheel_async.emulator import missing_extra
from flywheel_async.emulator.storage.options import KINDS, PART_BYTES, StorageOptions

DEFAULT_PORT = 8080


def default_folder() -> Path:
    """Returns the data folder used when none is given."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "flywheel-async" / "emulator"


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command's arguments."""
    found = argparse.ArgumentParser(
        "fwa emulator",
        description="Serves a Flywheel-compatible site on this machine and prints an API key for it. "
        "Data and keys are kept in the data folder; ctrl-C or SIGTERM ends it.",
    )
    found.add_argument(
        "--data",
        type=Path,
        default=default_folder(),
        metavar="DIR",
        help="data folder, made if missing (default: %(default)s)",
    )
    found.add_argument("--port", type=int, default=DEFAULT_PORT, help="port, 0 for a free one (default: %(default)s)")
    found.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    found.add_argument("--seed", choices=["demo"], help="fill an empty site with an example")
    found.add_argument("--faults", action="store_true", help="let a site admin plan faults through /api/_faults")
    found.add_argument(
        "--signed-urls", choices=KINDS, help="upload by signed URL to an object store of this kind (default: direct)"
    )
    found.add_argument(
        "--redirects", action="store_true", help="send contents by redirecting to the object store, where that is taken"
    )
    found.add_argument(
        "--part-bytes",
        type=int,
        default=PART_BYTES,
        metavar="N",
        help="files larger than this get a signed URL for each part (default: %(default)s)",
    )
    found.add_argument(
        "--storage-port", type=int, metavar="N", help="a port of its own for the object store, 0 for a free one"
    )
    found.add_argument(
        "--storage-host",
        metavar="NAME",
        help="the host in signed URLs, a name of this machine; the official client takes a store for S3 "
        "only when its host has '.s3.' in it (default: localhost or 127.0.0.1, whichever --host is not)",
    )
    found.add_argument(
        "--routes", action="store_true", help="list what is served, who may use it and what is missing, then end"
    )
    found.add_argument(
        "--until-stdin-closes", action="store_true", help="also end when standard input ends (for parent processes)"
    )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        The exit status: 0, or 2 when it could not start.
    """
    arguments = parser().parse_args(argv)
    problem = missing_extra()
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2
    if arguments.routes:
        return _print_routes()
    return _serve(arguments)


def _print_routes() -> int:
    from flywheel_async.emulator.coverage import lines
    from flywheel_async.emulator.routes import collect

    for line in lines(collect(with_faults=True)):
        print(line)
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from flywheel_async.emulator.database import DataFolderInUse
    from flywheel_async.emulator.seed import seed_demo
    from flywheel_async.emulator.server import Server

    if not _is_loopback(arguments.host):
        print(
            f"warning: {arguments.host} opens this site to the network, over plain http: keys and data can be read",
            file=sys.stderr,
        )
    try:
        server = Server(
            arguments.data,
            arguments.host,
            arguments.port,
            admin_routes=arguments.faults,
            storage=StorageOptions(arguments.signed_urls, arguments.redirects, arguments.part_bytes),
            storage_port=arguments.storage_port,
            storage_host=arguments.storage_host,
        )
    except (OSError, DataFolderInUse) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 2
    if arguments.seed:
        seed_demo(server.site)

    def end(_number: int, _frame: FrameType | None) -> None:
        server.request_stop()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    if arguments.until_stdin_closes:
        threading.Thread(target=_at_end_of_input, args=(server.request_stop,), daemon=True).start()
    print(f"Emulator at {server.site.url}, data in {arguments.data}")
    print(f"API key: {server.site.key_string(server.site.admin_key)}", flush=True)
    server.run()
    return 0


def _at_end_of_input(stop: Callable[[], None]) -> None:
    sys.stdin.read()
    stop()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
