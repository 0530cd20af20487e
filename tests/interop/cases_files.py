"""The cases of files: through the container that holds them, by name, and as objects."""

from __future__ import annotations

from tests.interop.cases_objects import DATA, MEMBER, Folder, case, sent
from tests.interop.worlds import MEMBERS, Run, archive, fresh

from flywheel_async.sync._files import FileStream
from flywheel_async.transfer.stream import AsyncFileStream

CLASSIFICATION = {"Intent": ["Structural"], "Measurement": ["T1"]}

# Through the container.


@case("upload_file")
@case("upload_output")
def upload_file(run: Run) -> None:
    for method in ("upload_file", "upload_output") if run.kind == "analysis" else ("upload_file",):
        one, two, three = fresh("file"), fresh("file ü 100% "), fresh("file")
        made = run.do(getattr(run.item(), method)(run.spec(one, b"abc")))
        assert [entry.name for entry in made] == [one]
        run.do(getattr(run.item(), method)([run.spec(two, b""), run.spec(three, b"x")]))
        assert [run.entry(name)["size"] for name in (one, two, three)] == [3, 0, 1]


@case("download_file")
def download_file(run: Run) -> None:
    entry = run.upload(fresh("file"), b"abc")
    with Folder() as path:
        run.do(run.item().download_file(entry["name"], str(path)))
        assert path.read_bytes() == b"abc"


@case("read_file")
def read_file(run: Run) -> None:
    assert run.do(run.item().read_file(run.upload(fresh("file"), b"abc")["name"])) == b"abc"


@case("get_file_download_url")
def get_file_download_url(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc")["name"]
    assert run.witness.fetch(run.do(run.item().get_file_download_url(name))) == b"abc"


@case("update_file")
def update_file(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc")["name"]
    run.do(run.item().update_file(name, type="text"))
    run.do(run.item().update_file(name, {"modality": "MR"}))
    assert (run.entry(name)["type"], run.entry(name)["modality"]) == ("text", "MR")


@case("delete_file")
def delete_file(run: Run) -> None:
    name, kept = run.upload(fresh("file"), b"abc")["name"], run.upload(fresh("file"), b"abc")["name"]
    run.do(run.item().delete_file(name))
    assert run.entry(name) is None
    assert run.entry(kept)


@case("replace_file_info")
def replace_file_info(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc", info={"a": 1})["name"]
    run.do(run.item().replace_file_info(name, {"b": {"c": None}}))
    assert run.entry(name)["info"] == {"b": {"c": None}}


@case("update_file_info")
def update_file_info(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc", info={"a": {"b": 1}, "c": 1})["name"]
    run.do(run.item().update_file_info(name, {"a": {"d": 2}}))
    run.do(run.item().update_file_info(name, e=3))
    assert run.entry(name)["info"] == {"a": {"d": 2}, "c": 1, "e": 3}


@case("delete_file_info")
def delete_file_info(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc", info={"a": 1, "b": 1, "c": 1, "d": 1})["name"]
    run.do(run.item().delete_file_info(name, "a", "absent"))
    run.do(run.item().delete_file_info(name, ["b", "c"]))
    assert run.entry(name)["info"] == {"d": 1}


@case("replace_file_classification")
def replace_file_classification(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc", modality="MR", classification=CLASSIFICATION)["name"]
    run.do(run.item().replace_file_classification(name, {"Intent": ["Localizer"]}))
    assert run.entry(name)["classification"] == {"Intent": ["Localizer"]}
    run.do(run.item().replace_file_classification(name, {"Custom": ["x"]}, modality="MR"))
    assert run.entry(name)["classification"] == {"Custom": ["x"]}
    assert run.entry(name)["modality"] == "MR"


@case("update_file_classification")
def update_file_classification(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc", modality="MR", classification=CLASSIFICATION)["name"]
    run.do(run.item().update_file_classification(name, {"Intent": ["Localizer"]}))
    assert run.entry(name)["classification"] == {"Intent": ["Structural", "Localizer"], "Measurement": ["T1"]}


@case("delete_file_classification")
def delete_file_classification(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc", modality="MR", classification=CLASSIFICATION)["name"]
    run.do(run.item().delete_file_classification(name, {"Measurement": ["T1"]}))
    assert not run.entry(name)["classification"].get("Measurement")
    assert run.entry(name)["classification"]["Intent"] == ["Structural"]


@case("get_files")
def get_files(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc")["name"]
    assert name in {entry.name for entry in run.do(run.item().get_files())}


@case("get_file")
def get_file(run: Run) -> None:
    entry = run.upload(fresh("file"), b"abc")
    found = run.do(run.item().get_file(entry["name"]))
    assert (found.name, found.file_id, found.size) == (entry["name"], entry["file_id"], 3)


@case("file_ref")
def file_ref(run: Run) -> None:
    name = run.upload(fresh("file"), b"abc")["name"]
    assert sent(run.item().file_ref(name)) == {"type": run.kind, "id": run.id, "name": name}


@case("get_file_zip_info")
def get_file_zip_info(run: Run) -> None:
    name = run.upload(fresh("file"), archive(b"comment"))["name"]
    found = run.do(run.item().get_file_zip_info(name))
    assert found.comment == "comment"
    assert {member.path: member.size for member in found.members} == {key: len(MEMBERS[key]) for key in MEMBERS}


@case("download_file_zip_member")
def download_file_zip_member(run: Run) -> None:
    name = run.upload(fresh("file"), archive())["name"]
    with Folder() as path:
        run.do(run.item().download_file_zip_member(name, MEMBER, str(path)))
        assert path.read_bytes() == DATA


@case("read_file_zip_member")
def read_file_zip_member(run: Run) -> None:
    name = run.upload(fresh("file"), archive())["name"]
    assert run.do(run.item().read_file_zip_member(name, MEMBER)) == DATA


@case("stream_file")
def stream_file(run: Run) -> None:
    name = run.upload(fresh("file"), archive())["name"]
    stream = run.item().stream_file(name)
    assert (run.do(whole(stream)) if run.flavour.name == "async" else drained(stream)) == archive()


# As objects, each of which stands for one version.


def replaced(run: Run, item: object) -> None:
    """Uploads a newer version over the file, without members in it."""
    run.upload(item.name, b"newer", "acquisition")


@case("local_replaced")
def local_replaced(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    assert run.do(item.reload()).local_replaced is not None
    assert run.item().local_replaced is None


@case("url")
def url(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    assert run.witness.fetch(run.do(item.url())) == archive()


@case("download")
def download(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    with Folder() as path:
        run.do(item.download(str(path)))
        assert path.read_bytes() == archive()


@case("read")
def read(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    assert run.do(item.read()) == archive()


@case("get_zip_info")
def get_zip_info(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    assert {member.path for member in run.do(item.get_zip_info()).members} == set(MEMBERS)


@case("open_member")
def open_member(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    stream = item.open_member(MEMBER)
    assert (run.do(whole(stream)) if run.flavour.name == "async" else drained(stream)) == DATA


async def whole(stream: AsyncFileStream) -> bytes:
    async with stream:
        return await stream.aread()


def drained(stream: FileStream) -> bytes:
    with stream:
        return b"".join(stream)


@case("download_zip_member")
def download_zip_member(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    with Folder() as path:
        run.do(item.download_zip_member(MEMBER, str(path)))
        assert path.read_bytes() == DATA


@case("read_zip_member")
def read_zip_member(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    assert run.do(item.read_zip_member(MEMBER)) == DATA


def classified(run: Run) -> None:
    """Gives the file a modality and classification, on the site."""
    run.witness.put(f"files/{run.id}/classification", {"modality": "MR", "replace": CLASSIFICATION})


@case("replace_classification")
def replace_classification(run: Run) -> None:
    classified(run)
    run.do(run.item().replace_classification({"Intent": ["Localizer"]}))
    assert run.stored()["classification"] == {"Intent": ["Localizer"]}
    run.do(run.item().replace_classification({"Custom": ["x"]}, modality="MR"))
    assert run.stored()["classification"] == {"Custom": ["x"]}


@case("update_classification")
def update_classification(run: Run) -> None:
    classified(run)
    run.do(run.item().update_classification({"Intent": ["Localizer"]}))
    assert run.stored()["classification"] == {"Intent": ["Structural", "Localizer"], "Measurement": ["T1"]}


@case("delete_classification")
def delete_classification(run: Run) -> None:
    classified(run)
    run.do(run.item().delete_classification({"Measurement": ["T1"]}))
    assert not run.stored()["classification"].get("Measurement")
    assert run.stored()["classification"]["Intent"] == ["Structural"]


@case("get_versions")
def get_versions(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    assert {entry.version for entry in run.do(item.get_versions())} == {1, 2}


@case("restore")
def restore(run: Run) -> None:
    item = run.item()
    replaced(run, item)
    run.do(item.restore())
    assert (run.stored()["version"], run.stored()["size"]) == (3, len(archive()))


@case("move_to", "file")
def move_to(run: Run) -> None:
    run.do(run.item().move_to(run.get("session", run.world.ids["session"]), name=fresh("moved")))
    stored = run.stored()
    assert (stored["parent_ref"]["type"], stored["parent_ref"]["id"]) == ("session", run.world.ids["session"])
    assert stored["name"].startswith("moved")
