"""Many at once through the client: what became of each, and asking again."""

from __future__ import annotations

import pytest

from caselog_client import AsyncCaselog, Caselog, NotAllowedNow, Posting
from caselog_client.batching import ITEMS_MAX
from tests.client.filings import MERCHANT, REFUSES, complaint


def test_filings_and_steps_go_together_and_each_says_what_became_of_it(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    refusing = Posting(case_id=case.case_id, type="merchant_replied", data=REFUSES, actor=MERCHANT)
    filed, replied, again = storefront.batch([complaint(), refusing, refusing])
    assert filed.case is not None
    assert (filed.status, filed.step, filed.case.status) == (201, None, "waiting_for_merchant")
    assert replied.step is not None
    assert [event.type for event in replied.step.events] == ["merchant_replied", "intervention_requested"]
    assert replied.case is not None
    assert replied.etag == f'"{replied.case.version}"'
    assert isinstance(again.problem, NotAllowedNow)
    assert (again.case, again.step) == (None, None)
    assert storefront.case(case.case_id).version == replied.case.version


async def test_an_item_with_an_id_is_recorded_once(async_storefront: AsyncCaselog) -> None:
    case = await async_storefront.file(complaint())
    item = Posting(id="mine", case_id=case.case_id, type="merchant_replied", data=REFUSES, actor=MERCHANT)
    (dry,) = await async_storefront.batch([item], dry_run=True)
    (first,) = await async_storefront.batch([item])
    (second,) = await async_storefront.batch([item])
    assert (dry.status, first.replayed, second.replayed) == (200, False, True)
    assert first.body == second.body


@pytest.mark.parametrize("count", [0, ITEMS_MAX + 1])
def test_too_many_or_none_are_not_even_sent(storefront: Caselog, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        storefront.batch([{}] * count)
