"""Where the site is and who is asking: API keys, the login file, environment variables and options.

A key string is `HOST:KEY`, `HOST:PORT:KEY` or `HOST:PORT:__force_insecure:KEY`, as the Flywheel web page shows it.
Error texts here never repeat a key string, because any part of it may be the key.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import warnings
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, cast

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from flywheel_async.errors import ConfigError

ENV_KEY = "FLYWHEEL_API_KEY"
_INSECURE = "__force_insecure"
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]")
_KEY = re.compile(r"[!-9;-~]+")  # visible ASCII without ':'
_FORMS = "HOST:KEY, HOST:PORT:KEY or https://HOST:PORT:KEY"


class InsecureWarning(UserWarning):
    """Keys and data travel unencrypted to a host that is not this machine."""


class Site(BaseModel):
    """One site and one key for it.

    Attributes:
        scheme: `https`, or `http` where the key string carries `__force_insecure`.
        host: Host name or address, without brackets.
        port: TCP port.
        key: The secret part of the key string.
    """

    model_config = ConfigDict(frozen=True)

    scheme: str
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    key: SecretStr

    @property
    def base_url(self) -> str:
        """The URL below which all operations live, with an explicit port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/api"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return self.host == "localhost" or self.host == "::1" or self.host.startswith("127.")

    def credentials(self) -> dict[str, str]:
        """The headers that say who is asking; 57 character keys are bearer tokens."""
        key = self.key.get_secret_value()
        return {"Authorization": f"Bearer {key}" if len(key) == 57 else f"scitran-user {key}"}


def parse_key(text: str, source: str = "the API key") -> Site:
    """Reads a key string.

    Args:
        text: `HOST:KEY`, `HOST:PORT:KEY` or `HOST:PORT:__force_insecure:KEY`, optionally with `https://` in front.
            An IPv6 address stands in brackets. White space around it is ignored.
        source: Where it came from, for the error message.

    Returns:
        The site it names.

    Raises:
        ConfigError: It is not such a string. The message never contains it.
    """
    text = text.strip()
    if text.lower().startswith("http://"):
        raise ConfigError(
            f"{source} starts with http://; write HOST:PORT:{_INSECURE}:KEY to send it unencrypted on purpose"
        )
    if text.lower().startswith("https://"):
        text = text[len("https://") :].replace("/:", ":", 1)
    bracketed = _IPV6.match(text)
    if bracketed:
        host, rest = bracketed.group(1), text[bracketed.end() :]
        if rest[:1] != ":":
            raise ConfigError(f"{source} has no key after the host; expected {_FORMS}")
        parts = rest[1:].split(":")
    else:
        host, *parts = text.split(":")
        if not _HOST.fullmatch(host):
            raise ConfigError(f"{source} does not start with a host name; expected {_FORMS}")
    if not parts:
        raise ConfigError(f"{source} has no host or no key in it; expected {_FORMS}")
    *middle, key = parts
    insecure = _INSECURE in middle
    port = 443
    if middle == [_INSECURE]:
        raise ConfigError(f"{source} has {_INSECURE} but no port; write HOST:80:{_INSECURE}:KEY")
    if middle:
        if not re.fullmatch(r"[0-9]{1,5}", middle[0]) or not 1 <= int(middle[0]) <= 65535:
            raise ConfigError(f"{source} has no valid port after the host (1 to 65535); expected {_FORMS}")
        port = int(middle[0])
    if key == _INSECURE or not _KEY.fullmatch(key):
        raise ConfigError(f"{source} does not end in a key of visible ASCII characters; expected {_FORMS}")
    site = Site(scheme="http" if insecure else "https", host=host, port=port, key=SecretStr(key))
    try:
        httpx.URL(site.base_url)
    except httpx.InvalidURL:
        raise ConfigError(f"{source} does not start with a valid host name or address; expected {_FORMS}") from None
    return site


def login_file() -> Path:
    """The file that `fw login` of the official command line writes."""
    return Path("~/.config/flywheel/user.json").expanduser()


def _from_login_file() -> Site:
    path = login_file()
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"no API key: none was given, {ENV_KEY} is not set and there is no login file {path}; "
            "pass one from your Flywheel profile page, set the variable, or log in with the Flywheel CLI"
        ) from None
    except (OSError, ValueError) as exc:
        kind = "is not JSON" if isinstance(exc, ValueError) else f"cannot be read ({exc.strerror})"
        raise ConfigError(f"the login file {path} {kind}; log in again with the Flywheel CLI") from None
    key = cast("dict[str, object]", content).get("key") if isinstance(content, dict) else None
    if not isinstance(key, str) or not key:
        raise ConfigError(f"the login file {path} has no text member 'key'; log in again with the Flywheel CLI")
    return parse_key(key, f"the key in {path}")


def resolve_site(api_key: str | None, env: Mapping[str, str] | None = None) -> Site:
    """Finds the site and key: argument, then `FLYWHEEL_API_KEY`, then the login file.

    Args:
        api_key: A key string; None to look further; `""` to go to the login file at once.
        env: The environment to read; the process's own by default.

    Returns:
        The site. One warning is issued for an unencrypted connection to another machine.

    Raises:
        ConfigError: Nothing was found, or what was found is malformed.
    """
    env = os.environ if env is None else env
    if api_key is not None and not isinstance(api_key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"api_key must be a string such as HOST:KEY, not {type(api_key).__name__}")
    if api_key:
        site = parse_key(api_key)
    elif api_key is None and env.get(ENV_KEY):
        site = parse_key(env[ENV_KEY], f"the environment variable {ENV_KEY}")
    else:
        site = _from_login_file()
    if site.scheme == "http" and not site.is_loopback:
        warnings.warn(
            f"keys and data travel unencrypted to {site.host}:{site.port} ({_INSECURE} is set)",
            InsecureWarning,
            stacklevel=2,
        )
    return site


class Options(BaseModel):
    """How a client behaves; every member has a safe default.

    Attributes:
        connect_timeout: Seconds to wait for a connection.
        request_timeout: Seconds to wait for each read or write, and for a free connection.
        deadline: Seconds one request, or one whole transfer, may take, retries and waits included; None for no limit.
            The deadline of a call takes its place.
        total_retries: How often a request is sent again at most.
        backoff_factor: Seconds; the n-th wait is random between 0 and `backoff_factor / 2 * 2**n`.
        backoff_max: Longest wait between two tries, in seconds; also caps `Retry-After`.
        max_connections: Requests in flight at once, over everything the client does; as many streams may be held open.
        exhaustive: Ask for everything on the site, not only what the user has permissions on (site admins).
        ca_file: Path of a file with the certificate authorities to trust.
        default_timezone: Time zone assumed for date-times without one; None refuses them.
        user_agent_suffix: Text added to the `User-Agent` header, for example your program's name and version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    connect_timeout: Annotated[float, Field(gt=0)] = 10.0
    request_timeout: Annotated[float, Field(gt=0)] = 60.0
    deadline: Annotated[float, Field(gt=0)] | None = None
    total_retries: Annotated[int, Field(ge=0)] = 7
    backoff_factor: Annotated[float, Field(ge=0)] = 1.875
    backoff_max: Annotated[float, Field(ge=0)] = 120.0
    max_connections: Annotated[int, Field(ge=1)] = 64
    exhaustive: bool = False
    ca_file: str | None = None
    default_timezone: tzinfo | None = None
    user_agent_suffix: Annotated[str, Field(pattern=r"^[ -~]*$")] = ""


_ENV_OPTIONS = {
    "connect_timeout": "FLYWHEEL_SDK_CONNECT_TIMEOUT",
    "request_timeout": "FLYWHEEL_SDK_REQUEST_TIMEOUT",
    "total_retries": "FLYWHEEL_SDK_TOTAL_RETRIES",
    "backoff_factor": "FLYWHEEL_SDK_BACKOFF_FACTOR",
    "backoff_max": "FLYWHEEL_SDK_BACKOFF_MAX",
    "ca_file": "FW_SSL_CERT_FILE",
}


def resolve_options(given: Mapping[str, object], env: Mapping[str, str] | None = None) -> Options:
    """Merges given options over the environment variables of the official client over the defaults.

    Args:
        given: Options by name; None means not given.
        env: The environment to read; the process's own by default.

    Raises:
        ConfigError: An option is unknown or out of range; the message names it, and its variable.
    """
    env = os.environ if env is None else env
    values: dict[str, object] = {name: env[var] for name, var in _ENV_OPTIONS.items() if env.get(var)}
    values.update({name: value for name, value in given.items() if value is not None})
    try:
        return Options.model_validate(values)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "options"
        from_env = name in _ENV_OPTIONS and given.get(name) is None
        where = f"the environment variable {_ENV_OPTIONS[name]}" if from_env else f"the option {name!r}"
        raise ConfigError(f"{where} is not valid: {first['msg']}") from None


def ssl_context(options: Options) -> ssl.SSLContext | bool:
    """The TLS settings for `options`: True for the usual authorities, a context for an own file.

    Raises:
        ConfigError: The file cannot be read or holds no certificate.
    """
    if options.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ssl.SSLError) as exc:
        reason = exc.strerror or type(exc).__name__
        raise ConfigError(
            f"the certificate file {options.ca_file} (FW_SSL_CERT_FILE) cannot be used: {reason}"
        ) from None
