"""Permission rules of uploads and downloads that no container in the path can decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call


@dataclass(frozen=True, slots=True)
class Ticketed:
    """Whoever has the ticket, or token, that the route itself asks for."""

    public: bool = True

    def check(self, call: Call) -> None:
        """Lets everybody pass: the ticket stands for the user it was given to."""

    def __str__(self) -> str:
        return "whoever has the ticket"


@dataclass(frozen=True, slots=True)
class AtPlacement:
    """Any user; the route itself refuses whoever may not upload to where the metadata in the body says."""

    public: bool = False

    def check(self, call: Call) -> None:
        """Lets every user pass: where the files go is known only when they have arrived."""

    def __str__(self) -> str:
        return "files_create_single on the project in the metadata"
