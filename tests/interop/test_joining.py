"""What a request adds to documents or leaves out of them, and what the emulator has not, with all three clients."""

from __future__ import annotations

import flywheel
import pytest
from tests.interop.clients import QUIET
from tests.interop.conftest import Tree
from tests.interop.flavours import Flavour, Trio

from flywheel_async.emulator import Emulator
from flywheel_async.errors import ServerError

pytestmark = QUIET


def test_origins_are_named(trio: Trio, site: Emulator, tree: Tree) -> None:
    tree.acquisition.upload_file(flywheel.FileSpec("a.txt", b"x"))
    assert trio.get("get_acquisition", tree.acquisition.id).join_origin is None
    found = trio.get("get_acquisition", tree.acquisition.id, join="origin").join_origin
    assert list(found.user) == [site.admin_user]
    assert (found.user[site.admin_user].firstname, found.device) == ("Site", {})
    (listed,) = trio.get("get_session_acquisitions", tree.session.id, join="origin")
    assert list(listed.join_origin.user) == [site.admin_user]


@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition"])
def test_authors_of_notes_are_named(client: Flavour, trio: Trio, tree: Tree, kind: str) -> None:
    item = getattr(tree, kind)
    client.call(f"add_{kind}_note", item.id, "first")
    assert trio.get(f"get_{kind}", item.id).notes[0].firstname is None
    (note,) = trio.get(f"get_{kind}", item.id, join_avatars=True).notes
    assert (note.text, note.firstname, note.lastname) == ("first", "Site", "Admin")


def test_projects_are_counted(trio: Trio, tree: Tree) -> None:
    (found,) = trio.get("get_all_projects", filter=f"_id={tree.project.id}", counts=True)
    assert (found.stats.number_of.subjects, found.stats.number_of.acquisitions) == (1, 1)


@pytest.mark.parametrize("kind", ["project", "subject", "session", "acquisition"])
def test_features_leave_things_out(client: Flavour, trio: Trio, tree: Tree, kind: str) -> None:
    item = getattr(tree, kind)
    item.upload_file(flywheel.FileSpec("a.txt", b"x"))
    client.call(f"add_{kind}_analysis", item.id, {"label": "fit"})

    def held(*features: str) -> tuple[int, int]:
        found = trio.get(f"get_{kind}", item.id, x_accept_feature=list(features))
        return len(found.files or []), len(found.analyses or [])

    assert held() == (1, 1)
    assert held("slim-containers") == (1, 0)
    assert held("exclude-files") == (0, 1)
    assert held("slim-containers", "exclude-files") == (0, 0)


def test_what_the_emulator_has_not_says_which_operation(client: Flavour) -> None:
    with pytest.raises((flywheel.ApiException, ServerError), match="get_all_gears") as missing:
        client.call("get_all_gears")
    assert missing.value.status == 501
    assert "get_all_gears" in str(missing.value.body if client.name == "official" else missing.value.message)
