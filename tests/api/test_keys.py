"""Keys over HTTP: made, listed, rotated while both secrets work, revoked, and never the last admin's."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.callers import auth
from case_api.settings import Settings
from case_api.upkeep import keys_used
from case_events.core.values import Instant
from case_events.ledger.callers import changing, keys
from case_events.ledger.database import Ledger
from tests.api.house import House, open_house
from tests.conftest import Database
from tests.ledger.contending import waits

KEYS = "/v1/keys"
SHOP = {"client": "shop", "name": "checkout", "role": "storefront"}


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is asked about each time, as it is 5 seconds later."""
    monkeypatch.setattr(auth, "KNOWN_FOR_S", 0)


@pytest_asyncio.fixture
async def superuser(prepared: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(prepared.superuser)
    yield connection
    await connection.close()


async def made(admin: AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await admin.post(KEYS, json=SHOP | said)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def opens(house: House, secret: str) -> bool:
    answer = await house.with_key(secret).get("/v1/policies")
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def without(ledger: Ledger, key_id: str) -> bool:
    """Whether this key could be revoked in production."""
    async with ledger.connection() as connection:
        try:
            return await changing.revoke(connection, key_id, sandbox=False) is not None
        except changing.LastAdmin:
            return False


async def test_a_key_is_told_once_and_what_is_kept_of_it_opens_nothing(
    house: House, admin: AsyncClient, superuser: asyncpg.Connection
) -> None:
    answer = await admin.post(KEYS, json=SHOP | {"merchants": ["m-1"], "per_minute": 600})
    told = answer.json()
    secret = told.pop("secret")
    assert await opens(house, secret)
    there = await admin.get(answer.headers["location"])
    assert there.json() == told["key"]
    assert (there.json()["client"], there.json()["merchants"], there.json()["per_minute"]) == ("shop", ["m-1"], 600)
    caller = await house.app.state.door.callers.of(secret)
    assert (caller.merchants, caller.per_minute) == (("m-1",), 600)
    kept = [await superuser.fetch(f"SELECT t::text FROM {table} t") for table in ("api_keys", "journal")]  # noqa: S608
    everything = f"{kept}{there.text}{(await admin.get(KEYS)).text}"
    assert secret not in everything
    assert told["key"]["key_id"] in everything


async def test_the_list_has_every_key_once_the_oldest_first(house: House, admin: AsyncClient) -> None:
    for number in range(5):
        await made(admin, name=f"listed-{number}")
    seen: list[dict[str, Any]] = []
    asked = f"{KEYS}?limit=2"
    for _ in range(50):
        page = (await admin.get(asked)).json()
        assert len(page["items"]) <= 2
        seen += page["items"]
        if page["next"] is None:
            break
        asked = f"{KEYS}?limit=2&cursor={page['next']}"
    assert len(seen) == len({one["key_id"] for one in seen}) == await house.count("api_keys")
    assert [one["created_at"] for one in seen] == sorted(one["created_at"] for one in seen)
    of_another_list = (await admin.get("/v1/scheduler/journal?limit=1")).json()["next"]
    assert (await admin.get(f"{KEYS}?cursor={of_another_list}")).status_code == 422


async def test_two_secrets_work_while_a_rotation_lasts_and_one_after(
    house: House, admin: AsyncClient, superuser: asyncpg.Connection
) -> None:
    first = await made(admin)
    path = f"{KEYS}/{first['key']['key_id']}"
    rotated = (await admin.post(f"{path}/rotate", json={"overlap": "PT24H"})).json()
    assert rotated["secret"] != first["secret"]
    assert await opens(house, first["secret"])
    assert await opens(house, rotated["secret"])
    key = rotated["key"]
    lasts = Instant.parse(key["old_until"]) - Instant.parse(key["rotated_at"])
    assert abs(lasts - timedelta(hours=24)) < timedelta(seconds=1)
    again = await admin.post(f"{path}/rotate", json={})
    assert (again.status_code, again.json()["code"]) == (409, "not_yet")
    assert again.json()["opens_at"] == key["old_until"]
    await superuser.execute("UPDATE api_keys SET old_until = now() WHERE key_id = $1", key["key_id"])
    assert not await opens(house, first["secret"])
    assert await opens(house, rotated["secret"])
    assert (await admin.get(path)).json()["old_until"] is None
    assert (await admin.post(f"{path}/rotate", json={})).status_code == 200, "24 hours where nothing is said"


async def test_a_secret_that_leaked_ends_at_once_and_so_does_the_one_before(house: House, admin: AsyncClient) -> None:
    first = await made(admin)
    path = f"{KEYS}/{first['key']['key_id']}/rotate"
    second = (await admin.post(path, json={"overlap": "P7D"})).json()
    third = (await admin.post(path, json={"overlap": "PT0S"})).json()
    assert third["key"]["old_until"] is None
    works = [await opens(house, one["secret"]) for one in (first, second, third)]
    assert works == [False, False, True]


async def test_a_revoked_key_opens_nothing_with_neither_secret_and_for_good(house: House, admin: AsyncClient) -> None:
    first = await made(admin)
    path = f"{KEYS}/{first['key']['key_id']}"
    second = (await admin.post(f"{path}/rotate", json={})).json()
    revoked = await admin.post(f"{path}/revoke")
    assert revoked.status_code == 200
    assert revoked.json()["revoked_at"] is not None
    assert not await opens(house, first["secret"])
    assert not await opens(house, second["secret"])
    assert (await admin.post(f"{path}/revoke")).json() == revoked.json(), "once or twice is the same"
    assert (await admin.post(f"{path}/rotate", json={})).status_code == 404
    assert (await admin.get(path)).json() == revoked.json()


async def test_who_did_what_to_a_key_is_on_record(admin: AsyncClient) -> None:
    key_id = (await made(admin))["key"]["key_id"]
    await admin.post(f"{KEYS}/{key_id}/rotate", json={"overlap": "PT1H"})
    await admin.post(f"{KEYS}/{key_id}/revoke")
    entries = (await admin.get("/v1/scheduler/journal?limit=3")).json()["items"]
    assert [one["what"] for one in entries] == ["key_revoked", "key_rotated", "key_created"]
    assert {one["who"] for one in entries} == {"dev/dev-admin"}
    assert {one["data"]["key"] for one in entries} == {key_id}


@pytest.mark.parametrize("overlap", ["P8D", "P7DT1S", "-PT1H", "24 hours", 24, None])
async def test_an_overlap_is_a_duration_of_seven_days_at_most(admin: AsyncClient, overlap: Any) -> None:
    key_id = (await made(admin))["key"]["key_id"]
    answer = await admin.post(f"{KEYS}/{key_id}/rotate", json={"overlap": overlap})
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, ["/overlap"])
    assert (await admin.get(f"{KEYS}/{key_id}")).json()["rotated_at"] is None


async def test_everything_wrong_with_a_new_key_is_said_at_once(house: House, admin: AsyncClient) -> None:
    before = await house.count("api_keys")
    wrong = {"client": "import:x", "name": "a\u200b", "role": "storefront", "merchants": ["m-1", "m\n"]}
    answer = await admin.post(KEYS, json=wrong)
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/client", "/name", "/merchants/1"}
    shapes = {"client": "", "role": "king", "merchants": [], "per_minute": 0, "secret": "mine"}
    answer = await admin.post(KEYS, json=shapes)
    pointers = {one["pointer"] for one in answer.json()["errors"]}
    assert pointers == {"/client", "/name", "/role", "/merchants", "/per_minute", "/secret"}
    assert await house.count("api_keys") == before


async def test_a_key_that_is_not_there_is_not_found(admin: AsyncClient) -> None:
    for key_id in ("key_0", "x" * 5000, "%00", "%20", "%F0%9F%94%91"):
        for answer in (
            await admin.get(f"{KEYS}/{key_id}"),
            await admin.post(f"{KEYS}/{key_id}/rotate", json={}),
            await admin.post(f"{KEYS}/{key_id}/revoke"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_admin_limited_to_some_steers_no_keys(house: House, admin: AsyncClient) -> None:
    other = (await made(admin))["key"]["key_id"]
    for limit in ({"merchants": ["m-1"]}, {"marketplaces": ["taobao"]}):
        limited = house.with_key((await made(admin, role="admin", **limit))["secret"])
        for answer in (
            await limited.get(KEYS),
            await limited.post(KEYS, json=SHOP),
            await limited.get(f"{KEYS}/{other}"),
            await limited.post(f"{KEYS}/{other}/rotate", json={}),
            await limited.post(f"{KEYS}/{other}/revoke"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_development_key_is_its_name_and_can_only_be_revoked(house: House, admin: AsyncClient) -> None:
    answer = await admin.post(f"{KEYS}/dev-auditor/rotate", json={"overlap": "PT0S"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await opens(house, "dev-auditor")
    assert (await admin.post(f"{KEYS}/dev-auditor/revoke")).status_code == 200
    assert not await opens(house, "dev-auditor")


async def test_the_last_admin_key_stays_and_a_development_key_is_none_in_production(
    settings: Settings, prepared: Database, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("UPDATE api_keys SET revoked_at = now() WHERE role = 'admin' AND key_id <> 'dev-admin'")
    async with open_house(settings.model_copy(update={"env": "production"}), prepared) as house:
        async with house.app.state.door.ledger.connection() as connection:
            limited = partial(keys.create, connection, client="ops", name="limited", role="admin")
            await limited(merchants=["m-1"])  # who is limited steers no keys, and does not count
            await limited(marketplaces=["taobao"])
            assert await keys.bootstrap(connection, client="ops", name="first", sandbox=True) is None
            first = await keys.bootstrap(connection, client="ops", name="first", sandbox=False)
            assert first is not None
            assert await keys.bootstrap(connection, client="ops", name="first", sandbox=False) is None
        admin, key_id = house.with_key(first[1]), first[0].key_id
        for path, said in (
            ("revoke", None),
            ("rotate", {"overlap": "PT0S"}),
            ("rotate", {"overlap": "PT4M59S"}),
        ):
            answer = await admin.post(f"{KEYS}/{key_id}/{path}", json=said)
            assert (answer.status_code, answer.json()["code"]) == (409, "last_admin"), path
        assert (await admin.post(f"{KEYS}/{key_id}/rotate", json={"overlap": "PT5M"})).status_code == 200
        second = await made(admin, role="admin")
        ledger = house.app.state.door.ledger
        async with ledger.connection() as deciding, deciding.transaction():
            await keys.lock_admins(deciding)
            tried = [asyncio.create_task(without(ledger, one)) for one in (key_id, second["key"]["key_id"])]
            for one in tried:
                await waits(superuser, one)
            assert not any(one.done() for one in tried), "how many there are is decided by one at a time"
        assert sorted([await one for one in tried]) == [False, True], "of the two one goes, and one stays"
        unlimited = "marketplaces IS NULL AND merchants IS NULL"
        left = f"SELECT count(*) FROM api_keys WHERE role = 'admin' AND revoked_at IS NULL AND {unlimited}"  # noqa: S608
        assert await superuser.fetchval(f"{left} AND key_id <> 'dev-admin'") == 1
        assert await superuser.fetchval(left) == 2


async def test_in_production_a_development_key_opens_nothing_whatever_its_secret_is(
    settings: Settings, prepared: Database, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(
        "UPDATE api_keys SET secret_hash = sha256('other'::bytea), revoked_at = NULL WHERE key_id = 'dev-platform'"
    )
    for env, works in (("sandbox", True), ("production", False)):
        async with open_house(settings.model_copy(update={"env": env}), prepared) as house:
            assert await opens(house, "other") == works
            assert await opens(house, "dev-ops") == works


async def test_when_a_key_was_last_used_is_noted_beside_the_requests_and_once_a_minute(
    house: House, admin: AsyncClient, superuser: asyncpg.Connection
) -> None:
    key = await made(admin)
    key_id = key["key"]["key_id"]
    where = ("SELECT last_used_at, xmin::text FROM api_keys WHERE key_id = $1", key_id)
    for _ in range(3):
        assert await opens(house, key["secret"])
    assert await superuser.fetchval(*where) is None, "no request waited for it"
    door = house.app.state.door
    await keys_used.note(door.ledger, door.callers.used)
    assert door.callers.used == set()
    noted = await superuser.fetchval(*where)
    assert noted.second == 0
    now = await superuser.fetchval("SELECT clock_timestamp()")
    assert timedelta(0) <= now - noted < timedelta(minutes=1, seconds=30)
    # In the next minute at the earliest: as if this had been the last one's.
    await superuser.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE key_id = $1", key_id, now + timedelta(minutes=1)
    )
    before = await superuser.fetchrow(*where)
    assert await opens(house, key["secret"])
    await keys_used.note(door.ledger, door.callers.used)
    assert await superuser.fetchrow(*where) == before, "not written again"
    assert (await admin.get(f"{KEYS}/{key_id}")).json()["last_used_at"] is not None


async def test_a_secret_is_found_by_indexes_however_many_keys_there_are(superuser: asyncpg.Connection) -> None:
    undone = superuser.transaction()
    await undone.start()
    await superuser.execute(
        "INSERT INTO api_keys (key_id, client, name, role, secret_hash, old_secret_hash, old_until)"
        " SELECT 'k' || n, 'c', 'n', 'ops', sha256(n::text::bytea), sha256((-n)::text::bytea), now()"
        " FROM generate_series(1, 5000) AS n"
    )
    await superuser.execute("ANALYZE api_keys")
    explained = await superuser.fetch("EXPLAIN " + keys.FIND.replace("$1", "'x'::bytea"))
    plan = "\n".join(row[0] for row in explained)
    await undone.rollback()
    assert plan.count("Index") >= 2, plan
    assert "Seq Scan" not in plan


async def test_a_rotation_by_command_is_the_same_one(house: House, superuser: asyncpg.Connection) -> None:
    async with house.app.state.door.ledger.connection() as connection:
        caller, before = await keys.create(connection, **SHOP)  # type: ignore[arg-type]
        done = await changing.rotate(connection, caller.key_id, timedelta(hours=1))
        assert done is not None
        with pytest.raises(changing.StillRotating):
            await changing.rotate(connection, caller.key_id, timedelta(hours=1))
        with pytest.raises(ValueError, match="7 days"):
            await changing.rotate(connection, caller.key_id, timedelta(days=8))
        assert await changing.rotate(connection, "nobody", timedelta(0)) is None
    assert await opens(house, before)
    assert await opens(house, done[1])
    assert await superuser.fetchval("SELECT who FROM journal ORDER BY number DESC LIMIT 1") == "caselog keys"
