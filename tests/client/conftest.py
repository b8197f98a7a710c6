"""Callers of the whole running Caselog: the client as storefronts, the platform and integrators use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from caselog_client import AsyncCaselog, Caselog
from tests.serving import Serving


@pytest.fixture(scope="session")
def storefront(caselog: Serving) -> Iterator[Caselog]:
    with Caselog(caselog.url, "dev-storefront") as caller:
        yield caller


@pytest.fixture(scope="session")
def platform(caselog: Serving) -> Iterator[Caselog]:
    with Caselog(caselog.url, "dev-platform") as caller:
        yield caller


@pytest.fixture(scope="session")
def admin(caselog: Serving) -> Iterator[Caselog]:
    with Caselog(caselog.url, "dev-admin") as caller:
        yield caller


@pytest_asyncio.fixture(scope="session")
async def async_storefront(caselog: Serving) -> AsyncIterator[AsyncCaselog]:
    async with AsyncCaselog(caselog.url, "dev-storefront") as caller:
        yield caller
