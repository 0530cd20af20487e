"""The coverage table: every method of every kind of object, and the client's own, with each of the three clients.

The rows come from the description of the official client and from our classes, so that neither can have a method
without a case. Run it with `-s` to see the table.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tests.interop.cases_files  # noqa: F401  (declares its cases)
from tests.interop.cases_names import NAMED, name_of
from tests.interop.cases_objects import case_of
from tests.interop.clients import QUIET
from tests.interop.flavours import FLAVOURS, Flavour, Witness, flavour
from tests.interop.worlds import KINDS, Run, World

import flywheel_async
import flywheel_async.models
from flywheel_async.emulator import Emulator

pytestmark = [*QUIET, pytest.mark.timeout(180)]

API = Path(__file__).parents[2] / "tools/api"

BROKEN = {
    "file_ref": ("forgets the name and raises TypeError", "names the file"),
    "get_{}_analysis": ("gives an object without methods", "gives an Analysis"),
    "modify_{}_info file": ("raises AttributeError before it sends", "merges the info"),
    "replace_{}_info file": ("raises AttributeError before it sends", "replaces the info"),
}
"""What does not work in the official client, and what ours does instead; by method, some with the kind."""

if find_spec("pytz") is None:
    BROKEN["original_timestamp"] = ("needs pytz, which it does not install", "needs nothing")

NAMED_KINDS = (*KINDS, "container")
"""The kinds as they stand in the names of the client's own methods; `container` stands for any."""

OK, NOT_OFFERED, NOT_SERVED, FAILED = "+", "-", "5", "!"
LEGEND = f"""{OK} works, {FAILED} broken, {NOT_OFFERED} not offered, {NOT_SERVED} not served by the emulator (501)
Each cell: async, sync, official."""


@cache
def described(kind: str) -> frozenset[str]:
    """What the description of the official client's classes lists for one kind."""
    mixins = {row["name"]: row for row in json.loads((API / "models.json").read_bytes())["mixins"]}

    def names(row: Any) -> Iterator[str]:
        yield from (method["name"] for method in row.get("methods", ()))
        yield from row.get("properties", ())
        yield from row.get("child_types", ())
        for base in row["bases"]:
            yield from names(mixins[base])

    return frozenset(names(mixins[f"{kind.capitalize()}Mixin"])) | {"container_type", "child_types"}


@cache
def offered(kind: str) -> frozenset[str]:
    """The public methods and properties of our class of one kind."""
    return frozenset(
        name
        for owner in getattr(flywheel_async.models, kind.capitalize()).__mro__
        if owner.__module__.startswith("flywheel_async.models.")
        for name, value in vars(owner).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    )


@cache
def operations() -> frozenset[str]:
    """The names of the client's own methods."""
    table = json.loads((API / "operations.json").read_bytes())
    return frozenset(row["id"] for row in table["operations"]) | {row["name"] for row in table["derived"]}


def has(cls: type, name: str) -> bool:
    """Whether objects of a class offer a name; the official client makes finders of child types as they are used."""
    return hasattr(cls, name) or name in {*getattr(cls, "model_fields", ()), *getattr(cls, "child_types", ())}


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    mark: str
    text: str = ""


Table = dict[tuple[str, str, str], Outcome]
"""Outcomes by row, kind and flavour."""


def outcome(work: Callable[[], None]) -> Outcome:
    try:
        work()
    except Exception as error:  # whatever a client does wrong belongs into the table
        unserved = getattr(error, "status", None) == 501
        return Outcome(NOT_SERVED if unserved else FAILED, f"{type(error).__name__}: {error}"[:300])
    return Outcome(OK)


def try_objects(site: Emulator, client: Flavour, witness: Witness) -> Table:
    """Runs the cases of the objects' methods with one client."""
    found: Table = {}
    for kind in KINDS:
        world = World(witness)
        cls = type(Run(client, kind, world, site).item())
        for name in described(kind) | offered(kind):
            check = case_of(name, kind)
            if not has(cls, name):
                found[name, kind, client.name] = Outcome(NOT_OFFERED)
            elif check:
                found[name, kind, client.name] = outcome(lambda: check(Run(client, kind, world, site)))  # noqa: B023
    return found


def try_names(site: Emulator, client: Flavour, witness: Witness) -> Table:
    """Runs the cases of the client's own methods with one client."""
    found: Table = {}
    for kind in NAMED_KINDS:
        world = World(witness)
        for pattern, check in NAMED.items():
            name = name_of(pattern, kind)
            if name in operations():
                found[pattern, kind, client.name] = outcome(partial(check, Run(client, kind, world, site), name))
    return found


@pytest.fixture(scope="module")
def tables() -> tuple[Table, Table]:
    """All outcomes: of the objects' methods, and of the client's own."""
    objects: Table = {}
    names: Table = {}
    with Emulator() as site:
        witness = Witness(site)
        for name in FLAVOURS:
            with flavour(name, site.api_key) as client:
                objects |= try_objects(site, client, witness)
                names |= try_names(site, client, witness)
        witness.close()
    return objects, names


def known(row: str, kind: str) -> tuple[str, str] | None:
    """What is known to be broken in the official client."""
    return BROKEN.get(row) or BROKEN.get(f"{row} {kind}")


def drawn(title: str, table: Table, kinds: Iterable[str]) -> str:
    """The table as text."""
    rows = sorted({row for row, _, _ in table})
    width = max(map(len, rows)) + 2
    lines = [title.ljust(width) + "".join(kind.ljust(13) for kind in kinds)]
    for row in rows:
        cells = [
            "  ".join(table[row, kind, name].mark for name in FLAVOURS) if (row, kind, "official") in table else ""
            for kind in kinds
        ]
        lines.append((row.ljust(width) + "".join(cell.ljust(13) for cell in cells)).rstrip())
    return "\n".join(lines)


def test_the_table(tables: tuple[Table, Table], capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the tables, and what is broken."""
    objects, names = tables
    with capsys.disabled():
        print(f"\n{LEGEND}\n\n{drawn('method of objects', objects, KINDS)}")
        print(f"\n{drawn('method of the client', names, NAMED_KINDS)}")
        print(f"\nBroken in the official client {version('flywheel-sdk')}:")
        for name, (theirs, mine) in BROKEN.items():
            print(f"  {name}: {theirs}; ours {mine}")
        cells = len(objects) + len(names)
        print(f"\n{cells} cells, {sum(found.mark == OK for table in tables for found in table.values())} work")


def test_every_method_has_a_case() -> None:
    assert [(name, kind) for kind in KINDS for name in described(kind) | offered(kind) if not case_of(name, kind)] == []
    used = {name_of(pattern, kind) for pattern in NAMED for kind in NAMED_KINDS}
    assert wrapped() - used == set()


def wrapped() -> set[str]:
    """The names that stand for one part of the body of another, which the description lists by themselves."""
    table = json.loads((API / "operations.json").read_bytes())
    return {row["name"] for row in table["derived"] if "body_wrapped_in" in row}


def test_ours_offers_what_the_official_client_does(tables: tuple[Table, Table]) -> None:
    objects, _ = tables
    missing = {row for (row, _, name), found in objects.items() if name != "official" and found.mark == NOT_OFFERED}
    assert missing == set()


@pytest.mark.parametrize("name", FLAVOURS[:2])
def test_everything_works_in_ours(tables: tuple[Table, Table], name: str) -> None:
    failed = [
        f"{row} of {kind}: {found.text}"
        for table in tables
        for (row, kind, client), found in table.items()
        if client == name and found.mark in (FAILED, NOT_SERVED)
    ]
    assert failed == []


def test_what_is_broken_in_the_official_client(tables: tuple[Table, Table]) -> None:
    """Neither more nor less fails than is listed."""
    wrong = [
        f"{row} of {kind}: {found.mark} {found.text}"
        for table in tables
        for (row, kind, client), found in table.items()
        if client == "official" and (found.mark == FAILED) != (known(row, kind) is not None)
    ]
    assert wrong == []
    unserved = {row for table in tables for (row, _, _), found in table.items() if found.mark == NOT_SERVED}
    assert unserved == set()
