"""What goes on after the answer, with all three clients: copies of projects and deletions in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import flywheel
import pytest
from tests.interop.clients import QUIET
from tests.interop.compare import plain
from tests.interop.conftest import Tree
from tests.interop.flavours import Flavour, Trio, Witness
from tests.interop.worlds import fresh

from flywheel_async.emulator import Emulator
from flywheel_async.errors import NotFound

pytestmark = QUIET


def until(look: Callable[[], Any], status: str, wanted: str) -> Any:
    """Asks again and again, as scripts do, until a status is the wanted one."""
    ends = time.monotonic() + 10
    while plain(getattr(found := look(), status)) != wanted:
        assert time.monotonic() < ends, f"{status} is still {getattr(found, status)}"
        time.sleep(0.01)
    return found


def copy(client: Flavour, tree: Tree, **rules: object) -> Any:
    body = {"group_id": tree.group.id, "project_label": fresh("copy "), "filter": rules}
    return client.call("project_copy", tree.project.id, body)


def test_a_copy_is_watched_until_it_is_complete(
    client: Flavour, trio: Trio, site: Emulator, witness: Witness, tree: Tree
) -> None:
    tree.acquisition.upload_file(flywheel.FileSpec("a.txt", b"content"))
    with site.background.held():
        made = copy(client, tree)
        assert made.task_id
        assert made.snapshot_id
        begun = trio.get("get_project", made.project_id)
        assert (plain(begun.copy_status), begun.copy_of) == ("scheduled", tree.project.id)
    until(lambda: client.call("get_project", made.project_id), "copy_status", "completed")
    trio.get("get_project", made.project_id)
    (scan,) = trio.get("get_project_acquisitions", made.project_id)
    assert (scan.label, scan.copy_of) == ("T1w", tree.acquisition.id)
    assert client.call("download_file_from_acquisition_as_data", scan.id, "a.txt") == b"content"
    assert client.call("lookup", f"{tree.group.id}/{begun.label}/0042/visit 1/T1w").id == scan.id


def test_a_copy_leaves_out_what_the_filter_says(client: Flavour, witness: Witness, tree: Tree) -> None:
    tree.acquisition.upload_file([flywheel.FileSpec(name, b"x") for name in ("a.csv", "a.txt")])
    tree.session.add_acquisition(label="empty")
    made = copy(client, tree, exclude_rules=["file.type=text"])
    until(lambda: client.call("get_project", made.project_id), "copy_status", "completed")
    (scan,) = witness.get(f"projects/{made.project_id}/acquisitions")
    assert (scan["label"], [entry["name"] for entry in scan["files"]]) == ("T1w", ["a.csv"])


@pytest.mark.parametrize("kind", ["subject", "session", "acquisition"])
def test_smaller_copies_are_complete_at_once(client: Flavour, trio: Trio, tree: Tree, kind: str) -> None:
    bodies: dict[str, dict[str, object]] = {
        "subject": {"dst_project_id": tree.project.id, "dst_subject_label": "again"},
        "session": {"dst_subject_id": tree.subject.id, "dst_session_label": "again"},
        "acquisition": {"dst_session_id": tree.session.id, "label": "again"},
    }
    source = getattr(tree, kind).id
    made = client.call(f"{kind}_copy", source, {**bodies[kind], "filter": {"exclude_empty_containers": False}})
    assert (made.label, plain(made.copy_status), made.copy_of) == ("again", "completed", source)
    assert trio.get(f"get_{kind}", made.id).label == "again"


def test_a_deletion_is_watched_until_it_is_over(client: Flavour, trio: Trio, site: Emulator, tree: Tree) -> None:
    project = tree.project.id
    assert plain(trio.get("get_project_delete_status", project).delete_status) == "static"
    with site.background.held():
        answer = client.call("delete_project", project, background=True)
        assert (answer.deleted, answer.delete_scheduled) == (0, 1)
        assert plain(trio.get("get_project_delete_status", project).delete_status) == "scheduled"
        assert trio.get("get_project", project).label == "Study"
    until(lambda: client.call("get_project_delete_status", project), "delete_status", "completed")
    assert trio.get("get_project_delete_status", project).delete_failure_reason is None
    with pytest.raises((flywheel.ApiException, NotFound)) as gone:
        client.call("get_project", project)
    assert gone.value.status == 404
