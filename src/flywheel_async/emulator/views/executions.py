"""Executions of views: kept in the database, so that they outlive the process that was asked for them."""

from __future__ import annotations

from dataclasses import asdict

from flywheel_async.emulator import auth, devices, nodes
from flywheel_async.emulator.access import Caller
from flywheel_async.emulator.call import validate
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.times import iso, iso_or_none
from flywheel_async.emulator.views.inputs import ViewInput
from flywheel_async.emulator.views.plan import Plan
from flywheel_async.emulator.views.planning import Run, make_plan
from flywheel_async.emulator.wire import Doc, Json

LIFETIME_MS = 7 * 24 * 3600 * 1000
"""How long a result is kept."""

UNNAMED = "UNKNOWN"
"""The label of a view that has none."""


def add(tx: Tx, new_id: str, caller: Caller, on: Node, view: Doc, run: Run, view_id: str | None) -> Node:
    """Queues a view.

    Args:
        tx: The transaction.
        new_id: The id of the execution.
        caller: Who wants it run.
        on: The container to run it on.
        view: The view, which must have been checked; a copy is kept.
        run: What the request added to it.
        view_id: The saved view that it is, or None.
    """
    label = view.get("label")
    body: Doc = {
        "state": "queued",
        "reason": None,
        "user_id": caller.user_id,
        "is_device": caller.is_device,
        "exhaustive": caller.exhaustive,
        "container": [on.kind, on.id],
        "view": view,
        "run": asdict(run),
        "data_view_id": view_id,
        "expires": tx.now + LIFETIME_MS,
        "ran": None,
    }
    shown = label if isinstance(label, str) else UNNAMED
    node = Node("execution", new_id, shown, tx.now, tx.now, project=on.project, body=body)
    nodes.insert(tx, node)
    return node


def document(node: Node) -> Doc:
    """Returns an execution as the API shows it; `reason` tells why it failed."""
    body = node.body
    done = body["state"] == "completed"
    return {
        "_id": node.id,
        "created": iso(node.created),
        "modified": iso(node.modified),
        "timestamp_ran": iso_or_none(_whole(body["ran"])),
        "user_id": body["user_id"],
        "project_id": node.project,
        "state": body["state"],
        "reason": body["reason"],
        "data_view_label": node.label,
        "data_view_id": body["data_view_id"],
        "storage_file_id": node.id if done else None,
        "task_id": None,
        "expires_on": iso_or_none(_whole(body["expires"])),
        "revision": node.revision,
    }


def expired(tx: Tx, node: Node) -> bool:
    """Tells whether the time of an execution is over."""
    return (_whole(node.body["expires"]) or 0) <= tx.now


def begin(tx: Tx, execution_id: str) -> bool:
    """Marks an execution as running; false when it was deleted meanwhile."""
    node = nodes.find(tx, "execution", execution_id)
    if node is None:
        return False
    node.body.update(state="processing", ran=tx.now)
    nodes.save(tx, node)
    return True


def end(tx: Tx, execution_id: str, reason: str | None) -> bool:
    """Marks an execution as completed, or failed for a reason; false when it was deleted meanwhile."""
    node = nodes.find(tx, "execution", execution_id)
    if node is None:
        return False
    node.body.update(state="completed" if reason is None else "failed", reason=reason)
    nodes.save(tx, node)
    return True


def delete(tx: Tx, execution_id: str) -> None:
    """Forgets an execution."""
    tx.run("DELETE FROM node WHERE kind = 'execution' AND id = ?", (execution_id,))


def outdated(tx: Tx) -> list[str]:
    """Forgets the executions whose time is over or whose project was deleted, and returns their ids."""
    over = "kind = 'execution' AND (deleted IS NOT NULL OR json_extract(body, '$.expires') <= ?)"
    found = [row["id"] for row in tx.all(f"SELECT id FROM node WHERE {over}", (tx.now,))]
    tx.run(f"DELETE FROM node WHERE {over}", (tx.now,))
    return found


def known(tx: Tx) -> tuple[set[str], list[str]]:
    """Returns the ids of the completed and of the unfinished executions."""
    rows = tx.all("SELECT id, json_extract(body, '$.state') AS state FROM node WHERE kind = 'execution' ORDER BY id")
    completed = {row["id"] for row in rows if row["state"] == "completed"}
    return completed, [row["id"] for row in rows if row["state"] in ("queued", "processing")]


def caller_of(tx: Tx, node: Node) -> Caller:
    """Returns who queued an execution, with the roles he has now.

    Raises:
        Problem: 402, the user or device is disabled or deleted; 403, the user is no site admin any more.
    """
    user_id = str(node.body["user_id"])
    if node.body["is_device"]:
        return devices.caller(tx, user_id)
    return auth.caller(tx, user_id, exhaustive=bool(node.body["exhaustive"]))


def container_of(node: Node) -> tuple[str, str]:
    """Returns kind and id of the container that an execution runs on."""
    kept = node.body["container"]
    kind, container_id = kept if isinstance(kept, list) else ("", "")
    return str(kind), str(container_id)


def plan_of(node: Node) -> Plan:
    """Returns the plan of an execution."""
    view, run = node.body["view"], node.body["run"]
    assert isinstance(view, dict)
    assert isinstance(run, dict)
    kept = Run(str(run["filter"]), str(run["sort"]), _whole(run["skip"]) or 0, _whole(run["limit"]) or 0)
    return make_plan(validate(ViewInput, view), kept)


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) else None
