"""The routes of the emulator, one module per family."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel_async.emulator.routes import (
    analyses,
    cleanup,
    collections,
    containers,
    devices,
    download,
    faults,
    files,
    listing,
    master_codes,
    moving,
    paths,
    permissions,
    projects,
    records,
    search,
    site,
    storage,
    upload,
    users,
    view_executions,
    views,
)
from flywheel_async.emulator.routing import Route


def collect(*, with_faults: bool) -> Sequence[Route]:
    """Returns all routes.

    Args:
        with_faults: Whether the fault plan can be changed over HTTP.
    """
    families = [
        site,
        users,
        permissions,
        containers,
        listing,
        files,
        analyses,
        collections,
        moving,
        devices,
        records,
        search,
        paths,
        download,
        upload,
        storage,
        views,
        view_executions,
        projects,
        master_codes,
        cleanup,
    ]
    found = [route for family in families for route in family.ROUTES.found]
    return [*found, *faults.ROUTES.found] if with_faults else found
