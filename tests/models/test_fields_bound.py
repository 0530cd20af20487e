"""The client an object is bound to stays out of everything; how objects show themselves."""

from __future__ import annotations

import copy
import pickle
from html.parser import HTMLParser
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_async.fields import ApiKey, GroupFields, ProjectFields, UserFields
from flywheel_async.fields.load import load_python


class _Client:
    """Stands for a client: it refuses to be compared, copied, pickled or shown."""

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("the client was touched")

    __eq__ = __reduce_ex__ = __deepcopy__ = __copy__ = __repr__ = __hash__ = _refuse


def bound() -> ProjectFields:
    project = load_python(ProjectFields, {"_id": "1", "label": "L", "notes": [{"text": "n"}], "extra": 1})
    project._core = cast("Any", _Client())
    assert project.notes is not None
    project.notes[0]._core = cast("Any", _Client())
    return project


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda p: pickle.loads(pickle.dumps(p)),
        lambda p: pickle.loads(pickle.dumps(p, protocol=2)),
        copy.deepcopy,
        copy.copy,
        lambda p: p.model_copy(),
        lambda p: p.model_copy(deep=True),
    ],
    ids=["pickle", "pickle2", "deepcopy", "copy", "model_copy", "deep model_copy"],
)
def test_copies_are_equal_and_unbound(duplicate: Any) -> None:
    project = bound()
    twin = duplicate(project)
    assert type(twin) is ProjectFields
    assert twin == project
    assert twin["extra"] == 1
    assert twin._core is None
    assert project._core is not None


def test_deepcopy_is_deep_and_unbinds_the_parts() -> None:
    project = bound()
    twin = copy.deepcopy(project)
    assert project.notes
    assert twin.notes
    twin.notes[0].text = "changed"
    assert project.notes[0].text == "n"
    assert twin.notes[0]._core is None


def test_the_client_is_in_no_rendering() -> None:
    project = bound()
    for text in (repr(project), str(project), project._repr_html_(), project.to_json()):
        assert "_core" not in text
    for dump in (project.to_dict(), project.model_dump(), dict(project), project.model_dump(by_alias=True)):
        assert "_core" not in dump
    assert "_core" not in list(project)


def test_equality_is_class_and_data() -> None:
    assert bound() == bound()
    assert ProjectFields("1") == ProjectFields("1")
    assert ProjectFields("1") != ProjectFields("2")
    assert ProjectFields("1") != GroupFields("1")
    assert load_python(ProjectFields, {"_id": "1", "a": 1}) != load_python(ProjectFields, {"_id": "1", "a": 2})


def test_repr_puts_id_and_label_first_and_leaves_none_out() -> None:
    project = load_python(
        ProjectFields,
        {
            "description": "d" * 500,
            "label": "My project",
            "_id": "1",
            "info": {"a": 1, "b": 2},
            "notes": [{"text": "n"}, {"text": "m"}],
            "tags": ["x"],
            "created": "2024-05-06T07:08:09Z",
        },
    )
    text = repr(project)
    assert text.startswith("ProjectFields(id='1', label='My project', description='ddd")
    assert "notes=<2 items>" in text
    assert "info=<2 keys>" in text
    assert "tags=['x']" in text
    assert "created=2024-05-06T07:08:09+00:00" in text
    assert "None" not in text
    assert len(text) < 400
    assert str(project) == text


def test_secrets_are_not_shown() -> None:
    key = ApiKey(label="laptop", key="SENTINEL", unencrypted_secret="SENTINEL")
    user = load_python(UserFields, {"_id": "u", "api_key": {"key": "SENTINEL"}, "api_keys": [{"key": "SENTINEL"}]})
    nested = load_python(GroupFields, {"_id": "g", "extra": {"key": "SENTINEL"}, "token": "SENTINEL"})
    for thing in (key, user, nested):
        assert "SENTINEL" not in repr(thing) + str(thing) + thing._repr_html_()
    assert key.key == "SENTINEL"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


@settings(deadline=None)
@given(st.text(), st.text())
def test_html_escapes_names_and_values(name: str, value: str) -> None:
    evil = "<script a='1' b=\"2\">&"
    group = load_python(GroupFields, {"_id": evil + value, "label": value, name + evil: evil, "tags": [evil, value]})
    parser = _Tags()
    parser.feed(group._repr_html_())
    parser.close()
    assert parser.tags == {"table", "caption", "tbody", "tr", "th", "td"}
    assert parser.attributes == []
