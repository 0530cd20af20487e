"""Streams in the place of files: what other libraries do with them, and the keywords of all ways to read."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import nibabel
import numpy
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from tests.client.places import MIB, acquisition_of

from flywheel_async import AsyncClient, EmptyUploadWarning, FileSpec, Group
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError, ChecksumMismatch
from flywheel_async.events import Done, Event
from flywheel_async.sync import Client

DATA = os.urandom(3 * MIB + 5)


@pytest.fixture(scope="module")
def client(site: Emulator) -> Iterator[Client]:
    with Client(site.api_key) as fw:
        fw.add_group(id="as_files")
        yield fw


@pytest.fixture
def stored(client: Client) -> Callable[[bytes, str], Any]:
    project: Any = client.ensure_path("as_files/P")
    return lambda data, name: project.upload_file(data, name=name)[0]


def dicom() -> bytes:
    """An image with a sequence of unknown length, as scanners write them."""
    item = Dataset()
    item.CodeValue = "T-A0100"
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = MRImageStorage
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.PatientID = "0042"
    image.AnatomicRegionSequence = Sequence([item])
    image["AnatomicRegionSequence"].is_undefined_length = True
    image.Rows = image.Columns = 1024
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.PixelData = numpy.arange(1024 * 1024, dtype="<u2").tobytes()
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_copied_to_a_file(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    file, target = stored(DATA, "x"), io.BytesIO()
    with client.stream(file) as stream:
        shutil.copyfileobj(stream, target)
        assert stream.read() == stream.read(5) == b""
        assert stream.chunk() is None
    assert target.getvalue() == DATA
    file.hash = f"v0-sha384-{'0' * 96}"
    with client.stream(file) as stream, pytest.raises(ChecksumMismatch):
        shutil.copyfileobj(stream, io.BytesIO())


def test_uploaded_when_it_was_read(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    file, project = stored(DATA, "x"), client.lookup("as_files/P")
    with pytest.raises(ArgumentError, match="has no name"):
        client.upload_file_to_container(project.id, client.stream(file))
    with client.stream(file) as stream:
        stream.read()
        with pytest.warns(EmptyUploadWarning, match="open it again"):
            (made,) = client.upload_file_to_container(project.id, stream, name="read")
    assert made.size == 0
    empty = stored(b"", "empty")
    with client.stream(empty) as stream:
        assert client.upload_file_to_container(project.id, stream, name="none")[0].size == 0


def test_read_by_nibabel(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    values = numpy.arange(8, dtype="<i2").reshape(2, 2, 2)
    file = stored(nibabel.Nifti1Image(values, numpy.eye(4)).to_bytes(), "x.nii")
    with client.stream(file) as stream:
        image = nibabel.Nifti1Image.from_stream(stream)
    assert (numpy.asarray(image.dataobj) == values).all()


def test_wrapped_as_files_are(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    file = stored("a,b\n1,ü\n".encode(), "x.csv")
    stream = client.stream(file)
    assert stream.closed
    with stream:
        assert (stream.readable(), stream.writable(), stream.seekable(), stream.closed) == (True, False, False, False)
        assert list(csv.reader(io.TextIOWrapper(stream, encoding="utf-8"))) == [["a", "b"], ["1", "ü"]]
    assert stream.closed
    with client.stream(stored(DATA, "x")) as stream:
        buffered = io.BufferedReader(stream, 100)  # type: ignore[type-var]
        assert buffered.peek(3)[:3] == DATA[:3]
        assert buffered.read(2 * MIB) + buffered.read() == DATA


def test_read_by_pydicom(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    data = dicom()
    file = stored(data, "x.dcm")
    with client.stream(file) as stream:
        image = pydicom.dcmread(stream)
        assert (stream.read(), stream.count) == (b"", len(data))
    assert (image.PatientID, image.AnatomicRegionSequence[0].CodeValue) == ("0042", "T-A0100")
    assert image.PixelData == pydicom.dcmread(io.BytesIO(data)).PixelData
    with client.stream(file) as stream:
        assert pydicom.dcmread(stream, stop_before_pixels=True).PatientID == "0042"
        assert stream.count < MIB
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/0001.dcm", data)
    with stored(packed.getvalue(), "x.zip").open_member("in/0001.dcm") as stream:
        assert pydicom.dcmread(stream).PixelData == image.PixelData


def test_unpacked_by_tarfile(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("a", "b"):
            member = tarfile.TarInfo(name)
            member.size = len(DATA)
            archive.addfile(member, io.BytesIO(DATA))
    with (
        client.stream(stored(packed.getvalue(), "x.tgz")) as stream,
        tarfile.open(fileobj=stream, mode="r|gz") as archive,
    ):
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            assert content.read() == DATA


def test_pieces_and_places(client: Client, stored: Callable[[bytes, str], Any]) -> None:
    with client.stream(stored(DATA, "x")) as stream:
        assert (stream.read(10), stream.tell()) == (DATA[:10], 10)
        assert stream.seek(-4, os.SEEK_CUR) == 6
        assert stream.read(4) == DATA[6:10]
        rest = stream.chunk()
        assert rest is not None
        assert rest == DATA[10 : 10 + len(rest)]
        assert stream.seek(2 * MIB) == 2 * MIB
        assert next(stream)[:5] == DATA[2 * MIB : 2 * MIB + 5]
        with pytest.raises(io.UnsupportedOperation):
            stream.seek(0)
        place = stream.tell()
        assert stream.read(100) == DATA[place : place + 100]
        stream.close()
        with pytest.raises(RuntimeError, match="with"):
            stream.read()


@pytest.mark.anyio
async def test_pieces_of_an_async_stream(site: Emulator, fw: AsyncClient, group: Group) -> None:
    acquisition = await acquisition_of(fw, group.id)
    (file,) = await acquisition.upload_file(DATA, name="x")
    async with fw.stream(file) as stream:
        assert await stream.aread(10) == DATA[:10]
        assert await stream.aread(2 * MIB) == DATA[10 : 2 * MIB + 10]
        assert await stream.aread(None) == DATA[2 * MIB + 10 :]
        assert await stream.aread(1) == b""


@pytest.mark.anyio
async def test_a_stream_that_was_not_opened_says_so(fw: AsyncClient, group: Group, client: Client) -> None:
    acquisition = await acquisition_of(fw, group.id)
    (file,) = await acquisition.upload_file(b"x", name="x")
    with pytest.raises(RuntimeError, match="`with` block"):
        async for _ in fw.stream(file):
            pass
    mine = client.get_file(file.file_id)
    for use in (next, list, lambda stream: stream.read(1)):
        with pytest.raises(RuntimeError, match="`with` block"):
            use(client.stream(mine))  # type: ignore[operator]


@pytest.mark.anyio
async def test_all_ways_to_read_take_the_same_keywords(fw: AsyncClient, group: Group) -> None:
    acquisition = await acquisition_of(fw, group.id)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m", b"member")
    await acquisition.upload_file(b"first", name="z.zip")
    (file,) = await acquisition.upload_file(packed.getvalue(), name="z.zip")
    events: list[Event] = []
    options: dict[str, Any] = {"deadline": 30, "stall_timeout": 5, "on_progress": events.append}
    assert await file.read(**options) == packed.getvalue() == await acquisition.read_file("z.zip", **options)
    assert await file.read_zip_member("m", **options) == b"member"
    assert await acquisition.read_file_zip_member("z.zip", "m", **options) == b"member"
    async with file.open_member("m", **options) as stream:
        assert await stream.aread() == b"member"
    async with acquisition.stream_file("z.zip", **options) as stream:
        assert await stream.aread() == packed.getvalue()
    async with acquisition.stream_file("z.zip", version=1, **options) as stream:
        assert (stream.name, await stream.aread()) == ("z.zip", b"first")
    assert sum(isinstance(event, Done) for event in events) == 7
    wrong: list[Callable[[dict[str, Any]], Any]] = [
        lambda given: file.read(**given),
        lambda given: acquisition.read_file("z.zip", **given),
        lambda given: file.read_zip_member("m", **given),
    ]
    for call in wrong:
        with pytest.raises(ArgumentError, match="deadlin"):
            await call({"deadlin": 5})
        with pytest.raises(ArgumentError, match="resume"):
            await call({"resume": True})
    for make in (lambda given: file.open_member("m", **given), lambda given: acquisition.stream_file("x", **given)):
        with pytest.raises(ArgumentError, match="stall_timeout"):
            make({"stall_timeout": 0})


@pytest.mark.parametrize("signed", ["s3", None])
@pytest.mark.parametrize("read", [0, 1000])
def test_a_stream_is_uploaded_elsewhere(signed: Any, read: int) -> None:
    data = os.urandom(3_000_000)
    with Emulator(signed_urls=signed, part_bytes=1_000_000) as site, Client(site.api_key, max_connections=1) as fw:
        fw.add_group(id="lab")
        here: Any = fw.ensure_path("lab/Here")
        there: Any = fw.ensure_path("lab/There")
        (file,) = here.upload_file(data, name="x.nii")
        with fw.stream(file) as stream:
            assert stream.read(read) == data[:read]
            (copy,) = there.upload_file(stream)
        assert (copy.name, copy.size) == ("x.nii", len(data) - read)
        assert there.read_file("x.nii") == data[read:]
        with fw.stream(file) as stream:
            (copy,) = there.upload_file([FileSpec("y", stream)])
        assert copy.hash == file.hash

        def unpacked() -> Iterator[bytes]:
            with fw.stream(file) as inside:
                yield from inside

        (copy,) = there.upload_file(unpacked(), name="z")
        assert copy.hash == file.hash


@pytest.mark.anyio
async def test_an_async_stream_is_uploaded_elsewhere(fw: AsyncClient, group: Group) -> None:
    data = os.urandom(3_000_000)
    here, there = await group.add_project(label="Here"), await group.add_project(label="There")
    (file,) = await here.upload_file(data, name="x.nii")
    async with fw.stream(file) as stream:
        (copy,) = await there.upload_file(stream)
    assert (copy.name, copy.hash) == ("x.nii", file.hash)
