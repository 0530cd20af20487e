"""Where a redirect may lead and what may travel along: decisions without I/O."""

from __future__ import annotations

import httpx

from flywheel_async.errors import UnsafeRedirect

MAX_REDIRECTS = 5
_STATUSES = frozenset({301, 302, 303, 307, 308})


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; credentials stay within one origin."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def next_url(method: str, url: httpx.URL, status: int, location: str | None, hops: int) -> httpx.URL | None:
    """Decides whether and where to follow.

    Args:
        method: Method of the request that was answered.
        url: Its URL.
        status: Status of the answer.
        location: Its `Location` header, or None.
        hops: How many redirects were followed before this one.

    Returns:
        The next URL, or None when the answer is not a redirect.

    Raises:
        UnsafeRedirect: Following it would be wrong: too many, another scheme than http(s), https to http, or a
            status that would turn a writing request into a reading one.
    """
    if status not in _STATUSES or location is None:
        return None
    if hops >= MAX_REDIRECTS:
        raise UnsafeRedirect(f"more than {MAX_REDIRECTS} redirects, the last one from {url.host}")
    try:
        # Names before the host would be sent as credentials.
        target = url.join(location).copy_with(userinfo=b"")
        target.host.encode()
        origin(target)
    except (httpx.InvalidURL, ValueError):
        raise UnsafeRedirect(f"{url.host} redirects to something that is not a URL") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise UnsafeRedirect(f"{url.host} redirects to the scheme {target.scheme!r}, which is not followed")
    if url.scheme == "https" and target.scheme == "http":
        raise UnsafeRedirect(f"{url.host} redirects from https to http ({target.host}), which is refused")
    if method not in ("GET", "HEAD") and status not in (307, 308):
        raise UnsafeRedirect(
            f"{url.host} answers {method} with a {status} redirect to {target.host}; check the host in the API key"
        )
    return target
