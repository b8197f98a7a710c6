"""HEAD: what GET would answer, without the answer (RFC 9110, section 9.1)."""

import pytest
from httpx import AsyncClient

from tests.api.house import House
from tests.serving import Serving


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/policies", "/v1/cases/nothing", "/openapi.json"])
async def test_head_says_of_every_resource_what_get_says(caselog: Serving, path: str) -> None:
    headers = {"Authorization": "Bearer dev-storefront"}
    async with AsyncClient(base_url=caselog.url, headers=headers) as storefront:
        whole, head = await storefront.get(path), await storefront.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert whole.content
    for name in ("content-type", "cache-control"):
        assert head.headers.get(name) == whole.headers.get(name)


@pytest.mark.parametrize("path", ["/v1/events/stream", "/v1/export/cases"])
async def test_what_has_no_end_has_no_head(house: House, path: str) -> None:
    answer = await house.caller("storefront").head(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
