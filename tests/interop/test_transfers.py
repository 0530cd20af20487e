"""What one client uploads the other one downloads byte for byte, by every route."""

from __future__ import annotations

import hashlib
import os
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flywheel
import pytest

from flywheel_async.emulator import Emulator
from flywheel_async.sync import Client

pytestmark = [
    # Of the official client and what it is built on.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

PART = 512 * 1024
CONTENTS = {"empty": b"", "one": b"1", "small": os.urandom(PART - 1), "parts": os.urandom(3 * PART + 12345)}

# The official client tells stores apart by their host.
HOSTS = {"s3": "data.s3.store.test", "gcs": "data.googleapis.store.test", "azure": "data.blob.store.test"}


@pytest.fixture(scope="module", autouse=True)
def _resolved() -> Iterator[None]:
    """Lets the hosts of the stores be this machine."""
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name in HOSTS.values() else host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


@pytest.fixture(scope="module", params=["direct", "s3", "gcs", "azure"])
def site(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    if request.param == "direct":
        with Emulator() as emulator:
            yield emulator
    else:
        host = HOSTS[request.param]
        with Emulator(
            signed_urls=request.param, redirects=True, part_bytes=PART, storage_port=0, storage_host=host
        ) as emulator:
            yield emulator


@pytest.fixture(scope="module")
def ours(site: Emulator) -> Iterator[Client]:
    with Client(site.api_key) as fw:
        fw.add_group(id="transfers")
        yield fw


@pytest.fixture
def project_id(ours: Client) -> str:
    return ours.get_group("transfers").add_project(label=os.urandom(8).hex()).id


def uploaded_by_us(fw: Client, project_id: str, folder: Path, name: str) -> None:
    project = fw.get_project(project_id)
    (folder / name).write_bytes(CONTENTS[name])
    for suffix, source in {"path": folder / name, "bytes": CONTENTS[name], "pieces": iter([CONTENTS[name]])}.items():
        (entry,) = project.upload_file(source, name=f"{name}-{suffix}")
        assert entry.hash == f"v0-sha384-{hashlib.sha384(CONTENTS[name]).hexdigest()}"
    fw.upload_file_to_container(project_id, CONTENTS[name], False, name=f"{name}-direct")


def uploaded_by_official(fw: flywheel.Client, project_id: str, folder: Path, name: str) -> None:
    (folder / name).write_bytes(CONTENTS[name])
    for suffix, signed in {"signed": True, "direct": False}.items():
        spec = flywheel.FileSpec(f"{name}-{suffix}", CONTENTS[name])
        fw.upload_file_to_project(project_id, spec, signed=signed)
    with (folder / name).open("rb") as opened:
        fw.get_project(project_id).upload_file(flywheel.FileSpec(name, opened, size=len(CONTENTS[name])))


@pytest.mark.parametrize("name", CONTENTS)
def test_official_reads_what_we_upload(
    official: flywheel.Client, ours: Client, project_id: str, tmp_path: Path, name: str
) -> None:
    uploaded_by_us(ours, project_id, tmp_path, name)
    project = official.get_project(project_id)
    assert sorted(file.name for file in project.files) == sorted(
        f"{name}-{suffix}" for suffix in ("path", "bytes", "pieces", "direct")
    )
    for file in project.files:
        assert (file.size, file.version) == (len(CONTENTS[name]), 1)
        assert file.read() == CONTENTS[name]
        project.download_file(file.name, str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == CONTENTS[name]
        with urllib.request.urlopen(project.get_file_download_url(file.name)) as answer:
            assert answer.read() == CONTENTS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_we_read_what_official_uploads(
    official: flywheel.Client, ours: Client, project_id: str, tmp_path: Path, name: str
) -> None:
    uploaded_by_official(official, project_id, tmp_path, name)
    project = ours.get_project(project_id)
    assert sorted(file.name for file in project.files) == sorted([name, f"{name}-signed", f"{name}-direct"])
    for file in project.files:
        assert file.read() == CONTENTS[name]
        assert file.download(tmp_path / "back") == tmp_path / "back"
        assert (tmp_path / "back").read_bytes() == CONTENTS[name]
        with urllib.request.urlopen(file.url()) as answer:
            assert answer.read() == CONTENTS[name]
        (same,) = project.upload_file(CONTENTS[name], name=file.name, overwrite="skip-same")
        assert (same.file_id, same.version) == (file.file_id, file.version)
