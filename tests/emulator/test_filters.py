"""The filter and sort grammar: text to conditions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.filters import parse_filter
from flywheel_async.emulator.query.paging import ListQuery, parse_list_query
from flywheel_async.emulator.query.sorting import parse_sort
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
    SortKey,
    Text,
)

OBJECT_ID = "0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("label=word", Compare(("label",), "=", Text("word"))),
        (" label = two words ", Compare(("label",), "=", Text("two words"))),
        ("label=123", Compare(("label",), "=", Number(123))),
        ('label="123"', Compare(("label",), "=", Text("123"))),
        ("label='a,b'", Compare(("label",), "=", Text("a,b"))),
        (r"label='it\'s'", Compare(("label",), "=", Text("it's"))),
        (r'label="say \"hi\""', Compare(("label",), "=", Text('say "hi"'))),
        (r'label="back\\slash"', Compare(("label",), "=", Text("back\\slash"))),
        (r'label="a\,b"', Compare(("label",), "=", Text("a,b"))),
        (r"label=a\,b", Compare(("label",), "=", Text("a,b"))),
        ('label=""', Compare(("label",), "=", Text(""))),
        (f"project={OBJECT_ID}", Compare(("project",), "=", Text(OBJECT_ID))),
        ("info.a.b>=1.5", Compare(("info", "a", "b"), ">=", Number(1.5))),
        ("info.a<=-2e3", Compare(("info", "a"), "<=", Number(-2000.0))),
        ("a!=null", Compare(("a",), "!=", Null())),
        ("a=true", Compare(("a",), "=", Bool(True))),
        ("a=True", Compare(("a",), "=", Text("True"))),
        ("created>2020-01-01", Compare(("created",), ">", Instant(1577836800000))),
        ("created>2020-01-01T01:00:00+01:00", Compare(("created",), ">", Instant(1577836800000))),
        ("created<2020-01-01T00:00:00.250Z", Compare(("created",), "<", Instant(1577836800250))),
        ("label=2020-13-01", Compare(("label",), "=", Text("2020-13-01"))),
        ("label=~^sub-.*$", Search(("label",), "^sub-.*$")),
        ('label=~"x"', Search(("label",), '"x"')),
        (r"label=~a{1\,3}", Search(("label",), "a{1,3}")),
        ("a=|[1,'x,y', z]", AnyOf(("a",), (Number(1), Text("x,y"), Text("z")))),
        ("a=|[null]", AnyOf(("a",), (Null(),))),
        ("a=b=c", Compare(("a",), "=", Text("b=c"))),
        ("a=>3", Compare(("a",), "=", Text(">3"))),
        ("a=99999999999999999999", Compare(("a",), "=", Number(1e20))),
    ],
)
def test_one_term(text: str, condition: Condition) -> None:
    assert parse_filter(text) == (condition,)


def test_terms_are_joined_by_commas() -> None:
    found = parse_filter("a=1,b=|[x,y] , c=~d,e='f,g'")
    assert found == (
        Compare(("a",), "=", Number(1)),
        AnyOf(("b",), (Text("x"), Text("y"))),
        Search(("c",), "d"),
        Compare(("e",), "=", Text("f,g")),
    )


@pytest.mark.parametrize("text", ["", "  "])
def test_no_filter(text: str) -> None:
    assert parse_filter(text) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("label", "no operator"),
        ("label=", "is empty"),
        ("label= ,a=1", "is empty"),
        ("label=~", "is empty"),
        ("=x", "is not a key"),
        ("a..b=x", "is not a key"),
        ("a=1,", "an empty term"),
        (",a=1", "an empty term"),
        ("a,b=1", "'a' has no operator"),
        ("a='x", "not closed"),
        ("a='x'y", "a comma is missing"),
        ("a=|[]", "is empty"),
        ("a=|[1", "not closed by ]"),
        ("a=|[1]b", "a comma is missing"),
        ("a<null", "needs a number"),
        ("a>=true", "needs a number"),
        (",".join(["a=1"] * 101), "more than 100 terms"),
        (".".join(["a"] * 21) + "=1", "is not a key"),
    ],
)
def test_mistakes_are_422_and_say_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_filter(text)
    assert caught.value.status == 422
    assert why in caught.value.message


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PATHS = st.lists(st.from_regex(r"[a-zA-Z_][\w-]{0,5}", fullmatch=True), min_size=1, max_size=4).map(tuple)
OPERANDS: st.SearchStrategy[Operand] = st.one_of(
    TEXTS.map(Text),
    st.integers(-(2**63), 2**63 - 1).map(Number),
    st.booleans().map(Bool),
    st.just(Null()),
)
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, PATHS, st.sampled_from(["=", "!="]), OPERANDS),
    st.builds(Compare, PATHS, st.sampled_from(["<", "<=", ">", ">="]), TEXTS.map(Text)),
    st.builds(AnyOf, PATHS, st.lists(OPERANDS, min_size=1, max_size=4).map(tuple)),
    st.builds(Search, PATHS, TEXTS.filter(lambda text: text.strip() and "\\" not in text)),
)


def write(operand: Operand) -> str:
    match operand:
        case Text(value):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Number(value):
            return str(value)
        case Bool(value):
            return str(value).lower()
        case Null():
            return "null"
        case Instant():
            raise AssertionError("not generated")


def write_condition(condition: Condition) -> str:
    key = ".".join(condition.path)
    match condition:
        case Compare(_, op, operand):
            return f"{key}{op}{write(operand)}"
        case AnyOf(_, operands):
            return f"{key}=|[{','.join(write(operand) for operand in operands)}]"
        case Search(_, pattern):
            return f"{key}=~{pattern}".replace(",", "\\,")


@given(st.lists(CONDITIONS, max_size=4))
def test_what_is_written_is_read_back(conditions: list[Condition]) -> None:
    text = ",".join(write_condition(condition) for condition in conditions)
    assert list(parse_filter(text)) == conditions


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_filter(text)
        parse_sort(text)
    except Problem as problem:
        assert problem.status == 422


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        ("label", (SortKey(("label",)),)),
        ("label:asc,created:desc", (SortKey(("label",)), SortKey(("created",), True))),
        ("a.b:-1, c:1", (SortKey(("a", "b"), True), SortKey(("c",)))),
    ],
)
def test_sort(text: str, keys: tuple[SortKey, ...]) -> None:
    assert parse_sort(text) == keys


@pytest.mark.parametrize("text", ["a:up", ",", "a,,b", ":asc", ",".join(["a"] * 21)])
def test_sort_mistakes(text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_sort(text)
    assert caught.value.status == 422


def test_paging_parameters() -> None:
    assert parse_list_query({}) == ListQuery()
    assert parse_list_query({"limit": ["2"]}) == ListQuery(limit=2)
    assert parse_list_query({"limit": [""], "after_id": [""], "junk": ["1", "2"]}) == ListQuery()
    assert parse_list_query({"limit": ["0"]}) == ListQuery(), "limit 0 means all"
    assert parse_list_query({"limit": ["10"], "page": ["3"]}) == ListQuery(limit=10, skip=20)
    assert parse_list_query({"after_id": ["x"], "limit": ["1"]}) == ListQuery(limit=1, after_id="x")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": ["2", "3"]},
        {"limit": ["-1"]},
        {"limit": ["two"]},
        {"limit": ["1.5"]},
        {"limit": ["9" * 20]},
        {"page": ["1"]},
        {"page": ["0"], "limit": ["5"]},
        {"page": ["1"], "limit": ["5"], "skip": ["1"]},
        {"after_id": [""], "sort": ["label"]},
        {"after_id": ["x"], "page": ["1"], "limit": ["5"]},
        {"after_id": ["x"], "skip": ["1"]},
        {"filter": ["a=1", "b=1"]},
    ],
)
def test_paging_mistakes_are_422(query: dict[str, list[str]]) -> None:
    with pytest.raises(Problem) as caught:
        parse_list_query(query)
    assert caught.value.status == 422
