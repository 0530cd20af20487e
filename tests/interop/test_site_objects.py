"""What belongs to the site and to no container: roles, users, devices and modalities, with all three clients."""

from __future__ import annotations

from typing import Any

import flywheel
import pytest
from flywheel.drone_login import create_drone_client as official_drone
from tests.interop.clients import QUIET
from tests.interop.compare import plain
from tests.interop.flavours import Flavour, Trio, Witness
from tests.interop.worlds import fresh

import flywheel_async
import flywheel_async.sync
from flywheel_async.emulator import Emulator

pytestmark = QUIET


def test_roles(client: Flavour, witness: Witness) -> None:
    label = fresh("role ")
    made = client.call("add_role", {"label": label, "actions": ["containers_view_metadata", "files_view_metadata"]})
    identifier = made if isinstance(made, str) else made.id
    assert witness.get(f"roles/{identifier}")["label"] == label
    found = client.call("get_role", identifier)
    assert (found.label, sorted(plain(found.actions))) == (label, ["containers_view_metadata", "files_view_metadata"])
    assert identifier in {role.id for role in client.call("get_all_roles")}
    client.call("modify_role", identifier, {"label": f"{label}x"})
    assert witness.get(f"roles/{identifier}")["label"] == f"{label}x"
    client.call("delete_role", identifier)
    assert witness.get(f"roles/{identifier}") is None


def test_modalities(client: Flavour, witness: Witness) -> None:
    identifier, aspects = fresh("M"), {"Measurement": ["T1", "T2"]}
    client.call("add_modality", {"_id": identifier, "classification": aspects, "active": True})
    found = client.call("get_modality", identifier)
    assert (found.id, found.classification) == (identifier, aspects)
    assert {"MR", identifier} <= {modality.id for modality in client.call("get_all_modalities")}
    client.call("replace_modality", identifier, {"classification": {"Intent": ["x"]}, "active": True})
    assert witness.get(f"modalities/{identifier}")["classification"] == {"Intent": ["x"]}
    client.call("delete_modality", identifier)
    assert witness.get(f"modalities/{identifier}") is None


def test_users(client: Flavour, witness: Witness) -> None:
    identifier = fresh("user") + "@example.org"
    client.call("add_user", {"_id": identifier, "firstname": "Ann", "lastname": "Ü", "roles": ["user"]})
    found = client.call("get_user", identifier)
    assert (found.id, found.firstname, found.lastname) == (identifier, "Ann", "Ü")
    assert identifier in {user.id for user in client.do(client.fw.users.find(f"_id={identifier}"))}
    client.call("modify_user", identifier, {"firstname": "Bea"})
    assert witness.get(f"users/{identifier}")["firstname"] == "Bea"
    client.call("delete_user", identifier)
    found = witness.get(f"users/{identifier}")
    assert found is None or found["disabled"]


def drone(client: Flavour, site: Emulator, secret: str, name: str) -> Any:
    """Logs a device in, in the client's way."""
    if client.name == "official":
        return official_drone("127.0.0.1", secret, "reaper", name, site.port, _force_insecure=True)
    module = flywheel_async if client.name == "async" else flywheel_async.sync
    return client.do(module.create_drone_client("127.0.0.1", secret, "reaper", name, site.port, insecure=True))


def test_drones(client: Flavour, site: Emulator, witness: Witness) -> None:
    """Method and name make the device: two clients with the same ones are the same device."""
    fw, again = (drone(client, site, site.drone_secret, "the scanner") for _ in range(2))
    status, device = client.do(fw.get_auth_status()), client.do(fw.get_current_device())
    assert status.is_device
    assert status.origin.id == device.id == client.do(again.get_current_device()).id
    stored = {entry["_id"]: entry for entry in witness.get("devices")}
    assert stored[device.id]["label"] == device.label == "reaper_the_scanner"
    assert [entry["_id"] for entry in stored.values() if entry["label"] == device.label] == [device.id]
    group = witness.post("groups", {"_id": fresh("group"), "label": "not shared with anyone"})["_id"]
    assert client.do(fw.get(group)).label == "not shared with anyone"
    client.close(fw)
    client.close(again)


def test_drones_with_a_wrong_secret(client: Flavour, site: Emulator) -> None:
    with pytest.raises((flywheel.ApiException, flywheel_async.APIError)) as refused:
        drone(client, site, "wrong", "the scanner")
    assert refused.value.status == 401
    assert "wrong" not in str(refused.value)


def test_devices(client: Flavour, trio: Trio, witness: Witness) -> None:
    label = fresh("device ")
    made = client.call("create_device", {"label": label, "type": "scanner"})
    found = trio.get("get_device", made.id)
    assert (found.label, found.type, found.disabled) == (label, "scanner", False)
    key = client.call("generate_key", made.id, body={"label": "second"})
    assert key.unencrypted_secret
    with_keys = trio.get("get_all_devices", filter=f"label={label}", join_keys=True)
    assert [[entry.label for entry in device.api_keys] for device in with_keys] == [["device", "second"]]
    client.call("delete_device_key", made.id, key.key)
    (kept,) = witness.get(f"devices?join_keys=true&filter=label={label}")
    assert [entry["label"] for entry in kept["api_keys"]] == ["device"]
    client.call("modify_device", made.id, {"disabled": True})
    assert trio.get("get_device", made.id).disabled is True
    assert plain(trio.get("get_all_devices_status")[made.id].status) == "unknown"
    client.call("delete_device", made.id)
    assert witness.get(f"devices/{made.id}") is None
