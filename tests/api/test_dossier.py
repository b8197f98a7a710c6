"""The dossier (domain P5): a whole case leaves as one file that a third party can read, print and check."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest_asyncio
from httpx import AsyncClient

from tests.api.house import APPEAL, REFUND, REFUSE, REJECT, House, filed, happened, post

SCRIPT = '<script>alert("1")</script>'
ENTITY = {"name": "杭州某某商贸有限公司", "place": "浙江省杭州市", "registration": "91330100MA000000"}


@pytest_asyncio.fixture
async def disputed(storefront: AsyncClient, platform: AsyncClient) -> dict[str, Any]:
    """A complaint that was refused, rejected, appealed and upheld."""
    case = await filed(storefront, description=SCRIPT, respondent_entity=ENTITY)
    for client, body, judged in (
        (storefront, REFUSE, None),
        (platform, REJECT, '"3"'),
        (storefront, APPEAL, None),
        (platform, REFUND, '"5"'),
    ):
        answer = await post(client, case, body, **({"if_match": judged} if judged else {}))
        assert answer.status_code == 201, answer.text
    return case


async def taken(client: AsyncClient, case: dict[str, Any], form: str = "json") -> Any:
    answer = await client.get(f"/v1/cases/{case['case_id']}/dossier", params={"format": form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="caselog-{case["case_id"]}.{form}"'
    return answer.json() if form == "json" else answer.text


async def test_it_has_the_whole_case_with_its_parties_in_law(house: House, disputed: dict[str, Any]) -> None:
    said = await taken(house.caller("auditor"), disputed)
    assert (said["number"], said["title"]["zh"], said["outcome"]["word"]) == (disputed["number"], "未收到货", "upheld")
    assert said["policy"] == disputed["policy"]
    assert [(one["side"], one["id"]) for one in said["parties"]] == [("complainant", "b-1"), ("respondent", "m-1")]
    assert said["parties"][1]["entity"] == ENTITY
    assert [one["entry"]["type"] for one in said["history"]] == [
        "filed",
        "merchant_replied",
        "intervention_requested",
        "ruled",
        "appealed",
        "ruled",
    ]
    assert all(one["recorded_at"] and one["entry"]["zh"] and one["entry"]["en"] for one in said["history"])
    assert [one["evidence"]["sha256"] for one in said["evidence"]] == [f"{1:064x}", f"{4:064x}"]
    assert [(one["round"], one["verdict"]["word"], one["final"]) for one in said["rulings"]] == [
        (1, "rejected", False),
        (2, "upheld", True),
    ]
    assert said["rulings"][1]["clause"]["en"] == "A merchant who cannot prove delivery to the buyer refunds."
    assert said["rulings"][1]["reasons"] == "未能证明本人签收。"
    assert [one["kind"] for one in said["deadlines"]] == ["remedy"]


async def test_a_third_party_checks_the_chain_with_nothing_but_the_file(house: House, disputed: dict[str, Any]) -> None:
    said = await taken(house.caller("platform"), disputed)
    assert len(said["chain"]) == 6
    before = bytes(32)
    for link in said["chain"]:
        assert hashlib.sha256(link["payload"].encode()).hexdigest() == link["payload_hash"]
        envelope = json.dumps(link["envelope"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        before = hashlib.sha256(b"caselog.event.v1\n" + before + envelope.encode()).digest()
        assert before.hex() == link["hash"]
        assert link["envelope"]["payload_hash"] == link["payload_hash"]


async def test_it_says_that_words_are_proved_as_they_are_sealed_alone(house: House, disputed: dict[str, Any]) -> None:
    said = await taken(house.caller("platform"), disputed)
    filed = json.loads(said["chain"][0]["payload"])
    assert filed["demand"] == said["demand"]
    assert filed["description"].startswith("sealed:")
    assert said["description"] not in json.dumps(said["chain"], ensure_ascii=False)
    assert all("sealed:" in told for told in said["how_to_check"].values())


async def test_a_storefront_gets_the_hashes_but_not_what_the_desk_hands_on(
    house: House, storefront: AsyncClient, disputed: dict[str, Any]
) -> None:
    whole, said = await taken(house.caller("ops"), disputed), await taken(storefront, disputed)
    assert [link["hash"] for link in said["chain"]] == [link["hash"] for link in whole["chain"]]
    assert all(set(link) == {"version", "payload_hash", "hash", "position", "path"} for link in said["chain"])


class Read(HTMLParser):
    """What a page is made of: its elements, and every address it names."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]


async def test_the_page_tells_the_same_runs_nothing_and_fetches_nothing(
    storefront: AsyncClient, disputed: dict[str, Any]
) -> None:
    text, said = await taken(storefront, disputed, "html"), await taken(storefront, disputed)
    read = Read()
    read.feed(text)
    assert "script" not in read.elements
    assert "&lt;script&gt;" in text
    assert read.addresses == []
    assert not re.search(r"url\(|@import", text)
    assert "@page { size: A4" in text
    for one in said["history"]:
        assert one["entry"]["at"] in text
    for told in (
        ENTITY["name"],
        said["policy"]["digest"],
        said["chain"][-1]["hash"],
        f"{4:064x}",
        "未能证明本人签收。",
    ):
        assert told in text


async def test_the_page_has_one_time_and_no_words_of_the_apis(
    house: House, storefront: AsyncClient, disputed: dict[str, Any]
) -> None:
    outside = {"authority": "court", "reference": "1", "result": "维持。"}
    noted = happened("noted", text="已送达。", internal=False, outside=outside)
    assert (await post(house.caller("ops"), disputed, noted)).status_code == 201
    text, said = await taken(storefront, disputed, "html"), await taken(storefront, disputed)
    shown = re.sub(r"<[^>]*>", " ", text)
    assert not re.search(r"\d\dZ", shown), "the sentences beside are in China time, and do not say so in Chinese"
    local = datetime.fromisoformat(said["history"][1]["entry"]["at"]) + timedelta(hours=8)
    assert f"{local:%Y-%m-%d %H:%M:%S.%f} UTC+8" in shown
    for one in ("交易成功 trade successful", "法院 the court", "投诉方 the complainant", "实付 Paid"):
        assert one in shown
    for word in ("trade_success", "filed, complainant", "not_received (", "> court"):
        assert word not in shown


async def test_it_is_sent_as_a_file_that_no_browser_takes_for_a_page_of_ours(
    storefront: AsyncClient, disputed: dict[str, Any]
) -> None:
    answer = await storefront.get(f"/v1/cases/{disputed['case_id']}/dossier?format=html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["etag"] == '"6"'


async def test_what_was_decided_outside_stands_in_it(
    house: House, storefront: AsyncClient, disputed: dict[str, Any]
) -> None:
    outside = {"authority": "court", "reference": "（2026）浙01民终1号", "result": "维持原处理结果。"}
    noted = happened("noted", text="法院判决已送达。", internal=False, outside=outside)
    assert (await post(house.caller("ops"), disputed, noted)).status_code == 201
    said = await taken(storefront, disputed)
    assert said["outside"] == [outside]
    assert outside["reference"] in await taken(storefront, disputed, "html")
    assert "维持原处理结果。" in said["history"][-1]["entry"]["zh"]


async def test_another_format_or_no_case_is_refused(storefront: AsyncClient, disputed: dict[str, Any]) -> None:
    path = f"/v1/cases/{disputed['case_id']}/dossier"
    answer = await storefront.get(path, params={"format": "pdf"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    missing = await storefront.get("/v1/cases/00000000-0000-4000-8000-000000000000/dossier")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_it_is_for_whoever_may_read(house: House, disputed: dict[str, Any]) -> None:
    path = f"/v1/cases/{disputed['case_id']}/dossier"
    for role, status in {"storefront": 200, "platform": 200, "ops": 200, "auditor": 200, "admin": 403}.items():
        assert (await house.caller(role).get(path)).status_code == status, role
