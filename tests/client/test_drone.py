"""Devices log in with the site's shared secret."""

from __future__ import annotations

import pytest

from flywheel_async import create_drone_client
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, Unauthorized
from flywheel_async.sync import Client
from flywheel_async.sync import create_drone_client as sync_drone

pytestmark = pytest.mark.anyio


async def test_a_device_gets_a_client_of_its_own(site: Emulator) -> None:
    drone = await create_drone_client("127.0.0.1", site.drone_secret, "reaper", "scanner 1", site.port, insecure=True)
    status = await drone.get_auth_status()
    assert status.is_device
    device = await drone.get_current_device()
    assert (device.label, device.id) == ("reaper_scanner_1", status.origin.id if status.origin else None)
    again = await create_drone_client("127.0.0.1", site.drone_secret, "reaper", "scanner 1", site.port, insecure=True)
    assert (await again.get_current_device()).id == device.id
    await drone.aclose()
    await again.aclose()


async def test_the_blocking_way(site: Emulator) -> None:
    with sync_drone("127.0.0.1", site.drone_secret, "reaper", "scanner 2", site.port, insecure=True) as drone:
        assert type(drone) is Client
        assert drone.get_current_device().label == "reaper_scanner_2"


async def test_refusals_do_not_show_the_secret(site: Emulator) -> None:
    secret = "WrongSecretWrongSecret"
    with pytest.raises(Unauthorized) as caught:
        await create_drone_client("127.0.0.1", secret, "reaper", "x", site.port, insecure=True)
    assert secret not in str(caught.value)
    for arguments in (("", "m", "n"), (secret + "\n", "m", "n"), (secret, "m\r\nx: y", "n"), (secret, "m", "")):
        with pytest.raises(ArgumentError) as refused:
            await create_drone_client("127.0.0.1", *arguments, port=site.port, insecure=True)
        assert secret not in str(refused.value)
