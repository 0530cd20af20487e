"""What belongs to the site and to no container: roles, users, devices and modalities, with all three clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flywheel
import pytest
from flywheel.drone_login import create_drone_client as official_drone
from tests.interop.clients import QUIET
from tests.interop.compare import plain
from tests.interop.flavours import FLAVOURS, Flavour, Witness, flavour
from tests.interop.worlds import fresh

import flywheel_async
import flywheel_async.sync
from flywheel_async.emulator import Emulator

pytestmark = QUIET


@pytest.fixture(scope="module")
def witness(site: Emulator) -> Iterator[Witness]:
    found = Witness(site)
    yield found
    found.close()


@pytest.fixture(scope="module", params=FLAVOURS)
def client(site: Emulator, request: pytest.FixtureRequest) -> Iterator[Flavour]:
    with flavour(request.param, site.api_key) as found:
        yield found


def call(client: Flavour, name: str, *values: object, **keywords: object) -> Any:
    return client.do(getattr(client.fw, name)(*values, **keywords))


def test_roles(client: Flavour, witness: Witness) -> None:
    label = fresh("role ")
    made = call(client, "add_role", {"label": label, "actions": ["containers_view_metadata", "files_view_metadata"]})
    identifier = made if isinstance(made, str) else made.id
    assert witness.get(f"roles/{identifier}")["label"] == label
    found = call(client, "get_role", identifier)
    assert (found.label, sorted(plain(found.actions))) == (label, ["containers_view_metadata", "files_view_metadata"])
    assert identifier in {role.id for role in call(client, "get_all_roles")}
    call(client, "modify_role", identifier, {"label": f"{label}x"})
    assert witness.get(f"roles/{identifier}")["label"] == f"{label}x"
    call(client, "delete_role", identifier)
    assert witness.get(f"roles/{identifier}") is None


def test_modalities(client: Flavour, witness: Witness) -> None:
    identifier, aspects = fresh("M"), {"Measurement": ["T1", "T2"]}
    call(client, "add_modality", {"_id": identifier, "classification": aspects, "active": True})
    found = call(client, "get_modality", identifier)
    assert (found.id, found.classification) == (identifier, aspects)
    assert {"MR", identifier} <= {modality.id for modality in call(client, "get_all_modalities")}
    call(client, "replace_modality", identifier, {"classification": {"Intent": ["x"]}, "active": True})
    assert witness.get(f"modalities/{identifier}")["classification"] == {"Intent": ["x"]}
    call(client, "delete_modality", identifier)
    assert witness.get(f"modalities/{identifier}") is None


def test_users(client: Flavour, witness: Witness) -> None:
    identifier = fresh("user") + "@example.org"
    call(client, "add_user", {"_id": identifier, "firstname": "Ann", "lastname": "Ü", "roles": ["user"]})
    found = call(client, "get_user", identifier)
    assert (found.id, found.firstname, found.lastname) == (identifier, "Ann", "Ü")
    assert identifier in {user.id for user in client.do(client.fw.users.find(f"_id={identifier}"))}
    call(client, "modify_user", identifier, {"firstname": "Bea"})
    assert witness.get(f"users/{identifier}")["firstname"] == "Bea"
    call(client, "delete_user", identifier)
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
