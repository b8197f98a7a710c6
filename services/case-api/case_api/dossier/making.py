"""The dossier: a whole case as one file for 12315, a regulator or a court, with what a third party checks it by."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from case_api.views.audit import CheckpointView, checkpoint_view, hexed
from case_api.views.cases import EvidenceView, evidence_view
from case_events.core import vocabulary, words
from case_events.core.case import Case, Ruling
from case_events.core.cast import cast_of, claimed, outcome, owed, penalties, shares
from case_events.core.policy import ComplaintType
from case_events.core.timeline import Clause, Entry, Named, Until, timeline
from case_events.core.values import (
    Instant,
    LegalEntity,
    Liable,
    Money,
    Order,
    OutsideResult,
    Party,
    Penalty,
    PolicyRef,
    Sha256,
    Side,
    Text,
    Word,
)
from case_events.core.viewer import WITHHELD, Viewer
from case_events.ledger.audit.chain import Chain, Link
from case_events.ledger.queries import Reading
from case_events.outgoing.form import Shown

HOW_TO_CHECK = Text(
    zh="payload 的 SHA-256 即 payload_hash；hash 是 SHA-256（caselog.event.v1 加换行，加上一条 hash 的 32 字节，"
    "首条之前为零，再加 envelope 的规范 JSON（RFC 8785））。任何一条被改动、删除或提前，其后的 hash 全部不符。"
    "checkpoint 的 root 是全部事件的默克尔树根（RFC 9162，叶为各事件 hash 的 32 字节，叶序号为 position 减一），"
    "note 以 key 签名（C2SP signed-note，Ed25519）；path 证明该事件在其中。`caselog verify 文件` 即作以上全部核验。"
    "本文件中的句子、标题与条款文字仅供阅读，不在受证之列。"
    "payload 中以 sealed: 开头的内容（当事人、文字、文件位置）只以密文受证；"
    "它与本文件所载明文一致，仅持密钥者能够证明。",
    en="payload_hash is the SHA-256 of payload; hash is the SHA-256 of 'caselog.event.v1' and a newline, the 32 bytes "
    "of the hash before (zeros before the first), and the canonical JSON of envelope (RFC 8785). Whatever is changed, "
    "removed or back-dated, every hash after it is another. checkpoint has the root of the Merkle tree over all "
    "events (RFC 9162; a leaf is the 32 bytes of an event's hash, its index the position less one) in a note that key "
    "signed (C2SP signed-note, Ed25519), and path proves an event from it. `caselog verify FILE` checks all of this. "
    "Sentences, titles and the texts of clauses in this file are there to be read, and proved by nothing. What begins "
    "with sealed: in a payload (parties, words, where files lie) is proved as it is sealed: that it says what this "
    "file says in clear is for the keeper of the keys to show.",
)


class PartyShown(Shown, frozen=True, kw_only=True):
    """A party: its side, role and id, what that role is called, and who it is in law and where."""

    side: Side
    role: Word
    id: str
    called: Text
    entity: LegalEntity | None


class EvidenceShown(Shown, frozen=True, kw_only=True):
    """A piece of evidence by its digest, and what its kind is called."""

    evidence: EvidenceView
    called: Text


class RulingShown(Shown, frozen=True, kw_only=True):
    """A ruling as it now reads, with the text of the clause it applies; what it first said stands in its event."""

    version: int
    round: int
    ruled_at: Instant
    outcome: Word
    verdict: Named
    owed: Money | None
    grants: Text
    liable: tuple[Liable, ...]
    shares: Text | None
    penalties: tuple[Penalty, ...]
    imposed: Text | None
    reasons: str
    clause: Clause | None
    evidence: tuple[str, ...]
    final: bool
    corrected_by: int | None


class LinkShown(Shown, frozen=True, kw_only=True):
    """One event's place in the chain; what it was computed from is for the platform's own people to hand on.

    ``position``: in the feed; ``path``: the hashes, in hex, that prove it from the dossier's checkpoint.
    """

    version: int
    payload_hash: str
    hash: str
    position: int | None
    path: tuple[Sha256, ...] | None
    envelope: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    payload: str | msgspec.UnsetType = msgspec.UNSET


class EntryShown(Shown, frozen=True, kw_only=True):
    """An event in words, and when it was recorded; null for an overdue timeout that is not written yet."""

    entry: Entry
    recorded_at: Instant | None


class ProvedFrom(CheckpointView, frozen=True, kw_only=True):
    """The checkpoint that the events are proved from, and the public key that signed it."""

    key: str


class Dossier(Shown, frozen=True, kw_only=True):
    """Everything of a case in one file: history, evidence, rulings, deadlines, and the chain that proves them."""

    made_at: Instant
    case_id: UUID
    number: str
    version: int
    title: Text
    type: Word
    subtype: Word | None
    reason: Named
    marketplace: Word
    policy: PolicyRef
    status: Named
    outcome: Named | None
    filed_at: Instant
    closed_at: Instant | None
    claim: Text
    demand: Word
    amount: Money
    description: str | None
    order: Order | None
    parties: tuple[PartyShown, ...]
    history: tuple[EntryShown, ...]
    evidence: tuple[EvidenceShown, ...]
    rulings: tuple[RulingShown, ...]
    outside: tuple[OutsideResult, ...]
    deadlines: tuple[Until, ...]
    chain: tuple[LinkShown, ...]
    checkpoint: ProvedFrom | None
    how_to_check: Text


def dossier(reading: Reading, chain: Chain, viewer: Viewer, key: str) -> Dossier:
    """The dossier of a case as ``viewer`` sees it; ``reading`` is theirs already. ``key``: what checkpoints are signed
    with."""
    case, said = reading.case, timeline(reading.history, reading.case, reading.rules)
    recorded_at = {one.version: one.recorded_at for one in reading.history if one.version <= reading.written}
    whole = viewer.desk and viewer.merchants is None
    return Dossier(
        made_at=reading.now,
        case_id=case.case_id,
        number=case.number,
        version=case.version,
        title=said.title,
        type=case.type,
        subtype=case.subtype,
        reason=_named(case.reason, vocabulary.called(case.reason)),
        marketplace=case.marketplace,
        policy=case.policy,
        status=said.status,
        outcome=said.outcome,
        filed_at=case.filed_at,
        closed_at=case.closed_at,
        claim=claimed(case.demand, case.amount),
        demand=case.demand,
        amount=case.amount,
        description=None if case.description == WITHHELD else case.description,
        order=case.order,
        parties=_parties(case),
        history=tuple(EntryShown(entry=one, recorded_at=recorded_at.get(one.version)) for one in said.entries),
        evidence=tuple(
            EvidenceShown(evidence=evidence_view(one, case), called=vocabulary.called(one.evidence.kind))
            for one in case.evidence
        ),
        rulings=tuple(_ruling(one, case, reading.rules) for one in case.rulings),
        outside=case.outside,
        deadlines=said.deadlines,
        chain=tuple(_link(one, whole=whole) for one in chain.links),
        checkpoint=_proved_from(chain, key),
        how_to_check=HOW_TO_CHECK,
    )


def _parties(case: Case) -> tuple[PartyShown, ...]:
    return (
        _party("complainant", case.complainant, case.complainant_entity),
        _party("respondent", case.respondent, case.respondent_entity),
    )


def _party(side: Side, party: Party, entity: LegalEntity | None) -> PartyShown:
    return PartyShown(side=side, role=party.role, id=party.id, called=vocabulary.role(party.role, side), entity=entity)


def _ruling(ruling: Ruling, case: Case, rules: ComplaintType) -> RulingShown:
    cast, text = cast_of(case, rules), rules.clauses.get(ruling.rule)
    clause = case.policy.clause(f"{case.type}.{ruling.rule}")
    return RulingShown(
        version=ruling.version,
        round=ruling.round,
        ruled_at=ruling.ruled_at,
        outcome=ruling.outcome,
        verdict=_named(ruling.verdict, outcome(ruling.verdict)),
        owed=ruling.owed,
        grants=words.NOTHING if ruling.verdict == "rejected" else owed(ruling.outcome, ruling.owed),
        liable=ruling.liable,
        shares=shares(ruling.liable, cast) if ruling.liable else None,
        penalties=ruling.penalties,
        imposed=penalties(ruling.penalties, cast) if ruling.penalties else None,
        reasons=ruling.reasons,
        clause=Clause(clause=clause, zh=text.zh, en=text.en) if text else None,
        evidence=ruling.evidence,
        final=ruling.final,
        corrected_by=ruling.corrected_by,
    )


def _link(link: Link, *, whole: bool) -> LinkShown:
    return LinkShown(
        version=link.version,
        payload_hash=link.payload_hash.hex(),
        hash=link.hash.hex(),
        position=link.position,
        path=None if link.path is None else hexed(link.path),
        envelope=link.envelope if whole else msgspec.UNSET,
        payload=link.payload.decode() if whole else msgspec.UNSET,
    )


def _proved_from(chain: Chain, key: str) -> ProvedFrom | None:
    if chain.checkpoint is None or chain.wrong is not None:
        return None
    one = checkpoint_view(chain.checkpoint)
    return ProvedFrom(size=one.size, root=one.root, taken_at=one.taken_at, note=one.note, key=key)


def _named(word: str, text: Text) -> Named:
    return Named(word=word, zh=text.zh, en=text.en)
