"""What is stored of an event: canonical, for ever readable, and with nothing about a person in the clear."""

from __future__ import annotations

import functools
import hashlib
import json
import operator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.canonical import canonical, decode_hook
from case_events.core.events import EVENTS, Event, Filed, Recorded, Ruled
from case_events.core.values import ERASED, Instant, Penalty
from case_events.ledger import sealing
from case_events.ledger.codec import GENESIS, PRIVATE, STORED, TREES, WRITTEN, Row, UnknownEvent, event_of, rows_of
from case_events.ledger.private_places import places
from case_events.ledger.sealing import BrokenSeal, SubjectKey, Vault
from tests import examples
from tests.ledger import generated
from tests.ledger.desk import MASTER_KEY
from tests.ledger.first_samples import FIRST
from tests.ledger.samples import SAMPLES, SECOND, SOME_ID

GOLDEN = Path(__file__).parent.parent / "golden"
EVENT_FILES = GOLDEN / "events"
SEALED_FILE = GOLDEN / "sealed" / "filed.v1.json"
PRIVATE_FILE = GOLDEN / "private_fields.json"
CASE, OTHER_CASE = UUID(int=1), UUID(int=2)
VAULT = Vault(MASTER_KEY)
KEYS = VAULT.new_keys(CASE)


def plain(value: object) -> Any:
    """The JSON data that canonical bytes must stand for."""
    return json.loads(canonical(value))


def test_a_key_that_is_said_to_be_of_another_case_or_side_opens_nothing_though_it_is_remembered() -> None:
    key, other = VAULT.new_keys(CASE)
    event = SOME_ID
    sealed = VAULT.sealing(event)("words", key, "field")
    assert VAULT.ring([key]).opening(event)(sealed, "field") == "words"
    for moved in (replace(key, case_id=OTHER_CASE), replace(key, side=other.side)):
        with pytest.raises(BrokenSeal):
            VAULT.ring([moved]).opening(event)(sealed, "field")


@settings(deadline=None)
@given(generated.events())
def test_stored_bytes_are_those_of_rfc_8785(event: Event) -> None:
    assert canonical(event) == rfc8785.dumps(plain(event))


@settings(deadline=None)
@given(generated.events())
def test_every_event_that_can_be_written_is_read_back_equal(event: Event) -> None:
    assert msgspec.json.decode(canonical(event), type=type(event), dec_hook=decode_hook) == event


@settings(deadline=None)
@given(st.text(generated.ANYTHING), st.integers(-(2**53) + 1, 2**53 - 1))
def test_any_text_and_any_exact_integer_is_written_as_rfc_8785_says(text: str, number: int) -> None:
    assert canonical({"text": text, "number": number}) == rfc8785.dumps({"text": text, "number": number})


def test_every_escape_is_written_as_rfc_8785_says() -> None:
    every = "".join(chr(code) for code in (*range(0x20), 0x22, 0x2F, 0x5C, 0x7F, 0x2028, 0x2029, 0xFEFF, 0x1F600))
    assert canonical(every) == rfc8785.dumps(every)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_no_event_can_hold_a_float(name: str) -> None:
    kinds = generated.types_in(msgspec.inspect.type_info(EVENTS[name]))
    allowed = {
        msgspec.inspect.StrType,
        msgspec.inspect.IntType,
        msgspec.inspect.BoolType,
        msgspec.inspect.NoneType,
        msgspec.inspect.LiteralType,
        msgspec.inspect.UUIDType,
        Instant,
    }
    assert kinds <= allowed


def golden_names() -> list[str]:
    return [file.name for file in sorted(EVENT_FILES.iterdir())]


def test_every_stored_name_has_a_golden_file_of_each_version_and_no_golden_file_was_forgotten() -> None:
    written = {f"{name}.v{number}.json" for name, latest in WRITTEN.items() for number in range(1, latest + 1)}
    assert set(golden_names()) == written
    assert set(SAMPLES) == set(STORED)


def meant(name: str, version: int) -> Event:
    """What the golden file of this version says, in today's words."""
    return SAMPLES[name] if version == WRITTEN[name] else {1: FIRST, 2: SECOND}[version][name]


@pytest.mark.parametrize("file", golden_names())
def test_a_golden_event_of_any_version_is_read_as_it_was_meant(file: str) -> None:
    name, version = file.split(".", maxsplit=1)[0], int(file.split(".")[1].removeprefix("v"))
    payload = (EVENT_FILES / file).read_bytes().removesuffix(b"\n")
    event_id = uuid5(CASE, file)
    assert event_of(name, version, in_boxes(name, payload, event_id), event_id, VAULT.ring(KEYS)) == meant(
        name, version
    )


def in_boxes(name: str, payload: bytes, event_id: UUID) -> bytes:
    """The golden file's data sealed where its version seals it; today's places include those of every version."""
    said = json.loads(payload)
    for container, key, here in places(said, TREES[EVENTS[name]]):
        container[key] = VAULT.sealing(event_id)(container[key], KEYS[0], "/".join(here))
    return canonical(said)


@pytest.mark.parametrize("name", sorted(STORED))
def test_today_s_golden_event_is_written_as_it_was(name: str) -> None:
    payload = (EVENT_FILES / f"{name}.v{WRITTEN[name]}.json").read_bytes().removesuffix(b"\n")
    assert canonical(SAMPLES[name]) == payload == rfc8785.dumps(json.loads(payload))
    assert sealed(name).schema == WRITTEN[name]


def test_a_penalty_named_by_its_word_was_the_respondent_s_but_for_the_mark_on_a_complainant() -> None:
    said = json.loads((EVENT_FILES / "ruled.v1.json").read_bytes())
    said["penalties"] = ["warning", "credit_mark"]
    payload = in_boxes("ruled", canonical(said), SOME_ID)
    event = event_of("ruled", 1, payload, SOME_ID, VAULT.ring(KEYS))
    assert isinstance(event, Ruled)
    assert event.penalties == (Penalty(kind="warning"), Penalty(kind="credit_mark", on="complainant"))


def test_an_older_version_is_read_and_one_that_was_never_written_is_refused() -> None:
    row = sealed("ruled")
    for schema in (0, 3, -1):
        with pytest.raises(UnknownEvent, match="this release writes 2"):
            event_of("ruled", schema, row.payload, row.recorded.event_id, VAULT.ring(KEYS))
    with pytest.raises(UnknownEvent, match="is not one"):
        # What is said in the words of version 2 is no event of version 1.
        event_of("ruled", 1, row.payload, row.recorded.event_id, VAULT.ring(KEYS))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sample_leaves_no_field_of_its_event_unsaid(name: str) -> None:
    sample = SAMPLES[name]
    said = {field: getattr(sample, field) for field in sample.__struct_fields__}
    unsaid = [field for field, value in said.items() if value is None or value is False or value == ()]
    assert unsaid == []


def recorded(name: str, event_id: UUID | None = None, case_id: UUID = CASE) -> Recorded:
    first = event_id or uuid5(case_id, name)
    return Recorded(
        case_id=case_id,
        version=1,
        event_id=first,
        event=SAMPLES[name],
        occurred_at=examples.NOON,
        effective_at=examples.NOON,
        recorded_at=examples.NOON,
        who="complainant",
        client="storefront",
        correlation=first,
        asked=bytes(32),
    )


def sealed(name: str) -> Row:
    return rows_of([recorded(name)], GENESIS, KEYS, VAULT)[0]


def opened(row: Row, payload: bytes | None = None, event_id: UUID | None = None, keys: Any = KEYS) -> Event:
    return event_of(row.type, row.schema, payload or row.payload, event_id or row.recorded.event_id, VAULT.ring(keys))


def test_the_fields_that_are_sealed_are_the_ones_agreed() -> None:
    found = {name: sorted("/".join(path) for path in PRIVATE[kind]) for name, kind in EVENTS.items()}
    assert found == json.loads(PRIVATE_FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_nothing_private_stands_in_the_stored_bytes_and_everything_comes_back(name: str) -> None:
    row = sealed(name)
    traitors = ("李雷", "lei@example.com", "引号", "files.example")
    said = any(traitor.encode() in canonical(SAMPLES[name]) for traitor in traitors)
    assert said == bool(PRIVATE[EVENTS[name]]), "the samples put the secret into every private text"
    for traitor in traitors:
        assert traitor.encode() not in row.payload
        assert json.dumps(traitor)[1:-1].encode() not in row.payload
    assert opened(row) == SAMPLES[name]


@settings(deadline=None)
@given(generated.events())
def test_what_is_sealed_is_canonical_and_comes_back_equal(event: Event) -> None:
    row = rows_of([replace(recorded("closed"), event=event)], GENESIS, KEYS, VAULT)[0]
    assert row.payload == rfc8785.dumps(json.loads(row.payload))
    assert opened(row) == event


def test_each_side_of_a_filing_is_sealed_under_its_own_key() -> None:
    complainant, respondent = KEYS
    said = json.loads(sealed("filed").payload)
    assert said["respondent"]["id"].split(":")[1] == str(respondent.key_id)
    for box in (said["respondent_entity"]["name"], said["respondent_entity"]["registration"]):
        assert box.split(":")[1] == str(respondent.key_id)
    facts = said["facts"]
    theirs = (said["complainant"]["id"], said["description"], said["evidence"][0]["uri"], facts["listing"]["url"])
    for box in (*theirs, facts["extension"]["explanation"], said["complainant_entity"]["place"]):
        assert box.split(":")[1] == str(complainant.key_id)


@pytest.mark.parametrize("who", ["complainant", "respondent", "platform", "scheduler"])
def test_a_party_s_text_is_under_its_own_key_and_the_platform_s_under_the_complainant_s(who: Any) -> None:
    row = rows_of([replace(recorded("closed"), who=who)], GENESIS, KEYS, VAULT)[0]
    complainant, respondent = KEYS
    expected = respondent if who == "respondent" else complainant
    assert json.loads(row.payload)["reason"].split(":")[1] == str(expected.key_id)


BOXES: dict[str, tuple[str | int, ...]] = {
    "description": ("description",),
    "first": ("evidence", 0, "uri"),
    "second": ("evidence", 1, "uri"),
    "complainant": ("complainant", "id"),
    "respondent": ("respondent", "id"),
}


def with_box_moved(payload: bytes, start: str, to: str) -> bytes:
    said = json.loads(payload)
    *above, last = BOXES[to]
    functools.reduce(operator.getitem, above, said)[last] = functools.reduce(operator.getitem, BOXES[start], said)
    return canonical(said)


@pytest.mark.parametrize(
    ("start", "to"),
    [("first", "description"), ("first", "second"), ("complainant", "respondent"), ("complainant", "description")],
)
def test_a_box_moved_within_its_event_does_not_open(start: str, to: str) -> None:
    row = sealed("filed")
    payload = with_box_moved(row.payload, start, to)
    assert payload != row.payload
    with pytest.raises(BrokenSeal, match="does not open"):
        opened(row, payload)


def test_a_box_moved_to_another_event_does_not_open() -> None:
    with pytest.raises(BrokenSeal, match="does not open"):
        opened(sealed("closed"), event_id=UUID(int=9))


def test_a_box_moved_to_another_case_does_not_open_even_with_its_key_beside_it() -> None:
    stolen = [replace(key, case_id=OTHER_CASE) for key in KEYS]
    row = sealed("closed")
    with pytest.raises(BrokenSeal, match="names a key its case does not have"):
        opened(row, keys=VAULT.new_keys(OTHER_CASE))
    with pytest.raises(BrokenSeal):
        opened_elsewhere(row, stolen)


def opened_elsewhere(row: Row, keys: list[SubjectKey]) -> Event:
    """As another process would open it, which has not unwrapped these keys before."""
    return event_of(row.type, row.schema, row.payload, row.recorded.event_id, Vault(MASTER_KEY).ring(keys))


def test_a_key_wrapped_for_one_side_is_not_taken_for_the_other_s() -> None:
    complainant, respondent = KEYS
    swapped = [replace(complainant, wrapped=respondent.wrapped), replace(respondent, wrapped=complainant.wrapped)]
    with pytest.raises(BrokenSeal, match="wrapped by another master key, or changed"):
        opened_elsewhere(sealed("closed"), swapped)


def test_a_process_forgets_the_oldest_of_many_keys_and_unwraps_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CIPHERS_MAX", 2)
    vault = Vault(MASTER_KEY)
    oldest, newest = vault.new_keys(CASE), vault.new_keys(OTHER_CASE)
    assert list(vault._ciphers) == [key.wrapped for key in newest]
    (row,) = rows_of([recorded("closed")], GENESIS, oldest, vault)
    assert event_of(row.type, row.schema, row.payload, row.recorded.event_id, vault.ring(oldest)) == SAMPLES["closed"]
    assert list(vault._ciphers) == [newest[1].wrapped, oldest[0].wrapped]


def test_plain_text_where_a_box_belongs_is_not_taken() -> None:
    row = sealed("closed")
    with pytest.raises(BrokenSeal, match="is not sealed"):
        opened(row, canonical({"outcome": "upheld", "reason": "forged"}))


def test_a_destroyed_key_erases_what_it_sealed_and_nothing_else() -> None:
    complainant, respondent = KEYS
    event = opened(sealed("filed"), keys=[replace(complainant, wrapped=None), respondent])
    assert isinstance(event, Filed)
    assert (event.complainant.id, event.description, event.evidence[0].uri) == (ERASED, ERASED, ERASED)
    assert event.respondent.id == "m-1"
    assert event.order == SAMPLES["filed"].order  # type: ignore[union-attr]  # the sample is a Filed


def test_a_payload_that_is_not_its_event_is_refused_and_not_misread() -> None:
    row = sealed("closed")
    for payload in (b"{", b"[]", b"{}", b'{"outcome":1}', b'{"outcome":"upheld","reason":[]}', b"\xff"):
        with pytest.raises((UnknownEvent, BrokenSeal)):
            opened(row, payload)
    for name, schema in (("closed", 2), ("unheard_of", 1)):
        with pytest.raises(UnknownEvent):
            event_of(name, schema, row.payload, row.recorded.event_id, VAULT.ring(()))


def test_a_sealed_event_of_the_first_release_still_opens_and_still_has_its_hash() -> None:
    kept = json.loads(SEALED_FILE.read_text(encoding="utf-8"))
    keys = [
        SubjectKey(key_id=UUID(key["key_id"]), case_id=CASE, side=key["side"], wrapped=bytes.fromhex(key["wrapped"]))
        for key in kept["keys"]
    ]
    vault = Vault(bytes.fromhex(kept["master_key"]))
    payload = kept["payload"].encode()
    event_id = UUID(kept["envelope"]["event_id"])
    assert event_of("filed", 1, payload, event_id, vault.ring(keys)) == replace(FIRST["filed"], facts=None)
    assert hashlib.sha256(payload).hexdigest() == kept["envelope"]["payload_hash"]
    chained = hashlib.sha256(b"caselog.event.v1\n" + bytes(32) + rfc8785.dumps(kept["envelope"])).hexdigest()
    assert chained == kept["hash"]
