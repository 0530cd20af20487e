"""Names from a site become names in one folder, and can be turned back."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.errors import ArgumentError
from flywheel_async.transfer.names import MOST_BYTES, Names, original_name, safe_name

HOSTILE = [
    ".", "..", "...", "../x", "/etc/passwd", "..\\..\\x", "C:\\x", "C:x", "\\\\host\\share", "a/b", "a\\b", "a\0b",
    "a\nb", "\x7f", "\x9b", "CON", "con", "nul.txt", "COM1", "com1.nii.gz", "LPT9 .txt", "COM¹", "AUX:", "CONIN$", "a.",
    "a ", "a. .", " ", "%2F", "%2e%2e", "%", "50%", "%%41", "x" * 300, "ü" * 200, "日" * 100 + ".nii.gz",
    "\u202egnp.exe", "a\u2028b", "\ud800", "~", "-rf", ".hidden", "a:b", "a|b", 'a"b', "a?b", "a*b", "%00",
    ".fw-1.part",
]  # fmt: skip

names = st.text(st.characters(codec=None), min_size=1, max_size=300) | st.sampled_from(HOSTILE)


@given(names, st.booleans())
def test_one_name_in_one_folder(name: str, windows: bool) -> None:
    safe = safe_name(name, windows=windows)
    assert safe not in ("", ".", "..")
    assert not {"/", "\\", "\0"} & set(safe)
    assert safe[-1] not in ". "
    assert len(safe.encode()) <= MOST_BYTES
    assert Path(safe).name == safe
    assert not PureWindowsPath(safe).is_reserved()
    if windows:
        assert PureWindowsPath(safe).name == safe
        assert not set('<>:"|?*') & set(safe)


@given(names, st.booleans())
def test_there_and_back(name: str, windows: bool) -> None:
    safe = safe_name(name, windows=windows)
    if "~" in safe and len(name.encode("utf-8", "surrogatepass")) > MOST_BYTES // 3 // 3:
        return  # it may have been cut
    assert original_name(safe) == name


@given(names)
def test_any_text_can_be_turned_back(text: str) -> None:
    assert isinstance(original_name(text), str)


def test_escapes_that_are_no_text_stay() -> None:
    assert original_name("50%FF.txt") == "50%FF.txt"
    assert original_name(safe_name("\u202e" * 100)).startswith("\u202e" * 10)


def test_names_of_unfinished_files_are_never_given() -> None:
    assert safe_name(".fw-0123456789abcdef.part") == "%2Efw-0123456789abcdef.part"
    assert original_name("%2Efw-0123456789abcdef.part") == ".fw-0123456789abcdef.part"


def test_many_namesakes() -> None:
    taken = Names()
    found = {taken.take("Scan.dcm" if number % 2 else "scan.dcm") for number in range(20_000)}
    assert len({name.casefold() for name in found}) == 20_000


@given(names, names)
def test_two_stay_two(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


@pytest.mark.parametrize(
    "name", ["T1.nii.gz", "a b (1).dcm", "50%.txt", "ü.txt", ".bidsignore", "a..b", "a:b", "x~1", "日本語"]
)
def test_plain_names_stay(name: str) -> None:
    assert safe_name(name, windows=False) == name


@pytest.mark.parametrize("name", ["", None, 7, b"x"])
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(ArgumentError, match="needs a name"):
        safe_name(name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\ud800" not in name] + ["\ud800x"])
def test_real_files(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / safe_name(name)).write_bytes(b"x")
    assert [path.name for path in folder.iterdir()] == [safe_name(name)]
    assert os.listdir(tmp_path) == ["inside"]


def test_case_clashes() -> None:
    taken = Names()
    given_names = ["a.txt", "A.TXT", "a.txt", "é", "e\u0301", "straße", "STRASSE", ".x", ".X", "y" * 300, "y" * 300]
    safe = [taken.take(name) for name in given_names]
    assert safe[:4] == ["a.txt", "A~2.TXT", "a~3.txt", "é"]
    assert len({name.casefold() for name in safe}) == len(given_names)
    assert all(len(name.encode()) <= MOST_BYTES for name in safe)
