"""Every public method of the sync facade gives at run time what its annotation says."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import typing
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType, NoneType, UnionType
from typing import Any, Self, TypeVar

import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.raw.response import RawResponse
from flywheel_async.resources.paths import Resolved
from flywheel_async.sync import Client, Finder, Pager

SYNC = Path(inspect.getfile(Client)).parent
MODULES = [
    *("client", "downloading", "getting", "long_running", "finder"),
    *(f"models.{path.stem}" for path in sorted((SYNC / "models").glob("[a-z]*.py"))),
]


def namespace(module: ModuleType) -> dict[str, Any]:
    """What the annotations of a module can name, including what only type checkers import."""
    names = dict(vars(module))
    for node in ast.parse(Path(str(module.__file__)).read_text()).body:
        if isinstance(node, ast.If):
            exec(compile(ast.Module(node.body, []), "typing", "exec"), names)
    return names


def annotated() -> dict[tuple[str, str], Any]:
    """(class, public method or property) → result type."""
    found: dict[tuple[str, str], Any] = {}
    for name in MODULES:
        module = importlib.import_module(f"flywheel_async.sync.{name}")
        names = namespace(module)
        for cls in vars(module).values():
            if not inspect.isclass(cls) or cls.__module__ != module.__name__:
                continue
            for key, member in vars(cls).items():
                function = member.fget if isinstance(member, property) else member
                if isinstance(function, FunctionType) and (not key.startswith("_") or key == "__call__"):
                    found[cls.__name__, key] = eval(function.__annotations__["return"], names)
    return found


def fits(value: object, hint: Any, owner: object, item: type | None) -> bool:
    """Whether a value is exactly of a type; containers must hold something, so that there is something to see."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is None:
        return value is None
    if hint is Self:
        return value is owner
    if isinstance(hint, TypeVar):
        return type(value) is item
    if origin in (UnionType, typing.Union):
        return any(fits(value, None if part is NoneType else part, owner, item) for part in arguments)
    if isinstance(value, list):
        return origin is list and bool(value) and all(fits(part, arguments[0], owner, item) for part in value)
    if isinstance(value, Pager):
        return origin is Pager and fits(list(value), list[arguments], owner, item)
    if isinstance(value, Resolved):
        parts = [*value.path, *value.children]
        return origin is Resolved and all(fits(part, arguments[0], owner, item) for part in parts)
    if isinstance(value, Finder):
        return origin is Finder and fits(value.find(), list[arguments], owner, item)
    if isinstance(value, RawResponse):
        return origin is RawResponse and isinstance(value.parse(), arguments[0])
    return type(value) is hint or (hint is Path and isinstance(value, Path))


class Witness:
    """Calls methods, compares results with annotations and notes what was called."""

    def __init__(self) -> None:
        self.annotated = annotated()
        self.seen: set[tuple[str, str]] = set()

    def see(self, owner: Any, name: str, /, *args: Any, item: type | None = None, **kwargs: Any) -> Any:
        home = next(cls.__name__ for cls in type(owner).__mro__ if name in vars(cls))
        value = getattr(owner, name)
        if not isinstance(inspect.getattr_static(owner, name), property):
            value = value(*args, **kwargs)
        hint = self.annotated[home, name]
        assert fits(value, hint, owner, item), f"{home}.{name}: {value!r} is not {hint}"
        self.seen.add((home, name))
        return value


@pytest.fixture
def fw() -> Iterator[Client]:
    with Emulator() as site, Client(site.api_key) as client:
        site.add_user("ann@example.org")
        yield client


See = Callable[..., Any]


def call_metadata_verbs(see: See, project: Any, acquisition: Any) -> None:
    see(project, "add_tag", "one")
    see(project, "add_tags", ["two", "three"])
    see(project, "rename_tag", "one", "uno")
    see(project, "delete_tag", "uno")
    see(project, "delete_tags", ["two"])
    note = see(project, "add_note", "text")
    see(project, "update_note", note, "changed")
    see(project, "delete_note", note.id)
    see(project, "update_info", {"a": 1}, b=2)
    see(project, "delete_info", "a")
    see(project, "replace_info", {})
    acquisition.update(timestamp="2026-01-02T03:04:05Z", timezone="Europe/Berlin")
    acquisition.reload()
    for name in ("local_created", "local_modified"):
        see(acquisition, name)


def call_file_verbs(see: See, session: Any, acquisition: Any, folder: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in.txt", "inside")
    for _ in range(2):
        acquisition.upload_file(packed.getvalue(), name="z.zip")
    see(acquisition.reload(), "get_files")
    see(acquisition, "file_ref", "z.zip")
    see(acquisition, "get_file_download_url", "z.zip")
    see(acquisition, "update_file", "z.zip", type="archive")
    see(acquisition, "update_file_info", "z.zip", {"a": 1})
    see(acquisition, "delete_file_info", "z.zip", "a")
    see(acquisition, "replace_file_info", "z.zip", {})
    for name in ("update", "replace", "delete"):
        see(acquisition, f"{name}_file_classification", "z.zip", {"Custom": ["x"]})
    see(acquisition, "get_file_zip_info", "z.zip")
    see(acquisition, "download_file_zip_member", "z.zip", "in.txt", folder / "4")
    see(acquisition, "read_file_zip_member", "z.zip", "in.txt")
    file = acquisition.get_file("z.zip")
    see(file, "parent")
    see(file, "get_parent")
    see(file, "url")
    see(file, "get_zip_info")
    see(file, "download_zip_member", "in.txt", folder / "5")
    see(file, "read_zip_member", "in.txt")
    see(file, "open_member", "in.txt")
    see(acquisition, "download_tar", folder / "6")
    see(acquisition, "download_zip", extract_to=folder / "7")
    see(file, "update_info", a=1)
    see(file, "delete_info", "a")
    see(file, "replace_info", {})
    for name in ("update", "replace", "delete"):
        see(file, f"{name}_classification", {"Custom": ["x"]})
    see(file, "add_tag", "one")
    see(file, "add_tags", ["two", "three"])
    see(file, "rename_tag", "one", "uno")
    see(file, "delete_tag", "uno")
    see(file, "delete_tags", ["two"])
    see(file, "set_tags", [])
    see(file, "get_versions")
    see(file, "restore", 1)
    for name in ("local_created", "local_modified", "local_replaced"):
        see(file.reload(), name)
    see(acquisition.get_file("z.zip"), "move_to", session)


def call_access_verbs(see: See, fw: Client, group: Any, project: Any) -> None:
    roles = [role.id for role in fw.get_all_roles()]
    user = "ann@example.org"
    see(group, "add_permission", id=user, access="ro")
    see(project, "add_permission", id=user, role_ids=roles[:1])
    see(group, "update_permission", user, access="rw")
    see(project, "update_permission", user, role_ids=roles[1:])
    for owner in (group, project):
        see(owner, "get_permission", user)
        see(owner, "delete_permission", user)
    see(group, "add_permission_template", id=user, role_ids=roles[:1])
    see(group, "get_permission_template", user)
    see(group, "update_permission_template", user, role_ids=roles[1:])
    see(group, "delete_permission_template", user)
    role = fw.add_role({"label": "Reader", "actions": ["containers_view_metadata"]})
    see(group, "add_role", role.id)
    see(group, "get_roles")
    see(group, "remove_role", role.id)


def call_analysis_verbs(see: See, session: Any) -> Any:
    analysis = see(session, "add_analysis", label="N")
    see(session, "get_analyses")
    see(analysis, "upload_output", b"x", name="out")
    see(analysis, "get_parent")
    return analysis


def call_collection_verbs(see: See, fw: Client, session: Any, acquisition: Any) -> Any:
    collection = fw.get(fw.add_collection({"label": "C"}))
    for name, item in (("sessions", session), ("acquisitions", acquisition)):
        see(collection, f"add_{name}", item)
        see(collection, name)
        see(collection, f"remove_{name}", item)
    return collection


def call_moving_verbs(see: See, group: Any, project: Any, subject: Any, session: Any, acquisition: Any) -> None:
    see(acquisition, "copy_to", session, "A2")
    see(session, "copy_to", subject, "V2")
    see(subject, "copy_to", project, "S3")
    see(project, "copy_to", group, "P2")
    for item, place in ((acquisition, session), (session, subject), (subject, project), (project, group)):
        see(item, "move_to", place)
    session.update(age=86400)


def test_results_are_what_the_annotations_say(fw: Client, tmp_path: Path) -> None:
    see = (witness := Witness()).see
    group = see(fw, "get", see(fw, "add_group", id="types", label="Types"))
    project = see(group, "add_project", label="P")
    subject = see(project, "add_subject", label="S")
    session = see(subject, "add_session", label="V")
    see(project, "add_session", label="W", subject={"label": "S2"})
    acquisition = see(session, "add_acquisition", label="A")

    source = tmp_path / "a.txt"
    source.write_text("text")
    see(acquisition, "upload_file", source)
    see(fw, "upload_file_to_container", acquisition.id, b"more", name="b.txt")
    see(acquisition, "download_file", "a.txt", tmp_path / "1")
    see(fw, "download_file_from_container", acquisition.id, "b.txt", tmp_path / "2")
    see(fw, "stream", acquisition.get_file("b.txt"))
    see(fw, "download_tar", acquisition, tmp_path / "all.tar")
    see(fw, "download_zip", [acquisition], tmp_path / "all.zip")
    see(acquisition, "read_file", "a.txt")
    see(acquisition, "stream_file", "a.txt")
    file = see(acquisition, "get_file", "a.txt")
    assert [type(entry) for entry in see(acquisition, "reload").files] == [type(file)] * 2
    see(file, "download", tmp_path / "3")
    see(file, "read")
    see(file, "ref")
    see(file, "update", type="text")
    see(file, "reload")

    finder = see(fw, "projects")
    project_class = type(project)
    see(finder, "__call__", limit=5, item=project_class)
    see(finder, "find", "label=P", item=project_class)
    see(finder, "find_one", "label=P", item=project_class)
    see(finder, "find_first", item=project_class)
    see(finder, "iter", item=project_class)
    see(finder, "iter_find", "label=P", item=project_class)
    see(subject.sessions, "get_or_create", "V", item=type(session))
    see(fw, "ensure_path", "types/P/S/V")
    see(fw, "reload_all", [session, session], item=type(session))
    see(fw, "walk", project)
    for name in ("users", "groups", "subjects", "sessions", "acquisitions", "files"):
        see(fw, name)
    for owner, names in ((group, "projects"), (project, "subjects sessions acquisitions"), (subject, "sessions")):
        for name in names.split():
            see(owner, name)
    see(session, "acquisitions")

    see(fw, "lookup", "types/P/S/V/A/files/a.txt")
    assert [type(node).__name__ for node in see(fw, "resolve", "types/P/S").path] == ["Group", "Project", "Subject"]
    for name in ("get_auth_status", "get_version", "get_config"):
        see(fw, name)
    see(fw, "raw")
    see(fw, "request", "GET", "/version")
    see(fw, "wait_for_copy", project.id)
    for owner in (group, project, subject, session, acquisition):
        see(fw, f"get_{type(owner).__name__.lower()}", owner.id)
    see(fw, "get_file", file.file_id)
    see(fw, "get_current_user")
    user = see(fw, "get_user", "ann@example.org")
    see(user, "update", firstname="Ann")
    see(user, "reload")
    see(project, "update", label="Q")
    see(project, "ref")
    call_metadata_verbs(see, project, acquisition)
    call_file_verbs(see, session, acquisition, tmp_path)
    call_access_verbs(see, fw, group, project)
    analysis = call_analysis_verbs(see, session)
    collection = call_collection_verbs(see, fw, session, acquisition)
    call_moving_verbs(see, group, project, subject, session, acquisition)
    for name in ("local_timestamp", "original_timestamp"):
        see(acquisition.reload(), name)
    for name in ("years", "months", "weeks", "days"):
        see(session.reload(), f"age_{name}")
    for name, owner in (("analyses", analysis), ("collections", collection)):
        see(fw, name)
        see(owner, "delete", "test_data")
    see(file, "delete")
    see(acquisition, "delete_file", "b.txt")
    see(project, "delete")
    see(fw, "wait_for_delete", project.id)
    see(user, "delete")
    see(fw, "close")
    # The emulator executes no views; tests/client/test_waiting.py sees that one.
    assert set(witness.annotated) - witness.seen == {("LongRunning", "wait_for_view_execution")}
