"""How a site uses its object store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["s3", "gcs", "azure"]
KINDS: Final[tuple[Kind, ...]] = ("s3", "gcs", "azure")
"""The stores whose addresses the emulator can imitate."""
PART_BYTES = 16 * 1024 * 1024
SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """How a site uses its object store.

    Attributes:
        signed_urls: The store that uploads by signed address go to, or None: then there are only direct uploads.
        redirects: Whether contents are sent by redirecting to the store, to callers with the `Safe-Redirect` feature.
        part_bytes: Files larger than this get one address for each part of about this size.
        seconds: How long signed addresses and upload tickets are good for.
    """

    signed_urls: Kind | None = None
    redirects: bool = False
    part_bytes: int = PART_BYTES
    seconds: float = SECONDS
