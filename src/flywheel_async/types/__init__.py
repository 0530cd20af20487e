"""Every model and enumeration of the API as a class, by its name in the API: `types.GearRuleInput(...)`.

The classes are built from the operation tables when they are first used; type checkers and editors read the stub
beside this file. Arguments may be given by position, in the order of the API's own client, or by name, in Python or
as on the wire. Members a site sends beyond the declared ones are kept, missing ones are None or their default.
Members that the API calls `_not`, `_from`, `_return` or `items` are `not_`, `from_`, `return_` and `items_` here.

Enumerations are texts with names (`types.JobState.COMPLETE == "complete"`); members of objects are plain text, so that
values of a newer site do not fail.

Where a class with behaviour or a hand-shaped one exists, answers are read into that one: containers, files and users
into those of `flywheel_async` (or `flywheel_async.sync`), a role, note, device, modality, site configuration and so on
into those of `flywheel_async.fields`. The class here, for example `types.ProjectOutput`, then only describes the data:
nothing in it calls the site, and answers are no instances of it, except where they are part of another answer.

Example:
    >>> from flywheel_async import types
    >>> dicom = types.GearRuleCondition("file.type", "dicom")
    >>> rule = types.GearRuleInput(project_id, gear_id, role_id, "convert", all=[dicom])
    >>> await fw.add_project_rule(project_id, rule)
"""

from flywheel_async.raw.schemas import schemas
from flywheel_async.types._build import builder


def __getattr__(name: str) -> object:
    found = builder().get(name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *schemas().names})
