"""Arguments for every operation: values that all differ, so that swapped parameters show.

The same walk makes them for the official client and for ours. Only the shape of bodies differs: the official model
classes, our own model classes, or dictionaries under wire names.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Literal

from flywheel_async.raw.schemas import Kind, members_of, parse_kind, schemas
from flywheel_async.raw.table import Operation, Param, operation

Form = Literal["official", "ours", "plain"]

Arguments = tuple[tuple[object, ...], dict[str, object]]
"""Positional arguments and keywords of one call."""

ALL = "everything by name"
NONES = "None for what may be left out"
PAGES = "feature pagination"
CONTENT_TYPE = "content type"
DOTS = "dots as the id"
NAIVE = "date-time without a zone"
SEVERAL = "list for one value"
NO_LIST = "text for a list"

_MODELS = {"official": "flywheel", "ours": "flywheel_async.types"}


@dataclass(frozen=True)
class Case:
    """One call of one operation.

    Attributes:
        op: The operation.
        name: What is special about the arguments.
        make: Makes them, with models of the given form.
    """

    op: Operation
    name: str
    make: Callable[[Form], Arguments]

    def __str__(self) -> str:
        return f"{self.op.id} ({self.name})"


def cases(op: Operation) -> Iterator[Case]:
    """Yields the calls that an operation is tried with."""

    def case(name: str, make: Callable[[Samples], dict[str, object]]) -> Case:
        return Case(op, name, lambda form: ((), make(Samples(form))))

    def least(name: str, /, **more: object) -> Case:
        return case(name, lambda samples: _least(op, samples) | more)

    yield case(ALL, lambda samples: _all(op, samples))
    yield Case(op, "what is required, by position", lambda form: _by_position(op, _least(op, Samples(form))))
    tried = Samples("plain", 0)
    _all(op, tried)
    for bit in range(tried.count.bit_length() if tried.choices > 1 else 0):
        yield Case(op, f"{ALL}, pattern {bit}", lambda form, bit=bit: ((), _all(op, Samples(form, bit))))
    # Over None for a list the official client crashes.
    optional = [param for param in op.query_params if not param.required and not param.type.startswith("list[")]
    if optional:
        yield least(NONES, **dict.fromkeys(param.python_name for param in optional))
    headers = {param.name for param in op.header_params}
    if "x-accept-feature" in headers:
        yield least(PAGES, x_accept_feature=["pagination"])
    if "content-type" in headers:
        yield least(CONTENT_TYPE, content_type="application/dicom")
    if op.form_params and not any(param.required for param in op.form_params):
        yield least("metadata alone", metadata={"label": "ä & b"})
    if op.body is None:
        return
    first, *others = members_of(parse_kind(op.body.type))
    for other in others:
        yield case(f"body {other.name}", lambda samples, other=other: _with_body(op, samples, other))
    yield case("body of the simplest form", lambda samples: _with_body(op, samples, first, simple=True))
    yield least("empty body", body={"list": [], "str": ""}.get(first.name, {}))


def odd_cases() -> Iterator[Case]:
    """Yields calls with arguments that cannot be meant, one operation for each kind."""

    def case(name: str, operation_id: str, *values: object, **keywords: object) -> Case:
        return Case(operation(operation_id), name, lambda form: (values, dict(keywords)))

    yield case(DOTS, "delete_acquisition", "..")
    yield case(NAIVE, "get_access_log_report", start_date=datetime(2001, 2, 3, 4, 5))
    yield case(SEVERAL, "get_all_projects", filter=["label=a", "label=b"])
    yield case(NO_LIST, "add_project_tags", "an id", "tag")


class Samples:
    """Makes values by a running number, so that no two are equal, yet the same for each form of models.

    There are not enough different flags and members of enumerations for that. They follow one bit of the number, or
    what is above it; over the patterns of all bits no two of them have the same values.

    Args:
        form: The form of models.
        bit: The bit; None takes what neither the site assumes nor the client sends by itself, where that is known.

    Attributes:
        count: How many values were made.
        choices: How many of them were chosen out of a few.
    """

    def __init__(self, form: Form, bit: int | None = None) -> None:
        self.form: Form = form
        self.count = 0
        self.choices = 0
        self._bit = bit
        self._open: list[str] = []

    def path(self, param: Param) -> object:
        """A value for a place in the path, with characters that must not end the segment."""
        kind = parse_kind(param.type)
        return f"{param.name} /{self._next()}?ä#%2F+" if kind.name == "str" else self.value(kind, param.name)

    def header(self, param: Param) -> object:
        """A value for a header, which has to be ASCII and, in a list, without commas."""
        kind = parse_kind(param.type)
        if kind.name != "list":
            return f'bytes={self._next()}-, "{param.name}"'
        members = members_of(kind.args[0]) * 2
        return [f"feature-{self._next()}" if one.name == "str" else self.value(one, "feature") for one in members]

    def query(self, param: Param) -> object:
        """A value for the query."""
        if param.type == "bool" and self._bit is None:
            return not (param.default is True or param.client_sends == "true")
        return self.value(parse_kind(param.type), param.name)

    def form_part(self, param: Param, *, several: bool) -> object:
        """A value for a part of a form: metadata, or one file or two."""
        kind = members_of(parse_kind(param.type))[0]
        if kind.name != "file":
            return self.value(kind, param.name)
        files = [self._file(bytes(range(256)), "application/dicom"), self._file("text ä", None)]
        return files if several else files[0]

    def _file(self, contents: str | bytes, media_type: str | None) -> object:
        module = importlib.import_module("flywheel" if self.form == "official" else "flywheel_async")
        return module.FileSpec(f"scan {self._next()} ä.txt", contents, media_type)

    def value(self, kind: Kind, name: str, *, least: bool = False) -> Any:
        """A value of a type.

        Args:
            kind: The type.
            name: What it is for; goes into texts.
            least: Whether models get only the members they require.
        """
        if kind.name == "union":
            return self.value(kind.args[0 if least else self._next() % len(kind.args)], name, least=least)
        if kind.name == "list":
            return [self.value(kind.args[0], name, least=least) for _ in range(2)]
        if kind.name == "dict":
            return {f"{name}.$ {self._next()}": self.value(kind.args[0], name, least=least) for _ in range(2)}
        number = self._next()
        simple: dict[str, object] = {
            "str": f"{name} {number} äß😀&=?#%+;,'\"\\/",
            "int": number,
            "integer": number,
            "float": number + 0.25,
            "bool": bool(number >> (self._bit or 0) & 1),
            "date": date(2001, 2, 3) + timedelta(days=number),
            "datetime": datetime(2001, 2, 3, 4, 5, 6, 789, UTC) + timedelta(days=number, minutes=number),
            "object": {f"{name}.{number}": [number, None, True, 0.1, "ä", {"": []}]},
        }
        members = schemas().enums.get(kind.name)
        self.choices += kind.name == "bool" or members is not None
        if kind.name in simple:
            return simple[kind.name]
        return self._model(kind.name, least) if members is None else self._member(kind.name, members, number)

    def _member(self, enum: str, members: dict[str, str], number: int) -> object:
        # One feature changes what lists answer, and has a case of its own.
        names = [name for name in members if name != "PAGINATION"]
        name = names[(number >> (self._bit or 0)) % len(names)]
        return members[name] if self.form == "plain" else getattr(_class(self.form, enum), name)

    def _model(self, name: str, least: bool) -> object:
        self._open.append(schemas().aliases.get(name, name))
        chosen: dict[str, tuple[str, object]] = {}
        for field in _fields(name):
            kind = parse_kind(field["type"])
            if (field["required"] or not least) and not self._repeats(kind):
                chosen[field["name"]] = field["wire"], self.value(kind, field["name"], least=least)
        self._open.pop()
        if self.form == "plain":
            return dict(chosen.values())
        return _class(self.form, name)(**{name: value for name, (_, value) in chosen.items()})

    def _repeats(self, kind: Kind) -> bool:
        """Whether a type contains one that is being made right now, and so would never end."""
        return schemas().aliases.get(kind.name, kind.name) in self._open or any(map(self._repeats, kind.args))

    def _next(self) -> int:
        self.count += 1
        return self.count


def _all(op: Operation, samples: Samples) -> dict[str, object]:
    arguments = {param.python_name: samples.path(param) for param in op.path_params}
    arguments |= {param.python_name: samples.query(param) for param in op.query_params}
    headers = [param for param in op.header_params if param.name != "content-type"]
    arguments |= {param.python_name: samples.header(param) for param in headers}
    arguments |= {param.python_name: samples.form_part(param, several=True) for param in op.form_params}
    if op.body is not None:
        arguments["body"] = samples.value(members_of(parse_kind(op.body.type))[0], "body")
    return arguments


def _least(op: Operation, samples: Samples) -> dict[str, object]:
    arguments = {param.python_name: samples.path(param) for param in op.path_params}
    arguments |= {param.python_name: samples.query(param) for param in op.query_params if param.required}
    for param in op.form_params:
        if param.required:
            arguments[param.python_name] = samples.form_part(param, several=False)
    if op.body is not None and op.body.required:
        arguments["body"] = samples.value(members_of(parse_kind(op.body.type))[0], "body", least=True)
    return arguments


def _by_position(op: Operation, arguments: dict[str, object]) -> Arguments:
    return tuple(arguments.pop(name) for name in op.positional), arguments


def _with_body(op: Operation, samples: Samples, kind: Kind, *, simple: bool = False) -> dict[str, object]:
    """The simplest form is a text where a text stands for a model, else a dictionary, with a null in it."""
    arguments = _least(op, samples)
    if simple and schemas().scalar_member(kind.name):
        return arguments | {"body": samples.value(Kind("str"), "body")}
    if simple:
        samples.form = "plain"
    value = samples.value(kind, "body")
    return arguments | {"body": {**value, "none at all": None} if simple and isinstance(value, dict) else value}


def model_defaults() -> dict[str, list[object]]:
    """What members of models are when nobody sets them, by their names on the wire."""
    found: dict[str, list[object]] = {}
    for row in schemas().rows.values():
        for field in row.get("fields", ()):
            if "default" in field:
                found.setdefault(field["wire"], []).append(field["default"])
    return found


def _fields(schema: str) -> list[dict[str, Any]]:
    base = schemas().base(schema)
    return schemas().row(schema)["fields"] if base is None else _fields(base)


@cache
def _class(form: Form, name: str) -> Any:
    return getattr(importlib.import_module(_MODELS[form]), name)
