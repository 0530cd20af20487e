"""A site for data views: one project with odd values and files of all kinds, kept beside it as plain Python."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

KINDS = ("project", "subject", "session", "acquisition")


@dataclass
class Thing:
    """A container or analysis, as the API shows it, with what is in it."""

    kind: str
    document: dict[str, Any]
    files: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    analyses: list[Thing] = field(default_factory=list)
    children: list[Thing] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.document["_id"])

    def all(self) -> list[Thing]:
        """Returns the container and everything below it."""
        return [self, *(inner for child in self.children for inner in child.all())]


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Returns a zip archive; each member is a year older than the one before it."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for number, (name, data) in enumerate(members.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020 - number, 1, 1, 0, 0, 0)), data)
    return found.getvalue()


BEHAVIOUR = b"trial,rt,correct\r\ngo,1.435,true\r\nstop,1.739,false\r\n"
ARCHIVE = zipped({"a.csv": b"x,y\n1,2\n", "in/b.csv": b"x,y\n3,4\n5,6\n", "read me.txt": b"hello"})

TREE: dict[str, Any] = {
    "body": {"label": "study, the 1st", "info": {"code": "S1", "target": {"n": 3, "m": None}}},
    "tags": ["pilot", "mr"],
    "files": {"summary.csv": b"site;n\nA;10\nB;x\n"},
    "children": [
        {
            "body": {
                "label": "sub-01",
                "sex": "female",
                "firstname": "Ada",
                "info": {"iq": 101, "list": [1, 2], "b": True},
            },
            "files": {"traits.json": b'{"height": 1.7, "deep": {"er": [10, 20]}, "none": null}'},
            "children": [
                {
                    "body": {
                        "label": "baseline",
                        "age": 1040688000,
                        "weight": 60.5,
                        "operator": 'Dr. "Q"',
                        "timestamp": "2021-03-04T10:00:00+00:00",
                        "info": {"visit": 1},
                    },
                    "files": {
                        "behav_1.csv": BEHAVIOUR,
                        "behav_2.csv": b"trial,rt,correct\ngo,2,FALSE\n",
                        "notes.txt": b"nothing to see",
                    },
                    "analyses": {
                        "afq run 1": {"Mean_Diffusivity.csv": b"Left,Right\n0.5,0.25\n", "log.txt": b"x"},
                        "afq run 2": {"Mean_Diffusivity.csv": b"Left,Right\n0.75,1e-3\n"},
                    },
                    "children": [
                        {
                            "body": {"label": 'T1, "quoted" \u00fc\nline', "info": {"TE": 0.1}},
                            "files": {
                                "scan.nii": b"12345",
                                "archive.zip": ARCHIVE,
                                "meta.json": b'{"a": {"b": 1}, "c": "x"}',
                            },
                        },
                        {"body": {"label": "task"}, "files": {"table.csv.gz": gzip.compress(b"q,r\n7,8\n", mtime=0)}},
                    ],
                },
                {
                    "body": {"label": "follow-up", "age": 1072224000, "info": {"visit": 2}},
                    "files": {
                        "behav_1.tsv": b"trial\trt\tcorrect\ngo\t3.5\t\n",
                        "rows.json": b'[{"trial": "a", "rt": 9}, {"trial": "b", "extra": 1}]',
                    },
                    "children": [{"body": {"label": "task"}, "files": {"scan.nii": b"1234567"}}],
                },
            ],
        },
        {
            "body": {"label": "sub-02", "sex": "male", "info": {"iq": "98", "b": False}},
            "children": [
                {
                    "body": {"label": "baseline", "weight": 81.25},
                    "files": {
                        "behav_1.csv": b"\xef\xbb\xbftrial,rt,correct\ngo,abc\n\nstop,,true,surplus\n",
                        "behav_9.csv": b"trial,rt\nok,1\n\xff\xfe,2\n",
                    },
                    "analyses": {"other": {"Mean_Diffusivity.csv": b"Left\n9\n"}},
                    "children": [{"body": {"label": "rest"}, "files": {"archive.zip": b"this is no archive"}}],
                }
            ],
        },
        {"body": {"label": "sub-03", "sex": "female"}},
    ],
}


def plant(http: httpx.Client, group: str) -> Thing:
    """Makes the tree in a new group of a site and returns it as the API shows it.

    Args:
        http: A client of a site admin.
        group: The id of the group.
    """
    _sent(http.post("/groups", json={"_id": group, "label": group}))
    return _plant(http, 0, TREE, {"group": group})


def _plant(http: httpx.Client, level: int, planned: Mapping[str, Any], above: Mapping[str, str]) -> Thing:
    kind = KINDS[level]
    wanted = {
        "project": ("group",),
        "subject": ("project",),
        "session": ("project", "subject"),
        "acquisition": ("session",),
    }
    body = {**planned["body"], **{name: above[name] for name in wanted[kind]}}
    made = _sent(http.post(f"/{kind}s", json=body))["_id"]
    for tag in planned.get("tags", ()):
        _sent(http.post(f"/{kind}s/{made}/tags", json={"value": tag}))
    files = [_upload(http, f"/{kind}s/{made}/files", name, data) for name, data in planned.get("files", {}).items()]
    analyses: list[Thing] = []
    for label, outputs in planned.get("analyses", {}).items():
        analysis = _sent(http.post(f"/{kind}s/{made}/analyses", json={"label": label}))["_id"]
        stored = [_upload(http, f"/analyses/{analysis}/files", name, data) for name, data in outputs.items()]
        analyses.append(Thing("analysis", _sent(http.get(f"/analyses/{analysis}")), stored))
    below = {**above, kind: made}
    children = [_plant(http, level + 1, child, below) for child in planned.get("children", ())]
    return Thing(kind, _sent(http.get(f"/{kind}s/{made}")), files, analyses, children)


def _upload(http: httpx.Client, path: str, name: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    sent = http.post(path, files=[("file", ("x", data))], data={"metadata": json.dumps({"name": name})})
    return _sent(sent)[0], data


def _sent(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()
