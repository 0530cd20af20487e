"""Reading answers: pages, odd members, broken text, and the garbage collector."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_async.fields import FileFields, GroupFields, Note, ProjectFields, SubjectFields
from flywheel_async.fields.load import load_one, load_page, load_python


class File(FileFields):
    """A behaviour class as models/ has them."""


class Subject(SubjectFields):
    files: list[File] | None = None
    parent: str | File | None = None


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture(params=[True, False], ids=["gc on", "gc off"])
def collector(request: pytest.FixtureRequest) -> Iterator[bool]:
    was_on = gc.isenabled()
    if request.param:
        gc.enable()
    else:
        gc.disable()
    yield request.param
    if was_on:
        gc.enable()
    else:
        gc.disable()


@pytest.mark.parametrize("space", [b"", b" \n\t\r"])
def test_both_forms_of_a_page(space: bytes) -> None:
    items = [{"_id": "a"}, {"_id": "b"}]
    models, total = load_page(GroupFields, space + encoded(items))
    assert [m.id for m in models] == ["a", "b"]
    assert total is None
    models, total = load_page(GroupFields, space + encoded({"count": 2, "total": 7, "results": items}))
    assert [m.id for m in models] == ["a", "b"]
    assert total == 7
    assert load_page(GroupFields, b'{"results": []}') == ([], None)
    assert load_page(GroupFields, b"[]") == ([], None)


@pytest.mark.parametrize("total", [None, "7", True, 1.5, {}])
def test_a_total_that_is_not_a_whole_number_is_unknown(total: object) -> None:
    assert load_page(GroupFields, encoded({"total": total, "results": []})) == ([], None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"null",
        b"3",
        b'"x"',
        b"{",
        b"[",
        b"{}",
        b'{"results": null}',
        b'{"results": {}}',
        b"[null]",
        b"[1]",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[{}",
        b'{"a":' * 5000,
    ],
)
def test_anything_else_is_a_short_clear_error(data: bytes, collector: bool) -> None:
    with pytest.raises(ValueError, match=r"expected|not valid JSON") as caught:
        load_page(GroupFields, data)
    assert len(str(caught.value)) < 300
    assert gc.isenabled() is collector


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"[{}]", b'"x"', b"<html>SECRET</html>"])
def test_one_object_must_be_an_object(data: bytes, collector: bool) -> None:
    with pytest.raises(ValueError, match=r"expected|not valid JSON") as caught:
        load_one(GroupFields, data)
    assert "SECRET" not in str(caught.value)
    assert gc.isenabled() is collector


def test_load_python_refuses_what_is_not_a_dictionary() -> None:
    for value in (None, [], "x", {1: 2}):
        with pytest.raises(ValueError, match=r"expected|cannot read"):
            load_python(GroupFields, value)


def test_the_collector_is_as_it_was(collector: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def spy(_: object) -> None:
        seen.append(gc.isenabled())

    load_page(GroupFields, b'[{"_id": "a"}]')
    assert gc.isenabled() is collector
    load_one(GroupFields, b'{"_id": 5}')
    assert gc.isenabled() is collector
    monkeypatch.setattr("flywheel_async.fields.load.compact", spy)
    load_page(GroupFields, b'[{"_id": "a"}]')
    assert seen == [collector]


def test_the_collector_is_off_while_a_page_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    class Watching(GroupFields):
        def model_post_init(self, _: Any) -> None:
            seen.append(gc.isenabled())

    assert gc.isenabled()
    load_page(Watching, b"[{}]")
    load_one(Watching, b"{}")
    assert seen == [False, False]


def test_an_odd_member_keeps_its_raw_value_and_spares_the_others() -> None:
    items = [
        {"_id": "a", "label": "A"},
        {"_id": 5, "label": {"x": 1}, "revision": "many", "created": "then"},
        {"_id": "c"},
    ]
    for data in (encoded(items), encoded({"total": 3, "results": items})):
        models, _ = load_page(GroupFields, data)
        assert [m.id for m in models] == ["a", 5, "c"]
        assert models[1].label == {"x": 1}
        assert models[1]["revision"] == "many"
        assert models[1].created == "then"
        assert models[0] == GroupFields("a", "A")


def test_only_the_innermost_misfit_stays_raw() -> None:
    subject = load_python(
        Subject,
        {
            "_id": "s",
            "parents": {"group": ["odd"], "project": "p"},
            "notes": [{"text": "fine"}, None, {"text": 5, "_id": "n"}, 3],
            "join-origin": {"user": {"u": {"firstname": "A"}, "v": 7}},
            "files": [{"name": "x", "size": "big", "parents": None}, "odd"],
            "parent": {"name": ["odd"]},
            "tags": ["a", 5],
        },
    )
    assert subject.parents.group == ["odd"]
    assert subject.parents.project == "p"
    assert subject.notes == [Note(text="fine"), None, subject["notes"][2], 3]
    assert isinstance(subject.notes[2], Note)
    assert (subject.notes[2].text, subject.notes[2].id) == (5, "n")
    assert subject.join_origin is not None
    assert subject.join_origin["user"]["u"].firstname == "A"
    assert subject.join_origin["user"]["v"] == 7
    assert subject.files is not None
    assert isinstance(subject.files[0], File)
    assert (subject.files[0].name, subject.files[0].size, subject.files[0].parents.group) == (
        "x",
        "big",
        None,
    )
    assert subject.files[1] == "odd"
    assert isinstance(subject.parent, File)
    assert subject.parent.name == ["odd"]
    assert subject.tags == ["a", 5]


def test_an_object_with_an_odd_member_still_shows_and_converts() -> None:
    group = load_one(GroupFields, b'{"_id": "g", "revision": {"a": 1}, "created": "then", "permissions": "none"}')
    assert "created='then'" in repr(group)
    assert group.to_dict()["revision"] == {"a": 1}
    assert json.loads(group.to_json())["permissions"] == "none"
    assert group == load_python(GroupFields, group.to_dict())


def test_an_unpaired_surrogate_does_not_break_the_page() -> None:
    models, _ = load_page(GroupFields, rb'[{"_id": "a", "label": "x\ud800"}, {"_id": "b", "\udfff": 1}]')
    assert [m.label for m in models] == ["x\ud800", None]
    assert [m.id for m in models] == ["a", "b"]
    assert models[1]["\udfff"] == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["_id", "text"]), v, max_size=3),
    max_leaves=8,
)
subject_names = [*SubjectFields._wire, "files", "id", "unknown"]


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(subject_names), json_values, max_size=6), max_size=3))
def test_any_list_of_objects_loads_and_keeps_every_member(items: list[dict[str, object]]) -> None:
    models, _ = load_page(Subject, encoded(items))
    assert len(models) == len(items)
    for model, item in zip(models, items, strict=True):
        assert type(model) is Subject
        assert all(key in model for key in item)
        assert isinstance(repr(model) + model._repr_html_(), str)
        assert load_python(Subject, item) == model


def test_date_times_have_a_zone() -> None:
    group = load_one(GroupFields, b'{"created": "2024-05-06T07:08:09", "modified": "2024-05-06T07:08:09+02:00"}')
    assert group.created == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert group.modified.utcoffset() == timedelta(hours=2)
    assert GroupFields(created=datetime(2024, 5, 6)).created == datetime(2024, 5, 6, tzinfo=UTC)
    assert load_one(SubjectFields, b'{"date_of_birth": "1990-02-03"}').date_of_birth == date(1990, 2, 3)


def test_numbers_and_unknown_enum_values_are_taken_as_sent() -> None:
    project = load_one(ProjectFields, b'{"copy_status": "brand-new", "revision": 12345678901234567890123}')
    assert project.copy_status == "brand-new"
    assert project.revision == 12345678901234567890123


def test_loaded_objects_do_not_remember_which_members_were_given() -> None:
    (subject,), _ = load_page(Subject, encoded([{"_id": "s", "label": "L", "files": [{"name": "n"}], "parents": {}}]))
    assert subject.files is not None
    for part in (subject, subject.files[0], subject.parents):
        assert part.model_fields_set == set()
    subject.label = "new"
    assert subject.model_fields_set == {"label"}
