"""What a request adds to the documents of containers, or leaves out of them: names behind ids, files, analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.emulator import nodes, sharing
from flywheel_async.emulator.shapes import Shaper
from flywheel_async.emulator.wire import Doc, Json

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call
    from flywheel_async.emulator.nodes import Node

_ORIGIN = "join-origin"


class JoiningShaper(Shaper):
    """Builds documents as the query and the features of a request ask for them.

    `join=origin` names the users and devices that files come from, `join_avatars` the authors of notes, `counts` puts
    numbers into projects; the features `slim-containers` and `exclude-files` leave out analyses and files.

    Args:
        call: The request.
        trimmed: See `Shaper`.
    """

    def __init__(self, call: Call, *, trimmed: bool = False) -> None:
        super().__init__(call.tx, call.caller, trimmed=trimmed)
        self._call = call
        self._origins = call.text("join") == "origin"
        self._avatars = call.flag("join_avatars")
        self._counts = call.flag("counts")
        self._slim = call.wants("slim-containers")
        self._no_files = call.wants("exclude-files")
        self._people: dict[tuple[str, str], Doc | None] = {}

    def container(self, node: Node) -> Doc:
        """Returns the document of one container."""
        document = super().container(node)
        if self._origins and _ORIGIN in document:
            document[_ORIGIN] = self._join_origins(_objects(document.get("files")))
        if self._avatars:
            for note in _objects(document.get("notes")):
                person = self._person("user", str(note["user"])) or {}
                note.update({name: person.get(name) for name in ("firstname", "lastname", "avatar")})
        if self._counts and node.kind == "project":
            document["stats"] = sharing.stats(self._call.tx, node.id)
        if self._slim and "analyses" in document:
            document["analyses"] = None
        if self._no_files and "files" in document:
            document["files"] = []
        return document

    def _join_origins(self, files: list[Doc]) -> Doc:
        users: Doc = {}
        devices: Doc = {}
        for file in files:
            origin = file.get("origin")
            if not isinstance(origin, dict):
                continue
            kind, node_id = str(origin.get("type")), str(origin.get("id"))
            person = self._person(kind, node_id)
            if person is not None and kind == "user":
                users[node_id] = {name: person.get(name) for name in ("firstname", "lastname")}
            elif person is not None:
                devices[node_id] = {"name": person["label"]}
        return {"user": users, "device": devices, "job": {}}

    def _person(self, kind: str, node_id: str) -> Doc | None:
        """Returns what is known of a user or device, or None."""
        key = (kind, node_id)
        if key not in self._people:
            node = nodes.find(self._call.tx, kind, node_id) if kind in ("user", "device") else None
            self._people[key] = None if node is None else {**node.body, "label": node.label}
        return self._people[key]


def _objects(value: Json) -> list[Doc]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
