"""Versions of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_async.errors import ArgumentError
from flywheel_async.fields.base import Model
from flywheel_async.fields.file_parts import FileVersionOutput
from flywheel_async.fields.load import load_page

if TYPE_CHECKING:
    from flywheel_async.core import Core


def file_id_of(file: Model) -> str:
    """The id that all versions of a file share.

    Raises:
        ArgumentError: The entry has none.
    """
    file_id = file.get("file_id")
    if not isinstance(file_id, str) or not file_id:
        raise ArgumentError("this file has no file_id; get it again from its container")
    return file_id


async def of(core: Core, file_id: str) -> list[FileVersionOutput]:
    """Lists the versions of a file."""
    response = await core._call("get_file_versions", file_id)
    try:
        return load_page(FileVersionOutput, response.content)[0]
    except ValueError as exc:
        raise response.unexpected(f"a list ({exc})") from None


async def restore(core: Core, file_id: str, version: object, evaluate_gear_rules: bool) -> Model:
    """Makes an older version the newest one again."""
    if not isinstance(version, int) or isinstance(version, bool):
        raise ArgumentError(f"version must be a number, not {version!r}")
    response = await core._call("restore_file", file_id, version, evaluate_gear_rules)
    return core._object("File", response)
