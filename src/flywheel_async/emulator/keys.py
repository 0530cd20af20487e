"""API keys: random, kept in one file that only its owner can read; the database holds hashes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.problems import not_found
from flywheel_async.emulator.times import iso, iso_or_none
from flywheel_async.emulator.wire import Doc, Json

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40


def new_key() -> str:
    """Returns a random key."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def digest(key: str) -> str:
    """Returns what the database keeps of a key. Keys are long and random, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a key belongs to: a user, or a device."""

    id: str
    is_device: bool = False


def register(tx: Tx, key: str, owner: Owner, label: str, key_id: str, expires: int | None = None) -> None:
    """Makes a key valid; one that is valid already keeps its id.

    Args:
        tx: The transaction.
        key: The key.
        owner: Whose it is.
        label: What the owner calls it.
        key_id: The id by which it is listed and deleted.
        expires: When it stops working, in milliseconds, or None.
    """
    tx.run(
        "INSERT INTO api_key (hash, user_id, label, created, id, expires, is_device) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET user_id = excluded.user_id, id = COALESCE(id, excluded.id)",
        (digest(key), owner.id, label, tx.now, key_id, expires, owner.is_device),
    )


def owner_of(tx: Tx, key: str) -> Owner | None:
    """Returns whose key it is, or None when it is unknown or has expired."""
    row = tx.one("SELECT user_id, is_device, expires FROM api_key WHERE hash = ?", (digest(key),))
    if row is None or (row["expires"] is not None and row["expires"] <= tx.now):
        return None
    return Owner(row["user_id"], bool(row["is_device"]))


def generate(tx: Tx, owner: Owner, label: str, key_id: str, expires: int | None) -> Doc:
    """Makes a key and returns its document, the only one that shows the secret."""
    key = new_key()
    register(tx, key, owner, label, key_id, expires)
    document: Doc = {"label": label, "key": key_id, "created": iso(tx.now), "last_used": None}
    return {**document, "expires_at": iso_or_none(expires), "unencrypted_secret": key}


def listed(tx: Tx, owner: Owner) -> list[Json]:
    """Returns the documents of somebody's keys, without secrets."""
    rows = tx.all(
        "SELECT * FROM api_key WHERE user_id = ? AND is_device = ? ORDER BY created, id", (owner.id, owner.is_device)
    )
    return [
        {
            "label": row["label"],
            "key": row["id"],
            "created": iso(row["created"]),
            "last_used": None,
            "expires_at": iso_or_none(row["expires"]),
            "unencrypted_secret": None,
        }
        for row in rows
    ]


def delete(tx: Tx, owner: Owner, key_id: str) -> None:
    """Makes a key invalid.

    Raises:
        Problem: 404, the owner has no such key.
    """
    if not tx.run(
        "DELETE FROM api_key WHERE id = ? AND user_id = ? AND is_device = ?", (key_id, owner.id, owner.is_device)
    ):
        raise not_found("key", key_id)


class KeyStore:
    """The file with the keys of the users made by the emulator itself, and the secret that drones log in with.

    Args:
        path: The file; it gets mode 0600.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, str]:
        """Returns the keys by user id; empty when there is no file yet."""
        return dict(self._read().get("keys", {}))

    def load_secret(self) -> str | None:
        """Returns the secret of the drones, or None when there is none yet."""
        return self._read().get("drone_secret")

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return {}

    def save(self, keys: dict[str, str]) -> None:
        """Writes all keys; a crash leaves either the old or the new file."""
        self._write({**self._read(), "keys": keys})

    def save_secret(self, secret: str) -> None:
        """Writes the secret of the drones."""
        self._write({"keys": {}, **self._read(), "drone_secret": secret})

    def _write(self, content: dict[str, Any]) -> None:
        partial = self._path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
        partial.replace(self._path)
