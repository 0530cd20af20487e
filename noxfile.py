"""The one entry to every task of the project; `nox -l` lists them."""

from __future__ import annotations

import nox

nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

TEST_LIBRARIES = [
    "pytest>=8.3",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "hypothesis>=6.115",
    "trio>=0.27",
    "trustme>=1.2",
    "psutil>=6",
    "nibabel>=5.3",
    "pydicom>=3",
    "numpy>=1.26",
    "pandas>=2.2",
    "socksio>=1",
    "rich>=13",
    "tqdm>=4.65",
]
LINT_LIBRARIES = ["ruff==0.17.6"]
TYPE_LIBRARIES = ["mypy==2.4.1", "pyright[nodejs]==1.1.414", "types-aiofiles", "types-regex", "pandas-stubs"]
# One worker per core of the machine the time budget is written for; a file's tests share their emulator.
WORKERS = ["-n", "2", "--dist", "loadfile"]
# Property tests take the same examples each time, without limits on their time; `pytest` by itself tries new ones.
SAME_EXAMPLES = "--hypothesis-profile=ci"
OFFICIAL_CLIENT = "flywheel-sdk==23.0.0"
S3_SERVER = ["moto[server]>=5", "boto3>=1.34"]


@nox.session
def demo(session: nox.Session) -> None:
    """Ingests real scans into an emulator, finds them, downloads and compares them; async, then sync."""
    session.install("-e", ".[emulator]", "nibabel>=5.3", "pydicom>=3")
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Everything a release must pass, at reduced sizes."""
    session.install("-e", ".[emulator]", "build", "hatchling>=1.26", *TEST_LIBRARIES, *LINT_LIBRARIES)
    session.run("python", "tools/generate.py", "--check")
    elsewhere = ["--ignore=tests/interop", "--ignore=tests/stores"]
    session.run("pytest", "-m", "not acceptance", *elsewhere, SAME_EXAMPLES, *WORKERS, *session.posargs)
    session.notify("interop")


@nox.session
def acceptance(session: nox.Session) -> None:
    """The issues' full figures."""
    session.install("-e", ".[emulator]", *TEST_LIBRARIES, "httpx-aiohttp")
    session.run("pytest", "-m", "acceptance", "-s", *session.posargs)
    session.notify("stores")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Runs pyright strict and mypy strict."""
    session.install("-e", ".[emulator]", *TYPE_LIBRARIES, *TEST_LIBRARIES, "nox", *LINT_LIBRARIES)
    session.run("mypy")
    session.run("pyright")


@nox.session
def lint(session: nox.Session) -> None:
    """Checks format and lint rules; `-- --fix` repairs."""
    session.install(*LINT_LIBRARIES)
    fix = "--fix" in session.posargs
    session.run("ruff", "format", ".", *([] if fix else ["--check"]))
    session.run("ruff", "check", ".", *(["--fix"] if fix else []))


@nox.session
def generate(session: nox.Session) -> None:
    """Writes all generated files; `-- --check` fails when one is stale."""
    session.install("-e", ".", *LINT_LIBRARIES)
    session.run("python", "tools/generate.py", *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """Lets the official client and ours work on the same emulator."""
    session.install("-e", ".[emulator]", *TEST_LIBRARIES, OFFICIAL_CLIENT)
    session.run("pytest", "tests/interop", "-m", "not acceptance", SAME_EXAMPLES, *WORKERS, *session.posargs)


@nox.session
def stores(session: nox.Session) -> None:
    """Uploads to an S3 server that is not ours, in an environment of its own."""
    session.install("-e", ".[emulator]", *TEST_LIBRARIES, *S3_SERVER)
    session.run("pytest", "tests/stores", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measures the transport against its alternatives in one run."""
    session.install("-e", ".[emulator]", "httpx-aiohttp")
    session.run("python", "benchmarks/transport.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Builds the documentation pages into build/docs; a broken link fails."""
    session.install("mkdocs>=1.6,<2")
    session.run("mkdocs", "build", "--config-file", "tools/mkdocs.yml", *session.posargs)
