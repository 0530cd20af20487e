"""The tables of the emulator's database.

`node` holds every document that is not a file: containers, users, roles, modalities. What lists filter and sort
by most has a column; everything else is in `body` as JSON. Instants are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SCHEMA_VERSION = 3

_MEMBERS = (
    """
    CREATE TABLE member (
        collection_id TEXT NOT NULL,
        acquisition_id TEXT NOT NULL,
        PRIMARY KEY (collection_id, acquisition_id)
    )
    """,
    "CREATE INDEX member_acquisition ON member (acquisition_id)",
)
_CHANGES = (
    """
    CREATE TABLE change (
        number INTEGER PRIMARY KEY,
        container_type TEXT NOT NULL,
        container_id TEXT NOT NULL,
        file_version INTEGER,
        method TEXT NOT NULL,
        created INTEGER NOT NULL,
        origin TEXT NOT NULL,
        revision INTEGER NOT NULL,
        patch TEXT,
        reason TEXT
    )
    """,
    "CREATE INDEX change_container ON change (container_id, number)",
)

# Lists of files below a container, in the order of their ids. What decides who may see a file is in them, too, so that
# counting a list takes no look at the files themselves. The whole site is gone through only when no container is named.
_LISTED_FILES = (
    "CREATE INDEX file_listed ON file (file_id) WHERE current = 1",
    "CREATE INDEX file_of_project ON file (project, file_id, parent_kind, parent_id) WHERE current = 1",
    *(
        f"CREATE INDEX file_of_{level} ON file ({level}, file_id, project, parent_kind, parent_id) WHERE current = 1"
        for level in ("subject", "session", "acquisition")
    ),
)

SCHEMA = (
    """
    CREATE TABLE node (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        label TEXT,
        group_id TEXT,
        project TEXT,
        subject TEXT,
        session TEXT,
        acquisition TEXT,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        timestamp INTEGER,
        revision INTEGER NOT NULL DEFAULT 1,
        deleted INTEGER,
        delete_reason TEXT,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    )
    """,
    "CREATE INDEX node_id ON node (id)",
    # Lists are ordered by id unless asked otherwise: each index ends in it, so that no sorting is needed.
    "CREATE INDEX node_label ON node (kind, label, id)",
    "CREATE INDEX node_group ON node (kind, group_id, id)",
    "CREATE INDEX node_project ON node (kind, project, id)",
    "CREATE INDEX node_project_label ON node (kind, project, label, id)",
    "CREATE INDEX node_subject ON node (kind, subject, id)",
    "CREATE INDEX node_session ON node (kind, session, id)",
    "CREATE INDEX node_acquisition ON node (kind, acquisition, id)",
    "CREATE INDEX node_created ON node (kind, created, id)",
    """
    CREATE TABLE file (
        file_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        name TEXT NOT NULL,
        parent_kind TEXT NOT NULL,
        parent_id TEXT NOT NULL,
        group_id TEXT,
        project TEXT,
        subject TEXT,
        session TEXT,
        acquisition TEXT,
        current INTEGER NOT NULL,
        type TEXT,
        size INTEGER NOT NULL,
        hash TEXT NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        replaced INTEGER,
        deleted INTEGER,
        delete_reason TEXT,
        revision INTEGER NOT NULL DEFAULT 1,
        body TEXT NOT NULL,
        PRIMARY KEY (file_id, version)
    )
    """,
    # At most one listed file per name and container.
    "CREATE UNIQUE INDEX file_name ON file (parent_id, name) WHERE current = 1",
    *_LISTED_FILES,
    "CREATE INDEX file_hash ON file (hash)",
    """
    CREATE TABLE permission (
        container_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        role TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (container_id, user_id, role)
    )
    """,
    "CREATE INDEX permission_user ON permission (user_id, container_id)",
    """
    CREATE TABLE api_key (
        hash TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        label TEXT NOT NULL,
        created INTEGER NOT NULL,
        id TEXT,
        expires INTEGER,
        is_device INTEGER NOT NULL DEFAULT 0
    )
    """,
    *_MEMBERS,
    *_CHANGES,
)

UPGRADES: Mapping[int, Sequence[str]] = {
    1: (
        "ALTER TABLE node ADD COLUMN acquisition TEXT",
        "ALTER TABLE node ADD COLUMN delete_reason TEXT",
        "UPDATE node SET acquisition = id WHERE kind = 'acquisition'",
        "CREATE INDEX node_acquisition ON node (kind, acquisition, id)",
        "ALTER TABLE file ADD COLUMN delete_reason TEXT",
        "ALTER TABLE api_key ADD COLUMN id TEXT",
        "ALTER TABLE api_key ADD COLUMN expires INTEGER",
        "ALTER TABLE api_key ADD COLUMN is_device INTEGER NOT NULL DEFAULT 0",
        *_MEMBERS,
        *_CHANGES,
    ),
    2: ("DROP INDEX file_current", "DROP INDEX file_project", *_LISTED_FILES),
}
"""What brings the tables of a version to the next one."""
