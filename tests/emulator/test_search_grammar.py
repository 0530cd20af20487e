"""The query language: text to tree, mistakes and their places, hostile texts."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.emulator.search_queries import a_query, flat, quoted, written

from flywheel_async.emulator.query.terms import Bool, Number, Text
from flywheel_async.emulator.search.grammar import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, MAX_VALUES, QueryError, parse
from flywheel_async.emulator.search.tree import And, Contains, Exists, Is, Like, Matches, Moment, Not, OneOf, Or, Query
from flywheel_async.emulator.search.words import write_field, write_text

A = Is(("a",), "=", Text("x"))
B = Is(("b",), "=", Number(1))
C = Exists(("c",))


def moment(*parts: int) -> Moment:
    return Moment(int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("a = x", A),
        ("a == x", A),
        ('"a"="x"', A),
        ("a != x", Not(A)),
        ("a <> x", Not(A)),
        ("NOT a = x", Not(A)),
        ("not (a = x)", Not(A)),
        ("a.b.c < 1", Is(("a", "b", "c"), "<", Number(1))),
        ("a >= -2.50", Is(("a",), ">=", Number(-2.5))),
        ("a = 1e5", Is(("a",), "=", Text("1e5"))),
        ("a = +1", Is(("a",), "=", Text("+1"))),
        ("a = .5", Is(("a",), "=", Text(".5"))),
        ("a = 99999999999999999999", Is(("a",), "=", Number(1e20))),
        ("a = 690312345678901234567890", Is(("a",), "=", Text("690312345678901234567890"))),
        ("a = true", Is(("a",), "=", Bool(True))),
        ("a = True", Is(("a",), "=", Text("True"))),
        ('a = "true"', Is(("a",), "=", Text("true"))),
        ('a = "1"', Is(("a",), "=", Text("1"))),
        ("a = 2020-01-02", Is(("a",), "=", moment(2020, 1, 2))),
        ("a > 2020-01-02T01:02:03", Is(("a",), ">", moment(2020, 1, 2, 1, 2, 3))),
        ("a > 2020-01-02T01:02:03+01:00", Is(("a",), ">", moment(2020, 1, 2, 0, 2, 3))),
        ("a > 1970-01-01T00:00:00.000001Z", Is(("a",), ">", Moment(1))),
        ("a = 2020-13-01", Is(("a",), "=", Text("2020-13-01"))),
        ('a = "2020-01-02"', Is(("a",), "=", Text("2020-01-02"))),
        (r'a = "q\"\\\n\d"', Is(("a",), "=", Text('q"\\\n\\d'))),
        ('a = ""', Is(("a",), "=", Text(""))),
        ('"a b.c" = x', Is(("a b", "c"), "=", Text("x"))),
        (r"a =~ sub-\d+", Matches(("a",), r"sub-\d+")),
        ("a !~ x.*", Not(Matches(("a",), "x.*"))),
        ("a LIKE %x_", Like(("a",), "%x_")),
        ("a like 1", Like(("a",), "1")),
        ("a CONTAINS 12", Contains(("a",), "12")),
        ("c EXISTS", C),
        ("c exists", C),
        ("a IN [x, 1,true]", OneOf(("a",), (Text("x"), Number(1), Bool(True)))),
        ('a in ["x,y"]', OneOf(("a",), (Text("x,y"),))),
        ("a = x AND b = 1 AND c EXISTS", And((A, B, C))),
        ("a = x OR b = 1 AND c EXISTS", Or((A, And((B, C))))),
        ("a = x and b = 1 or c exists", Or((And((A, B)), C))),
        ("(a = x OR b = 1) AND c EXISTS", And((Or((A, B)), C))),
        ("((a = x)) AND (b = 1 AND c EXISTS)", And((A, B, C))),
        ("NOT a = x AND NOT c EXISTS", And((Not(A), Not(C)))),
        ("NOT (a = x OR NOT (b = 1))", Not(Or((A, Not(B))))),
        ("\n a\t=\nx ", A),
        ("And = x", Is(("And",), "=", Text("x"))),
        ("a = And", Is(("a",), "=", Text("And"))),
        ('"AND" = "OR"', Is(("AND",), "=", Text("OR"))),
        ("a=b = x=y", Is(("a=b",), "=", Text("x=y"))),
        ("a = info", Is(("a",), "=", Text("info"))),
    ],
)
def test_text_to_tree(text: str, query: Query) -> None:
    assert repr(parse(text)) == repr(query)


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "ends where a term"),
        ("a", 1, "ends where an operator"),
        ("a =", 3, "ends where a value"),
        ("a=b", 3, "put spaces around operators"),
        ('a="b"', 2, "put spaces around operators"),
        ("a = 'b'", 4, "single quotes"),
        ('a = "b', 4, "not closed"),
        ("a = b c", 6, "AND, OR or the end"),
        ("(a = b", 6, "AND, OR or )"),
        ("a = b)", 5, "AND, OR or the end"),
        ("a = AND", 4, "a value"),
        ("a And b", 2, "an operator"),
        ("NOT NOT a = b", 4, "a term or ("),
        ("a IN b", 5, "a list in [ ]"),
        ("a IN []", 6, "a value"),
        ("a IN [b c]", 8, ", or ]"),
        ("a IN [b,]", 8, "a value"),
        ("a = [b]", 4, "a value"),
        ("a , b", 2, "an operator"),
        ("a..b = c", 0, "not a field"),
        ('"" = c', 0, "not a field"),
        ("a CONTAINS x", 11, "at least 2 characters"),
        ("a < true", 4, "a number, a date or a text"),
        ("a =~ (", 5, "a value"),
        ('a =~ "("', 5, "bad regular expression"),
        (f"a LIKE {'x' * 2000}", 7, "longer than 1000"),
        (f"{'a.' * 20}a = b", 0, "not a field"),
    ],
)
def test_mistakes_have_a_place_and_a_reason(text: str, offset: int, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.pos, caught.value.offset) == (1, offset + 1, offset)
    assert message in caught.value.message


def test_places_are_counted_by_lines() -> None:
    with pytest.raises(QueryError) as caught:
        parse("a = b AND\r\n\n  c =")
    assert (caught.value.line, caught.value.pos, caught.value.offset) == (3, 6, 17)


def test_what_is_within_the_limits_is_read() -> None:
    parse("(" * MAX_DEPTH + "a = b" + ")" * MAX_DEPTH)
    parse(" OR ".join(["NOT a = b"] * MAX_TERMS))
    parse(f"a IN [{','.join(['x'] * MAX_VALUES)}]")
    parse("a = b".ljust(MAX_LENGTH))


MIB = 2**20
HOSTILE = {
    "deep": "(" * 1000 + "a = b" + ")" * 1000,
    "deep NOT": "NOT (" * 1000 + "a = b" + ")" * 1000,
    "chain of NOT": "NOT " * 100_000,
    "long word": "a" * MIB,
    "long text": 'a = "' + "x" * MIB,
    "long list": f"a IN [{'x,' * (MIB // 2)}x]",
    "many terms": "a = b OR " * (MIB // 9),
    "many words": "a " * (MAX_LENGTH // 2),
    "open quotes": '"\\' * (MAX_LENGTH // 2),
    "many quotes": '"' * MAX_LENGTH,
    "single quotes": "'" * MAX_LENGTH,
    "brackets": "[" * MAX_LENGTH,
    "closing": ")" * MAX_LENGTH,
    "blanks": " " * MAX_LENGTH,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_refused_promptly(text: str) -> None:
    started = time.process_time()
    with pytest.raises(QueryError):
        parse(text)
    assert time.process_time() - started < 1


@given(a_query())
def test_what_is_written_is_read_back(query: Query) -> None:
    assert repr(parse(written(query))) == repr(flat(query))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(TEXTS, TEXTS)
@example('" OR a = "b', "]")
@example("\\", '\\" AND x EXISTS')
@example("\n", "true")
def test_values_never_change_the_tree(first: str, second: str) -> None:
    query = parse(f"a = {quoted(first)} AND b IN [{quoted(second)}, {write_text(first)}] AND NOT c LIKE x")
    values = (Text(second), Text(first))
    assert repr(query) == repr(And((Is(("a",), "=", Text(first)), OneOf(("b",), values), Not(Like(("c",), "x")))))


@given(TEXTS.filter(lambda name: name and "." not in name))
def test_suggested_names_are_read_back(name: str) -> None:
    assert parse(f"{write_field(name)} EXISTS") == Exists((name,))


@given(st.text(st.sampled_from("ab =<>!~()[],'\"\\\n ANDORTI"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        assert 0 <= error.offset <= len(text)
        assert error.line >= 1
        assert error.pos >= 1
