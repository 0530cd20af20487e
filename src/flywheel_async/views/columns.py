"""The columns of a result that is made into several data frames: which there are, and one type for each.

pandas finds out types by looking at all values of a column. Frames of some rows each would get different ones, so the
parts are looked at first, and a column gets the type that it would have in one frame of all rows.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flywheel_async.errors import BadAnswer
from flywheel_async.views.spool import parse

if TYPE_CHECKING:
    from pandas import DataFrame


def read(data: object, options: Mapping[str, object]) -> DataFrame:
    """Reads a result with pandas.

    Args:
        data: A file with JSON.
        options: Options of `pandas.read_json`.

    Raises:
        BadAnswer: pandas cannot read it.
    """
    import pandas

    reader = cast("Any", pandas.read_json)
    try:
        return cast("DataFrame", reader(data, **options))
    except (ValueError, TypeError, AssertionError) as error:
        raise BadAnswer(f"pandas cannot read the result of the view: {error}") from error


@dataclass(slots=True)
class _Seen:
    """What the parts showed of one column.

    Attributes:
        parts: How many parts have it.
        types: Its types as pandas reads the parts that have values in it, or where the caller asked for one.
        empty: Its types as pandas reads the other parts.
        plain: Its types in the parts that have values in it, without looking for numbers and dates in texts.
    """

    parts: int = 0
    types: list[Any] = field(default_factory=list[Any])
    empty: list[Any] = field(default_factory=list[Any])
    plain: list[Any] = field(default_factory=list[Any])


class Columns:
    """What is known of all columns.

    Args:
        options: Options of `pandas.read_json`.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        # Names of columns stay texts; pandas would make numbers of them where all look like some.
        self._options = {**options, "lines": True, "convert_axes": False}
        self._converts = options.get("dtype") is not False
        # What pandas puts where a value is missing in a column of objects.
        self._gap = None if self._converts else float("nan")
        self._seen: dict[str, _Seen] = {}
        self._parts = 0

    def note(self, lines: Sequence[bytes]) -> None:
        """Looks at a part.

        Args:
            lines: Its rows, each a JSON object.
        """
        frame, plain = self._read(lines)
        self._parts += 1
        for name in plain.columns:
            seen = self._seen.setdefault(name, _Seen())
            seen.parts += 1
            has_values = not bool(plain[name].isna().all())
            _add(seen.types if has_values or self._is_given(name) else seen.empty, frame[name].dtype)
            if has_values:
                _add(seen.plain, plain[name].dtype)

    def frame(self, lines: Sequence[bytes], start: int) -> DataFrame:
        """Makes the frame of a part.

        Args:
            lines: Its rows.
            start: The number of its first row, from 0.
        """
        import pandas

        frame, plain = self._read(lines)
        index = pandas.RangeIndex(start, start + len(frame))
        made: dict[str, Any] = {}
        for name, seen in self._seen.items():
            wanted, as_read = self._type(name, seen)
            found = (frame if as_read else plain).get(name)
            if found is None or bool(found.isna().all()):
                found = pandas.Series([self._gap] * len(frame), dtype=object)
            elif not as_read:
                found = found.astype(object).where(found.notna(), self._gap)
            made[name] = found.set_axis(index).astype(wanted)
        return pandas.DataFrame(made, index=index)

    def _read(self, lines: Sequence[bytes]) -> tuple[DataFrame, DataFrame]:
        """The rows as pandas reads them, and with the values as they came."""
        import pandas

        return read(io.BytesIO(b"".join(lines)), self._options), pandas.DataFrame(parse(lines))

    def _is_given(self, name: str) -> bool:
        given = self._options.get("dtype")
        return name in given if isinstance(given, Mapping) else given is not None and not isinstance(given, bool)

    def _type(self, name: str, seen: _Seen) -> tuple[Any, bool]:
        """The type of a column, and whether its values are those that pandas read, not the plain ones."""
        gaps = bool(seen.empty) or seen.parts < self._parts
        if self._is_given(name) and len(seen.types) == 1 and seen.parts == self._parts:
            return seen.types[0], True
        if not seen.types:
            return (seen.empty[0] if len(seen.empty) == 1 else "object"), True
        kinds = {cast("str", found.kind) for found in seen.types}
        if kinds <= {"b", "i", "f"} and (self._converts or "b" not in kinds or (kinds == {"b"} and not gaps)):
            if "f" in kinds or gaps:
                return "float64", True
            return ("bool" if kinds == {"b"} else "int64"), True
        if len(seen.types) == 1 and kinds != {"b"}:
            return seen.types[0], True
        return (seen.plain[0] if len(seen.plain) == 1 and seen.plain[0].kind not in "b" else "object"), False


def _add(types: list[Any], found: Any) -> None:
    if found not in types:
        types.append(found)
