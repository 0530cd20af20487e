"""Types of the classes made from the model table, checked by mypy and pyright; never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_type

import flywheel_async
from flywheel_async import File, types
from flywheel_async.fields.base import Model
from flywheel_async.types import GearRuleInput, JobState


def constructors() -> None:
    condition = types.GearRuleCondition("file.type", "dicom")
    rule = GearRuleInput("project", "gear", None, "convert", {"a": 1}, all=[condition], _not=[], disabled=True)
    assert_type(rule.gear_id, str)
    assert_type(rule.project_id, str | None)
    assert_type(rule.all, list[types.GearRuleCondition] | None)
    assert_type(rule.not_, list[types.GearRuleCondition] | None)
    rule.not_ = None
    model: Model = flywheel_async.types.GearRuleInput()
    model["project_id"]
    types.GearRuleInput(projct_id="x")  # type: ignore[call-arg]
    types.GearRuleInput(5)  # type: ignore[arg-type]
    print(rule.colour)  # type: ignore[attr-defined]
    print(types.GearRulInput)  # type: ignore[attr-defined]


def enumerations() -> None:
    assert_type(JobState.COMPLETE.value, Literal["complete"])
    job = types.JobOutput(state=JobState.COMPLETE)
    types.JobOutput(state="dreaming")
    if job.state == "complete":
        assert_type(job.created, datetime | None)


def other_names(page: types.PageGenericFileOutput[File], plain: types.PageGenericFileOutput) -> None:
    project: types.Project = types.ProjectOutput("P")
    user: types.User = types.UserOutput("u")
    assert_type(project.analyses, list[types.AnalysisOutput | types.AnalysisOutputInflatedJob] | None)
    assert_type(user.email, str | None)
    assert_type(page.results, list[File])
    assert_type(plain.results, list[types.FileOutput])
    node = types.ResolveOutput().path[0]
    if isinstance(node, types.FileNode):
        assert_type(node.name, str)
