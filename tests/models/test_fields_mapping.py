"""Data objects as attributes, as mappings and as constructors."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_async.errors import ArgumentError, FlywheelError, MissingField
from flywheel_async.fields import FileFields, GroupFields, Parents, ProjectFields
from flywheel_async.fields.load import load_python

# Names that mean something to Python, to pydantic or to the classes themselves.
HOSTILE = {
    "update": 1,
    "__class__": "x",
    "__dict__": {"a": 1},
    "__pydantic_extra__": {},
    "__pydantic_fields_set__": [],
    "model_dump": 2,
    "_core": 3,
    "copy": 4,
    "keys": 5,
    "get": 6,
    "to_dict": 7,
    "_positional": 8,
    "id": "fake",
    "__getattr__": 9,
    "self": 10,
    "cls": 11,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
)


def test_both_spellings_of_a_name_reach_a_declared_member() -> None:
    project = ProjectFields("1", "My project", join_origin=None)
    assert project.id == project["id"] == project["_id"] == project.get("id") == project.get("_id") == "1"
    assert "id" in project
    assert "_id" in project
    assert "join-origin" in project
    assert "join_origin" in project
    assert "nothing" not in project


def test_keys_are_wire_names_in_declared_order_then_extras() -> None:
    group = load_python(GroupFields, {"zebra": 1, "label": "L", "_id": "g", "ape": 2})
    assert list(group) == list(group.keys())
    assert list(group)[:2] == ["_id", "label"]
    assert list(group)[-2:] == ["zebra", "ape"]
    assert len(group) == len(list(group))
    assert dict(group.items()) == dict(group)
    assert list(group.values()) == [group[key] for key in group]
    assert dict(group)["_id"] == "g"


def test_get_gives_the_stored_none_of_a_declared_member_and_the_default_of_an_unknown_one() -> None:
    group = GroupFields("g")
    assert group.get("tags", []) is None
    assert group.get("nothing") is None
    assert group.get("nothing", 5) == 5


@pytest.mark.parametrize(
    "read",
    [lambda g: g.lable, lambda g: g["lable"], lambda g: setattr(g, "lable", 1)],
    ids=["get", "item", "set"],
)
def test_an_unknown_name_is_both_errors_and_names_the_nearest(read: object) -> None:
    group = GroupFields("g", "L")
    with pytest.raises(MissingField, match=r"'lable'.*did you mean 'label'") as caught:
        read(group)
    assert isinstance(caught.value, AttributeError)
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, FlywheelError)


def test_a_nearest_name_may_be_an_extra_one_and_absurd_names_get_no_hint() -> None:
    group = load_python(GroupFields, {"scanner_room": 1})
    with pytest.raises(MissingField, match="did you mean 'scanner_room'"):
        _ = group.scaner_room
    with pytest.raises(MissingField, match=r"has no member 'zzzzzzzz'$"):
        _ = group["zzzzzzzz"]


def test_hasattr_and_getattr_with_default_work() -> None:
    group = GroupFields("g")
    assert not hasattr(group, "nothing")
    assert getattr(group, "nothing", 7) == 7
    assert not hasattr(group, "__array__")


def test_setting_a_declared_member() -> None:
    group = GroupFields("g")
    group.label = "new"
    group.tags = ["a"]
    assert group["label"] == "new"
    assert group.to_dict()["tags"] == ["a"]


def test_setting_a_method_or_private_name_raises_and_changes_nothing() -> None:
    group = GroupFields("g")
    for name in ("to_dict", "model_dump", "_private", "keys"):
        with pytest.raises(MissingField):
            setattr(group, name, 1)
    assert group == GroupFields("g")


def test_an_extra_member_can_be_read_and_set_as_attribute() -> None:
    group = load_python(GroupFields, {"_id": "g", "room": "A"})
    assert group.room == "A"
    group.room = "B"
    assert group["room"] == "B"
    assert "room" in dir(group)
    assert "label" in dir(group)
    assert "to_dict" in dir(group)


def test_hostile_extras_are_reached_by_item_and_replace_nothing() -> None:
    project = load_python(ProjectFields, {"_id": "real", **HOSTILE})
    for key, value in HOSTILE.items():
        if key != "id":
            assert project[key] == value
            assert key in project
    assert type(project) is ProjectFields
    assert project._core is None
    assert project.id == project["id"] == project["_id"] == "real"
    assert project.to_dict()["id"] == "real"
    assert project.to_dict()["update"] == 1
    assert callable(project.model_dump)
    assert "fake" not in dict(project).values()
    assert project == load_python(ProjectFields, {"_id": "real", **HOSTILE})


@settings(deadline=None)
@given(st.dictionaries(st.text() | st.sampled_from(list(HOSTILE)), json_values))
def test_any_object_behaves_as_a_mapping(data: dict[str, object]) -> None:
    group = load_python(GroupFields, data)
    assert set(group) >= {"_id", "label", "permissions"}
    assert len(group) == len(list(group)) == len(group.items())
    for key in group:
        assert key in group
        assert group[key] == dict(group)[key]
    assert set(data) <= set(group) | set(GroupFields.__pydantic_fields__)
    assert type(group) is GroupFields
    assert isinstance(repr(group), str)
    assert isinstance(group.to_dict(), dict)


@settings(deadline=None)
@given(st.text(string.ascii_letters + "_-", min_size=1))
def test_a_name_is_in_exactly_if_it_can_be_read(name: str) -> None:
    group = GroupFields("g")
    if name in group:
        _ = group[name]
    else:
        with pytest.raises(MissingField):
            _ = group[name]


def test_positional_arguments_and_keywords_of_both_spellings() -> None:
    group = GroupFields("my_group", "My Test Group")
    assert (group.id, group.label) == ("my_group", "My Test Group")
    assert GroupFields(id="my_group", label="My Test Group") == group
    assert GroupFields(_id="my_group", label="My Test Group") == group
    assert GroupFields("my_group", label="My Test Group") == group


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("a",), {"id": "b"}),
        (("a",), {"_id": "b"}),
        ((), {"_id": "a", "id": "b"}),
        (("a", "b"), {"label": "c"}),
        (tuple("x" * 13), {}),
    ],
)
def test_too_many_arguments_or_one_given_twice(args: tuple[str, ...], kwargs: dict[str, str]) -> None:
    with pytest.raises(ArgumentError) as caught:
        GroupFields(*args, **kwargs)
    assert isinstance(caught.value, TypeError)


def test_a_member_of_the_behaviour_class_keeps_its_place_among_the_positional_arguments() -> None:
    order = ProjectFields._positional
    project = ProjectFields(*[None] * order.index("files"), ["F"])
    assert project["files"] == ["F"]


def test_parents_always_has_six_keys() -> None:
    six = ["group", "project", "subject", "session", "acquisition", "analysis"]
    for project in (
        ProjectFields("1"),
        ProjectFields(parents=None),
        load_python(ProjectFields, {}),
        load_python(ProjectFields, {"parents": None}),
        load_python(ProjectFields, {"parents": {"group": "g"}}),
    ):
        assert list(project.parents) == six
        assert project.parents.analysis is None
    assert project.parents["group"] == "g"
    assert list(FileFields().parents) == six
    first, second = ProjectFields(), ProjectFields()
    first.parents.group = "changed"
    assert second.parents == Parents()


def test_to_dict_uses_python_names_and_to_json_wire_names() -> None:
    project = load_python(
        ProjectFields,
        {
            "_id": "1",
            "created": "2024-05-06T07:08:09Z",
            "notes": [{"_id": "n", "text": "t"}],
            "x": [{"y": 1}],
        },
    )
    plain = project.to_dict()
    assert plain["id"] == "1"
    assert plain["created"] is project.created
    assert plain["notes"][0]["id"] == "n"
    assert plain["parents"]["group"] is None
    assert plain["x"] == [{"y": 1}]
    assert '"_id":"1"' in project.to_json()
    assert '"created":"2024-05-06T07:08:09Z"' in project.to_json()
    assert project.model_dump(by_alias=True)["_id"] == "1"
    assert ProjectFields(**plain) == project
