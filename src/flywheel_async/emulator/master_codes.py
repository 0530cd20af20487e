"""Master subject codes: one code for one person, whatever project the data is in."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from flywheel_async.emulator import nodes
from flywheel_async.emulator.inputs import Input, Words
from flywheel_async.emulator.nodes import Node
from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.wire import Doc

if TYPE_CHECKING:
    from flywheel_async.emulator.call import Call

_ALPHABET = string.ascii_uppercase + string.digits
_LENGTH = 10
_Text = Annotated[Words, StringConstraints(min_length=1, max_length=256)]


class MasterCodeInput(Input):
    """A person: by the id that a clinic knows, or by name and date of birth."""

    patient_id: _Text | None = None
    use_patient_id: bool | None = None
    first_name: _Text | None = None
    last_name: _Text | None = None
    date_of_birth: _Text | None = None


def ensure(call: Call, given: MasterCodeInput) -> str:
    """Returns the code of a person, who gets one if there is none yet.

    Raises:
        Problem: 400 neither the id nor name and birth are complete, 409 the id as a code is another person's.
    """
    named = (given.first_name, given.last_name, given.date_of_birth)
    if given.patient_id is None and None in named:
        raise Problem(400, "patient_id is needed, or first_name, last_name and date_of_birth")
    person: Doc = {
        "patient_id": given.patient_id,
        "name": None if None in named else "\n".join(str(part).strip().casefold() for part in named),
    }
    key = "patient_id" if given.patient_id is not None else "name"
    row = call.tx.one(
        f"SELECT id FROM node WHERE kind = 'master_code' AND json_extract(body, '$.{key}') = ? ORDER BY id LIMIT 1",
        (str(person[key]),),
    )
    if row is not None:
        return str(row["id"])
    code = given.patient_id if given.use_patient_id else None
    code = code or "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    nodes.insert(call.tx, Node("master_code", code, None, call.tx.now, call.tx.now, body=person))
    return code
