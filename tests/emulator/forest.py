"""A site with a user of every kind and a container of every kind, for trying out who may do what."""

from __future__ import annotations

import io
import sqlite3
import time
import zipfile
from dataclasses import dataclass, field
from itertools import count

import httpx

from flywheel_async.emulator import Emulator, access

MEMBERS = ("ro", "rw", "admin")
SITE_ADMINS = ("site_admin", "site_admin_exhaustive")
USERS = (*MEMBERS, "none", *SITE_ADMINS, "drone", "disabled", "wrong_key", "no_key")


def archive() -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as file:
        file.writestr("member.txt", "content")
    return found.getvalue()


ARCHIVE = archive()
_numbers = count()


@dataclass
class Forest:
    """A site with a tree in which ro, rw and admin are members, which can be put back as it was planted.

    Attributes:
        site: The site.
        clients: A client for each user.
        ids: The ids of what was planted.
        keys: The id of a second key of each user who has one.
    """

    site: Emulator
    clients: dict[str, httpx.Client]
    ids: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plant()
        self._live = sqlite3.connect(self.site.data / "site.sqlite")
        self._planted = sqlite3.connect(":memory:")
        self._live.backup(self._planted)

    def close(self) -> None:
        self._planted.close()
        self._live.close()

    def restore(self) -> None:
        """Puts the site back as it was planted."""
        self._planted.backup(self._live)
        self.site.faults.clear()

    def plant(self) -> None:
        """Makes a tree."""
        number = next(_numbers)
        self.ids = {"group": f"group{number}", "spare_group": f"spare{number}"}
        for name in ("group", "spare_group"):
            self.post("/groups", {"_id": self.ids[name], "label": "x"})
        for user in MEMBERS:
            self.post(f"/groups/{self.ids['group']}/permissions", {"_id": user_id(user), "access": user})
            self.post(f"/groups/{self.ids['spare_group']}/permissions", {"_id": user_id(user), "access": user})
            template = {"_id": user_id(user), "role_ids": [self.site.roles[user]]}
            self.post(f"/groups/{self.ids['group']}/permissions/templates", template)
        self.ids["project"] = self.post("/projects", {"group": self.ids["group"], "label": "x"})["_id"]
        below = {"project": self.ids["project"], "label": "x"}
        self.ids["subject"] = self.post("/subjects", below)["_id"]
        self.ids["session"] = self.post("/sessions", {**below, "subject": self.ids["subject"]})["_id"]
        self.ids["acquisition"] = self.post("/acquisitions", {"session": self.ids["session"], "label": "x"})["_id"]
        self.ids["container"] = self.ids["acquisition"]
        self.ids["collection"] = self.post("/collections", {"label": "x"})["_id"]
        for user in MEMBERS:
            self.post(f"/collections/{self.ids['collection']}/permissions", {"_id": user_id(user), "access": user})
        for kind in ("project", "subject", "session", "acquisition"):
            path = f"/{kind}s/{self.ids[kind]}/analyses"
            self.ids[f"{kind}_analysis"] = self.post(path, {"label": "x"})["_id"]
        # The last file made is the one that routes by file id are tried on.
        for kind in ("group", "collection", "project", "subject", "session", "analysis", "acquisition"):
            path = f"/{kind}s/{self.ids[kind]}" if kind != "analysis" else f"/analyses/{self.ids['session_analysis']}"
            self.post(f"{path}/tags", {"value": "tag"})
            if kind == "group":
                continue
            note = self.clients["rw"].post(f"{path}/notes", json={"text": "n"})
            self.ids[f"{kind}_note"] = note.json()["_id"]
            sent = self.clients["rw"].post(
                f"{path}/files", files=[("file", ("x", ARCHIVE))], data={"metadata": '{"name": "a.zip"}'}
            )
            self.ids["file"] = sent.json()[0]["file_id"]
        self.ids["container_note"] = self.ids["acquisition_note"]
        self.ids["analysis"] = self.ids["session_analysis"]
        self.ids["container_analysis"] = self.ids["acquisition_analysis"]
        for kind in ("project", "subject", "acquisition"):
            analysis = f"/analyses/{self.ids[f'{kind}_analysis']}"
            self.ids[f"{kind}_analysis_note"] = (
                self.clients["rw"].post(f"{analysis}/notes", json={"text": "n"}).json()["_id"]
            )
            sent = [("file", ("a.zip", ARCHIVE))]
            assert self.clients["rw"].post(f"{analysis}/files", files=sent).status_code == 200
        self.ids["session_analysis_note"] = self.ids["analysis_note"]
        self.ids["container_analysis_note"] = self.ids["acquisition_analysis_note"]
        of_inputs = [{"type": "acquisition", "id": self.ids["acquisition"], "name": "a.zip"}]
        made = self.post(f"/sessions/{self.ids['session']}/analyses", {"label": "x", "inputs": of_inputs})
        self.ids["analysis_with_input"] = made["_id"]
        self.ids["role"] = self.post("/roles", {"label": "x", "actions": [access.VIEW]})["_id"]
        self.ids["spare_role"] = self.post("/roles", {"label": "x", "actions": [access.VIEW]})["_id"]
        self.post(f"/groups/{self.ids['group']}/roles", {"_id": self.ids["role"]})
        kept = {"label": "x", "view": "usage", "filter": "label=x"}
        self.ids["filter"] = self.post("/custom_filters", kept)["_id"]
        search = {"return_type": "file", "search_string": "a.zip"}
        parent = {"type": "project", "id": self.ids["project"]}
        kept = {"label": "x", "search": search, "parent": parent}
        self.ids["search"] = self.post("/dataexplorer/queries", kept)["_id"]
        self.ids["device"] = self.post("/devices", {"label": f"device{number}", "type": "x"})["_id"]
        self.ids["device_key"] = self.post(f"/devices/{self.ids['device']}/key", {"label": "x"})["key"]
        self.ids["modality"] = self.post("/modalities", {"_id": f"m{number}"})["_id"]
        view = {"label": "x", "columns": [{"src": "session.label"}]}
        self.ids["view"] = self.post(f"/containers/{self.ids['project']}/views", view)["_id"]
        self.ids["code"] = self.post("/subjects/master-code", {"patient_id": "x"})["code"]
        for user in ("owner", *MEMBERS, "none", "site_admin"):
            self.keys[user] = self.clients[user].post("/users/self/key", json={"label": "x"}).json()["key"]
        self.keys["site_admin_exhaustive"] = self.keys["site_admin"]
        # The first contact of a drone makes a device.
        assert self.clients["drone"].get("/devices/self").status_code == 200
        self.ids["user"] = self.site.add_user(f"spare{number}@example.com") and f"spare{number}@example.com"

    def queue_view(self, user: str) -> None:
        """Lets a user run a view, or the drone for one who may not; returns when there is a result."""
        where = f"/views/{self.ids['view']}/queue?containerId={self.ids['project']}"
        queued = self.clients[user].post(where)
        if queued.status_code != 200:
            queued = self.clients["drone"].post(where)
        self.ids["execution"] = queued.json()["_id"]
        state = f"/data_view_executions/{self.ids['execution']}"
        while self.clients["drone"].get(state).json()["state"] != "completed":
            time.sleep(0.01)

    def post(self, path: str, body: dict[str, object]) -> dict[str, str]:
        response = self.clients["owner"].post(path, json=body)
        assert response.status_code == 200, response.text
        return dict(response.json())


def user_id(user: str) -> str:
    return f"{user}@example.com"
