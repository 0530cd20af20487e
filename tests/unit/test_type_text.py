"""Types of the table as text for stubs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from flywheel_async.raw.schemas import schemas

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "tools"))
    yield importlib.import_module("type_text")
    sys.path.remove(str(ROOT / "tools"))


@pytest.mark.parametrize(
    ("kind", "mode", "text"),
    [
        ("list[FileOutput]", "data", "list[types.FileOutput]"),
        ("list[FileOutput]", "argument", "Sequence[types.FileOutput | Mapping[str, Any]]"),
        ("list[FileOutput]", "answer", "list[models.File]"),
        ("dict(str, union[FileReference,FileVersion])", "data", "dict[str, types.FileReference | types.FileVersion]"),
        ("union[str,str]", "data", "str"),
        ("union[str,object]", "data", "Any"),
        ("list[union[HeaderFeature,str]]", "argument", "Sequence[types.HeaderFeature | str]"),
        ("JobAskState", "data", "types.JobState | str"),
        ("Tag", "argument", "types.Tag | Mapping[str, Any] | str"),
        ("Project", "data", "types.ProjectOutput"),
        ("RoleOutput", "answer", "fields.Role"),
        ("date", "argument", "date"),
        ("list[union[str,integer]]", "data", "list[str | int]"),
        ("PageGenericFileOutput", "answer", "types.PageGenericFileOutput[models.File]"),
    ],
)
def test_types(module: ModuleType, kind: str, mode: str, text: str) -> None:
    assert module.type_text(schemas(), kind, mode) == text


@pytest.mark.parametrize(
    ("returns", "whole", "simplified", "item"),
    [
        (None, "None", "None", None),
        ("bytes", "bytes", "bytes", None),
        ("object", "dict[str, Any]", "dict[str, Any]", None),
        ("InsertedId", "types.InsertedId", "str", None),
        ("CancelledBatchOutput", "types.CancelledBatchOutput", "int", None),
        ("union[Page,list[ProjectListOutput]]", "list[models.Project]", "list[models.Project]", "models.Project"),
        ("union[JobsList,Page]", "types.JobsList | types.Page", "types.JobsList | types.Page", "types.JobListOutput"),
        ("PageGenericForm", "types.PageGenericForm", "types.PageGenericForm", "types.CoreWorkflowsFormsModelsForm"),
        ("dict(str, int)", "dict[str, int]", "dict[str, int]", None),
    ],
)
def test_answers(module: ModuleType, returns: str | None, whole: str, simplified: str, item: str | None) -> None:
    table = schemas()
    assert module.answer_text(table, returns, simplified=False) == whole
    assert module.answer_text(table, returns, simplified=True) == simplified
    assert module.item_text(table, returns) == item


def test_a_streamed_answer_may_be_bytes(module: ModuleType) -> None:
    returns = "union[DownloadTicketStub,ZipfileInfo]"
    text = module.answer_text(schemas(), returns, simplified=True, streams=True)
    assert text == "bytes | types.DownloadTicketStub | fields.ZipfileInfo"
    assert module.answer_text(schemas(), None, simplified=True, streams=True) == "bytes"


def test_an_unknown_schema(module: ModuleType) -> None:
    with pytest.raises(SystemExit, match="'Starship'"):
        module.type_text(schemas(), "list[Starship]")
