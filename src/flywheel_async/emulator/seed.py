"""The demo site: one group, one project, two subjects, a few sessions and small text files."""

from __future__ import annotations

from flywheel_async.emulator import files, nodes, permissions
from flywheel_async.emulator.blobs import BlobStore
from flywheel_async.emulator.database import Tx
from flywheel_async.emulator.files import Content
from flywheel_async.emulator.inputs import FileInput
from flywheel_async.emulator.nodes import COLUMN_OF, LEVELS, Node
from flywheel_async.emulator.site import ADMIN_USER, Site
from flywheel_async.emulator.wire import Doc


def seed_demo(site: Site) -> None:
    """Fills a site that has no group yet; leaves any other one alone."""
    notes = _store(site.blobs, b"A demo project of the emulator.\n")
    bvals = _store(site.blobs, b"0 1000 1000 2000\n")
    table = _store(site.blobs, b"trial,answer\n1,yes\n2,no\n")

    def work(tx: Tx) -> None:
        if tx.one("SELECT 1 FROM node WHERE kind = 'group' LIMIT 1") is not None:
            return
        group = Node("group", "demo", "Demo group", tx.now, tx.now, group_id="demo")
        nodes.insert(tx, group)
        permissions.set_access(tx, group.id, ADMIN_USER, "admin")
        project = _below(tx, site, group, "project", "Demo study", {"description": "An example"})
        permissions.set_roles(tx, project.id, ADMIN_USER, [site.roles["admin"]])
        _file(tx, site, project, "README.txt", notes)
        for number, sex in ((1, "female"), (2, "male")):
            subject = _below(tx, site, project, "subject", f"sub-{number:02}", {"sex": sex, "tags": ["demo"]})
            for visit in ("baseline", "follow-up"):
                session = _below(tx, site, subject, "session", visit, {"info": {"visit": visit}})
                _file(tx, site, session, "answers.csv", table)
                scan = _below(tx, site, session, "acquisition", "diffusion", {})
                _file(tx, site, scan, "dwi.bval", bvals)

    site.db.write_now(work)


def _store(blobs: BlobStore, data: bytes) -> Content:
    blob = blobs.receive()
    blob.write(data)
    content = blob.finish()
    blobs.adopt(content)
    return content


def _below(tx: Tx, site: Site, parent: Node, kind: str, label: str, body: Doc) -> Node:
    node = Node(kind, site.new_id(), label, tx.now, tx.now, body=body)
    for column in LEVELS:
        setattr(node, column, getattr(parent, column))
    setattr(node, COLUMN_OF[kind], node.id)
    nodes.insert(tx, node)
    return node


def _file(tx: Tx, site: Site, parent: Node, name: str, content: Content) -> None:
    origin: Doc = {"type": "user", "id": ADMIN_USER}
    files.add(tx, parent, name, content, FileInput(), origin, site.new_id(), keep_metadata=False)
