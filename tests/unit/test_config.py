"""API keys, login file, environment and options."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.config import (
    InsecureWarning,
    Site,
    login_file,
    parse_key,
    resolve_options,
    resolve_site,
    ssl_context,
)
from flywheel_async.errors import ConfigError

KEY = "aBcDeFgHiJ0123456789"

ACCEPTED = [
    (f"site.flywheel.io:{KEY}", "https://site.flywheel.io:443/api"),
    (f"  site.flywheel.io:{KEY}\n", "https://site.flywheel.io:443/api"),
    (f"site.flywheel.io:8443:{KEY}", "https://site.flywheel.io:8443/api"),
    (f"https://site.flywheel.io:{KEY}", "https://site.flywheel.io:443/api"),
    (f"HTTPS://site.flywheel.io:8443:{KEY}", "https://site.flywheel.io:8443/api"),
    (f"https://site.flywheel.io/:{KEY}", "https://site.flywheel.io:443/api"),
    (f"localhost:8080:__force_insecure:{KEY}", "http://localhost:8080/api"),
    (f"127.0.0.1:8080:__force_insecure:{KEY}", "http://127.0.0.1:8080/api"),
    (f"[::1]:8080:__force_insecure:{KEY}", "http://[::1]:8080/api"),
    (f"[::1]:{KEY}", "https://[::1]:443/api"),
    (f"site.flywheel.io:443:anything:{KEY}", "https://site.flywheel.io:443/api"),
    (f"my-host_2.local.:{KEY}", "https://my-host_2.local.:443/api"),
]

REFUSED = [
    KEY,
    f":{KEY}",
    "site.flywheel.io:",
    "site.flywheel.io:443:",
    f"site.flywheel.io:0:{KEY}",
    f"site.flywheel.io:65536:{KEY}",
    f"site.flywheel.io:port:{KEY}",
    f"site.flywheel.io:-1:{KEY}",
    f"http://site.flywheel.io:{KEY}",
    f"ftp://site.flywheel.io:{KEY}",
    f"user@site.flywheel.io:{KEY}",
    f"site.flywheel.io/path:{KEY}",
    f"site flywheel io:{KEY}",
    "localhost:8080:__force_insecure",
    "site.flywheel.io:key with spaces 123456",
    f"site.flywheel.io:{KEY}\u00e9",
    f"[::1:{KEY}",
    f"[::1]{KEY}",
    f"[::1]8080:{KEY}",
    f"\u00e9.example:{KEY}",
]


@pytest.mark.parametrize(("text", "url"), ACCEPTED)
def test_accepted_keys(text: str, url: str) -> None:
    site = parse_key(text)
    assert site.base_url == url
    assert site.key.get_secret_value() == KEY
    assert site.credentials() == {"Authorization": f"scitran-user {KEY}"}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_keys_are_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_key(text)
    assert KEY not in str(caught.value)
    assert "expected" in str(caught.value) or "__force_insecure" in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_site_or_a_config_error(text: str) -> None:
    try:
        site = parse_key(text)
    except ConfigError:
        return
    assert site.base_url.startswith(("http://", "https://"))
    assert site.key.get_secret_value()


def test_57_characters_are_a_bearer_token() -> None:
    assert parse_key("h.example:" + "a" * 57).credentials() == {"Authorization": "Bearer " + "a" * 57}
    assert parse_key("h.example:" + "a" * 56).credentials()["Authorization"].startswith("scitran-user ")


def test_key_is_hidden() -> None:
    site = parse_key(f"site.flywheel.io:{KEY}")
    assert KEY not in repr(site)
    assert KEY not in str(site)
    assert KEY not in site.model_dump_json()
    assert isinstance(site, Site)


def login(home: Path, content: str) -> None:
    folder = home / ".config" / "flywheel"
    folder.mkdir(parents=True)
    (folder / "user.json").write_text(content)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FLYWHEEL_API_KEY", raising=False)
    return tmp_path


def test_order_argument_environment_login_file(home: Path) -> None:
    login(home, json.dumps({"key": f"from-file.example:{KEY}"}))
    env = {"FLYWHEEL_API_KEY": f"from-env.example:{KEY}"}
    assert resolve_site(f"from-arg.example:{KEY}", env).host == "from-arg.example"
    assert resolve_site(None, env).host == "from-env.example"
    assert resolve_site(None, {}).host == "from-file.example"
    assert resolve_site("", env).host == "from-file.example"


def test_missing_login_file_names_all_three_ways(home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_site(None, {})
    for part in ("FLYWHEEL_API_KEY", str(login_file()), "log in"):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"key": 5}', '{"key": ""}', '{"key": "nonsense"}'])
def test_broken_login_file(home: Path, content: str) -> None:
    login(home, content)
    with pytest.raises(ConfigError, match=r"user\.json"):
        resolve_site(None, {})


def test_broken_environment_key_names_the_variable() -> None:
    with pytest.raises(ConfigError, match="FLYWHEEL_API_KEY") as caught:
        resolve_site(None, {"FLYWHEEL_API_KEY": KEY})
    assert KEY not in str(caught.value)


def test_key_of_another_type() -> None:
    with pytest.raises(ConfigError, match="must be a string"):
        resolve_site(5)  # type: ignore[arg-type]


def test_unencrypted_connection_warns_unless_loopback() -> None:
    with pytest.warns(InsecureWarning, match="unencrypted"):
        resolve_site(f"site.example:80:__force_insecure:{KEY}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_site(f"localhost:80:__force_insecure:{KEY}")
        resolve_site(f"site.example:443:{KEY}")


def test_options_from_the_official_clients_environment() -> None:
    env = {
        "FLYWHEEL_SDK_CONNECT_TIMEOUT": "3.5",
        "FLYWHEEL_SDK_REQUEST_TIMEOUT": "7",
        "FLYWHEEL_SDK_TOTAL_RETRIES": "2",
        "FLYWHEEL_SDK_BACKOFF_FACTOR": "0.5",
        "FLYWHEEL_SDK_BACKOFF_MAX": "9",
    }
    options = resolve_options({}, env)
    found = (options.connect_timeout, options.request_timeout, options.total_retries, options.backoff_factor)
    assert (*found, options.backoff_max) == (3.5, 7.0, 2, 0.5, 9.0)
    assert resolve_options({"connect_timeout": 1}, env).connect_timeout == 1


@pytest.mark.parametrize(
    ("given", "env", "named"),
    [
        ({"connect_timeout": 0}, {}, "connect_timeout"),
        ({"total_retries": -1}, {}, "total_retries"),
        ({"max_connections": 0}, {}, "max_connections"),
        ({"nonsense": 1}, {}, "nonsense"),
        ({}, {"FLYWHEEL_SDK_TOTAL_RETRIES": "many"}, "FLYWHEEL_SDK_TOTAL_RETRIES"),
        ({"user_agent_suffix": "a\r\nb: c"}, {}, "user_agent_suffix"),
    ],
)
def test_bad_options_are_named(given: dict[str, object], env: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        resolve_options(given, env)


def test_bad_certificate_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (str(tmp_path / "missing.pem"), str(empty)):
        with pytest.raises(ConfigError, match="FW_SSL_CERT_FILE"):
            ssl_context(resolve_options({}, {"FW_SSL_CERT_FILE": path}))
