"""The objects of a site, with async methods."""

from __future__ import annotations

from flywheel_async.fields.base import Model
from flywheel_async.models.acquisition import Acquisition
from flywheel_async.models.analysis import Analysis
from flywheel_async.models.collection import Collection
from flywheel_async.models.file import File
from flywheel_async.models.group import Group
from flywheel_async.models.project import Project
from flywheel_async.models.session import Session
from flywheel_async.models.subject import Subject
from flywheel_async.models.user import User

__all__ = ["Acquisition", "Analysis", "Collection", "File", "Group", "Project", "Session", "Subject", "User"]


def registry() -> dict[str, type[Model]]:
    """The classes by name, for the core to build objects with."""
    classes = (Acquisition, Analysis, Collection, File, Group, Project, Session, Subject, User)
    return {cls.__name__: cls for cls in classes}
