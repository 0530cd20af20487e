"""The error tree."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from flywheel_async import errors
from flywheel_async.errors import APIError, ArgumentError, FlywheelError, MissingField, RequestTimeout, redact

ALL = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, FlywheelError)]


@pytest.mark.parametrize("cls", ALL)
def test_every_error_pickles(cls: type[FlywheelError]) -> None:
    if issubclass(cls, APIError):
        error: FlywheelError = cls(418, "teapot", detail=[{"loc": ["x"]}], request_id="r-1", operation="op", attempts=3)
    else:
        error = cls("some text")
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(twin) is cls
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("cls", [errors.LocalPathError, errors.MissingPath, errors.LocalFileError])
def test_what_the_system_told_is_kept(cls: type[OSError]) -> None:
    error = cls("dest: the folder /x does not exist")
    error.errno, error.strerror, error.filename = 2, "No such file or directory", "/x"
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (twin.errno, twin.strerror, twin.filename) == (2, "No such file or directory", "/x")
        assert str(twin) == "dest: the folder /x does not exist"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 412, 416, 422, 429, 500, 503, 418])
def test_one_class_per_status(status: int) -> None:
    cls = errors.api_error_class(status)
    assert issubclass(cls, APIError)
    known = {400, 401, 402, 403, 404, 409, 412, 416, 422, 429}
    assert (cls is APIError) == (status not in known and status < 500)


def test_built_in_parents() -> None:
    assert issubclass(ArgumentError, TypeError)
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(MissingField, AttributeError)
    assert issubclass(MissingField, KeyError)
    assert str(MissingField("no member 'x'")) == "no member 'x'"
    assert issubclass(RequestTimeout, TimeoutError)


def test_text_names_what_helps() -> None:
    error = errors.NotFound(404, "no such project", request_id="ab-1", operation="get_project", attempts=2)
    for part in ("404", "no such project", "get_project", "ab-1", "attempts: 2"):
        assert part in str(error)
    assert (error.status, error.reason, error.detail) == (404, "no such project", None)
    assert error.message == error.reason


def test_credentials_are_hidden() -> None:
    text = "header 'scitran-user SECRETSECRET' and Bearer abcdef and h:1:__force_insecure:SECRET"
    assert "SECRET" not in redact(text)
    assert "abcdef" not in redact(text)
    assert "SECRET" not in str(APIError(401, text, body=text, detail=text))
    assert "SECRET" not in APIError(401, text, body=text).body
