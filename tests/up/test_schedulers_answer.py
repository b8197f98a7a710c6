"""Under `caselog up` each scheduler answers on a port of its own, which the banner says."""

from __future__ import annotations

import re

import httpx

from tests.serving import Serving


def test_each_scheduler_says_how_it_is_where_the_banner_says(caselog: Serving) -> None:
    said = caselog.log.read_text(encoding="utf-8", errors="replace")
    addresses = re.findall(r"http://127\.0\.0\.1:\d+(?=/readyz)", said.replace("\n", ""))
    assert len(set(addresses)) == 2
    names = set()
    for address in addresses:
        ready = httpx.get(f"{address}/readyz", timeout=5, trust_env=False)
        assert (ready.status_code, ready.json()["missing"]) == (200, {})
        names.add(ready.json()["name"])
        assert httpx.get(f"{address}/healthz", timeout=5, trust_env=False).status_code == 200
        assert "caselog_" in httpx.get(f"{address}/metrics", timeout=5, trust_env=False).text
    assert len(names) == 2, "each answers for itself"
