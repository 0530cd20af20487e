"""Project templates: what the sessions of a project should hold, and which of them do.

Whether a session satisfies a template is kept in the session, so that lists can be filtered by it, and looked at
again whenever the session, one of its acquisitions or one of their files changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.problems import invalid
from flywheel_async.emulator.query.regexes import BUDGET_SECONDS, compiled
from flywheel_async.emulator.wire import Doc, Json, as_doc, loads, text

_LEVELS: Final = ("group_id", "project", "subject", "session")


def refresh(tx: Tx, session: str | None) -> None:
    """Looks at a session again, after something in it changed; None is passed over."""
    if session is not None:
        refresh_below(tx, "session", session)


def refresh_below(tx: Tx, column: str, node_id: str) -> list[str]:
    """Looks at the sessions with an ancestor, or an id, again.

    Args:
        tx: The transaction.
        column: The level: `group_id`, `project`, `subject` or `session`.
        node_id: Its id.

    Returns:
        The ids of the sessions whose state became another one.

    Raises:
        Problem: 422, the patterns of the template took too long.
    """
    if column not in _LEVELS:
        return []
    rows = tx.all(
        "SELECT s.id, s.label, s.body, json_extract(p.body, '$.templates') AS templates"
        " FROM node s JOIN node p ON p.kind = 'project' AND p.id = s.project"
        f" WHERE s.kind = 'session' AND s.{column} = ? AND s.deleted IS NULL AND (templates IS NOT NULL"
        " OR json_extract(s.body, '$.project_has_template'))",
        (node_id,),
    )
    changed: list[str] = []
    clock = _Clock()
    for row in rows:
        body = as_doc(row["body"])
        templates = _objects(loads(row["templates"] or "[]"))
        has = bool(templates)
        satisfied = any(_satisfies(tx, clock, row["id"], row["label"], template) for template in templates)
        state: Doc = {"project_has_template": has, "satisfies_template": satisfied if has else None}
        if {key: body.get(key) for key in state} != state:
            tx.run("UPDATE node SET body = ? WHERE kind = 'session' AND id = ?", (text({**body, **state}), row["id"]))
            changed.append(row["id"])
    return changed


def _satisfies(tx: Tx, clock: _Clock, session: str, label: str | None, template: Doc) -> bool:
    exact = template.get("regex") is False
    wanted = template.get("session")
    if isinstance(wanted, dict) and not clock.fits(wanted.get("label"), label or "", exact=exact):
        return False
    rows = tx.all(
        "SELECT id, label FROM node WHERE kind = 'acquisition' AND session = ? AND deleted IS NULL", (session,)
    )
    for rule in _objects(template.get("acquisitions")):
        fitting = [
            row
            for row in rows
            if clock.fits(rule.get("label"), row["label"] or "", exact=exact)
            and _has_files(tx, clock, row["id"], _objects(rule.get("files")), exact=exact)
        ]
        if len(fitting) < _minimum(rule):
            return False
    return True


def _has_files(tx: Tx, clock: _Clock, acquisition: str, rules: Sequence[Doc], *, exact: bool) -> bool:
    if not rules:
        return True
    rows = tx.all(
        "SELECT json_extract(body, '$.classification') AS found FROM file WHERE parent_id = ? AND current = 1",
        (acquisition,),
    )
    files = [list(_words(as_doc(row["found"] or "{}"))) for row in rows]
    for rule in rules:
        wanted = rule.get("classification")
        fitting = sum(wanted is None or any(clock.fits(wanted, word, exact=exact) for word in words) for words in files)
        if fitting < _minimum(rule):
            return False
    return True


def _words(classification: Doc) -> Iterator[str]:
    for values in classification.values():
        if isinstance(values, list):
            yield from (value for value in values if isinstance(value, str))


def _minimum(rule: Doc) -> int:
    found = rule.get("minimum")
    return found if isinstance(found, int) else 1


def _objects(value: Json) -> list[Doc]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _Clock:
    """Compares texts with the words or patterns of a template, in a limited time."""

    def __init__(self) -> None:
        self._left = BUDGET_SECONDS

    def fits(self, wanted: Json, value: str, *, exact: bool) -> bool:
        """Tells whether a text is the wanted one, or the pattern is found in it; letter case does not count."""
        if not isinstance(wanted, str):
            return True
        if exact:
            return wanted.casefold() == value.casefold()
        started = time.monotonic()
        try:
            found = compiled(f"(?i){wanted}").search(value, timeout=max(self._left, 0.001), concurrent=True)
        except TimeoutError:
            raise _too_slow() from None
        self._left -= time.monotonic() - started
        if self._left <= 0:
            raise _too_slow()
        return found is not None


def _too_slow() -> Exception:
    return invalid(f"the patterns of the project's template took longer than {BUDGET_SECONDS:g} s", "body", "templates")
