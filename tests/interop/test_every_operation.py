"""All operations of the table against a recording server: our requests are those of the official client.

Both clients make the same calls, with arguments that all differ; method, path, query, headers and body are compared.
Bodies are given as model objects to the official client and to our async one, as dictionaries to our sync one.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import anyio
import flywheel
import pytest
from tests.interop.clients import QUIET
from tests.interop.recorder import Recorded, Recorder, recording
from tests.interop.request_differences import DIFFERENCES, Outcome, Place, places
from tests.interop.samples import ALL, Case, cases, odd_cases

from flywheel_async import AsyncClient
from flywheel_async.raw.table import operations
from flywheel_async.sync import Client

pytestmark = QUIET

CRASHING = {"modify_file_info", "replace_file_info"}
"""Operations for which the official client crashes over any body; the table's route takes it as JSON."""

EVERYTHING = [*(case for op in operations().values() for case in cases(op)), *odd_cases()]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """A server that records requests."""
    with recording() as running:
        yield running


@pytest.fixture(scope="module")
def official(recorder: Recorder) -> list[Outcome]:
    """What the official client does for each case."""
    client = flywheel.Client(recorder.api_key, disable_auth_check=True)._fw

    def call(case: Case) -> None:
        values, keywords = case.make("official")
        method = getattr(_family(client, case.op.id), case.op.id)
        # What it would make of the answer is not the matter here, and most operations do not accept `{}`.
        if "dest_file" in inspect.signature(method).parameters:
            method(*values, **keywords, dest_file=os.devnull)
        else:
            method(*values, **keywords, _preload_content=False).read()

    outcomes = [_outcome(recorder, lambda case=case: call(case)) for case in EVERYTHING]
    client.shutdown()
    return _with_described(outcomes)


def _with_described(outcomes: list[Outcome]) -> list[Outcome]:
    """Puts what the protocol describes in place of the official client's crashes."""
    without_body = {
        case.op.id: outcome for case, outcome in zip(EVERYTHING, outcomes, strict=True) if isinstance(outcome, Recorded)
    }
    described: list[Outcome] = []
    for case, outcome in zip(EVERYTHING, outcomes, strict=True):
        if case.op.id in CRASHING and "body" in case.make("plain")[1]:
            assert isinstance(outcome, AttributeError), f"{case} does not crash any more: {outcome}"
            sent = without_body[case.op.id]
            assert isinstance(sent, Recorded)
            outcome = replace(sent, body=json.dumps(case.make("plain")[1]["body"]).encode())
        described.append(outcome)
    return described


def _outcome(recorder: Recorder, call: Callable[[], None]) -> Outcome:
    try:
        call()
    except Exception as error:
        assert recorder.take() == []
        return error
    (request,) = recorder.take()
    return request


@pytest.fixture(scope="module")
def ours_async(recorder: Recorder) -> list[Outcome]:
    """What our async client does for each case."""

    async def run() -> list[Outcome]:
        outcomes: list[Outcome] = []
        async with AsyncClient(recorder.api_key, disable_auth_check=True) as fw:
            for case in EVERYTHING:
                values, keywords = case.make("ours")
                try:
                    await getattr(fw.raw, case.op.id)(*values, **keywords)
                except Exception as error:
                    assert recorder.take() == []
                    outcomes.append(error)
                else:
                    (request,) = recorder.take()
                    outcomes.append(request)
        return outcomes

    return anyio.run(run)


@pytest.fixture(scope="module")
def ours_sync(recorder: Recorder) -> list[Outcome]:
    """What our sync client does for each case."""

    def call(case: Case) -> None:
        values, keywords = case.make("plain")
        getattr(fw.raw, case.op.id)(*values, **keywords)

    with Client(recorder.api_key, disable_auth_check=True) as fw:
        return [_outcome(recorder, lambda case=case: call(case)) for case in EVERYTHING]


@dataclass
class Comparison:
    """The operations whose requests differ where they should not, and how often each deliberate difference shows."""

    wrong: dict[str, list[Place]]
    seen: list[int]


@pytest.fixture(scope="module")
def comparison(official: list[Outcome], ours_async: list[Outcome], ours_sync: list[Outcome]) -> Comparison:
    """All places where ours and the official client differ, sorted by what explains them."""
    wrong: dict[str, list[Place]] = {}
    seen = [0] * len(DIFFERENCES)
    for ours in (ours_async, ours_sync):
        for case, left, right in zip(EVERYTHING, official, ours, strict=True):
            for place in places(case, left, right):
                covering = [index for index, difference in enumerate(DIFFERENCES) if difference.covers(place)]
                if len(covering) == 1:
                    seen[covering[0]] += 1
                else:
                    wrong.setdefault(case.op.id, []).append(place)
    return Comparison(wrong, seen)


def test_every_operation_sends_what_the_official_client_sends(comparison: Comparison) -> None:
    total, equal = len(operations()), len(operations()) - len(comparison.wrong)
    print(
        f"\n{equal} of {total} operations equal in {len(EVERYTHING)} calls, {len(DIFFERENCES)} deliberate differences"
    )
    shown = [str(place) for found in comparison.wrong.values() for place in found]
    assert not shown, "\n".join(shown[:40])
    assert (equal, total) == (535, 535)


def test_every_deliberate_difference_shows(comparison: Comparison) -> None:
    unused = [row.reason for row, count in zip(DIFFERENCES, comparison.seen, strict=True) if not count]
    assert unused == []


def test_the_arguments_tell_parameters_apart(official: list[Outcome]) -> None:
    """If two parameters of an operation, or members of its body, had the same values, swapping them would not show."""
    sent: dict[str, dict[str, list[str]]] = {}
    for case, outcome in zip(EVERYTHING, official, strict=True):
        if isinstance(outcome, Recorded) and case.name.startswith(ALL):
            own = sent.setdefault(case.op.id, {})
            for name, value in (*outcome.query, *_leaves("body", outcome.content())):
                own.setdefault(name, []).append(f"{case.name}: {value!r}")
    alike = [
        (operation, name)
        for operation, own in sent.items()
        for name, values in own.items()
        if list(own.values()).count(values) > 1
    ]
    assert alike == []
    for op in operations().values():
        assert {param.name for param in op.query_params} <= sent.get(op.id, {}).keys()


def _leaves(place: str, value: object) -> Iterator[tuple[str, object]]:
    """Yields the members of a body, also those of objects in it and of lists of objects."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(f"{place}.{name}", member)
    else:
        yield place, value


def test_no_argument_is_missing(recorder: Recorder) -> None:
    client = flywheel.Client(recorder.api_key, disable_auth_check=True)._fw
    for op in operations().values():
        params = (*op.path_params, *op.query_params, *op.header_params, *op.form_params)
        names = {param.python_name for param in params} | ({"body"} if op.body is not None else set())
        described = inspect.getdoc(getattr(_family(client, op.id), f"{op.id}_with_http_info")) or ""
        assert set(re.findall(r":param (\w+):", described)) - {"async_"} == names, op.id


def _family(client: flywheel.Flywheel, operation: str) -> object:
    """The part of the official client that has an operation, without the wrapping of its flat names."""
    families = (part for name, part in vars(client).items() if name.endswith("_api"))
    return next(part for part in families if hasattr(part, operation))
