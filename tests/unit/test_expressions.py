"""Filter expressions: what they say, and that a site reads back just that."""

from __future__ import annotations

import copy
import enum
import pickle
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async import f
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.terms import (
    AnyOf,
    Bool,
    Compare,
    Condition,
    Instant,
    Null,
    Number,
    Operand,
    Search,
    Text,
)
from flywheel_async.emulator.times import to_ms
from flywheel_async.errors import ArgumentError
from flywheel_async.expressions import All, Comparison, Either, Expression, Matches, Negated, OneOf
from flywheel_async.filter_writing import MOST_BYTES, MOST_VALUES, plan


def written(*filters: object, zone: ZoneInfo | None = None) -> str | None:
    (text,) = plan(filters, None, zone).texts
    return text


class Sex(enum.Enum):
    MALE = "male"


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (f.label == "0042", 'label="0042"'),
        (f.label != "it's", 'label!="it\'s"'),
        (f.label == 'a"b\\c,d\n', 'label="a\\"b\\\\c\\,d\n"'),
        (f.label == "", 'label=""'),
        (f.sex == Sex.MALE, 'sex="male"'),
        (f.info.n >= 5, "info.n>=5"),
        (f.info.n == numpy.int32(5), "info.n=5"),
        (f.info.n == numpy.float64(0.5), "info.n=0.5"),
        (f.info.done == numpy.True_, "info.done=true"),
        (f.info.n < -1.5e-7, "info.n<-1.5e-07"),
        (f.info.done == True, "info.done=true"),  # noqa: E712
        (f.info.x == None, "info.x=null"),  # noqa: E711
        (f.info["eye color"] == "blue", 'info.eye color="blue"'),
        (f.info["odd.key"]["$x"] == 1, "info.odd_key.-x=1"),
        (f["info.hair"] == "brown", 'info.hair="brown"'),
        (f["info"]["in_"].x == 1, "info.in_.x=1"),
        (f.tags.has("x"), 'tags="x"'),
        (f.id == "5d2761383289d60037e8f5e5", "_id=5d2761383289d60037e8f5e5"),
        (f.parents.project == "5d2761383289d60037e8f5e5", "parents.project=5d2761383289d60037e8f5e5"),
        (f.label == "5d2761383289d60037e8f5e5", 'label="5d2761383289d60037e8f5e5"'),
        (f.info.session == "5d2761383289d60037e8f5e5", 'info.session="5d2761383289d60037e8f5e5"'),
        (f.group == "my_group", 'group="my_group"'),
        (f.id.in_(["a", "b", "a"]), '_id=|["a","b"]'),
        ((f.uid == "a") | (f.uid == "b") | f.uid.in_(["c", None]), 'uid=|["a","b","c",null]'),
        (f.label.matches("rest.*"), "label=~rest.*"),
        (f.label.matches("a{1,3}"), r"label=~a{1\,3}"),
        (f.label.matches(re.compile("rest", re.I | re.S)), "label=~(?is)rest"),
        (f.label.matches(re.compile("(?i)rest")), "label=~(?i)rest"),
        (f.label.matches("\\\\"), r"label=~\x5c"),
        (f.timestamp >= datetime(2024, 1, 31, 10, tzinfo=BERLIN), "timestamp>=2024-01-31T09:00:00+00:00"),
        (f.timestamp >= "2024-01-31T10:00:00+01:00", "timestamp>=2024-01-31T09:00:00+00:00"),
        (f.created > date(2024, 1, 31), "created>2024-01-31T00:00:00+00:00"),
        (f.subject.date_of_birth == date(2024, 1, 31), "subject.date_of_birth=2024-01-31"),
        (f.info.timestamp == "2024-01-31", 'info.timestamp="2024-01-31"'),
        ((f.a == 1) & (f.b == 2) & (f.c == 3), "a=1,b=2,c=3"),
    ],
)
def test_writing(expression: Expression, text: str) -> None:
    assert written(expression) == text
    assert plan((expression,)).doubts == []


def test_strings_and_expressions_mix() -> None:
    assert written("a=1", (f.b == 2) & (f.c == 3), "d=4") == "a=1,b=2,c=3,d=4"


def test_trees_are_flat_and_plain() -> None:
    a, b, c = f.a == 1, f.b == 2, f.c == 3
    assert a & (b & c) == All((a, b, c))
    assert (a | b) | c == Either((a, b, c))
    assert ~a == Negated(a)
    assert pickle.loads(pickle.dumps(a & b)) == a & b
    assert repr(f.info["eye color"].x) == "f.info['eye color'].x"
    assert repr(copy.copy(f.info)) == "f.info"
    assert repr(pickle.loads(pickle.dumps(f.info.x))) == "f.info.x"
    assert not hasattr(f, "_repr_html_")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: bool(f.a == 1), "&"),
        (lambda: (f.a == 1) and (f.b == 2), "&"),
        (lambda: 1 < f.a < 2, "range"),
        (lambda: not f.a, "field, not a condition"),
        (lambda: "x" in f.tags, r"f.tags.has\('x'\)"),
        (lambda: list(f.tags), "iterate"),
        (lambda: list(f), "f.label"),
        (lambda: f.a == 1 & f.b == 2, "parentheses"),
        (lambda: (f.a == 1) & "b=2", "joins expressions"),
        (lambda: f.a == f.b, "cannot be compared with a Field"),
        (lambda: f.a == b"x", "bytes"),
        (lambda: f.a < None, "only == and !="),
        (lambda: f.a >= True, "only == and !="),
        (lambda: f.a.in_("abc"), "f.a == 'abc'"),
        (lambda: f.a.in_([[]]), "list"),
        (lambda: f.a == numpy.datetime64("2024-01-31"), "datetime64"),
        (lambda: f.a.matches(" "), "empty"),
        (lambda: f.a.matches(re.compile("x", re.A)), "flags"),
        (lambda: f[""], "field name"),
        (lambda: f.a[0], "field name"),
        (lambda: f["a..b"], "field name"),
    ],
)
def test_misuse_is_refused(wrong: object, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        wrong()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ((f.a == 1) | (f.b == 2), "one field"),
        ((f.a == 1) | (f.a > 2), "one field"),
        ((f.a == 1) | ((f.a == 2) & (f.b == 1)), "one field"),
        (~(f.a == 1), "f.a !="),
        (~f.a.matches("x"), "no counterpart of ~"),
        (f.a.contains("x.y"), r"f.a.matches\('x\\\\.y'\)"),
        (f.a == float("nan"), "nan"),
        (f.a == 2**63, "too large"),
        (f.a == datetime(2024, 1, 31), "no time zone"),
        (f.created == "yesterday", "ISO"),
        (f.created == datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "out of range"),
        (f.a.matches("x\\"), "lone"),
        (f["a=b"] == 1, "field name"),
        (f["a,b"] == 1, "field name"),
        (f["a!"] == 1, "field name"),
        (f[" a"] == 1, "field name"),
    ],
)
def test_what_finders_have_no_counterpart_of(expression: Expression, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        plan((expression,))


def test_the_zone_of_the_client() -> None:
    naive = datetime(2024, 1, 31, 10)
    assert written(f.timestamp >= naive, zone=BERLIN) == "timestamp>=2024-01-31T09:00:00+00:00"
    assert written(f.timestamp >= date(2024, 1, 31), zone=BERLIN) == "timestamp>=2024-01-30T23:00:00+00:00"


def test_long_lists_are_split() -> None:
    ids = [f"{number:024x}" for number in range(250)]
    texts = plan((f.id.in_(ids), f.x == 1)).texts
    assert len(texts) == 3
    assert all(text is not None and text.endswith(",x=1") and text.count(",") <= MOST_VALUES for text in texts)
    assert [value for text in texts for value in conditions(text)[0]] == ids
    assert plan((f.id.in_([]), f.x == 1)).texts == []
    long = ["ä" * 300 + str(number) for number in range(30)]
    texts = plan((f.label.in_(long), f.code.in_(long))).texts
    assert len(texts) > 4
    assert {tuple(conditions(text)[0]) for text in texts} == {tuple(conditions(text)[1]) for text in texts}
    assert len(plan((f.label.in_(["x" * 2 * MOST_BYTES]),)).texts) == 1


def conditions(text: str | None) -> list[list[object]]:
    found = parse_filter(text or "")
    return [
        [operand.value for operand in c.operands if isinstance(operand, Text)] for c in found if isinstance(c, AnyOf)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label=42", 'label="42"'),
        ("label!=0042", 'label!="0042"'),
        ("subject.code=2024-01-31", 'subject.code="2024-01-31"'),
        ("name=true", 'name="true"'),
        ("label=null", 'label="null"'),
        ("label=5d2761383289d60037e8f5e5", "an id"),
        ("label=|[a,42]", 'label="42"'),
        ("label==x", "label=x"),
        ("a<>b", "a!=b"),
        ("n=>5", "n>=5"),
        ("n=<5", "n<=5"),
        ("label~=x", "label=~x"),
        ("label like 'a=b'", "write label=~rest"),
        ("label in [a=b]", "write label=|[a,b]"),
        ("age<30", "946728000"),
        ("subject.age>=2.5", "78894000"),
        ('created>"2024-01-31"', "created>2024-01-31"),
        ("project=My Study", "give its id"),
        ('parents.subject="0042"', "get the subject first"),
        (f.session == "visit 1", "24 hex digits"),
        (f.label == 42, "str"),
        (f.age < 30, "946728000"),
        (f.uid.in_(["a", 5, 6]), "a number"),
    ],
)
def test_doubts(text: object, said: str) -> None:
    (doubt,) = plan((text,)).doubts
    assert said in doubt


@pytest.mark.parametrize(
    "text",
    [
        'label="42"', "label=x", "label=~42", "label!=null", "info.label=42", "age<946728000", "info.age<30", "a>=5",
        "created>2024-01-31", "label=a<b", 'info.created="2024-01-31"', "age=0", "label=|[a,'42']", "n=-5", "a=~=x",
        "project=5d2761383289d60037e8f5e5", "group=neuro", "subject.label=x", "parents.session=null", "info.project=x",
    ],
)  # fmt: skip
def test_no_doubts(text: str) -> None:
    assert plan((text,)).doubts == []


# What the builder writes, a site reads back as the same condition.

names = st.text(st.characters(codec="utf-8", exclude_characters="=<>!,.$"), min_size=1, max_size=6).filter(
    lambda name: name == name.strip() and name != "id"
)
texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "0042",
        "1e5",
        "null",
        "true",
        "2024-01-31",
        "|[a]",
        "~x",
        "5d2761383289d60037e8f5e5",
        "\\",
        '"',
        "',\"",
        "\\,",
        "]",
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.dates(date(1, 1, 2), date(9999, 12, 30))
    | st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.sampled_from([UTC, BERLIN]))
)
patterns = st.text(st.characters(codec="utf-8") | st.sampled_from("\\,"), max_size=12).filter(
    lambda text: text.strip() != "" and not text.endswith("\\")
)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)


def operand(value: object) -> Operand:
    if value is None:
        return Null()
    if isinstance(value, bool):
        return Bool(value)
    if isinstance(value, int | float):
        return Number(value)
    if isinstance(value, datetime):
        return Instant(to_ms(value))
    if isinstance(value, date):
        return Instant(to_ms(datetime(value.year, value.month, value.day)))
    assert isinstance(value, str)
    return Text(value)


def expected(expression: Expression) -> Condition:
    match expression:
        case Comparison(path, operator, value):
            return Compare(path, operator, operand(value))
        case OneOf(path, values):
            return AnyOf(path, tuple(dict.fromkeys(operand(value) for value in values)))
        case Matches(path, pattern):
            return Search(path, pattern)
        case _:
            raise AssertionError(expression)


expressions = st.one_of(
    st.builds(Comparison, paths, st.sampled_from(["=", "!="]), scalars),
    st.builds(
        Comparison, paths, st.sampled_from(["<", "<=", ">", ">="]), texts | st.integers(-9, 9) | st.floats(-1, 1)
    ),
    st.builds(
        OneOf, paths, st.lists(scalars, min_size=1, max_size=5, unique_by=lambda v: (type(v), repr(v))).map(tuple)
    ),
    st.builds(Matches, paths, patterns),
)


@given(st.lists(expressions, min_size=1, max_size=4))
def test_a_site_reads_back_what_was_written(parts: list[Expression]) -> None:
    assert parse_filter(written(All(tuple(parts))) or "") == tuple(expected(part) for part in parts)


@given(st.lists(paths, min_size=1, max_size=4), st.lists(texts, min_size=4, max_size=4))
def test_no_value_changes_the_structure(fields: list[tuple[str, ...]], values: list[str]) -> None:
    kinds: list[Any] = [
        lambda p, v: Comparison(p, "=", v),
        lambda p, v: OneOf(p, (v, v + "x")),
        lambda p, v: Matches(p, "x" + v + "\\\\"),
    ]
    parts = [kind(path, value) for path, value in zip(fields, values, strict=False) for kind in kinds]
    try:
        text = written(*parts)
    except ArgumentError:
        return  # a pattern that ends with a lone backslash
    assert [condition.path for condition in parse_filter(text or "")] == [part.path for part in parts]
