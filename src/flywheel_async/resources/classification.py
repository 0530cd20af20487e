"""What files show: classification values, by the modality they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, cast

from flywheel_async.errors import ArgumentError
from flywheel_async.transfer.sources import check_name

if TYPE_CHECKING:
    from flywheel_async.core import Core


async def change(
    core: Core,
    kind: str,
    container_id: str,
    name: str,
    how: Literal["add", "delete", "replace"],
    classification: object,
    modality: str | None = None,
) -> None:
    """Changes the classification of a container's file.

    Args:
        core: The client.
        kind: The container's kind.
        container_id: The container's id.
        name: The file's name.
        how: Whether to add values, delete them, or replace all.
        classification: The values by their aspect, for example `{"Measurement": ["T1"]}`.
        modality: The new modality of the file; None leaves it as it is.

    Raises:
        ArgumentError: The classification is not a mapping of lists of texts.
    """
    check_name(name)
    body: dict[str, object] = {how: _checked(classification)}
    if modality is not None:
        body["modality"] = modality
    await core._call(f"modify_{kind}_file_classification", container_id, name, body)


def _checked(classification: object) -> dict[str, list[str]]:
    if not isinstance(classification, Mapping):
        raise ArgumentError(f"classification must be a mapping of lists, not {type(classification).__name__}")
    checked: dict[str, list[str]] = {}
    for aspect, values in cast("Mapping[object, object]", classification).items():
        if not isinstance(aspect, str):
            raise ArgumentError(f"classification: the key {aspect!r} is not a text")
        if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
            raise ArgumentError(f"classification.{aspect} must be a list of texts, for example ['T1'], not {values!r}")
        items = list(cast("Iterable[object]", values))
        if not all(isinstance(item, str) for item in items):
            raise ArgumentError(f"classification.{aspect} must hold texts only, not {items!r}")
        checked[aspect] = cast("list[str]", items)
    return checked
