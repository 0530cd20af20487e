"""What the operating system refuses on this machine comes as an error of ours that is an `OSError`, too."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.places import open_below

from flywheel_async import AsyncClient
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, LocalPathError, MissingPath
from flywheel_async.models import Project
from flywheel_async.sync import Client

FILL = """
import pickle, resource, signal, sys
from flywheel_async.sync import Client

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
project_id, folder, kind = sys.argv[1:]
with Client() as fw:
    project = fw.get_project(project_id)
    try:
        if kind == "file":
            project.download_file("x.bin", folder + "/x.bin")
        elif kind == "archive":
            project.download_zip(folder + "/x.zip")
        else:
            project.download_tar(extract_to=folder)
    except OSError as error:
        sys.stdout.buffer.write(pickle.dumps(error))
"""


@pytest.fixture
async def project(fw: AsyncClient) -> Project:
    group = await fw.get_group(await fw.add_group(id=f"lab{os.urandom(4).hex()}"))
    return await group.add_project(label="P")


@pytest.mark.anyio
async def test_paths_that_are_no_files(project: Project, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"file: cannot read .*missing\.bin: No such file") as missing:
        await project.upload_file(tmp_path / "missing.bin")
    assert type(missing.value) is MissingPath
    assert (missing.value.errno, missing.value.filename) == (errno.ENOENT, str(tmp_path / "missing.bin"))
    with pytest.raises(LocalPathError, match="is a folder") as folder:
        await project.upload_file(tmp_path)
    assert folder.value.errno == errno.EISDIR
    await project.upload_file(b"abc", name="x")
    with pytest.raises(FileNotFoundError, match="create it first") as above:
        await project.download_file("x", tmp_path / "a" / "x")
    assert isinstance(above.value, ArgumentError)
    assert above.value.filename == str(tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(LocalPathError, match="extract_to") as no_folder:
        await project.download_tar(extract_to=tmp_path / "file")
    assert no_folder.value.errno in (errno.EEXIST, errno.ENOTDIR)


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
@pytest.mark.parametrize("kind", ["file", "archive", "unpacked"])
def test_a_file_that_the_disk_does_not_take(site: Emulator, tmp_path: Path, kind: str) -> None:
    with Client(site.api_key) as fw:
        project = fw.get_group(fw.add_group(id=f"full{kind}")).add_project(label="P")
        project.upload_file(os.urandom(1_000_000), name="x.bin")
    done = subprocess.run(
        [sys.executable, "-c", FILL, project.id, str(tmp_path), kind],
        env={**os.environ, "FLYWHEEL_API_KEY": site.api_key},
        capture_output=True,
        check=True,
    )
    error = pickle.loads(done.stdout)
    assert type(error).__name__ == "LocalFileError", error
    assert error.errno == errno.EFBIG
    assert str(error) == f"cannot write {error.filename}: File too large"
    assert Path(error.filename).is_relative_to(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert open_below(tmp_path) == []
