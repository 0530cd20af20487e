"""Which proxy a request goes through: the one given, or what the environment says."""

import importlib.util
import ipaddress
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Exception:
    """One entry of ``NO_PROXY``: a host name, an address or a network, perhaps with a scheme or a port."""

    scheme: str | None
    name: str
    port: int | None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    exact: bool

    @classmethod
    def parse(cls, text: str) -> "_Exception":
        scheme, found, rest = text.lower().rpartition("://")
        # "localhost" and a name after a scheme mean this host only, every other name its subdomains too.
        exact = rest == "localhost" or (bool(found) and not rest.startswith("*"))
        network = _network(rest)
        port = None
        if network is None:
            head, colon, tail = rest.rpartition(":")
            if colon and tail.isdigit():
                rest, port = head, int(tail)
                network = _network(rest)
        return cls(None if scheme in ("", "all") else scheme, rest.removeprefix("*"), port, network, exact)

    def covers(self, scheme: str, host: str, port: int | None) -> bool:
        if self.scheme not in (None, scheme) or self.port not in (None, port):
            return False
        if self.network is not None:
            address = _network(host)
            return address is not None and address.network_address in self.network
        if self.name.startswith("."):
            return host.endswith(self.name)
        return host == self.name or (not self.exact and host.endswith("." + self.name))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


class ProxyRules:
    """Chooses the proxy for a URL.

    A proxy given by hand is used for every request. Otherwise ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``
    and ``NO_PROXY`` (also in small letters) are read once, here, and mean what they mean to httpx; networks
    such as ``10.0.0.0/8`` work in ``NO_PROXY`` too. Unlike httpx, this machine itself is never asked of a proxy named
    in the environment.

    Args:
        proxy: The proxy for every request, or None.
        trust_env: Whether to look at the environment when ``proxy`` is None.

    Raises:
        ValueError: A proxy URL has a scheme other than http, https, socks5 or socks5h.
        ImportError: A SOCKS proxy is asked for and the package ``socksio`` is missing.

    Example:
        >>> ProxyRules("http://proxy.example:3128").choose(httpx.URL("https://example.org"))
        Proxy('http://proxy.example:3128')
    """

    def __init__(self, proxy: httpx.Proxy | str | None = None, *, trust_env: bool = True) -> None:
        self._proxies: dict[str, httpx.Proxy] = {}
        self._exceptions: list[_Exception] = []
        self._given = proxy is not None
        if proxy is not None:
            self._proxies["all"] = _usable(httpx.Proxy(proxy) if isinstance(proxy, str) else proxy)
        elif trust_env:
            self._read(urllib.request.getproxies())

    def _read(self, environment: Mapping[str, str]) -> None:
        entries = [entry.strip() for entry in environment.get("no", "").split(",")]
        if "*" in entries:
            return
        self._exceptions = [_Exception.parse(entry) for entry in entries if entry]
        for scheme in ("http", "https", "all"):
            address = environment.get(scheme)
            if address:
                url = address if "://" in address else f"http://{address}"
                self._proxies[scheme] = _usable(httpx.Proxy(url))

    def choose(self, url: httpx.URL) -> httpx.Proxy | None:
        """Return the proxy for ``url``, or None to connect directly."""
        if not self._proxies or (not self._given and _is_this_machine(url.host)):
            return None
        host, port = url.host.lower(), url.port or _DEFAULT_PORTS.get(url.scheme)
        if any(exception.covers(url.scheme, host, port) for exception in self._exceptions):
            return None
        return self._proxies.get(url.scheme) or self._proxies.get("all")


def _is_this_machine(host: str) -> bool:
    """Whether a host is this machine, which a proxy elsewhere could not reach."""
    try:
        return host.lower().rstrip(".") == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _usable(proxy: httpx.Proxy) -> httpx.Proxy:
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ImportError("a SOCKS proxy needs the package socksio: pip install 'httpx[socks]'")
    return proxy
