"""Works a view out in plain Python, from the tree of `view_site`, without anything of the emulator."""

from __future__ import annotations

import csv
import fnmatch
import gzip
import io
import json
import math
import re
import statistics
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.emulator.view_site import KINDS, Thing

Row = dict[str, Any]

MEMBERS = {
    "project": ["id", "label"],
    "subject": ["id", "label", "firstname", "lastname", "age", "sex", "race", "ethnicity"],
    "session": ["id", "label", "operator", "timestamp", "timezone"],
    "acquisition": ["id", "label", "timestamp", "timezone"],
    "analysis": ["id", "label"],
    "file": ["id", "name", "type", "mimetype", "classification", "size"],
}
TYPED = {
    "subject.age": "int",
    "session.age": "int",
    "session.weight": "float",
    "file.size": "int",
    "file.version": "int",
}
UNTYPED = ("info", "tags", "classification")
AGE_UNITS = {"years": 31557600, "months": 2592000, "weeks": 604800, "days": 86400}


class Unreadable(Exception):
    pass


def evaluate(
    project: Thing, on: list[int], view: dict[str, Any], params: dict[str, Any]
) -> tuple[list[str], list[Row]]:
    """Returns the names of the columns and the rows; the column `errors` holds whether there was one."""
    spec = view.get("fileSpec")
    reads = spec is not None and spec.get("processFiles") is not False
    columns = [inner for column in view.get("columns", []) for inner in expand(column)]
    of_file = [
        {**column, "data": True, "dst": column.get("dst", column["src"])} for column in (spec or {}).get("columns", [])
    ]
    kinds = [column["src"].split(".")[0] for column in columns]
    level = spec["container"] if spec else max((kind for kind in kinds if kind in KINDS), key=KINDS.index)
    lines = list(read_lines(project, on, level, spec))
    group = view.get("groupBy")
    if group is None:
        given = {column["dst"] for column in [*columns, *of_file]}
        above = KINDS[: KINDS.index(level) + 1]
        labels = [{"src": f"{kind}.label", "dst": f"{kind}.label"} for kind in above if f"{kind}.label" not in given]
        ids = [{"src": f"{kind}.id", "dst": f"{kind}.id"} for kind in above if f"{kind}.id" not in given]
        everything = (labels if view.get("includeLabels", True) else []) + columns
        everything += (ids if view.get("includeIds", True) else []) + of_file
        if reads and not of_file:
            first = next((line["columns"] for line in lines if "columns" in line), [])
            taken = {column["dst"] for column in everything}
            everything += [{"src": name, "dst": name, "data": True} for name in first if name not in taken]
    else:
        keys = [inner for key in group["columns"] for inner in key_columns(key, of_file)]
        everything = keys + [column for column in [*columns, *of_file] if "accumulator" in column]
    drops = view.get("missingDataStrategy") == "drop-row"
    shows_errors = group is None and view.get("errorColumn", not drops)
    tests = [test for text in (view.get("filter"), params.get("filter")) if text for test in text_conditions(text)]
    rows: list[Row] = []
    for line in lines:
        if "empty" in line or not all(test(lambda key, line=line: look_up(key, everything, line)) for test in tests):
            continue
        failed = ["error"] if "error" in line else []
        row = {column["dst"]: value_of(column, line, failed) for column in everything}
        if drops and None in row.values():
            continue
        if shows_errors:
            row["errors"] = bool(failed)
        rows.append(row)
    if group is not None:
        rows = grouped(rows, [key["dst"] for key in keys], [column for column in everything if "accumulator" in column])
    for key in reversed(params["sort"].split(",") if "sort" in params else []):
        name, _, direction = key.partition(":")
        rows.sort(key=lambda row: rank(row[name]), reverse=direction == "desc")
    start = params.get("skip", 0)
    rows = rows[start : start + params["limit"] if "limit" in params else None]
    names = [column["dst"] for column in everything] + (["errors"] if shows_errors else [])
    return list(dict.fromkeys(names)), rows


def expand(column: Row) -> list[Row]:
    """Returns the columns that a column stands for, each with a name."""
    if column["src"] not in MEMBERS:
        return [{**column, "dst": column.get("dst", column["src"])}]
    prefix = column.get("dst", column["src"])
    return [{**column, "src": f"{column['src']}.{name}", "dst": f"{prefix}.{name}"} for name in MEMBERS[column["src"]]]


def key_columns(key: str | Row, of_file: list[Row]) -> list[Row]:
    given: Row = {"src": key} if isinstance(key, str) else key
    for column in of_file:
        if column["dst"] == given["src"]:
            return [column]
    return expand(given)


def read_lines(project: Thing, on: list[int], level: str, spec: Row | None) -> Iterator[Row]:
    """Gives what each row is made from: documents by kind, and with a file specification data, columns or error."""
    for path in branches([project], on):
        if path[-1].kind != level:
            continue
        documents: Row = {thing.kind: thing.document for thing in path}
        if spec is None:
            yield {"documents": documents}
            continue
        owners: list[tuple[Row, Thing]] = [(documents, path[-1])]
        if "analysisFilter" in spec:
            matching = [item for item in path[-1].analyses if analysis_matches(spec["analysisFilter"], item.document)]
            chosen = choose(matching, spec.get("match", "first"), lambda item: item.document["created"])
            owners = [({**documents, "analysis": item.document}, item) for item in chosen]
        found = False
        for inner, owner in owners:
            matching_files = [item for item in owner.files if matches(spec["filter"], item[0]["name"])]
            for document, data in choose(matching_files, spec.get("match", "first"), lambda item: item[0]["created"]):
                found = True
                yield from read_file({**inner, "file": document}, document["name"], data, spec)
        if not found:
            yield {"documents": documents, "error": "nothing matches"}


def branches(path: list[Thing], on: list[int]) -> Iterator[list[Thing]]:
    """Gives the way to every container at, above or below the one that the view is run on."""
    yield path
    chosen = [path[-1].children[on[0]]] if on else path[-1].children
    for child in chosen:
        yield from branches([*path, child], on[1:])


def read_file(documents: Row, name: str, data: bytes, spec: Row) -> Iterator[Row]:
    if spec.get("processFiles") is False:
        yield {"documents": documents}
        return
    try:
        for inner_name, content in contents(name, data, spec):
            names, rows = parse(inner_name, content, spec)
            count = 0
            for row in rows:
                count += 1
                yield {"documents": documents, "data": row, "columns": names}
            if not count:
                yield {"documents": documents, "columns": names, "empty": True}
    except Unreadable:
        yield {"documents": documents, "error": "unreadable"}


def contents(name: str, data: bytes, spec: Row) -> Iterator[tuple[str, bytes]]:
    member = spec.get("zipMember")
    if member is None:
        yield name, data
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise Unreadable from None
    items = [item for item in archive.infolist() if matches(member, item.filename)]
    if not items:
        raise Unreadable
    for item in choose(items, member.get("match", "first"), lambda item: item.date_time):
        yield item.filename, archive.read(item)


def parse(name: str, data: bytes, spec: Row) -> tuple[list[str], Iterable[Row]]:
    if name.endswith(".gz"):
        name, data = name[:-3], gzip.decompress(data)
    kind = spec.get("format", name.rpartition(".")[2])
    if kind == "json":
        value = json.loads(data)
        rows = value if isinstance(value, list) else [value]
        return list(rows[0]), rows
    if kind not in ("csv", "tsv"):
        raise Unreadable
    delimiter = spec.get("formatOptions", {}).get("delimiter", "," if kind == "csv" else "\t")
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    header = next(csv.reader([lines[0].decode()], delimiter=delimiter))
    return header, table_rows(header, lines[1:], delimiter)


def table_rows(header: list[str], lines: list[bytes], delimiter: str) -> Iterator[Row]:
    # The files of the tree have no line ends inside values, and end badly only where they are not UTF-8: all of a short
    # file is decoded before its first row.
    try:
        texts = [line.decode() for line in lines if line]
    except UnicodeDecodeError:
        raise Unreadable from None
    for cells in csv.reader(texts, delimiter=delimiter):
        yield {name: cell for name, cell in zip(header, cells, strict=False) if cell}


def matches(given: Row, name: Any) -> bool:
    if not isinstance(name, str):
        return False
    if given.get("regex"):
        return re.match(given["value"], name, re.IGNORECASE) is not None
    return fnmatch.fnmatchcase(name.lower(), given["value"].lower())


def analysis_matches(given: Row, document: Row) -> bool:
    gear = document.get("gear_info") or {}
    values = {"label": document["label"], "gear.name": gear.get("name"), "gear.version": gear.get("version")}
    return all(matches(wanted, values[name]) for name, wanted in given.items())


def choose(items: list[Any], match: str, made: Callable[[Any], Any]) -> list[Any]:
    if match == "all" or not items:
        return items
    if match in ("first", "last"):
        return [items[0 if match == "first" else -1]]
    ordered = sorted(enumerate(items), key=lambda item: (made(item[1]), item[0]))
    return [ordered[-1 if match == "newest" else 0][1]]


def source(column: Row, line: Row) -> Any:
    if column.get("data"):
        data = line.get("data", {})
        return data[column["src"]] if column["src"] in data else follow(data, column["src"].split("."))
    kind, *path = column["src"].split(".")
    document = line["documents"].get(kind)
    if path == ["id"]:
        path = ["file_id" if kind == "file" else "_id"]
    if kind == "session" and path[0].startswith("age_"):
        path = ["age"]
    return follow(document, path)


def follow(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def value_of(column: Row, line: Row, failed: list[str]) -> Any:
    value = source(column, line)
    if value is None:
        return None
    expression = column.get("expr")
    unit = column["src"].partition("session.age_")[2]
    if unit in AGE_UNITS:
        expression = f"x/{AGE_UNITS[unit]}"
    if expression is not None:
        x = numeric(value)
        try:
            value = None if x is None else eval(expression, {"x": x})
        except ZeroDivisionError:
            value = None
    wanted = column.get("type") or (None if column.get("data") else usual_type(column["src"], unit))
    if value is not None and wanted is not None:
        value = converted(value, wanted)
    if value is None:
        failed.append(column["dst"])
    return value


def usual_type(src: str, unit: str) -> str | None:
    field = src.partition(".")[2]
    if unit in AGE_UNITS:
        return "float"
    # Only fields with a name of their own in the catalogue have a type; those below `info` have none.
    return None if "." in field or field in UNTYPED else TYPED.get(src, "string")


def numeric(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    try:
        return int(value)
    except (ValueError, TypeError):
        pass
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


def converted(value: Any, wanted: str) -> Any:
    if wanted == "string":
        return as_text(value)
    if wanted == "bool":
        return value.lower() != "false" if isinstance(value, str) else bool(value)
    if wanted == "int":
        if isinstance(value, str):
            return int(value) if re.fullmatch(r"[+-]?\d+", value) else None
        return int(value) if isinstance(value, int | float) else None
    found = numeric(value)
    return None if found is None else float(found)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def look_up(key: str, columns: list[Row], line: Row) -> Any:
    for column in columns:
        if column["dst"] == key and "accumulator" not in column:
            return value_of(column, line, [])
    is_data = key.split(".")[0] not in MEMBERS
    return value_of({"src": key, "dst": key, "data": is_data}, line, [])


def text_conditions(text: str) -> Iterator[Callable[[Callable[[str], Any]], bool]]:
    for term in re.split(r",(?![^\[]*\])", text):
        key, operator, wanted = re.split(r"(=~|!=|<=|>=|=|<|>)", term, maxsplit=1)
        yield lambda get, key=key, operator=operator, wanted=wanted: fulfils(get(key), operator, wanted)


def fulfils(value: Any, operator: str, wanted: str) -> bool:
    if operator == "=~":
        return isinstance(value, str) and re.search(wanted, value) is not None
    if wanted.startswith("|["):
        return any(fulfils(value, "=", item) for item in wanted[2:-1].split(","))
    number = numeric(wanted)
    left: Any = None if value is None else (numeric(value) if number is not None else as_text(value))
    right: Any = wanted if number is None else number
    if re.fullmatch(r"\d{4}-\d\d-\d\d", wanted):
        left, right = (value or "")[:10] or None, wanted
    if left is None:
        return operator == "!="
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[operator]


def rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    return (
        (1, value) if isinstance(value, int | float) else (2, value) if isinstance(value, str) else (3, as_text(value))
    )


def grouped(rows: list[Row], keys: list[str], columns: list[Row]) -> list[Row]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(json.dumps([row[key] for key in keys]), []).append(row)
    return [
        {
            **{key: members[0][key] for key in keys},
            **{column["dst"]: accumulated(column, [row[column["dst"]] for row in members]) for column in columns},
        }
        for members in groups.values()
    ]


def accumulated(column: Row, values: list[Any]) -> Any:
    there = [value for value in values if value is not None]
    if column["accumulator"] == "count":
        return len(there)
    if column["accumulator"] in ("minimum", "maximum"):
        choose_ = min if column["accumulator"] == "minimum" else max
        return choose_(there, key=rank) if there else None
    numbers = [found for found in (numeric(value) for value in there) if found is not None]
    if column["accumulator"] == "standard_deviation":
        return statistics.stdev(numbers) if len(numbers) > 1 else None
    if not numbers:
        return None
    return math.fsum(numbers) if column["accumulator"] == "sum" else statistics.fmean(numbers)


def cells(names: list[str], rows: list[Row], free: set[str]) -> tuple[list[str], list[list[str]]]:
    """Returns names and rows of a table; free metadata is spread over the keys that the first row has."""
    paths: list[tuple[str, list[str]]] = []
    for name in names:
        first = rows[0][name] if rows else None
        found = list(keys_of(first)) if name in free and isinstance(first, dict) and first else [[]]
        paths += [(name, path) for path in found]
    shown = [[cell(follow(row[name], path)) for name, path in paths] for row in rows]
    return [".".join([name, *path]) for name, path in paths], shown


def keys_of(value: Row) -> Iterator[list[str]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from ([key, *path] for path in keys_of(inner))
        else:
            yield [key]


def cell(value: Any) -> str:
    return "" if value is None else as_text(value)
