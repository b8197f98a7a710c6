"""Under what an open complaint is reserved, so that there is never a second one about the same."""

from __future__ import annotations

from case_events.core.commands import File
from case_events.core.events import Filed
from case_events.ledger.sealing import Vault


def reservation(complaint: File | Filed, vault: Vault) -> bytes:
    """What holds one open complaint per order, type and complainant, without saying who that is.

    Without an order there is one per listing, and without a listing one per respondent (domain F8).
    """
    who, whom = complaint.complainant, complaint.respondent
    rest = (complaint.type, who.role, who.id)
    if complaint.order is not None:
        return vault.reserved(complaint.marketplace, complaint.order.order_id, *rest)
    listing = complaint.facts.listing if complaint.facts else None
    about = ("listing", listing.listing_id) if listing else ("respondent", whom.role, whom.id)
    return vault.reserved(complaint.marketplace, *about, *rest)
