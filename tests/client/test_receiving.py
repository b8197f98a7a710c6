"""A webhook is believed only when it is genuine, whole and fresh."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from case_events.core.values import Instant
from case_events.outgoing.form import encoded
from case_events.outgoing.trials import trial
from caselog_client import CaselogError, NotGenuine, Unreadable, verify_webhook
from tests.client.test_later_versions import grown

SECRET, OLD = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))
ID = "0198f2b0-0000-7000-8000-000000000001"
EVENT = {
    "specversion": "1.0",
    "id": ID,
    "source": "/v1/cases/0198f2b0-0000-7000-8000-000000000002",
    "type": "caselog.closed.v1",
    "subject": "0198f2b0-0000-7000-8000-000000000002",
    "time": "2026-03-02T02:00:00.000000Z",
    "datacontenttype": "application/json",
    "position": 7,
    "sequence": "0000000003",
    "sequencetype": "Integer",
    "policy": "taobao@2026.6",
    "correlationid": ID,
    "prevhash": "0" * 64,
    "hash": "1" * 64,
    "data": {
        "event_id": ID,
        "version": 3,
        "type": "closed",
        "occurred_at": "2026-03-02T02:00:00.000000Z",
        "effective_at": "2026-03-02T02:00:00.000000Z",
        "recorded_at": "2026-03-02T02:00:00.000000Z",
        "who": "platform",
        "agent": None,
        "client": "dev",
        "correlation": ID,
        "causation": None,
        "data": {"type": "closed", "note": "退款已完成。"},
    },
}
BODY = msgspec.json.encode(EVENT)


def signed(body: bytes = BODY, *secrets: str, at: datetime | None = None, **changes: str) -> dict[str, str]:
    """The headers that Standard Webhooks wants, as its own words have them: HMAC-SHA256 of id.timestamp.body."""
    seconds = int((at or datetime.now(UTC)).timestamp())
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets or (SECRET,)]
    said = f"{ID}.{seconds}.".encode() + body
    made = [base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode() for key in keys]
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def test_a_genuine_webhook_is_the_event_it_tells_of() -> None:
    event = verify_webhook(BODY, signed(), SECRET)
    assert (str(event.id), event.position, event.data.type, event.data.version) == (ID, 7, "closed", 3)
    assert (event.time, event.is_test) == (datetime(2026, 3, 2, 2, tzinfo=UTC), False)


def test_the_name_of_a_header_may_be_written_in_any_case() -> None:
    headers = {name.title(): value for name, value in signed().items()}
    assert verify_webhook(BODY, headers, [SECRET]).position == 7


def test_what_the_libraries_of_others_sign_is_genuine() -> None:
    now = datetime.now(UTC)
    headers = signed() | {"webhook-signature": Webhook(SECRET).sign(ID, now, BODY.decode())}
    headers["webhook-timestamp"] = str(int(now.timestamp()))
    assert verify_webhook(BODY, headers, SECRET).position == 7


@pytest.mark.parametrize("kept", [SECRET, OLD, (SECRET, OLD), (OLD, SECRET)], ids=["new", "old", "both", "turned"])
def test_while_secrets_are_rotated_either_will_do(kept: Any) -> None:
    assert verify_webhook(BODY, signed(BODY, SECRET, OLD), kept).position == 7


@pytest.mark.parametrize("signing", [SECRET, OLD], ids=["new", "old"])
@pytest.mark.parametrize("kept", [(SECRET, OLD), (OLD, SECRET)], ids=["both", "turned"])
def test_a_receiver_with_both_believes_what_is_signed_with_one(kept: tuple[str, ...], signing: str) -> None:
    assert verify_webhook(BODY, signed(BODY, signing), kept).position == 7


def test_however_many_sign_the_one_that_is_kept_is_enough() -> None:
    others = [f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in range(3, 12)]
    assert verify_webhook(BODY, signed(BODY, *others, SECRET), SECRET).position == 7


def test_after_the_overlap_the_old_secret_alone_will_not_do() -> None:
    with pytest.raises(NotGenuine):
        verify_webhook(BODY, signed(BODY, SECRET), OLD)


def without(name: str) -> dict[str, str]:
    return {one: value for one, value in signed().items() if one != name}


FORGED: dict[str, Callable[[], tuple[bytes, Mapping[str, str]]]] = {
    "another body": lambda: (BODY.replace(b'"position":7', b'"position":8'), signed()),
    "a space more": lambda: (BODY + b" ", signed()),
    "another id": lambda: (BODY, signed(webhook_id=str(uuid4()))),
    "another instant": lambda: (BODY, signed(webhook_timestamp=str(int(time.time()) - 2))),
    "another secret's": lambda: (BODY, signed(BODY, OLD)),
    "no signature": lambda: (BODY, without("webhook-signature")),
    "no id": lambda: (BODY, without("webhook-id")),
    "no instant": lambda: (BODY, without("webhook-timestamp")),
    "nothing": lambda: (BODY, {}),
    "half a signature": lambda: (BODY, signed(webhook_signature=signed()["webhook-signature"][:-2])),
    "no version": lambda: (BODY, signed(webhook_signature=signed()["webhook-signature"].removeprefix("v1,"))),
    "another version": lambda: (BODY, signed(webhook_signature="v1a" + signed()["webhook-signature"][2:])),
    "no base64": lambda: (BODY, signed(webhook_signature="v1,§§§ v1 ,,, v1,é")),
    "no characters": lambda: (BODY, signed(webhook_signature="v1,\ud800")),
    "an id of no characters": lambda: (BODY, signed(webhook_id="\ud800")),
    "an empty one": lambda: (BODY, signed(webhook_signature="v1,")),
    "too many before it": lambda: (BODY, signed(webhook_signature="v1,x " * 100 + signed()["webhook-signature"])),
    "an instant in words": lambda: (BODY, signed(webhook_timestamp="now")),
    "an instant with a fraction": lambda: (BODY, signed(webhook_timestamp=f"{int(time.time())}.5")),
    "an instant beyond all years": lambda: (BODY, signed(webhook_timestamp="9" * 30)),
    "no text": lambda: (b"\xff\xfe", signed()),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_is_forged_is_not_believed(forged: Callable[[], tuple[bytes, Mapping[str, str]]]) -> None:
    body, headers = forged()
    with pytest.raises(NotGenuine) as refused:
        verify_webhook(body, headers, SECRET)
    assert SECRET.removeprefix("whsec_") not in str(refused.value)


@pytest.mark.parametrize(("age_s", "genuine"), [(290, True), (310, False), (-290, True), (-310, False)], ids=str)
def test_what_was_recorded_and_is_played_again_is_too_old(age_s: int, genuine: bool) -> None:
    headers = signed(at=datetime.now(UTC) - timedelta(seconds=age_s))
    if genuine:
        assert verify_webhook(BODY, headers, SECRET).position == 7
    else:
        with pytest.raises(NotGenuine, match="too old"):
            verify_webhook(BODY, headers, SECRET)


def test_how_old_it_may_be_can_be_chosen() -> None:
    headers = signed(at=datetime.now(UTC) - timedelta(seconds=30))
    with pytest.raises(NotGenuine):
        verify_webhook(BODY, headers, SECRET, tolerance=timedelta(seconds=10))
    old = signed(at=datetime.now(UTC) - timedelta(hours=1))
    assert verify_webhook(BODY, old, SECRET, tolerance=timedelta(hours=2)).position == 7


@pytest.mark.parametrize("none", ["", (), [""], "whsec_", "whsec_§", [SECRET, "whsec_a"]])
def test_a_secret_that_is_none_is_a_mistake_of_the_receivers_own(none: Any) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(BODY, signed(), none)


def test_a_test_event_is_an_event_about_no_case() -> None:
    errand, endpoint = uuid4(), uuid4()
    body = encoded(trial(errand, endpoint, Instant.parse("2026-03-02T02:00:00Z")))
    event = verify_webhook(body, signed(body), SECRET)
    assert (event.is_test, event.id, event.subject.int, event.data.type) == (True, errand, 0, "webhook_test")


def test_what_a_later_version_adds_to_an_event_is_no_fault() -> None:
    body = msgspec.json.encode(grown(EVENT))
    later, today = verify_webhook(body, signed(body), SECRET), verify_webhook(BODY, signed(), SECRET)
    assert later.data.data == grown(today.data.data)
    assert replace(later, data=today.data) == today


@pytest.mark.parametrize("body", [b"{}", b"[]", b"not json", b'{"id": 1}', BODY.replace(b'"position":7', b'"p":7')])
def test_what_is_genuine_and_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        verify_webhook(body, signed(body), SECRET)


def test_whoever_catches_what_the_client_raises_catches_these_too() -> None:
    assert issubclass(NotGenuine, CaselogError)
