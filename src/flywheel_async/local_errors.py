"""What the operating system says about a path on this machine, as errors of this package."""

from __future__ import annotations

import errno
import os
from typing import TypeVar

from flywheel_async.errors import LocalFileError, LocalPathError, MissingPath

E = TypeVar("E", LocalPathError, LocalFileError)


def reason(cause: Exception) -> str:
    """What happened, without the number and the path that the system puts around it."""
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause)


def path_error(message: str, path: str | os.PathLike[str], cause: Exception | int | None = None) -> LocalPathError:
    """Makes the error for a path that cannot be used.

    Args:
        message: What to tell; names the argument.
        path: The path.
        cause: What the system raised, or the number of an error; None for what the system allows, but we do not.
    """
    number = cause.errno if isinstance(cause, OSError) else cause if isinstance(cause, int) else None
    kind = MissingPath if number == errno.ENOENT else LocalPathError
    return _told(kind(message), path, number)


def file_error(doing: str, path: str | os.PathLike[str], cause: Exception) -> LocalFileError:
    """Makes the error for a file that the system refuses to write or keep.

    Args:
        doing: What failed, as in "cannot write".
        path: The path.
        cause: What the system raised.
    """
    number = cause.errno if isinstance(cause, OSError) else None
    return _told(LocalFileError(f"{doing} {path}: {reason(cause)}"), path, number)


def _told(error: E, path: str | os.PathLike[str], number: int | None) -> E:
    error.errno, error.filename = number, os.fspath(path)
    error.strerror = None if number is None else os.strerror(number)
    return error
