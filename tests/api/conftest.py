"""The real app in this process, on a fresh Postgres with the shipped policies and a key for each role."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.cli.prepare import prepare
from case_api.settings import Settings
from tests.api.house import House, open_house
from tests.conftest import Database, MakeDatabase
from tests.landed import keep_landed

MASTER_KEY = bytes(range(32))


@pytest.fixture(scope="session")
def master_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A master key as an operator would keep it."""
    path = tmp_path_factory.mktemp("keys") / "master.key"
    path.write_text(base64.b64encode(MASTER_KEY).decode() + "\n", encoding="ascii")
    return path


@pytest.fixture(scope="session")
def settings(master_key_file: Path) -> Settings:
    """Settings that lack nothing but the database."""
    return Settings(master_key_file=master_key_file, env="development", log_requests="none")


@pytest_asyncio.fixture(scope="module")
async def prepared(make_database: MakeDatabase) -> Database:
    """A fresh database as `caselog up` prepares it; taobao@2026.1 is in force in it, of tmall what is shipped."""
    database = await make_database()
    await prepare(database.app, development_keys=True)
    await keep_landed(database.app)
    return database


@pytest_asyncio.fixture(scope="module")
async def house(prepared: Database, settings: Settings) -> AsyncIterator[House]:
    """One app on it."""
    async with open_house(settings, prepared) as opened:
        yield opened


@pytest.fixture(scope="module")
def storefront(house: House) -> AsyncClient:
    return house.caller("storefront")


@pytest.fixture(scope="module")
def platform(house: House) -> AsyncClient:
    return house.caller("platform")


@pytest.fixture(scope="module")
def admin(house: House) -> AsyncClient:
    return house.caller("admin")
