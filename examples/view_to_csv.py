"""Writes a table of a project's sessions to a CSV file, and tells how many each subject has.

Run `fwa emulator --seed demo` in another terminal, then:

    FLYWHEEL_API_KEY=... python examples/view_to_csv.py GROUP/PROJECT sessions.csv
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from flywheel_async.sync import Client, Project

COLUMNS = ["subject.label", "session.label", "session.timestamp", ("session.age_years", "age", "float")]


def main(project_path: str, destination: str) -> int:
    """Saves the table, then goes through its rows; returns 1 when the path leads to something else."""
    with Client() as fw:
        project = fw.lookup(project_path)
        if not isinstance(project, Project):
            print(f"{project_path} is no project")
            return 1
        view = fw.View(columns=COLUMNS, include_ids=False)
        fw.save_view_data(view, project.id, Path(destination), format="csv")
        sessions = Counter(row["subject.label"] for row in fw.iter_view_rows(view, project.id))
    for subject, count in sorted(sessions.items()):
        print(f"{subject}: {count} sessions")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
