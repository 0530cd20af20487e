"""API keys: random, kept in one file that only its owner can read; the database holds hashes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import string
from pathlib import Path

from flywheel_async.emulator.database import Tx

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40


def new_key() -> str:
    """Returns a random key."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def digest(key: str) -> str:
    """Returns what the database keeps of a key. Keys are long and random, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def register(tx: Tx, key: str, user_id: str, label: str) -> None:
    """Makes a key valid for a user."""
    tx.run(
        "INSERT OR REPLACE INTO api_key (hash, user_id, label, created) VALUES (?, ?, ?, ?)",
        (digest(key), user_id, label, tx.now),
    )


class KeyStore:
    """The file with the keys of the users made by the emulator itself.

    Args:
        path: The file; it gets mode 0600.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, str]:
        """Returns the keys by user id; empty when there is no file yet."""
        try:
            return dict(json.loads(self._path.read_text("utf-8"))["keys"])
        except FileNotFoundError:
            return {}

    def save(self, keys: dict[str, str]) -> None:
        """Writes all keys; a crash leaves either the old or the new file."""
        partial = self._path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"keys": keys}, file, indent=1)
        partial.replace(self._path)
