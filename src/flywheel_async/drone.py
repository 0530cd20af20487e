"""Logging in as a device (a drone) with the site's shared secret, to get a client with the device's own key."""

from __future__ import annotations

import anyio
from pydantic import SecretStr

from flywheel_async.client import AsyncClient
from flywheel_async.config import Site, parse_key, resolve_options
from flywheel_async.errors import ArgumentError, BadAnswer, FlywheelError
from flywheel_async.fields.access import AuthStatus, Device
from flywheel_async.fields.base import Model
from flywheel_async.fields.load import load_one
from flywheel_async.raw.caller import build
from flywheel_async.transport.client import Transport


class DroneSite(Site):
    """A site as a drone sees it: the secret and the device's method and name in place of a user's key."""

    method: str
    name: str

    def credentials(self) -> dict[str, str]:
        """The headers that say who is asking."""
        secret = self.key.get_secret_value()
        return {"X-SciTran-Auth": secret, "X-SciTran-Method": self.method, "X-SciTran-Name": self.name}


async def device_key(host: str, secret: str, method: str, name: str, port: int = 443, insecure: bool = False) -> str:
    """Logs a device in and asks for its key; routes `GET /auth/status`, `GET /devices/self`.

    Args:
        host: The site's host name.
        secret: The shared secret of the site's devices.
        method: The kind of device, for example `reaper`.
        name: The device's name; method and name together identify it, and the first contact creates it.
        port: TCP port.
        insecure: Whether to use plain http.

    Returns:
        The key string of the device, as `AsyncClient` takes it.

    Raises:
        ArgumentError: An argument is empty or cannot stand in a header; nothing was sent.
        Unauthorized: The secret is wrong.
    """
    for argument, value in (("secret", secret), ("method", method), ("name", name)):
        # The value is not shown: it may be the secret.
        if not value or not value.isascii() or not value.isprintable():
            raise ArgumentError(f"{argument} must be a non-empty text of printable ASCII characters")
    middle = "__force_insecure:" if insecure else ""
    plain = parse_key(f"{host}:{port}:{middle}x", "the host and port")
    site = DroneSite(
        scheme=plain.scheme, host=plain.host, port=plain.port, key=SecretStr(secret), method=method, name=name
    )
    transport = Transport(site, resolve_options({}))
    try:
        status = load_one(AuthStatus, (await transport.request(build("get_auth_status", (), {}))).content)
        origin = status.get("origin")
        if not status.is_device or not isinstance(origin, Model) or not origin.get("id"):
            raise BadAnswer("get_auth_status: the site does not take this caller for a device")
        device = load_one(Device, (await transport.request(build("get_current_device", (), {}))).content)
    except ValueError as exc:
        if isinstance(exc, FlywheelError):
            raise
        raise BadAnswer(f"the site does not log devices in as expected: {exc}") from None
    finally:
        with anyio.CancelScope(shield=True):
            await transport.aclose()
    key = device.get("key")
    if not isinstance(key, str) or not key:
        raise BadAnswer("the site did not send the key of the device")
    return f"{host}:{port}:{middle}{key}"


async def create_drone_client(
    host: str, secret: str, method: str, name: str, port: int = 443, insecure: bool = False
) -> AsyncClient:
    """Makes a client for a device; see `device_key` for arguments and errors.

    Example:
        >>> fw = await create_drone_client("my.flywheel.io", secret, "reaper", "scanner 1")
    """
    return AsyncClient(await device_key(host, secret, method, name, port, insecure), disable_auth_check=True)
