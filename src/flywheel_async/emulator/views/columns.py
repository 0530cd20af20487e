"""The catalogue of view columns: names that stand for a field of a container, and groups of such names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flywheel_async.emulator.wire import Doc, Json

LEVELS: Final = ("project", "subject", "session", "acquisition")
"""The containers that rows can stand for, top to bottom."""

_YEAR, _MONTH, _WEEK, _DAY = 31_557_600, 2_592_000, 604_800, 86_400


@dataclass(frozen=True, slots=True)
class Alias:
    """A name in the catalogue.

    Attributes:
        name: The name, such as `subject.label`.
        description: What it holds.
        src: The field it stands for; empty for a group.
        type: `string`, `int`, `float`, `bool`, or `object` for free metadata.
        expr: What is done to the field's value, or None.
        members: The names of a group's columns.
    """

    name: str
    description: str
    src: str = ""
    type: str = "string"
    expr: str | None = None
    members: tuple[str, ...] = ()

    def document(self) -> Doc:
        """Returns the entry as the API shows it."""
        if self.members:
            listed: list[Json] = list(self.members)
            return {"name": self.name, "description": self.description, "group": listed}
        found: Doc = {"name": self.name, "description": self.description, "src": self.src, "type": self.type}
        if self.expr is not None:
            found["expr"] = self.expr
        return found


_FIELDS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "project": (("label", "string", "Label of the project"), ("description", "string", "Description of the project")),
    "subject": (
        ("label", "string", "Label of the subject, also called its code"),
        ("code", "string", "Code of the subject, the same as its label"),
        ("firstname", "string", "First name of the subject"),
        ("lastname", "string", "Last name of the subject"),
        ("age", "int", "Age of the subject in seconds"),
        ("sex", "string", "Sex of the subject: female, male, other or unknown"),
        ("race", "string", "Race of the subject"),
        ("ethnicity", "string", "Ethnicity of the subject"),
        ("species", "string", "Species of the subject"),
        ("strain", "string", "Strain of the subject"),
        ("cohort", "string", "Cohort of the subject"),
        ("type", "string", "Type of the subject"),
        ("mlset", "string", "Machine learning set of the subject"),
    ),
    "session": (
        ("label", "string", "Label of the session"),
        ("operator", "string", "Who ran the session"),
        ("timestamp", "string", "When the session took place"),
        ("timezone", "string", "Time zone of the session"),
        ("uid", "string", "Unique id given by the scanner"),
        ("weight", "float", "Weight of the subject at the session in kilograms"),
        ("age", "int", "Age of the subject at the session in seconds"),
    ),
    "acquisition": (
        ("label", "string", "Label of the acquisition"),
        ("timestamp", "string", "When the acquisition took place"),
        ("timezone", "string", "Time zone of the acquisition"),
        ("uid", "string", "Unique id given by the scanner"),
    ),
    "analysis": (("label", "string", "Label of the analysis"),),
    "file": (
        ("name", "string", "Name of the file"),
        ("type", "string", "Type of the file, such as dicom"),
        ("mimetype", "string", "Media type of the file, such as text/csv"),
        ("modality", "string", "Modality of the file, such as MR"),
        ("classification", "object", "Classification of the file"),
        ("size", "int", "Size of the file in bytes"),
        ("hash", "string", "Hash of the file's content"),
        ("version", "int", "Version of the file"),
    ),
}
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "project": ("id", "label"),
    "subject": ("id", "label", "firstname", "lastname", "age", "sex", "race", "ethnicity"),
    "session": ("id", "label", "operator", "timestamp", "timezone"),
    "acquisition": ("id", "label", "timestamp", "timezone"),
    "analysis": ("id", "label"),
    "file": ("id", "name", "type", "mimetype", "classification", "size"),
}
_AGES = (("years", _YEAR), ("months", _MONTH), ("weeks", _WEEK), ("days", _DAY))


def _aliases() -> Iterator[Alias]:
    for kind, fields in _FIELDS.items():
        members = tuple(f"{kind}.{field}" for field in _GROUPS[kind])
        yield Alias(kind, f"The usual columns of the {kind}", members=members)
        yield Alias(f"{kind}.id", f"Id of the {kind}", f"{kind}._id")
        for field, type_, description in fields:
            yield Alias(f"{kind}.{field}", description, f"{kind}.{field}", type_)
        if kind == "session":
            for unit, seconds in _AGES:
                name = f"session.age_{unit}"
                yield Alias(
                    name, f"Age of the subject at the session in {unit}", "session.age", "float", f"x/{seconds}"
                )
        yield Alias(f"{kind}.tags", f"Tags of the {kind}", f"{kind}.tags", "object")
        yield Alias(f"{kind}.created", f"When the {kind} was made", f"{kind}.created")
        yield Alias(f"{kind}.modified", f"When the {kind} was last changed", f"{kind}.modified")
        yield Alias(f"{kind}.info", f"Free metadata of the {kind}", f"{kind}.info", "object")


CATALOGUE: Final[Mapping[str, Alias]] = {alias.name: alias for alias in _aliases()}
"""Every alias and group by name, in the order in which they are listed."""
