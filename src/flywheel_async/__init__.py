"""An async-first SDK for Flywheel with streaming iterators.

Example:
    >>> from flywheel_async import AsyncClient
    >>> async with AsyncClient() as fw:
    ...     async for project in fw.projects.iter_find("label=~My.*"):
    ...         print(project.label)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flywheel_async import types as types
    from flywheel_async.client import AsyncClient as AsyncClient
    from flywheel_async.config import InsecureWarning as InsecureWarning
    from flywheel_async.drone import create_drone_client as create_drone_client
    from flywheel_async.errors import APIError as APIError
    from flywheel_async.errors import ArgumentError as ArgumentError
    from flywheel_async.errors import ConfigError as ConfigError
    from flywheel_async.errors import FlywheelError as FlywheelError
    from flywheel_async.errors import SearchTruncated as SearchTruncated
    from flywheel_async.errors import WaitFailed as WaitFailed
    from flywheel_async.errors import WaitTimeout as WaitTimeout
    from flywheel_async.events import Done as Done
    from flywheel_async.events import Event as Event
    from flywheel_async.events import Failed as Failed
    from flywheel_async.events import Polled as Polled
    from flywheel_async.events import Progress as Progress
    from flywheel_async.events import Retrying as Retrying
    from flywheel_async.events import Started as Started
    from flywheel_async.events import Verified as Verified
    from flywheel_async.expressions import f as f
    from flywheel_async.expressions import q as q
    from flywheel_async.fields.common import AccessPermission as AccessPermission
    from flywheel_async.fields.common import RolesRoleAssignment as RolesRoleAssignment
    from flywheel_async.filter_doubts import FilterWarning as FilterWarning
    from flywheel_async.finder import AsyncFinder as AsyncFinder
    from flywheel_async.models import Acquisition as Acquisition
    from flywheel_async.models import Analysis as Analysis
    from flywheel_async.models import Collection as Collection
    from flywheel_async.models import File as File
    from flywheel_async.models import Group as Group
    from flywheel_async.models import Project as Project
    from flywheel_async.models import Session as Session
    from flywheel_async.models import Subject as Subject
    from flywheel_async.models import User as User
    from flywheel_async.pagination import AsyncPager as AsyncPager
    from flywheel_async.raw.response import RawResponse as RawResponse
    from flywheel_async.resources.ensure import DuplicateWarning as DuplicateWarning
    from flywheel_async.resources.info import InfoKeyWarning as InfoKeyWarning
    from flywheel_async.transfer.sources import FileSpec as FileSpec
    from flywheel_async.transfer.upload import EmptyUploadWarning as EmptyUploadWarning
    from flywheel_async.views.builder import ViewBuilder as ViewBuilder

_WHERE = {
    "AsyncClient": "client",
    "create_drone_client": "drone",
    "APIError": "errors",
    "ArgumentError": "errors",
    "ConfigError": "errors",
    "FlywheelError": "errors",
    "SearchTruncated": "errors",
    "WaitFailed": "errors",
    "WaitTimeout": "errors",
    "Done": "events",
    "Event": "events",
    "Failed": "events",
    "Polled": "events",
    "Retrying": "events",
    "Started": "events",
    "Verified": "events",
    "Progress": "events",
    "f": "expressions",
    "q": "expressions",
    "FilterWarning": "filter_doubts",
    "DuplicateWarning": "resources.ensure",
    "AccessPermission": "fields.common",
    "RolesRoleAssignment": "fields.common",
    "AsyncFinder": "finder",
    "Acquisition": "models",
    "Analysis": "models",
    "Collection": "models",
    "File": "models",
    "Group": "models",
    "Project": "models",
    "Session": "models",
    "Subject": "models",
    "User": "models",
    "AsyncPager": "pagination",
    "RawResponse": "raw.response",
    "FileSpec": "transfer.sources",
    "ViewBuilder": "views.builder",
    "InsecureWarning": "config",
    "InfoKeyWarning": "resources.info",
    "EmptyUploadWarning": "transfer.upload",
}

__all__ = [*_WHERE, "types"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used, so that importing the package stays cheap."""
    if name == "types":
        return import_module(f"{__name__}.types")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
