"""Member types shared by the data classes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypeVar

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import core_schema

_T = TypeVar("_T")

Info = dict[str, Any]
"""A free-form JSON object; its values are `Any` because users index into it freely: `p.info["a"]["b"]`."""

if TYPE_CHECKING:
    Given = Annotated[_T, "always sent by the site"]
else:
    # A site always sends these members, so user code need not test them for None. An object made by hand, or
    # an answer of another version, may still lack them: at run time they are as optional as all others.
    Given = Optional[_T]  # noqa: UP045 - only this spelling can be subscripted later


class _UtcWhenNaive:
    """Reads date-times; one without an offset is taken as UTC."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        # Aware values, which is all that sites send today, are read without a call into Python.
        return core_schema.union_schema(
            [
                core_schema.datetime_schema(tz_constraint="aware"),
                core_schema.no_info_after_validator_function(_as_utc, core_schema.datetime_schema()),
            ],
            mode="left_to_right",
        )


def _as_utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Timestamp = Annotated[datetime, _UtcWhenNaive()]
"""A date-time that always has a time zone."""


@dataclass(frozen=True)
class FilledIn:
    """Replaces null by an empty object, so that `p.parents.group` never fails on None."""

    make: Callable[[], object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        null = core_schema.no_info_after_validator_function(lambda _: self.make(), core_schema.none_schema())
        return core_schema.union_schema([handler(source), null], mode="left_to_right")


def member(wire: str | None = None, make: Callable[[], object] | None = None, default: object = None) -> Any:
    """Declares a member that may be missing.

    Args:
        wire: The name on the wire, where it differs from the Python name.
        make: Makes the value of a missing member.
        default: The value of a missing member, where nothing makes it.

    Returns:
        What pydantic expects as a field's default; `Any`, because a field of any type may have it.
    """
    if make is not None:
        return Field(default_factory=make, alias=wire)
    return Field(default=default, alias=wire)
