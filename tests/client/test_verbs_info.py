"""Metadata, updates and points in time: what is stored, and what is refused before it is sent."""

from __future__ import annotations

import json
import warnings
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import Enum
from typing import Any

import pytest
from tests.client.conftest import Traffic
from tests.client.tree import Tree, grow

from flywheel_async import AsyncClient, Group, Project
from flywheel_async.emulator import Emulator
from flywheel_async.errors import ArgumentError
from flywheel_async.resources.info import InfoKeyWarning

pytestmark = pytest.mark.anyio

KINDS = ("project", "subject", "session", "acquisition", "analysis", "collection")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.fixture
async def tree(watched: AsyncClient, group: Group) -> Tree:
    return await grow(watched, group)


async def info(item: Any) -> dict[str, Any]:
    return (await item.reload()).info  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
async def test_info(tree: Tree, traffic: Traffic, kind: str) -> None:
    item: Any = getattr(tree, kind)
    traffic.take()
    await item.replace_info({"scan": {"tr": 1, "te": 2}, "keep": None, "list": [1, 2.5, "x", True]})
    await item.update_info({"scan": {"te": 3}}, new="ü")
    assert [line.split()[0] for line in traffic.take()] == ["PATCH", "PATCH"]
    assert await info(item) == {"scan": {"te": 3}, "keep": None, "list": [1, 2.5, "x", True], "new": "ü"}
    await item.delete_info("keep", ["list", "absent"], ("new",))
    assert await info(item) == {"scan": {"te": 3}}
    await item.replace_info({"body": {"self": 1}})
    await item.update_info(body=2, self=3)
    assert await info(item) == {"body": 2, "self": 3}
    await item.replace_info({})
    assert await info(item) == {}


async def test_update_merges_where_update_info_replaces(tree: Tree) -> None:
    session = tree.session
    await session.replace_info({"scan": {"tr": 1}, "other": 1})
    await session.update(info={"scan": {"te": 2}})
    assert await info(session) == {"scan": {"tr": 1, "te": 2}, "other": 1}
    await session.update_info(scan={"te": 3})
    assert await info(session) == {"scan": {"te": 3}, "other": 1}
    for verb in (session.update_info, lambda flat: session.update(info=flat)):
        await session.replace_info({"a": 1, "b": 2})
        await verb({"b": 3, "c": 4})
        assert await info(session) == {"a": 1, "b": 3, "c": 4}


async def test_concurrent_updates_of_different_keys_lose_none(tree: Tree) -> None:
    import anyio

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(tree.session.update_info, {f"key{number}": number})
    assert await info(tree.session) == {f"key{number}": number for number in range(20)}


class Colour(Enum):
    RED = "red"


def loop() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    inner["again"] = inner
    return inner


BAD = [
    (float("nan"), "use None"),
    (float("inf"), "inf has no JSON form"),
    (float("-inf"), "inf has no JSON form"),
    (datetime(2026, 1, 1, tzinfo=UTC), "isoformat"),
    (date(2026, 1, 1), "isoformat"),
    (time(1), "isoformat"),
    ({1, 2}, "sorted"),
    (frozenset(), "sorted"),
    (b"x", "store text"),
    (bytearray(b"x"), "store text"),
    ({1: 2}, "the key 1 is not a string"),
    ({None: 2}, "the key None is not a string"),
    (loop(), "contains itself"),
    (object(), "convert"),
    (Colour.RED, "convert"),
    (Project(label="x"), "convert"),
    (1 + 2j, "convert"),
]


@pytest.mark.parametrize(("value", "why"), BAD)
async def test_what_json_cannot_hold_is_refused_with_its_place(
    tree: Tree, traffic: Traffic, value: Any, why: str
) -> None:
    (file,) = await tree.acquisition.upload_file(b"x", name="f")
    item: Any = tree.session
    bad = {"a": {"b": [0, value]}}
    traffic.take()
    calls = [
        lambda: item.update_info(bad),
        lambda: item.update_info(**bad),
        lambda: item.replace_info(bad),
        lambda: item.update(info=bad),
        lambda: item.add_acquisition(label="x", info=bad),
        lambda: item.add_analysis(label="x", info=bad),
        lambda: item.upload_file(b"x", name="x", metadata={"info": bad}),
        lambda: item.update_file_info("f", bad),
        lambda: item.replace_file_info("f", bad),
        lambda: file.update_info(bad),
        lambda: file.replace_info(bad),
        lambda: tree.project.add_session(label="x", subject={"label": "y", "info": bad}),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"info\.a\.b\[1\]") as caught:
            await call()
        assert isinstance(caught.value, ArgumentError)
        assert why in str(caught.value)
    assert traffic.take() == []


async def test_numpy_values_are_refused(tree: Tree) -> None:
    numpy = pytest.importorskip("numpy")
    for value in (
        numpy.int64(1),
        numpy.float64(1),
        numpy.float32(1),
        numpy.bool_(True),
        numpy.str_("x"),
        numpy.ones(2),
    ):
        with pytest.raises(ArgumentError, match=r"info\.a\.n: .* use value.tolist\(\)"):
            await tree.session.update_info(a={"n": value})
        await tree.session.update_info(a={"n": value.tolist()})


@pytest.mark.parametrize("bad", [None, [], "x", 5, [("a", 1)]])
async def test_info_must_be_a_mapping(tree: Tree, traffic: Traffic, bad: Any) -> None:
    traffic.take()
    with pytest.raises(ArgumentError, match="mapping"):
        await tree.session.replace_info(bad)
    with pytest.raises(ArgumentError):
        await tree.session.update_info(bad)
    for keys in ((), ([],), (5,), (None,), ("",)):
        with pytest.raises(ArgumentError, match="key"):
            await tree.session.delete_info(*keys)
    assert traffic.take() == []


async def test_keys_that_the_site_renames_warn(tree: Tree) -> None:
    session = tree.session
    with pytest.warns(InfoKeyWarning, match=r"'a.b' will be stored as 'a_b'"):
        await session.update_info({"a.b": 1})
    with pytest.warns(InfoKeyWarning) as seen:
        await session.update_info({"in": {"$x": [{"y.z": 2}]}})
    assert [str(warning.message) for warning in seen] == [
        "info.in: the key '$x' will be stored as '-x'",
        "info.in.$x[0]: the key 'y.z' will be stored as 'y_z'",
    ]
    with pytest.warns(InfoKeyWarning):
        await session.update(info={"c.d": {"$": 1}})
    assert await info(session) == {"a_b": 1, "in": {"-x": [{"y_z": 2}]}, "c_d": {"-": 1}}
    with pytest.warns(InfoKeyWarning):
        await session.replace_info({"e.f": 1})
    assert await info(session) == {"e_f": 1}
    with pytest.warns(InfoKeyWarning), pytest.raises(ArgumentError, match="two keys are the same"):
        await session.update_info({"a.b": 1, "a_b": 2})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await session.update_info({"a-b c/d#é": 1})


@pytest.mark.parametrize("name", ["created", "modified", "id", "_id", "revision", "parents"])
async def test_read_only_members_are_refused(tree: Tree, traffic: Traffic, fw: AsyncClient, name: str) -> None:
    (file,) = await tree.acquisition.upload_file(b"x", name="f")
    user = await fw.get_current_user()
    traffic.take()
    for item in [*tree.all(), file, user]:
        for body, keywords in (({name: "x"}, {}), (None, {name: "x", "label": "y"})):
            with pytest.raises(ArgumentError, match=f"{name}: set by the site"):
                await item.update(body, **keywords)  # type: ignore[attr-defined]
    assert traffic.take() == []


@pytest.mark.parametrize(
    ("bad", "proposal"),
    [
        ("My Group", "my_group"),
        ("a", "a_group"),
        ("", "my_group"),
        ("_x_", "x_group"),
        ("Größe & Co.", "grosse_co"),
        ("x" * 33, "x" * 32),
        ("日本", "my_group"),
        ("a/b", "a_b"),
        ("ends.", "ends"),
        ("a\n", "a_group"),
        (None, "my_group"),
        (5, "my_group"),
    ],
)
async def test_group_ids(watched: AsyncClient, traffic: Traffic, bad: Any, proposal: str) -> None:
    for call in (
        lambda: watched.add_group(id=bad, label="x"),
        lambda: watched.add_group({"_id": bad, "label": "x"}),
        lambda: watched.add_group({"id": bad, "label": "x"}),
    ):
        with pytest.raises(ArgumentError, match="cannot be a group's id") as caught:
            await call()
        assert f"for example {proposal!r}" in str(caught.value)
    assert traffic.take() == []


@pytest.mark.parametrize("good", ["a1", "0x", "a.b@c-d_e", "x" * 32])
async def test_good_group_ids(watched: AsyncClient, site: Emulator, anyio_backend: str, good: str) -> None:
    name = (good[:-1] + {"asyncio": "1", "trio": "2"}[anyio_backend])[:32]
    assert await watched.add_group({"id": name, "label": "x"}) == name
    assert (await watched.get_group(name)).label == "x"


class OldZone(tzinfo):
    """A zone as pytz makes them: wrong as a tzinfo, right through `localize`."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(minutes=53)

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, dt: datetime | None) -> str:
        return "LMT"

    def localize(self, value: datetime) -> datetime:
        return value.replace(tzinfo=timezone(timedelta(hours=1)))


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        NOON,
        NOON.astimezone(BERLIN),
        OldZone().localize(datetime(2026, 1, 2, 13)),
        "2026-01-02T12:00:00Z",
        "2026-01-02T13:00:00+01:00",
        "2026-01-02 13:00:00.000+01:00",
        "20260102T120000Z",
    ],
)
async def test_points_in_time(tree: Tree, value: Any) -> None:
    made = await tree.session.add_acquisition(label="t", timestamp=value)
    assert made.timestamp == NOON
    for item in (tree.session, tree.acquisition):
        await item.update({"timestamp": value})
        stored = (await item.reload()).timestamp
        assert stored == NOON
        assert stored is not None
        assert stored.tzinfo is not None


@pytest.mark.parametrize("value", [date(2026, 1, 2), "2026-01-02"])
async def test_a_date_is_its_midnight(tree: Tree, site: Emulator, value: Any) -> None:
    await tree.session.update(timestamp=value)
    assert (await tree.session.reload()).timestamp == datetime(2026, 1, 2, tzinfo=UTC)
    await tree.subject.update(date_of_birth=value)
    assert (await tree.subject.reload()).date_of_birth == date(2026, 1, 2)


@pytest.mark.parametrize("value", [datetime(2026, 1, 2, 13), "2026-01-02T13:00:00"])
async def test_a_time_without_zone_needs_a_default(tree: Tree, site: Emulator, traffic: Traffic, value: Any) -> None:
    traffic.take()
    for call in (
        lambda: tree.session.update(timestamp=value),
        lambda: tree.session.add_acquisition(label="x", timestamp=value),
        lambda: tree.subject.add_session({"label": "x", "timestamp": value}),
    ):
        with pytest.raises(ArgumentError, match=r"timestamp: .* no time zone; add one, .*ZoneInfo.*default_timezone"):
            await call()
    assert traffic.take() == []
    for zone in (BERLIN, OldZone()):
        async with AsyncClient(site.api_key, default_timezone=zone) as fw:
            session = await fw.get_session(tree.session.id)
            await session.update(timestamp=value)
            assert (await session.reload()).timestamp == NOON


async def test_a_default_zone_serves_any_body(tree: Tree, site: Emulator) -> None:
    async with AsyncClient(site.api_key, default_timezone=BERLIN) as fw:
        await fw.modify_session(tree.session.id, {"timestamp": datetime(2026, 1, 2, 13)})
        assert (await fw.get_session(tree.session.id)).timestamp == NOON
        session = await fw.get_session(tree.session.id)
        await session.update(timestamp=date(2026, 1, 2))
        assert (await session.reload()).timestamp == datetime(2026, 1, 2, tzinfo=BERLIN)


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "2026-01-02T25:00Z"])
async def test_text_that_is_no_time_is_refused(tree: Tree, traffic: Traffic, value: str) -> None:
    traffic.take()
    with pytest.raises(ArgumentError, match="timestamp: .* is no ISO date-time"):
        await tree.session.update(timestamp=value)
    assert traffic.take() == []


async def test_times_are_shown_in_zones(tree: Tree) -> None:
    for item in (tree.session, tree.acquisition):
        assert item.local_timestamp is None
        assert item.original_timestamp is None
        await item.update(timestamp=NOON)
        await item.reload()
        assert item.local_timestamp == NOON
        assert item.local_timestamp.tzinfo is not None
        with pytest.raises(ValueError, match="no timezone is set"):
            _ = item.original_timestamp
        await item.update(timezone="Europe/Berlin")
        await item.reload()
        assert item.original_timestamp == NOON
        assert item.original_timestamp.hour == 13
        item.timezone = "Nowhere/At all"
        with pytest.raises(ValueError, match="unknown"):
            _ = item.original_timestamp
    for container in tree.all():
        made: Any = container
        assert made.local_created == made.created
        assert made.local_modified == made.modified
        assert made.local_created.utcoffset() == made.created.astimezone().utcoffset()


async def test_ages(tree: Tree) -> None:
    session = tree.session
    assert session.age_years is session.age_months is session.age_weeks is session.age_days is None
    await session.update(age=31557600 * 3)
    await session.reload()
    assert session.age_years == 3
    assert session.age_months == pytest.approx(31557600 * 3 / 2592000)
    assert session.age_weeks == pytest.approx(31557600 * 3 / 604800)
    assert session.age_days == pytest.approx(1095.75)
    assert json.loads(session.to_json())["age"] == 31557600 * 3


async def test_the_names_of_operations_check_metadata_too(watched: AsyncClient, tree: Tree, traffic: Traffic) -> None:
    project, bad = tree.project.id, {"a": {"b": [0, NOON]}}
    traffic.take()
    for call in (
        lambda: watched.modify_project(project, {"info": bad}),
        lambda: watched.add_project(body={"label": "x", "group": tree.group.id, "info": bad}),
        lambda: watched.modify_project_info(project, {"set": bad}),
        lambda: watched.modify_project_info(project, body={"replace": bad}),
        lambda: watched.set_project_info(project, bad),
        lambda: watched.replace_project_info(project, bad),
        lambda: watched.set_acquisition_file_info(tree.acquisition.id, "f", bad),
    ):
        with pytest.raises(ArgumentError, match=r"info\.a\.b\[1\]: .*isoformat"):
            await call()
    assert traffic.take() == []
    await watched.set_project_info(project, {"a": 1, "b": 2})
    await watched.delete_project_info_fields(project, ["a"])
    await watched.modify_project_info(project, {"set": {"c": 3}, "delete": ["b"]})
    assert await info(tree.project) == {"c": 3}
