"""`caselog up` has its workers count in one folder: whichever a scrape meets tells the numbers of all."""

from __future__ import annotations

import time

import httpx

from tests.serving import Serving

WITHIN_S = 15.0


def test_whichever_worker_is_asked_tells_of_both(caselog: Serving) -> None:
    until = time.monotonic() + WITHIN_S
    told = ""
    while "caselog_api_workers 2.0" not in told and time.monotonic() < until:
        told = httpx.get(f"{caselog.url}/metrics", timeout=5).text
        time.sleep(0.1)
    assert "caselog_api_workers 2.0" in told
    assert 'caselog_http_requests_total{method="GET",route="/readyz",status="200"}' in told
    (folder,) = caselog.data.glob("metrics-*")
    assert folder.stat().st_mode & 0o077 == 0, "nobody else counts there"
