"""O9: a script that adds, removes and replaces the tags of containers, and of what is below them."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest

from flywheel_async.sync import APIError, Client

log = logging.getLogger("tags")

LEVELS = ["project", "subject", "session", "acquisition"]


def container_of(fw: Client, place: str, level: str) -> Any:
    """Gets a container by path, or by id if it is of that level; if not, the log tells what it is."""
    if "/" in place:
        return fw.lookup(place).reload()
    try:
        return getattr(fw, f"get_{level}")(place)
    except APIError:
        log.error("%s is no %s but of type %s", place, level, fw.get(place).container_type)
        raise


def below(fw: Client, container: Any, level: str) -> list[Any]:
    """What is below a container, by its own finders or those of the client."""
    if level == "analysis":
        return container.analyses or []
    if level == "acquisition" and container.container_type != "session":
        return fw.acquisitions.find(f"{container.container_type}={container.id}")
    return getattr(container, f"{level}s")()


def searched(fw: Client, container: Any, level: str, query: str) -> list[Any]:
    """What a query finds below a container."""
    query = f"{container.container_type}._id = {container.id} AND {query}"
    hits = fw.search({"structured_query": query, "return_type": level}, size=10000)
    return [fw.get(hit[hit.return_type].id) for hit in hits]


def clear(container: Any) -> Any:
    if container.get("tags"):
        for tag in container.get("tags"):
            container.delete_tag(tag)
    return container.reload()


def add(container: Any, tag: str) -> Any:
    if container.get("tags") is None or tag not in container.get("tags"):
        container.add_tag(tag)
    return container.reload()


def replace(containers: list[Any], tags: list[str]) -> None:
    for container in containers:
        container = clear(container.reload())
        for tag in tags:
            container = add(container, tag)


@pytest.fixture(autouse=True)
def study(fw: Client) -> Any:
    for path in ("01/a/T1", "01/a/T2", "01/b/T1", "02/a/T1"):
        fw.ensure_path(f"lab/Study/{path}")
        fw.ensure_path(f"lab/Other/{path}")
    for label in ("qa", "stats"):
        fw.lookup("lab/Study/01/a").add_analysis(label=label)
    fw.lookup("lab/Study/01/a/T1").upload_file(b"x", name="x y.txt")
    fw.add_collection({"label": "picked"})
    return fw.lookup("lab/Study")


def all_tags(fw: Client) -> Counter[str]:
    """How often each tag is somewhere on the site."""
    found: Counter[str] = Counter()
    for finder in (fw.groups, fw.projects, fw.subjects, fw.sessions, fw.acquisitions, fw.analyses, fw.files):
        for container in finder.iter():
            found.update(container.tags or [])
    return found


def test_every_level(fw: Client) -> None:
    odd = ["quality/good", 'q "1", ü', "v1.5 #2?"]
    places = ["lab", "lab/Study", "lab/Study/01", "lab/Study/01/a", "lab/Study/01/a/T1", "lab/Study/01/a/analyses/qa"]
    picked = fw.collections.find_first('label="picked"')
    for one in [*(fw.lookup(place) for place in places), picked, fw.lookup("lab/Study/01/a/T1/files/x y.txt")]:
        assert (one.get("tags") or []) == []
        for tag in odd:
            one = add(one, tag)
        assert sorted(one.get("tags")) == sorted(one["tags"]) == sorted(one.tags) == sorted(odd)
        assert sorted(add(one, odd[0]).tags) == sorted(odd)
        one.delete_tag(odd[1])
        one.rename_tag(odd[2], "renamed")
        assert sorted(one.reload().tags) == ["quality/good", "renamed"]
        replace([one], ["new"])
        one = one.reload()
        assert one.tags == ["new"]
        assert clear(one).tags == []
    assert all_tags(fw) == {}


def test_twice_is_a_conflict(fw: Client) -> None:
    for place in ("lab", "lab/Study", "lab/Study/01", "lab/Study/01/a", "lab/Study/01/a/T1"):
        one = fw.lookup(place)
        one.add_tag("done")
        with pytest.raises(APIError) as caught:
            one.add_tag("done")
        assert (caught.value.status, bool(caught.value.reason)) == (409, True)
        assert add(one.reload(), "done").tags == ["done"]
        with pytest.raises(APIError) as caught:
            one.delete_tag("never there")
        assert caught.value.status == 404
        assert fw.get(one.id).tags == ["done"]


def test_tags_by_id(fw: Client) -> None:
    for level, place in zip(LEVELS, ["Study", "Study/01", "Study/01/a", "Study/01/a/T1"], strict=True):
        one = container_of(fw, f"lab/{place}", level)
        getattr(fw, f"add_{level}_tag")(one.id, "a")
        getattr(fw, f"add_{level}_tags")(one.id, ["a", "b", "b"])
        assert getattr(fw, f"get_{level}_tag")(one.id, "a") == "a"
        assert container_of(fw, one.id, level).tags == ["a", "b"]
        getattr(fw, f"rename_{level}_tag")(one.id, "b", "c")
        getattr(fw, f"delete_{level}_tags")(one.id, ["c", "never there"])
        fw.delete_container_tag(one.id, "a")
        assert container_of(fw, one.id, level).tags == []


@pytest.mark.parametrize(
    ("place", "counts"),
    [
        ("lab/Study", {"subject": 2, "session": 3, "acquisition": 4}),
        ("lab/Study/01", {"session": 2, "acquisition": 3}),
        ("lab/Study/01/a", {"acquisition": 2, "analysis": 2}),
    ],
)
def test_everything_below(fw: Client, place: str, counts: dict[str, int]) -> None:
    top = fw.lookup(place)
    for level, count in counts.items():
        found = below(fw, top, level)
        ids = {one.id for one in found}
        assert {one.id for one in searched(fw, top, level, f"{level}.label EXISTS")} == ids
        assert {one.container_type for one in found} == {level}
        assert len(ids) == len(found) == count
        for _ in range(2):
            replace(found, ["first", f"of {level}"])
            assert all_tags(fw) == {"first": count, f"of {level}": count}
        assert [one.tags for one in below(fw, top.reload(), level)] == [["first", f"of {level}"]] * count
        assert {one.id for one in searched(fw, top, level, f'{level}.tags = "of {level}"')} == ids
        replace(found, [])
    assert all_tags(fw) == {}


def test_by_query(fw: Client, study: Any) -> None:
    replace(searched(fw, study, "acquisition", "acquisition.label = T1"), ["T1 found"])
    tagged = fw.acquisitions.find("tags=T1 found")
    assert {one.parents.project for one in tagged} == {study.id}
    assert [one.label for one in tagged] == ["T1"] * 3
    assert {one.id for one in fw.acquisitions.find(f"project={study.id}", "label=T1")} == {one.id for one in tagged}
    assert all_tags(fw) == {"T1 found": 3}
    (hit,) = fw.search({"structured_query": f"subject._id = {tagged[0].parents.subject}", "return_type": "subject"})
    assert hit.subject.get("tags") is None
    assert add(fw.get(hit["subject"]["_id"]), "first").tags == ["first"]
    assert searched(fw, study, "acquisition", "acquisition.label = T9") == []


def test_wrong_level(fw: Client, caplog: pytest.LogCaptureFixture) -> None:
    places = ["lab/Study", "lab/Study/01", "lab/Study/01/a", "lab/Study/01/a/T1"]
    ids = {level: fw.lookup(place).id for level, place in zip(LEVELS, places, strict=True)}
    for level in LEVELS:
        for real, one in ids.items():
            if real == level:
                assert container_of(fw, one, level).container_type == level
                continue
            caplog.clear()
            with pytest.raises(APIError) as caught:
                container_of(fw, one, level)
            assert caught.value.status == 404
            assert caplog.messages == [f"{one} is no {level} but of type {real}"]


def test_tags_do_not_spread(fw: Client, study: Any) -> None:
    group = fw.get_group("lab")
    group.add_tag("shared")
    for level in ("subject", "session", "acquisition"):
        replace(below(fw, study, level), ["shared"])
    assert fw.get_group("lab").tags == ["shared"]
    assert all_tags(fw) == {"shared": 1 + 2 + 3 + 4}
    clear(fw.lookup("lab/Study/01"))
    assert all_tags(fw) == {"shared": 1 + 1 + 3 + 4}
    assert fw.lookup("lab/Study/01/a").tags == fw.get_group("lab").tags == ["shared"]
