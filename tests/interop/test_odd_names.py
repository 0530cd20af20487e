"""Names that break naive URLs, filters and forms, on every method that takes one, with all three clients.

A name arrives byte for byte, or is refused clearly with nothing done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import flywheel
import pytest
from tests.interop.cases_objects import DATA, MEMBER, Folder, sent
from tests.interop.clients import QUIET
from tests.interop.flavours import Flavour, Witness, flavour
from tests.interop.worlds import PLURAL, World, archive, fresh

from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, Unprocessable

pytestmark = QUIET

NAMES = {
    "spaces": " two  spaces ",
    "slash": "a/b",
    "percent": "100%",
    "escape": "a%2Fb",
    "marks": "a#b?c=d&e+f;g\\h",
    "quotes": "it's",
    "double quotes": 'say "hi"',
    "commas": "a,b,c",
    "newline": "two\nlines",
    "dots": "...",
    "255 bytes": "ü" * 127 + "x",
}

ABOVE = {"project": "group", "subject": "project", "session": "subject", "acquisition": "session"}

REFUSALS = (ArgumentError, Unprocessable, flywheel.ApiException)
"""How the clients say that something cannot be; the official one has one class for all answers."""

NOT_IN_FORMS = {NAMES[key] for key in ("slash", "double quotes", "newline")}
"""Names that the part of a form cannot spell in one way only; the site wants them in the metadata."""


@pytest.fixture(scope="module")
def witness(site: Emulator) -> Iterator[Witness]:
    found = Witness(site)
    yield found
    found.close()


@pytest.fixture(scope="module", params=["async", "official"])
def client(site: Emulator, request: pytest.FixtureRequest) -> Iterator[Flavour]:
    with flavour(request.param, site.api_key) as found:
        yield found


@pytest.fixture(scope="module")
def world(witness: Witness, client: Flavour) -> World:
    return World(witness)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return NAMES[request.param]


@pytest.mark.parametrize("kind", ["group", "analysis", "collection"])
def test_new_labels(client: Flavour, world: World, kind: str, name: str) -> None:
    item = client.do(client.fw.get(world.make(kind)))
    client.do(item.update(label=name))
    assert world.witness.get(f"{PLURAL[kind]}/{item.id}")["label"] == name
    assert client.do(item.reload()).label == name


@pytest.mark.parametrize("kind", ABOVE)
def test_children(client: Flavour, world: World, kind: str, name: str) -> None:
    """They are made with a label, found by it, and renamed."""
    parent = client.do(client.fw.get(world.make(ABOVE[kind])))
    new = client.do(getattr(parent, f"add_{kind}")(label=name))
    assert world.witness.get(f"{PLURAL[kind]}/{new.id}")["label"] == new.label == name
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace(",", "\\,")
    found = client.do(getattr(parent, PLURAL[kind]).find(f'label="{quoted}"'))
    assert [(entry.id, entry.label) for entry in found] == [(new.id, name)]
    client.do(new.update({"label": f"x{name}"}))
    assert client.do(new.reload()).label == f"x{name}"


@pytest.mark.parametrize("kind", ["group", "session"])
def test_tags(client: Flavour, world: World, kind: str, name: str) -> None:
    path = f"{PLURAL[kind]}/{world.make(kind)}"
    item = client.do(client.fw.get(path.partition("/")[2]))

    def tags() -> list[str]:
        return world.witness.get(path)["tags"]

    if len(name) > 62:
        with pytest.raises(REFUSALS, match="64"):
            client.do(item.add_tag(name))
        assert tags() == []
        return
    for work, after in (
        (lambda: item.add_tag(name), [name]),
        (lambda: item.rename_tag(name, f"{name}x"), [f"{name}x"]),
        (lambda: item.rename_tag(f"{name}x", name), [name]),
        (lambda: item.delete_tag(name), []),
    ):
        client.do(work())
        assert tags() == after


@pytest.mark.filterwarnings(
    "ignore:Key .* contains:UserWarning", "ignore::flywheel_async.resources.info.InfoKeyWarning"
)
def test_notes_and_info(client: Flavour, world: World, name: str) -> None:
    session = client.do(client.fw.get(world.make("session")))
    client.do(session.add_note(name))
    client.do(session.replace_info({name: {"text": name}}))
    stored = world.witness.get(f"sessions/{session.id}")
    assert [note["text"] for note in stored["notes"]] == [name]
    key = name.replace(".", "_")
    assert stored["info"] == {key: {"text": name}}
    client.do(session.update_info({key: name}))
    assert world.witness.get(f"sessions/{session.id}")["info"] == {key: name}
    client.do(session.delete_info(key))
    assert world.witness.get(f"sessions/{session.id}")["info"] == {}


@dataclass
class Place:
    """An acquisition that shall have one file, of an odd name."""

    client: Flavour
    witness: Witness
    id: str
    name: str

    def item(self) -> Any:
        return self.client.do(self.client.fw.get(self.id))

    def put(self, data: bytes) -> None:
        """Puts the file there, without any of the clients."""
        self.witness.upload(f"acquisitions/{self.id}", "x", data, json.dumps({"name": self.name}))

    def stored(self) -> Any:
        files = self.witness.get(f"acquisitions/{self.id}")["files"]
        assert [file["name"] for file in files] in ([self.name], [])
        return self.witness.get(f"files/{files[0]['file_id']}") if files else None


@pytest.fixture
def place(client: Flavour, world: World, name: str) -> Place:
    return Place(client, world.witness, world.make("acquisition"), name)


def test_upload(place: Place) -> None:
    do, name = place.client.do, place.name
    try:
        do(place.item().upload_file(place.client.spec(name, b"abc")))
    except REFUSALS as error:
        assert (place.client.name, name in NOT_IN_FORMS) == ("official", True), error
        assert place.stored() is None
    else:
        assert place.stored()["size"] == 3
    # Both have a way that reaches every name.
    if place.client.name == "official":
        do(place.item().upload_file(place.client.spec("x", b"abcd"), metadata=json.dumps({"name": name})))
    else:
        do(place.item().upload_file(b"abcd", name=name))
    assert place.stored()["size"] == 4


def test_file_verbs(place: Place) -> None:
    """Every method of a container that takes the name of a file."""
    do, name = place.client.do, place.name
    place.put(archive())
    item = place.item()
    assert do(item.get_file(name)).name == name
    assert do(item.read_file(name)) == archive()
    with Folder() as path:
        do(item.download_file(name, str(path)))
        assert path.read_bytes() == archive()
        do(item.download_file_zip_member(name, MEMBER, str(path)))
        assert path.read_bytes() == DATA
    assert do(item.read_file_zip_member(name, MEMBER)) == DATA
    assert len(do(item.get_file_zip_info(name)).members) == 2
    assert place.witness.fetch(do(item.get_file_download_url(name))) == archive()
    for work, member, after in CHANGES:
        do(work(item, name))
        assert after is None or place.stored()[member] == after
    do(item.delete_file(name))
    assert place.stored() is None


CHANGES: list[tuple[Callable[[Any, str], Any], str, object]] = [
    (lambda item, name: item.update_file(name, type="text"), "type", "text"),
    (lambda item, name: item.replace_file_info(name, {"a": name}), "info", None),
    (lambda item, name: item.update_file_info(name, {"b": 1}), "info", None),
    (lambda item, name: item.delete_file_info(name, "a"), "info", {"b": 1}),
    (lambda item, name: item.replace_file_classification(name, {"Custom": ["a"]}), "classification", {"Custom": ["a"]}),
    (lambda item, name: item.update_file_classification(name, {"Custom": ["b"]}), "classification", None),
    (lambda item, name: item.delete_file_classification(name, {"Custom": ["a"]}), "classification", {"Custom": ["b"]}),
]
"""Changes by name, in this order; what is None is seen in the next."""


def test_file_objects(place: Place) -> None:
    """Every method of a file that needs its name."""
    do, name = place.client.do, place.name
    place.put(archive())
    file = next(entry for entry in place.item().files if entry.name == name)
    assert sent(file.ref()) == {"type": "acquisition", "id": place.id, "name": name}
    assert do(file.read()) == archive()
    assert do(file.read_zip_member(MEMBER)) == DATA
    assert len(do(file.get_zip_info()).members) == 2
    assert place.witness.fetch(do(file.url())) == archive()
    do(file.update(type="text"))
    do(file.replace_info({"a": name}))
    do(file.update_info({"b": name}))
    do(file.delete_info("a"))
    do(file.replace_classification({"Custom": ["a"]}))
    do(file.update_classification({"Custom": ["b"]}))
    do(file.delete_classification({"Custom": ["a"]}))
    stored = place.stored()
    assert (stored["type"], stored["info"], stored["classification"]) == ("text", {"b": name}, {"Custom": ["b"]})
    if len(name) <= 62:
        do(file.add_tag(name))
        assert place.stored()["tags"] == [name]
        do(file.rename_tag(name, f"{name}x"))
        do(file.delete_tag(f"{name}x"))
    assert not place.stored()["tags"]


def test_inputs_of_analyses(place: Place) -> None:
    do, name = place.client.do, place.name
    place.put(b"abc")
    source = {"type": "acquisition", "id": place.id, "name": name}
    new = do(place.item().add_analysis(label=name, inputs=[source]))
    stored = place.witness.get(f"analyses/{new.id}")
    assert (stored["label"], stored["inputs"][0]["name"], new.inputs[0].name) == (name, name, name)


def test_permissions(client: Flavour, world: World, site: Emulator) -> None:
    """User ids are addresses, which may hold more than letters."""
    user = fresh("o'hara+x%2F") + "@example.org"
    site.add_user(user)
    group = client.do(client.fw.get(world.make("group")))
    client.do(group.add_permission({"_id": user, "access": "ro"}))
    client.do(group.update_permission(user, {"access": "rw"}))
    assert client.do(group.get_permission(user)).access == "rw"
    client.do(group.delete_permission(user))
    assert user not in {entry["_id"] for entry in world.witness.get(f"groups/{group.id}")["permissions"]}
