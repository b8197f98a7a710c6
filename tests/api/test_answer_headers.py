"""What every answer tells a browser: it is data, it is for nobody else's page, and nobody may guess what it is."""

from __future__ import annotations

import pytest
from httpx import ASGITransport, AsyncClient, Response

from tests.api.house import House, filed

HARDENED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


def policy(answer: Response) -> str:
    (said,) = answer.headers.get_list("content-security-policy")
    return said


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/nothing", "/healthz", "/openapi.json", "/nowhere", "/metrics"])
async def test_every_answer_is_hardened_refusals_too(house: House, path: str) -> None:
    for role in ("storefront", None):
        answer = await house.caller(role).get(path)
        assert {name: answer.headers.get(name) for name in HARDENED} == HARDENED
        assert policy(answer) == "default-src 'none'; frame-ancestors 'none'"
        assert "strict-transport-security" not in answer.headers


async def test_a_page_that_needs_more_says_so_itself_and_no_header_comes_twice(house: House) -> None:
    case = await filed(house.caller("storefront"))
    page = await house.caller("ops").get(f"/v1/cases/{case['case_id']}/dossier?format=html")
    assert "style-src" in policy(page)
    docs = await house.caller(None).get("/docs")
    assert docs.status_code == 200
    assert "https://cdn.jsdelivr.net" in policy(docs)
    for answer in (page, docs, await house.caller("storefront").get("/v1/cases")):
        names = [name for name, _ in answer.headers.multi_items()]
        assert len(names) == len(set(names)), names


@pytest.mark.parametrize(
    ("base", "headers", "told"),
    [
        ("https://caselog", {}, True),
        ("http://caselog", {"X-Forwarded-Proto": "https"}, True),
        ("http://caselog", {"X-Forwarded-Proto": "http"}, False),
        ("http://caselog", {}, False),
    ],
)
async def test_only_who_came_by_https_is_told_to_stay_there(
    house: House, base: str, headers: dict[str, str], told: bool
) -> None:
    async with AsyncClient(transport=ASGITransport(house.app), base_url=base, headers=headers) as client:
        answer = await client.get("/healthz")
    assert ("strict-transport-security" in answer.headers) == told
