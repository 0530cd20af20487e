"""What the cases of the coverage table work on, made and looked at over plain HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.interop.flavours import Flavour, Witness

from flywheel_async.emulator import Emulator

PLURAL = {
    kind: "analyses" if kind == "analysis" else f"{kind}s"
    for kind in ("group", "project", "subject", "session", "acquisition", "analysis", "collection", "file", "container")
}
KINDS = ("group", "project", "subject", "session", "acquisition", "analysis", "collection", "file")

MEMBERS = {"a.txt": b"first", "folder/b ü.txt": b"second one"}
AGE = 1009843200
"""32 years, in seconds."""
MOMENT = {"timestamp": "2024-05-06T07:08:09+00:00", "timezone": "America/New_York"}

_numbers = count(1)


def fresh(what: str) -> str:
    """A text that no other case uses."""
    return f"{what}{next(_numbers)}"


def archive(extra: bytes = b"") -> bytes:
    """A zip file with `MEMBERS`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in MEMBERS.items():
            file.writestr(zipfile.ZipInfo(name), data)  # with the same time whenever it is made
        file.comment = extra
    return packed.getvalue()


@dataclass
class World:
    """One container of each kind, for one client."""

    witness: Witness
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in KINDS[:-1]:
            self.ids[kind] = self.make(kind)
        self.ids["container"] = self.ids["session"]

    def make(self, kind: str, **members: object) -> str:
        """Makes one more container beside the one of its kind, and returns its id."""
        ids, label = self.ids, fresh("label ")
        if kind == "group":
            return self.witness.post("groups", {"_id": fresh("group"), "label": label})["_id"]
        body: dict[str, object] = {"label": label}
        if kind == "project":
            body["group"] = ids["group"]
        elif kind == "subject":
            body["project"] = ids["project"]
        elif kind == "session":
            body |= {"project": ids["project"], "subject": {"_id": ids["subject"]}, "age": AGE, **MOMENT}
        elif kind == "acquisition":
            body |= {"session": ids["session"], **MOMENT}
        route = f"sessions/{ids['session']}/analyses" if kind == "analysis" else PLURAL[kind]
        return self.witness.post(route, body | members)["_id"]


@dataclass
class Run:
    """One case at work: a client, a kind of object, and the site behind them."""

    flavour: Flavour
    kind: str
    world: World
    site: Emulator
    _file: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.do = self.flavour.do
        self.each = self.flavour.each
        self.spec = self.flavour.spec
        self.fw = self.flavour.fw
        self.witness = self.world.witness
        if self.kind == "file":
            self._file = self.upload(fresh("file") + ".zip", archive(), "acquisition")

    @property
    def id(self) -> str:
        """The id of the object that the case works on; every case gets a file of its own."""
        return self._file["file_id"] if self._file else self.world.ids[self.kind]

    def item(self) -> Any:
        """The object that the case works on, as this client gives it."""
        return self.get(self.kind, self.id)

    def get(self, kind: str, identifier: str) -> Any:
        return self.do(getattr(self.fw, f"get_{kind}")(identifier) if kind == "file" else self.fw.get(identifier))

    def stored(self) -> Any:
        """The same object as the site has it."""
        return self.witness.get(f"{PLURAL[self.kind]}/{self.id}")

    def upload(self, name: str, data: bytes, kind: str | None = None, **metadata: object) -> dict[str, Any]:
        """Puts a file into the container, or that of another kind, and returns its entry."""
        kind = kind or self.kind
        return self.witness.upload(f"{PLURAL[kind]}/{self.world.ids[kind]}", name, data, json.dumps(metadata))

    def entry(self, name: str) -> Any:
        """What the site has of a file of the container; None when it is gone."""
        files = self.stored()["files"]
        found = next((file for file in files if file["name"] == name), None)
        return found and self.witness.get(f"files/{found['file_id']}")

    def fresh_user(self) -> str:
        user = fresh("user") + "@example.org"
        self.site.add_user(user)
        return user
