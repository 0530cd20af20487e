"""The pure decisions of the transport."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_async.errors import UnsafeRedirect
from flywheel_async.transport.redirect import next_url, origin
from flywheel_async.transport.retry import Outcome, RetryPolicy, parse_retry_after

POLICY = RetryPolicy(total=3, factor=2.0, longest=10.0)


def highest(low: float, high: float) -> float:
    return high


@pytest.mark.parametrize(
    ("attempt", "outcome", "kind", "wait"),
    [
        (1, Outcome(), "safe", 1.0),
        (2, Outcome(), "safe", 2.0),
        (3, Outcome(503), "safe", 4.0),
        (4, Outcome(503), "safe", None),
        (1, Outcome(409), "safe", None),
        (1, Outcome(404), "safe", None),
        (1, Outcome(500), "safe", None),
        (1, Outcome(429), "safe", 1.0),
        (1, Outcome(503), "never", None),
        (1, Outcome(), "never", None),
        (1, Outcome(sent=False), "never", 1.0),
        (1, Outcome(503, retry_after="7"), "safe", 7.0),
        (1, Outcome(503, retry_after="700"), "safe", 10.0),
        (1, Outcome(503, retry_after="nonsense"), "safe", 1.0),
    ],
)
def test_decisions(attempt: int, outcome: Outcome, kind: str, wait: float | None) -> None:
    assert POLICY.decide(attempt, outcome, kind, uniform=highest) == wait  # type: ignore[arg-type]


@given(st.integers(1, 100), st.floats(0, 1))
def test_waits_stay_within_bounds(attempt: int, fraction: float) -> None:
    policy = RetryPolicy(total=100, factor=1.875, longest=120.0)
    wait = policy.decide(attempt, Outcome(), "safe", uniform=lambda low, high: low + fraction * (high - low))
    assert wait is not None
    assert 0 <= wait <= 120


def test_retry_after_forms() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_retry_after("2.5") == 2.5
    assert parse_retry_after("Thu, 01 Jan 2026 00:00:30 GMT", now) == 30
    assert parse_retry_after("Thu, 01 Jan 2020 00:00:30 GMT", now) == 0
    for text in (None, "", "soon", "-5", "1e9", "٣"):
        assert parse_retry_after(text, now) is None


@given(st.text(max_size=40))
def test_any_retry_after_text_is_read_or_ignored(text: str) -> None:
    wait = parse_retry_after(text)
    assert wait is None or wait >= 0


BASE = httpx.URL("https://site.example:443/api/x")


def test_redirects_that_are_followed() -> None:
    assert next_url("GET", BASE, 302, "https://store.example/f?sig=1", 0) == httpx.URL("https://store.example/f?sig=1")
    assert next_url("GET", BASE, 307, "/other", 4) == httpx.URL("https://site.example/other")
    assert next_url("POST", BASE, 307, "/other", 0) is not None
    assert next_url("GET", BASE, 200, "/other", 0) is None
    assert next_url("GET", BASE, 304, None, 0) is None


@pytest.mark.parametrize(
    ("method", "status", "location", "hops"),
    [
        ("GET", 302, "http://site.example/x", 0),
        ("GET", 302, "ftp://site.example/x", 0),
        ("GET", 302, "file:///etc/passwd", 0),
        ("GET", 302, "javascript:alert(1)", 0),
        ("GET", 302, "/x", 5),
        ("POST", 302, "/x", 0),
        ("DELETE", 303, "/x", 0),
        ("GET", 302, "https://[::1", 0),
    ],
)
def test_redirects_that_are_refused(method: str, status: int, location: str, hops: int) -> None:
    with pytest.raises(UnsafeRedirect):
        next_url(method, BASE, status, location, hops)


def test_origin_knows_default_ports() -> None:
    assert origin(httpx.URL("https://a.example/x")) == origin(httpx.URL("https://a.example:443/y"))
    assert origin(httpx.URL("https://a.example:444/")) != origin(httpx.URL("https://a.example/"))
    assert origin(httpx.URL("http://a.example/")) != origin(httpx.URL("https://a.example/"))
