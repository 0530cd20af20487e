"""A site to search in: plain descriptions of every thing on it, and how they get into an emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.emulator.conftest import ok

from flywheel_async.emulator import Emulator, files, nodes, permissions
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.files import FileRow
from flywheel_async.emulator.nodes import COLUMN_OF, LEVELS, Node

START = datetime(2020, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = ("group", "project", "subject", "session", "acquisition", "analysis", "file", "collection")


@dataclass
class Thing:
    """A container or file.

    Attributes:
        kind: What it is.
        id: Its id.
        parent: What it is in.
        fields: What can be searched: texts, numbers, lists, dates and so on, as a person would write them down.
    """

    kind: str
    id: str
    parent: Thing | None
    fields: dict[str, Any] = field(default_factory=dict)

    def chain(self) -> Iterator[Thing]:
        """The thing itself and everything it is in, upwards."""
        yield self
        if self.parent is not None:
            yield from self.parent.chain()

    def above(self, kind: str) -> Thing | None:
        """What it is in (or is) of a kind."""
        return next((thing for thing in self.chain() if thing.kind == kind), None)


class World:
    """Makes things with rising ids and times of creation."""

    def __init__(self) -> None:
        self.things: list[Thing] = []

    def add(self, kind: str, parent: Thing | None, fixed_id: str | None = None, **fields: Any) -> Thing:
        number = len(self.things)
        created = START + timedelta(seconds=number // 2, milliseconds=number % 3)
        made = Thing(kind, fixed_id or f"5{number:023x}", parent, {"created": created, "modified": created, **fields})
        made.fields["_id"] = made.fields["id"] = made.id
        if kind == "file":
            made.fields = {"version": 1, "size": number, "type": None, "hash": f"h{number}", **made.fields}
            made.fields["file_id"] = made.id
        self.things.append(made)
        return made


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)


IN_COLUMNS = frozenset(
    ("_id", "id", "file_id", "label", "code", "created", "modified", "timestamp", "name", "type", "size", "hash")
)


def plant(site: Emulator, things: list[Thing], members: dict[str, list[str]]) -> None:
    """Puts things into a site.

    Args:
        site: The emulator.
        things: The things, parents first.
        members: Users with the ids of what they may read.
    """
    inner = site.server.site

    def work(tx: Tx) -> None:
        for thing in things:
            _insert(tx, thing)
        for user, ids in members.items():
            for thing in (thing for thing in things if thing.id in ids):
                if thing.kind == "project":
                    permissions.set_roles(tx, thing.id, user, [inner.roles["ro"]])
                else:
                    permissions.set_access(tx, thing.id, user, "ro")

    inner.db.write_now(work)


def _insert(tx: Tx, thing: Thing) -> None:
    levels: dict[str, str | None] = dict.fromkeys(LEVELS)
    for above in thing.chain():
        if above.kind in COLUMN_OF:
            levels[COLUMN_OF[above.kind]] = above.id
    given = thing.fields
    body = {name: value for name, value in given.items() if name not in IN_COLUMNS - {"type"} and name != "version"}
    created = _ms(given["created"]) or 0
    if thing.kind != "file":
        node = Node(thing.kind, thing.id, given.get("label"), created, created, **levels, body=body)
        node.timestamp = _ms(given.get("timestamp"))
        nodes.insert(tx, node)
        return
    body.pop("type", None)
    assert thing.parent is not None
    files.insert(
        tx,
        FileRow(
            file_id=thing.id,
            version=1,
            name=given["name"],
            parent_kind=thing.parent.kind,
            parent_id=thing.parent.id,
            group_id=levels["group_id"] or "",
            project=levels["project"] or "",
            subject=levels["subject"],
            session=levels["session"],
            acquisition=levels["acquisition"],
            type=given["type"],
            size=given["size"],
            hash=given["hash"],
            created=created,
            modified=created,
            replaced=None,
            revision=1,
            body=body,
        ),
    )


def varied() -> World:
    """A small site in which every kind of value occurs."""
    world = World()
    for group in ("neuro", "cardio"):
        owner = world.add("group", None, group, label=f"{group.title()} lab", tags=["g", group])
        for number in range(3):
            _project(world, owner, f"{group} Study {number}", number)
    collection = world.add("collection", None, label="picked", info={"n": 1})
    world.add("file", collection, name="list.csv", type="tabular data", tags=["picked"], info={"n": 1})
    return world


def _project(world: World, group: Thing, label: str, number: int) -> None:
    project = world.add(
        "project", group, label=label, description="", info={"phase": number, "site": "Köln"}, tags=["p", "shared"]
    )
    world.add("file", project, name="README.md", type="markdown", tags=[], info={})
    # Some of the labels look like numbers, dates, keywords or parts of the language.
    labels = ("sub-01", "1001") if number == 0 else ('say "x"', "AND")
    for at, name in enumerate(labels):
        subject = world.add(
            "subject",
            project,
            label=name,
            code=name,
            sex=("female", "male")[at],
            date_of_birth=f"198{at}-02-03",
            type="human",
            tags=["shared"] if at else [],
        )
        _sessions(world, subject, at)


def _sessions(world: World, subject: Thing, at: int) -> None:
    for visit, label in enumerate(("baseline", "follow_up 100%", "2020-01-01")):
        timestamp = None if visit == 2 else START + timedelta(days=visit, microseconds=1000 * visit)
        session = world.add(
            "session",
            subject,
            label=label,
            age=(visit + 30) * 31557600,
            weight=60.5 + at,
            timestamp=timestamp,
            operator="" if visit else "Ann",
            tags=["shared", f"v{visit}"],
            notes=[{"text": "Moved a lot", "user": "a@b.c"}, {"text": "ok"}] if visit else [],
            info={
                "visit": visit,
                "done": visit == 1,
                "empty": [None, "x", {}, []][visit + at],
                "list": [visit, "a", 2.5],
                "deep": {"a b": [{"k": visit}, {"k": -1}], "when": f"2020-01-0{visit + 1}T12:00:00+02:00"},
                "mixed": [1, "1", True, "2020-01-01"][visit + at],
            },
        )
        analysis = world.add("analysis", session, label="fit", info={"r": 0.5 + visit}, description="x", timestamp=None)
        world.add("file", analysis, name="fit.json", type="source code", tags=["out"], info={"ok": True})
        if visit == 2:
            continue
        for scan in ("T1w", "rest"):
            acquisition = world.add(
                "acquisition", session, label=scan, uid=f"1.2.{scan}", timestamp=timestamp, info={}, tags=[]
            )
            world.add(
                "file",
                acquisition,
                name=f"{scan}.nii.gz",
                type="nifti",
                modality="MR",
                classification={"Measurement": ["T1" if scan == "T1w" else "T2*"], "Intent": ["Structural", "Test"]},
                tags=["checked"] if at else [],
                info={"TR": 2.0, "nested": [[1, 2], [3]]},
            )
            world.add("file", acquisition, name=f"{scan}.dicom.zip", type="dicom", classification={}, tags=["checked"])


THINGS = varied().things
BY_ID = {thing.id: thing for thing in THINGS}
PROJECTS = [thing for thing in THINGS if thing.kind == "project"]
COLLECTION = next(thing.id for thing in THINGS if thing.kind == "collection")
SEEN: dict[str, set[str] | None] = {
    "all": None,
    "some": {PROJECTS[1].id, PROJECTS[3].id},
    "collector": {PROJECTS[0].id, COLLECTION},
    "none": set(),
}
"""Users with the ids of the projects and collections that they see."""


def settle(site: Emulator, api: Callable[[str], httpx.Client]) -> dict[str, httpx.Client]:
    """Fills a site with `THINGS` and returns a client per user of `SEEN`."""
    keys = {name: site.add_user(f"{name}@example.com") for name in SEEN if name != "all"}
    plant(site, THINGS, {f"{name}@example.com": list(seen) for name, seen in SEEN.items() if seen is not None})
    clients = {name: api(key) for name, key in keys.items()}
    clients["all"] = api(site.api_key)
    clients["all"].params = httpx.QueryParams(exhaustive="true")
    return clients


def found_by(client: httpx.Client, query: str, kind: str, **body: Any) -> list[str]:
    """The ids of the hits, in the order they came."""
    asked = {"structured_query": query, "return_type": kind, "size": 10_000, **body}
    hits = ok(client.post("/dataexplorer/search", params={"simple": "true"}, json=asked)).json()
    assert all(hit["return_type"] == kind for hit in hits)
    return [file_id(hit) if kind == "file" else hit[kind]["_id"] for hit in hits]


def file_id(hit: dict[str, Any]) -> str:
    """The id of a file hit, which tells only its parent and its name."""
    (found,) = (
        thing.id
        for thing in THINGS
        if thing.kind == "file"
        and thing.fields["name"] == hit["file"]["name"]
        and thing.parent is BY_ID[hit["parent"]["_id"]]
    )
    return found
