"""Names from a site as names of local files; no I/O happens here.

A site's names are anything that somebody typed, or chose to do harm. Here each becomes one name inside one folder, on
every operating system, and can be turned back into what it was.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from typing import cast

from flywheel_async.errors import ArgumentError

MOST_BYTES = 240
"""Length of a local name at most, in bytes; file systems take 255, and temporary names are a little longer."""

TEMPORARY = ".fw-"
"""How the names of files begin that are not complete; nothing that is complete may be taken for one."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_WINDOWS = re.compile(r'[<>:"|?*]')
_ESCAPE = re.compile(r"%(?=[0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])\s*(\..*|:.*)?", re.IGNORECASE | re.DOTALL)


def safe_name(name: str, *, windows: bool = os.name == "nt") -> str:
    """Turns a name from a site into the name of a file in one folder.

    Separators, control characters, the names of Windows devices, `.` and `..`, and dots and spaces at the end are
    written as `%` and two hex digits, so `original_name` can undo it; so is the first dot of names like those that
    transfers use for files that are not complete. A name that is too long for a file system
    is cut and gets a part of its hash, so that two such names stay two.

    Args:
        name: The name.
        windows: Whether to escape what only Windows forbids too, such as `:`; by default on Windows.

    Returns:
        A name without separators that is not `.` or `..`, at most 240 bytes long; names that need nothing come back
        as they are.

    Raises:
        ArgumentError: The name is empty or no text.

    Example:
        >>> safe_name("T1 (rest).nii.gz")
        'T1 (rest).nii.gz'
        >>> safe_name("../../etc/passwd")
        '..%2F..%2Fetc%2Fpasswd'
        >>> safe_name("..")
        '%2E%2E'
    """
    if not isinstance(cast(object, name), str) or not name:
        raise ArgumentError(f"name: a file needs a name that is not empty, not {name!r}")
    safe = _CONTROLS.sub(_percent, _ESCAPE.sub("%25", name))
    if windows:
        safe = _WINDOWS.sub(_percent, safe)
    if set(safe) == {"."}:
        safe = "%2E" * len(safe)
    elif safe.startswith(TEMPORARY):
        safe = _percent(safe[0]) + safe[1:]
    if safe[-1] in ". ":
        safe = safe[:-1] + _percent(safe[-1])
    if _DEVICE.fullmatch(safe):
        safe = _percent(safe[0]) + safe[1:]
    return safe if len(safe.encode()) <= MOST_BYTES else _shortened(safe, name)


def original_name(safe: str) -> str:
    """Gives the name that `safe_name` was given, unless that was too long to keep.

    Args:
        safe: What `safe_name` gave.
    """
    return _ESCAPED.sub(_unescaped, safe)


def _unescaped(found: re.Match[str]) -> str:
    raw = bytes.fromhex(found.group().replace("%", ""))
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:  # cut off, or not written by `safe_name`
        return raw[: error.start].decode("utf-8", "surrogatepass") + found.group()[3 * error.start :]


class Names:
    """Gives the names inside one folder, each at most once, also where letters of either case are the same.

    Example:
        >>> names = Names()
        >>> names.take("a.txt"), names.take("A.txt")
        ('a.txt', 'A~2.txt')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}  # by the name without a number, so that namesakes are not counted anew

    def take(self, name: str) -> str:
        """Gives a safe name that was not given before.

        Args:
            name: The name from the site.

        Raises:
            ArgumentError: The name is empty or no text.
        """
        safe = candidate = safe_name(name)
        first = _folded(safe)
        number = self._next.get(first, 2)
        while (folded := _folded(candidate)) in self._taken:
            stem, dot, suffix = safe.partition(".") if not safe.startswith(".") else (safe, "", "")
            candidate = f"{stem}~{number}{dot}{suffix}"
            if len(candidate.encode()) > MOST_BYTES:
                candidate = _shortened(candidate, f"{name}\0{number}")
            number += 1
        self._taken.add(folded)
        self._next[first] = number
        return candidate


def _percent(found: re.Match[str] | str) -> str:
    text = found if isinstance(found, str) else found.group()
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def _folded(name: str) -> str:
    """Equal for names that some file systems take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shortened(safe: str, name: str) -> str:
    """Cuts a name that is too long; the hash of the whole keeps it apart from others that begin and end alike."""
    mark = "~" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    stem, dot, suffix = safe.rpartition(".")
    ending = dot + suffix if stem and len(suffix) <= 20 and suffix.isascii() and suffix.isalnum() else ""
    room = MOST_BYTES - len(mark) - len(ending)
    kept = safe[: len(safe) - len(ending)].encode()[:room].decode("utf-8", "ignore")
    return re.sub(r"%[0-9A-F]?$", "", kept) + mark + ending
