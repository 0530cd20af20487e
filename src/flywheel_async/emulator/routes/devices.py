"""Devices."""

from __future__ import annotations

from flywheel_async.emulator import devices, keys, nodes
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.keys import Owner
from flywheel_async.emulator.listing import list_nodes
from flywheel_async.emulator.metadata import clean_doc
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import Device, LoggedIn, SiteAdmin
from flywheel_async.emulator.site_inputs import DeviceChange, DeviceInput, DeviceKeyInput, DeviceReport
from flywheel_async.emulator.times import to_ms
from flywheel_async.emulator.wire import Doc

ROUTES = Routes()
route = ROUTES.route


def _device(call: Call) -> Node:
    return nodes.get(call.tx, "device", call.params["device_id"])


def _shown(call: Call, node: Node) -> Doc:
    return devices.document(call.tx, node, with_keys=call.flag("join_keys") and call.caller.is_admin)


@route("get_all_devices", rule=LoggedIn())
def get_all_devices(call: Call) -> object:
    """Lists the devices; site admins may have their keys listed too."""
    return list_nodes(call, "device", lambda found: [_shown(call, node) for node in found])


@route("get_all_devices_status", rule=LoggedIn())
def get_all_devices_status(call: Call) -> Doc:
    """Tells how every device is."""
    rows = call.tx.all("SELECT * FROM node WHERE kind = 'device' AND deleted IS NULL ORDER BY id")
    return {row["id"]: devices.status(call.tx, Node.from_row(row)) for row in rows}


def _self(call: Call) -> Doc:
    node = nodes.get(call.tx, "device", call.caller.user_id)
    return devices.document(call.tx, node, with_keys=False, key=devices.key_of(call.site, node.id))


@route("get_current_device", rule=Device())
def get_current_device(call: Call) -> Doc:
    """Returns the device that asks, with its key."""
    return _self(call)


@route("update_device", rule=Device())
def update_device(call: Call) -> Doc:
    """Takes what a device says of itself."""
    node = nodes.get(call.tx, "device", call.caller.user_id)
    given = call.input(DeviceReport)
    node.body.update(given.model_dump(mode="json", exclude_unset=True))
    if given.info is not None:
        node.body["info"] = clean_doc(given.info)
    node.body["last_seen"] = call.tx.now
    nodes.save(call.tx, node)
    return _self(call)


@route("get_device", rule=LoggedIn())
def get_device(call: Call) -> Doc:
    """Returns one device."""
    return _shown(call, _device(call))


@route("create_device", rule=SiteAdmin())
def create_device(call: Call) -> Doc:
    """Makes a device."""
    given = call.input(DeviceInput)
    body: Doc = given.model_dump(mode="json", exclude={"label"})
    return _shown(call, devices.create(call.tx, call.site, given.label, body))


@route("modify_device", rule=SiteAdmin())
def modify_device(call: Call) -> Doc:
    """Changes a device; one that is disabled is refused with 402."""
    node = _device(call)
    node.body.update(call.input(DeviceChange).model_dump(mode="json", exclude_unset=True))
    nodes.save(call.tx, node)
    return _shown(call, node)


@route("delete_device", rule=SiteAdmin())
def delete_device(call: Call) -> None:
    """Deletes a device with its keys."""
    node = _device(call)
    call.tx.run("DELETE FROM api_key WHERE user_id = ? AND is_device = 1", (node.id,))
    call.tx.run("DELETE FROM node WHERE kind = 'device' AND id = ?", (node.id,))


@route("generate_key", rule=SiteAdmin())
def generate_key(call: Call) -> Doc:
    """Makes a further key of a device."""
    given = call.input(DeviceKeyInput)
    expires = None if given.expires_at is None else to_ms(given.expires_at)
    owner = Owner(_device(call).id, is_device=True)
    return keys.generate(call.tx, owner, given.label or "device", call.site.new_id(), expires)


@route("delete_device_key", rule=SiteAdmin())
def delete_device_key(call: Call) -> None:
    """Makes a key of a device invalid."""
    keys.delete(call.tx, Owner(_device(call).id, is_device=True), call.params["key_id"])
