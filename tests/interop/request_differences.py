"""Where our requests are meant to differ from those of the official client, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from tests.interop.recorder import Recorded
from tests.interop.samples import ALL, CONTENT_TYPE, DOTS, NAIVE, NO_LIST, NONES, PAGES, SEVERAL, Case, model_defaults

from flywheel_async import ArgumentError

Outcome = Recorded | Exception
"""What a call led to: its request, or what it raised in place of sending one."""


@dataclass(frozen=True)
class Place:
    """One place in which the outcomes of the same call differ.

    Attributes:
        case: The call.
        part: `outcome`, `method`, `path`, `query`, `header` or `body`.
        name: The name of the header, else empty.
        official: What the official client did there.
        ours: What our client did there.
    """

    case: Case
    part: str
    name: str
    official: object
    ours: object

    def __str__(self) -> str:
        where = f"{self.part} {self.name}".strip()
        return f"{self.case}: {where}\n    official {self.official!r:.400}\n    ours     {self.ours!r:.400}"


@dataclass(frozen=True)
class Difference:
    """One deliberate difference.

    Attributes:
        reason: Why ours is the better request, or just as good.
        covers: Tells which places it explains.
    """

    reason: str
    covers: Callable[[Place], bool]


def places(case: Case, official: Outcome, ours: Outcome) -> Iterator[Place]:
    """Yields where the outcomes of one call differ."""
    if not isinstance(official, Recorded) or not isinstance(ours, Recorded):
        yield Place(case, "outcome", "", official, ours)
        return
    if official.method != ours.method:
        yield Place(case, "method", "", official.method, ours.method)
    if official.path != ours.path:
        yield Place(case, "path", "", official.path, ours.path)
    if official.query != ours.query:
        yield Place(case, "query", "", official.query, ours.query)
    for name in sorted({name for one in (official, ours) for name, _ in one.headers}):
        left, right = _comparable(official.header(name)), _comparable(ours.header(name))
        if left != right:
            yield Place(case, "header", name, left, right)
    if _text(official.content()) != _text(ours.content()):
        yield Place(case, "body", "", official.content(), ours.content())


def _comparable(header: str | None) -> str | None:
    """A header without the boundary of a multipart body, which is random."""
    return header.partition("; boundary=")[0] if header is not None else None


def _text(content: object) -> str:
    """A body as text, in which `true` and `1` are not the same."""
    return json.dumps(content, sort_keys=True, default=repr)


_defaults = cache(model_defaults)


def _is_header(name: str) -> Callable[[Place], bool]:
    return lambda place: place.part == "header" and place.name == name


def _only_empty_values_lack(place: Place) -> bool:
    if place.part != "query" or place.case.name != NONES:
        return False
    ours = list(place.ours)
    defaults = {param.name: param.client_sends for param in place.case.op.query_params}
    expected = [(name, value or defaults[name]) for name, value in place.official if value or defaults[name]]
    return expected == ours and expected != list(place.official)


def _only_defaults_lack(place: Place) -> bool:
    # Where all members are given, none may lack.
    return (
        place.part == "body"
        and not place.case.name.startswith(ALL)
        and _lacks_only_defaults(place.official, place.ours)
    )


def _lacks_only_defaults(official: object, ours: object) -> bool:
    if isinstance(official, dict) and isinstance(ours, dict):
        missing = [(name, value) for name, value in official.items() if name not in ours]
        return (
            ours.keys() <= official.keys()
            and all(value in _defaults().get(name, ()) for name, value in missing)
            and all(_lacks_only_defaults(official[name], value) for name, value in ours.items())
        )
    if isinstance(official, list) and isinstance(ours, list):
        return len(official) == len(ours) and all(map(_lacks_only_defaults, official, ours))
    return type(official) is type(ours) and official == ours


def _only_names_type_of_metadata(place: Place) -> bool:
    if place.part != "body" or not isinstance(place.official, list):
        return False
    named = [
        replace(part, content_type="application/json") if part.name == "metadata" else part for part in place.official
    ]
    return place.official != named == place.ours


def _form_without_files(place: Place) -> bool:
    if place.part == "body":
        return place.official is None and place.ours == []
    types = (None, "application/x-www-form-urlencoded")
    is_type = place.part == "header" and place.name == "content-type"
    return is_type and place.official in types and place.ours == "multipart/form-data"


def _refused(case: str) -> Callable[[Place], bool]:
    return lambda place: (
        place.part == "outcome"
        and place.case.name == case
        and isinstance(place.official, Recorded)
        and isinstance(place.ours, ArgumentError)
    )


DIFFERENCES = [
    Difference("It names the client.", _is_header("user-agent")),
    Difference(
        "A stored file has to arrive byte for byte; of what is left, sites offer gzip.", _is_header("accept-encoding")
    ),
    Difference("HTTP/1.1 keeps connections alive without being asked.", _is_header("connection")),
    Difference(
        "Our JSON is not escaped to ASCII, so it is shorter, and a request without a body says so. "
        "The bodies themselves are compared.",
        _is_header("content-length"),
    ),
    Difference(
        "None means left out everywhere in this package, and an empty text is an empty value. The official client "
        "sends an empty value for None, which sites have to take for left out; for `ticket` it asks for a ticket.",
        _only_empty_values_lack,
    ),
    Difference(
        "A model sends what it was given. The official constructors also send the defaults of the members left out; "
        "a site assumes those by itself, and in a change of some members they would overwrite what is stored.",
        _only_defaults_lack,
    ),
    Difference("The metadata of an upload is JSON, and its part says so.", _only_names_type_of_metadata),
    Difference(
        "A form is multipart, as the table says. Without files the official client sends another kind of form, and "
        "without metadata either nothing at all.",
        _form_without_files,
    ),
    Difference(
        "The official client puts the given type in place of the multipart type with its boundary, "
        "so that no site can read the upload.",
        _refused(CONTENT_TYPE),
    ),
    Difference(
        "The official client drops the dots and what is before them, and so takes another route.", _refused(DOTS)
    ),
    Difference("A moment without a zone is another one on each machine.", _refused(NAIVE)),
    Difference("The official client sends the list as Python shows it.", _refused(SEVERAL)),
    Difference("A text is a list of its letters, or a mistake.", _refused(NO_LIST)),
    Difference(
        "Pages are supported here; the official client refuses the feature.",
        lambda place: (
            place.part == "outcome"
            and place.case.name == PAGES
            and isinstance(place.official, NotImplementedError)
            and isinstance(place.ours, Recorded)
            and str(place.ours.header("x-accept-feature")).endswith(",pagination")
        ),
    ),
]
"""The one table of deliberate differences. Each has to be seen, or the test fails."""
