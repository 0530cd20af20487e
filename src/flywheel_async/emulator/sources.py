"""How finder keys are read for each kind of document: which have columns, which lead to other tables."""

from __future__ import annotations

from collections.abc import Mapping

from flywheel_async.emulator.query.compiler import Column, Related, Source

_NODE_COLUMNS = {
    "_id": Column("d.id"),
    "id": Column("d.id"),
    "label": Column("d.label"),
    "created": Column("d.created", "instant"),
    "modified": Column("d.modified", "instant"),
    "revision": Column("d.revision", "number"),
}
_LEVELS = {
    "group": "group_id",
    "project": "project",
    "subject": "subject",
    "session": "session",
    "acquisition": "acquisition",
}
_NOWHERE = Column("NULL")
_BIRTH = "(1000 * CAST(strftime('%s', json_extract({}.body, '$.date_of_birth')) AS INTEGER))"


def _ancestors(alias: str, levels: tuple[str, ...]) -> dict[str, Column]:
    """Returns columns for `parents.X` and its short form `X`; those that do not apply are always null."""
    found: dict[str, Column] = {}
    for name, column in _LEVELS.items():
        at = Column(f"{alias}.{column}") if name in levels else _NOWHERE
        found[f"parents.{name}"] = at
        if name in levels:
            found[name] = at
    return found


def _file_columns(alias: str) -> dict[str, Column]:
    texts = ("file_id", "name", "type", "hash")
    columns = {name: Column(f"{alias}.{name}") for name in texts}
    columns.update({name: Column(f"{alias}.{name}", "number") for name in ("version", "size", "revision")})
    columns.update({name: Column(f"{alias}.{name}", "instant") for name in ("created", "modified", "replaced")})
    columns["_id"] = columns["id"] = columns["file_id"]
    columns["analysis"] = columns["parents.analysis"] = Column(
        f"(CASE {alias}.parent_kind WHEN 'analysis' THEN {alias}.parent_id END)"
    )
    columns["parent_ref.id"] = Column(f"{alias}.parent_id")
    columns["parent_ref.type"] = Column(f"{alias}.parent_kind")
    columns.update(_ancestors(alias, ("group", "project", "subject", "session", "acquisition")))
    return columns


# Without the index named, SQLite would go through the files of the whole site for each container.
_FILES = Related(
    "FROM file f INDEXED BY file_name WHERE f.parent_id = d.id AND f.current = 1",
    Source("f.body", _file_columns("f")),
)
_SUBJECT = Related(
    "FROM node s WHERE s.kind = 'subject' AND s.id = d.subject",
    Source(
        "s.body",
        {
            "_id": Column("s.id"),
            "id": Column("s.id"),
            "created": Column("s.created", "instant"),
            "modified": Column("s.modified", "instant"),
            "date_of_birth": Column(_BIRTH.format("s"), "instant"),
        },
    ),
)
_SUBJECT_LABEL = Column("(SELECT s.label FROM node s WHERE s.kind = 'subject' AND s.id = d.subject)")


def _permissions(owner: str) -> Related:
    columns = {"_id": Column("p.user_id"), "id": Column("p.user_id")}
    columns["role_ids"] = columns["access"] = Column("p.role")
    return Related(f"FROM permission p WHERE p.container_id = {owner}", Source(None, columns))


SOURCES: Mapping[str, Source] = {
    "user": Source("d.body", _NODE_COLUMNS),
    "filter": Source("d.body", _NODE_COLUMNS),
    "search": Source("d.body", _NODE_COLUMNS),
    # Projects as the catalogue shows them.
    "catalog": Source(
        "json_set(json_extract(d.body, '$.settings.sharing'), '$.tags', json(COALESCE("
        "json_extract(d.body, '$.tags'), '[]')))",
        _NODE_COLUMNS,
    ),
    "device": Source("d.body", _NODE_COLUMNS),
    "view": Source("d.body", _NODE_COLUMNS),
    "execution": Source(
        "d.body", {**_NODE_COLUMNS, "project_id": Column("d.project"), "data_view_label": Column("d.label")}
    ),
    "role": Source("d.body", _NODE_COLUMNS),
    "modality": Source("d.body", _NODE_COLUMNS),
    "group": Source("d.body", _NODE_COLUMNS, {"permissions": _permissions("d.id")}),
    "project": Source(
        "d.body",
        {**_NODE_COLUMNS, **_ancestors("d", ("group",))},
        {"files": _FILES, "permissions": _permissions("d.id")},
    ),
    "subject": Source(
        "d.body",
        {
            **_NODE_COLUMNS,
            **_ancestors("d", ("group", "project")),
            "code": Column("d.label"),
            "date_of_birth": Column(_BIRTH.format("d"), "instant"),
        },
        {"files": _FILES, "permissions": _permissions("d.project")},
    ),
    "session": Source(
        "d.body",
        {
            **_NODE_COLUMNS,
            **_ancestors("d", ("group", "project", "subject")),
            "timestamp": Column("d.timestamp", "instant"),
            # With columns of their own, lists can be sorted by them too.
            "subject.label": _SUBJECT_LABEL,
            "subject.code": _SUBJECT_LABEL,
        },
        {"files": _FILES, "subject": _SUBJECT, "permissions": _permissions("d.project")},
    ),
    "acquisition": Source(
        "d.body",
        {
            **_NODE_COLUMNS,
            **_ancestors("d", ("group", "project", "subject", "session")),
            "timestamp": Column("d.timestamp", "instant"),
        },
        {"files": _FILES, "permissions": _permissions("d.project")},
    ),
    "analysis": Source(
        "d.body",
        {
            **_NODE_COLUMNS,
            **_ancestors("d", ("group", "project", "subject", "session", "acquisition")),
            "timestamp": Column("d.timestamp", "instant"),
            "parent.id": Column("COALESCE(d.acquisition, d.session, d.subject, d.project)"),
            "parent.type": Column(
                "(CASE WHEN d.acquisition IS NOT NULL THEN 'acquisition' WHEN d.session IS NOT NULL THEN 'session'"
                " WHEN d.subject IS NOT NULL THEN 'subject' ELSE 'project' END)"
            ),
        },
        {"files": _FILES, "permissions": _permissions("d.project")},
    ),
    "collection": Source("d.body", _NODE_COLUMNS, {"files": _FILES, "permissions": _permissions("d.id")}),
    "file": Source("d.body", _file_columns("d"), {"permissions": _permissions("d.project")}),
}
"""Sources by kind; the alias of the listed table is `d`."""
