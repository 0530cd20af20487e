"""A site: one data folder with its database, contents, keys and users."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from flywheel_async.emulator import access, keys, nodes, project_tasks, users
from flywheel_async.emulator.archives import Archives
from flywheel_async.emulator.background import Background
from flywheel_async.emulator.blobs import BlobStore
from flywheel_async.emulator.database import Database, Tx
from flywheel_async.emulator.faults import FaultPlan
from flywheel_async.emulator.ids import IdMaker
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.packfiles import Packfiles
from flywheel_async.emulator.storage.options import StorageOptions
from flywheel_async.emulator.storage.store import Store
from flywheel_async.emulator.tickets import Tickets
from flywheel_async.emulator.views.running import ViewRunner
from flywheel_async.emulator.wire import Json

ADMIN_USER = "admin@emulator.local"
"""The site admin that every data folder has."""

MR_CLASSIFICATION: dict[str, list[str]] = {
    "Intent": ["Calibration", "Fieldmap", "Functional", "Localizer", "Shim", "Spectroscopy", "Structural"],
    "Features": ["Derived", "Magnitude", "Multi-Echo", "Multi-Shell", "Phase", "Quantitative", "SBRef"],
    "Measurement": ["B0", "B1", "Diffusion", "MT", "PD", "Perfusion", "Susceptibility", "T1", "T2", "T2*"],
}


class Site:
    """Everything that outlives a request.

    Args:
        folder: The data folder; made if missing.
        admin_routes: Whether the fault plan can be changed over HTTP.
        storage: How it uses its object store.

    Attributes:
        db: The database.
        background: Work that goes on after an answer.
        blobs: The file contents.
        disk: Threads for reading and writing file contents.
        faults: The fault plan.
        tickets: Download tickets for single files.
        archives: Download tickets for archives.
        packfiles: Packfiles that are being filled.
        storage: The object store.
        views: What runs data views.
        drone_secret: The secret that drones log in with.
        roles: The ids of the default roles by access level (`ro`, `rw`, `admin`).
        url: Where the site is served, set by the server; part of what `/config` answers.

    Raises:
        DataFolderInUse: Another emulator has the folder open.
    """

    def __init__(self, folder: Path, *, admin_routes: bool = False, storage: StorageOptions | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.faults = FaultPlan()
        self.tickets = Tickets()
        self.archives = Archives()
        self.packfiles = Packfiles()
        self.fault_routes = admin_routes
        self.new_id = IdMaker()
        self.url = "http://127.0.0.1/api"
        self._keys = keys.KeyStore(folder / "keys.json")
        self._keys_lock = threading.Lock()
        self.drone_secret = self._keys.load_secret() or keys.new_key()
        self.db = Database(folder / "site.sqlite")
        self.disk = ThreadPoolExecutor(8, "emulator-disk")
        try:
            # Only now is the folder known to be ours alone.
            self._keys.save_secret(self.drone_secret)
            self.blobs = BlobStore(folder / "blobs")
            self.blobs.clean(self.db.write_now(_known_hashes))
            self.storage = Store(self.blobs, self.drone_secret, storage or StorageOptions())
            self.roles: Mapping[str, str] = self.db.write_now(self._ensure_defaults)
            self.admin_key = self.add_user(ADMIN_USER, roles=("site_admin",), firstname="Site", lastname="Admin")
            self.views = ViewRunner(self)
            self.views.resume()
        except BaseException:
            self.db.close()
            raise
        self.background = Background(self.db, self.new_id, project_tasks.WORK)
        # What was not finished when the emulator ended the last time.
        self.background.wake()

    def close(self) -> None:
        """Finishes running work and gives the folder free."""
        self.views.close()
        self.background.close()
        self.disk.shutdown(wait=True, cancel_futures=True)
        self.storage.objects.close()
        self.db.close()

    def key_string(self, key: str) -> str:
        """Returns the full API key string (`HOST:PORT:__force_insecure:KEY`) for a bare key."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
        return f"{host}:{parts.port}:__force_insecure:{key}"

    def add_user(
        self,
        user_id: str,
        *,
        roles: Iterable[str] = ("user",),
        disabled: bool = False,
        firstname: str = "Test",
        lastname: str = "User",
    ) -> str:
        """Makes a user with an API key; one that exists keeps key, roles and names.

        Returns:
            The bare key.
        """
        with self._keys_lock:
            known = self._keys.load()
            key = known.get(user_id)
            if key is None:
                key = known[user_id] = keys.new_key()
                self._keys.save(known)
        granted: list[Json] = list(roles)

        def work(tx: Tx) -> None:
            if nodes.find(tx, "user", user_id) is None:
                body: dict[str, Json] = {"firstname": firstname, "lastname": lastname, "email": user_id}
                body.update(roles=granted, disabled=disabled)
                users.create(tx, user_id, body)
            keys.register(tx, key, keys.Owner(user_id), "emulator", self.new_id())

        self.db.write_now(work)
        return key

    def _ensure_defaults(self, tx: Tx) -> dict[str, str]:
        """Makes what every site has: the settings, three roles and the MR modality."""
        if nodes.find(tx, "site", "site") is None:
            nodes.insert(tx, Node("site", "site", "Emulator", tx.now, tx.now))
            classification: dict[str, Json] = {name: list(values) for name, values in MR_CLASSIFICATION.items()}
            body: dict[str, Json] = {"classification": classification, "active": True, "description": None}
            nodes.insert(tx, Node("modality", "MR", "MR", tx.now, tx.now, body=body))
            for level, (label, actions) in access.DEFAULT_ROLES.items():
                role: dict[str, Json] = {"actions": list(actions), "default_flywheel_role": level}
                nodes.insert(tx, Node("role", self.new_id(), label, tx.now, tx.now, body=role))
        rows = tx.all(
            "SELECT id, json_extract(body, '$.default_flywheel_role') AS level FROM node"
            " WHERE kind = 'role' AND level IS NOT NULL"
        )
        return {row["level"]: row["id"] for row in rows}


def _known_hashes(tx: Tx) -> set[str]:
    return {row["hash"] for row in tx.all("SELECT DISTINCT hash FROM file")}
