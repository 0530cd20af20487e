"""The grammar of finder filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.emulator.problems import Problem
from flywheel_async.emulator.query.filters import parse_filter as read_by_site
from flywheel_async.errors import ArgumentError
from flywheel_async.filter_writing import plan
from flywheel_async.filters import OPERATORS, Term, listed, parse_filter, parse_term, split_terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("label=x", ["label=x"]),
        ("label=x, sex=male", ["label=x", "sex=male"]),
        ('label="a,b",sex=male', ['label="a,b"', "sex=male"]),
        ("label='a,b',sex=male", ["label='a,b'", "sex=male"]),
        (r'label="a\",b"', [r'label="a\",b"']),
        (r"label=a\,b", [r"label=a\,b"]),
        ("tags=|[a,b],sex=male", ["tags=|[a,b]", "sex=male"]),
        ('tags=|["a]","b,c"]', ['tags=|["a]","b,c"]']),
        ("label=~rest.*", ["label=~rest.*"]),
        (r"label=~a\\,b", [r"label=~a\\,b"]),
        ("label=~[\"',sex=male", ["label=~[\"'", "sex=male"]),
        ("label=~a|[b,sex=male", ["label=~a|[b", "sex=male"]),
        ("tags=|[a,b", ["tags=|[a,b"]),
        ("label=it's,sex=male", ["label=it's", "sex=male"]),
        ('label=5" coil,sex=male', ['label=5" coil', "sex=male"]),
    ],
)
def test_splitting(text: str, terms: list[str]) -> None:
    assert list(split_terms(text)) == terms
    assert plan((text,)).texts == [text]


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_is_read(operator: str) -> None:
    assert parse_term(f"info.x {operator} 5") == Term("info.x", operator, "5")


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (("label",), "no operator"),
        (("label=",), "no value"),
        (("label= ",), "no value"),
        (("=x",), "no field"),
        (("",), "empty"),
        (("a=1,,b=2",), "empty term"),
        (("a=1,",), "empty term"),
        (('label="x',), "not closed"),
        ((5,), "must be a text"),
        ((["a=1"],), "must be a text"),
        (("label like x",), "no 'like'; write label=~"),
        (("label in [a,b]",), r"no 'in'; write label=\|\["),
        (("label not in [a,b]",), "no 'not in'; write label!="),
        (("label !~ x",), "there is no '!~'"),
        ((r"label=~a\\", "b=1"), "make it the last"),
    ],
)
def test_refused_before_any_request(filters: tuple[object, ...], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        plan(filters)


def test_joining() -> None:
    assert plan(()).texts == [None]
    assert plan(("a=1", "b=2"), "c=3").texts == ["a=1,b=2,c=3"]
    assert plan((r"a=~\d\\",)).texts == [r"a=~\d\\"]


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=4))
def test_quoted_values_never_change_the_structure(values: list[str]) -> None:
    terms = ['label="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    assert list(split_terms(",".join(terms))) == terms
    assert all(parse_term(term).operator == "=" for term in terms)


@given(st.text(max_size=40))
def test_any_text_is_joined_or_refused(text: str) -> None:
    try:
        assert plan((text,)).texts == [text]
    except ArgumentError:
        pass


@pytest.mark.parametrize(
    ("value", "values"),
    [("x", None), ("|[a]", ["a"]), ("|[a, \"b,]c\",'d']", ["a", '"b,]c"', "'d'"]), ("|[a,b", ["a", "b"])],
)
def test_lists(value: str, values: list[str] | None) -> None:
    assert listed(value) == values


@given(st.text(max_size=40))
def test_terms_are_cut_where_a_site_cuts_them(text: str) -> None:
    """Whatever both read, they read as the same number of conditions."""
    try:
        ours = len(parse_filter(text))
        theirs = len(read_by_site(text))
    except (ArgumentError, Problem):
        return
    assert ours == theirs
