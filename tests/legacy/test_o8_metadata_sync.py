"""O8: a script that applies the rows of a CSV file with eight threads and one client, and reports per row."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest

from flywheel_async.sync import Client

FIELDS = ("row", "group", "project", "subject", "session", "score")
VALUES = {"": None, "nan": float("nan"), "inf": float("inf")}


def value_of(text: str) -> Any:
    if text in VALUES:
        return VALUES[text]
    try:
        return float(text)
    except ValueError:
        return text


def apply(fw: Client, row: dict[str, str]) -> str:
    try:
        group = fw.lookup(row["group"])
        project = group.projects.find_one(f'label="{row["project"]}"')
        subject = project.subjects.find_one(f"label='{row['subject']}'")
        session = subject.sessions.find_one(f"label='{row['session']}'").reload()
        info = session.info
        info.pop("old", None)
        info["rounds"] = info.get("rounds", 0) + 1
        info["score"] = value_of(row["score"])
        session.replace_info(info)
        session = session.reload()
        session.update_info({"synced": row["row"], "by": {"thread": True}})
    except Exception as exc:
        return f"row {row['row']}: {type(exc).__name__}: {exc}"
    return f"row {row['row']}: done"


def script(fw: Client, table: Path) -> list[str]:
    with table.open(newline="") as file, ThreadPoolExecutor(max_workers=8) as pool:
        running = [pool.submit(apply, fw, row) for row in csv.DictReader(file)]
        lines = [done.result() for done in as_completed(running)]
    return sorted(lines, key=lambda line: int(line.split()[1].rstrip(":")))


def score(number: int) -> str:
    return ("", "1.5", "text, with comma", "nan", "-3e10", "inf")[number % 6]


@pytest.fixture
def table(fw: Client, tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    project = fw.ensure_path("lab/Study")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for number in range(48):
            subject, visit = f"{number // 2:04}", ("first visit", "2, last")[number % 2]
            writer.writerow((number, "lab", "Study", subject, visit, score(number)))
            holder = project.subjects.get_or_create(label=subject)
            holder.add_session(label=visit, info={"own": number, "old": {"x": 1}})
        writer.writerow((48, "lab", "Study", "0000", "third", "1"))
        writer.writerow((49, "no_lab", "Study", "0000", "first visit", "1"))
    return path


def states(fw: Client) -> dict[int, dict[str, Any]]:
    return {s.info["own"]: s.info for s in fw.lookup("lab/Study").sessions.find(full=True)}


def test_all_rows(fw: Client, table: Path) -> None:
    for run in (1, 2):
        lines = script(fw, table)
        refused = [number for number in range(48) if score(number) in ("nan", "inf")]
        assert len(lines) == 50
        for number, line in enumerate(lines[:48]):
            if number in refused:
                assert line.startswith(f"row {number}: ArgumentError: info.score")
            else:
                assert line == f"row {number}: done"
        assert lines[48].startswith("row 48: NoMatch")
        assert lines[49].startswith("row 49: NotFound: (404)")
        found = states(fw)
        assert len(found) == 48
        for number, info in found.items():
            if number in refused:
                assert info == {"own": number, "old": {"x": 1}}
                continue
            expected = {"own": number, "rounds": run, "score": value_of(score(number)), "synced": str(number)}
            assert info == {**expected, "by": {"thread": True}}
