"""What request bodies about files by reference may hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from flywheel_async.emulator.inputs import Input, MediaType, Metadata, Size, TagValue, Words
from flywheel_async.emulator.move_inputs import ContainerReference
from flywheel_async.emulator.project_inputs import Origin


class Source(Input):
    """What a file was made from."""

    type: Words
    id: str


class FileUpsert(Input):
    """A file by the place where its content is."""

    provider_id: Annotated[Words, StringConstraints(min_length=1)]
    uuid: str | None = None
    path: Annotated[Words, StringConstraints(min_length=1)] | None = None
    reference: bool | None = None
    client_hash: Words | None = None
    name: str
    size: Size
    type: Words | None = None
    mimetype: MediaType | None = None
    modality: Words | None = None
    classification: dict[str, list[str]] | None = None
    info: Metadata | None = None
    zip_member_count: Size | None = None
    tags: list[TagValue] | None = None
    parent_ref: ContainerReference
    origin: Origin
    source: Source | None = None
