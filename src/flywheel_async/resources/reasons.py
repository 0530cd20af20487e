"""Why something is deleted: the reasons that sites with an audit trail know."""

from __future__ import annotations

from enum import Enum

from flywheel_async.errors import ArgumentError

DELETE_REASONS = (
    "duplicate_data",
    "data_is_not_part_of_study",
    "data_incomplete_or_corrupt",
    "data_structured_incorrectly",
    "data_has_been_exported_or_moved",
    "container_is_empty",
    "analysis_or_processing_failed_or_cancelled",
    "compliance_consent_withdrawn",
    "compliance_phi",
    "compliance_data_policy",
    "test_data",
    "packfile_cleanup",
)


def checked_reason(reason: object) -> str | None:
    """Makes sure that a site will know a reason; None is none.

    Raises:
        ArgumentError: It is unknown; the message names the known ones.
    """
    value = reason.value if isinstance(reason, Enum) else reason
    if value is None:
        return None
    if not isinstance(value, str) or value not in DELETE_REASONS:
        raise ArgumentError(f"delete_reason {value!r} is unknown; known are {', '.join(DELETE_REASONS)}")
    return value
