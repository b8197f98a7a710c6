"""A type of complaint nobody wrote code for: a policy file alone, kept as an operator would, and a dispute under it."""

from __future__ import annotations

import httpx

from case_events.policies import load
from tests.examples import calendar
from tests.scenarios.operating import caselog_command
from tests.scenarios.perform import perform
from tests.scenarios.rehearse import rehearse
from tests.scenarios.script import FOLDER, read
from tests.serving import Serving

ASK_S = 30.0
POLICY = FOLDER / "made_up" / "livestream.toml"
SCENARIO = read(FOLDER / "made_up" / "livestream_false_promise.toml")


def test_the_rules_know_a_type_that_only_a_file_tells_of() -> None:
    dispute = rehearse(SCENARIO, load(POLICY.read_text(encoding="utf-8")), calendar())
    assert dispute.case.status == "closed"


async def test_a_policy_file_kept_by_an_operator_is_all_a_new_type_takes(caselog_shipped: Serving) -> None:
    (kept,) = caselog_command(caselog_shipped, "policies", "load", str(POLICY))
    assert (kept["name"], kept["types"]) == ("livestream", ["livestream_false_promise"])
    async with httpx.AsyncClient(base_url=caselog_shipped.url, timeout=ASK_S) as http:
        told = await perform(SCENARIO, http)
    assert told.timeline["status"]["word"] == "closed"
    assert told.timeline["title"] == {"zh": "直播虚假承诺", "en": "A false promise in a live stream"}
