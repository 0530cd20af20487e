"""What the emulator does not have: every operation of the API is served, or refused by name."""

from __future__ import annotations

import re

import httpx
import pytest

from flywheel_async.emulator.routes import collect
from flywheel_async.emulator.routing import Router
from flywheel_async.raw.table import Operation, operations

ROUTES = collect(with_faults=False)
SERVED = {name for route in ROUTES for name in route.operations}
ROUTER = Router(ROUTES)
MISSING = [operation for operation in operations().values() if operation.id not in SERVED]
OWN_TAGS = {
    "acquisitions",
    "analyses",
    "auth",
    "bulk",
    "change_log",
    "collections",
    "config",
    "container_type",
    "containers",
    "custom_filters",
    "devices",
    "files",
    "groups",
    "modalities",
    "resolve",
    "roles",
    "settings",
    "subjects",
    "tree",
    "uids",
}


def filled(operation: Operation) -> str:
    return "/api" + re.sub(r"\{[^}]*\}", "x", operation.path)


@pytest.mark.parametrize("operation", MISSING, ids=lambda operation: operation.id)
def test_a_missing_operation_is_named(operation: Operation, http: httpx.Client) -> None:
    response = http.request(operation.method, f"{http.base_url}".removesuffix("/api/") + filled(operation))
    assert response.status_code == 501
    assert re.search(rf"\b{operation.id}\b", response.json()["message"])


@pytest.mark.parametrize("name", sorted(SERVED))
def test_a_served_operation_leads_to_its_own_route(name: str) -> None:
    operation = operations()[name]
    assert name in ROUTER.find(operation.method, filled(operation).encode()).route.operations


def test_whole_families_are_there() -> None:
    assert {operation.tag for operation in MISSING} & OWN_TAGS == set()
    others = {
        operation.id: operation.owner for operation in MISSING if operation.tag in ("projects", "sessions", "users")
    }
    assert set(others.values()) <= {"E", "F"}, others
