"""The official client logs in with the same key and is told the same about the site."""

from __future__ import annotations

import flywheel
from tests.interop.clients import QUIET, Ours
from tests.interop.compare import differences, plain

from flywheel_async.emulator import Emulator

pytestmark = QUIET


def test_one_key_logs_in_both(site: Emulator, official: flywheel.Client, ours: Ours) -> None:
    assert official.get_current_user().id == site.admin_user
    assert differences(official.get_current_user(), ours(lambda fw: fw.get_current_user())) == []


def test_a_plain_user_logs_in(site: Emulator, anyio_backend: str) -> None:
    key = site.add_user("reader@example.org", firstname="Ada", lastname="Reader")
    theirs = flywheel.Client(key).get_current_user()
    mine = Ours(key, anyio_backend)(lambda fw: fw.get_current_user())
    assert (theirs.id, theirs.firstname, theirs.lastname, theirs.root) == ("reader@example.org", "Ada", "Reader", False)
    assert differences(theirs, mine) == []


def test_both_are_told_who_they_are(official: flywheel.Client, ours: Ours) -> None:
    assert differences(official.get_auth_status(), ours(lambda fw: fw.get_auth_status())) == []


def test_admins_see_everything_when_they_ask(site: Emulator, official: flywheel.Client, anyio_backend: str) -> None:
    name = f"lab-{anyio_backend}"
    official.add_group(flywheel.Group(name, "Lab"))
    key = site.add_user("boss@example.org", roles=["site_admin"])
    wanted = f"_id={name}"
    assert flywheel.Client(key).groups.find(wanted) == []
    assert Ours(key, anyio_backend)(lambda fw: fw.groups.find(wanted)) == []
    theirs = flywheel.Client(key, exhaustive=True).groups.find(wanted)
    mine = Ours(key, anyio_backend, exhaustive=True)(lambda fw: fw.groups.find(wanted))
    assert [group.id for group in theirs] == [name]
    assert differences(theirs, mine) == []


def test_users_are_listed_alike(site: Emulator, official: flywheel.Client, ours: Ours) -> None:
    site.add_user("listed@example.org")
    users = official.users.find("_id=listed@example.org")
    assert [user.id for user in users] == ["listed@example.org"]
    assert differences(users, ours(lambda fw: fw.users.find("_id=listed@example.org"))) == []
    assert differences(official.get_user("listed@example.org"), users[0]) == []


def test_the_site_describes_itself_alike(site: Emulator, official: flywheel.Client, ours: Ours) -> None:
    theirs, mine = official.get_config(), ours(lambda fw: fw.get_config())
    assert theirs.site.api_url == mine.site.api_url == site.url
    assert differences(theirs, mine) == []


def test_the_site_states_its_version_alike(official: flywheel.Client, ours: Ours) -> None:
    theirs, mine = official.get_version(), ours(lambda fw: fw.get_version())
    assert theirs.release
    assert {key: mine[key] for key in theirs.keys()} == plain(theirs)  # noqa: SIM118 - it is no dictionary
