"""Logging in as a device, the blocking way."""

from flywheel_async.drone import device_key
from flywheel_async.sync._runner import run
from flywheel_async.sync.client import Client


def create_drone_client(
    host: str, secret: str, method: str, name: str, port: int = 443, insecure: bool = False
) -> Client:
    """Makes a client for a device; see `flywheel_async.drone.device_key` for arguments and errors.

    Example:
        >>> fw = create_drone_client("my.flywheel.io", secret, "reaper", "scanner 1")
    """
    return Client(run(device_key, host, secret, method, name, port, insecure), disable_auth_check=True)
