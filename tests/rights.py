"""Who may what, as it is meant: every operation, console page and event by hand, so that a new one without a row fails.

`docs/roles.md` is printed from this, and tests/api/test_who_may_what.py holds the running app to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

ROLES = ("storefront", "platform", "ops", "auditor", "admin")
ANYBODY = "anybody"
READERS = "storefront platform ops auditor"
STAFF = "platform ops auditor admin"
EVERYBODY = "storefront platform ops auditor admin"

OWN = "its own cases; another's is not found"
LISTED = "its own cases only"
ALL = "refused: it is about everybody's"
SAME = "the same: nothing in it is anybody's"
CLIENT = "its client's own; another's is not found"
FILING = "its own marketplaces, as its own merchants; else refused"
ITEMS = "item by item, as if sent alone"


class Row(NamedTuple):
    """Which roles may do it (with a key or token), and what is left of it for one limited to merchants.

    ``body``, ``query``, ``headers``: what a test must send so that the door gets as far as asking whose it is.
    """

    roles: str
    limited: str
    body: Any = None
    query: str = ""
    headers: dict[str, str] | None = None


REPLY = {"type": "merchant_replied", "actor": {"role": "merchant", "id": "m-2"}, "data": {"decision": "agree"}}
ANY_FILE = {"Content-Type": "multipart/form-data; boundary=b"}
ONE_FILE = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\nx\r\n--b--\r\n"
)
CLOUD = {"Content-Type": "application/cloudevents+json"}
NEVER = {"reason": "x"}

OPERATIONS: dict[str, Row] = {
    "file_case": Row("storefront platform", FILING),
    "find_cases": Row(READERS, LISTED),
    "get_case": Row(READERS, OWN),
    "post_event": Row("storefront platform ops", OWN, REPLY),
    "get_events": Row(READERS, OWN),
    "get_timeline": Row(READERS, OWN),
    "get_dossier": Row(READERS, OWN),
    "get_counted_deadlines": Row(READERS, OWN),
    "put_evidence": Row("storefront platform", OWN, ONE_FILE, headers=ANY_FILE),
    "get_evidence": Row(READERS, OWN),
    "post_batch": Row("storefront platform ops", ITEMS),
    "post_cloud_event": Row("storefront platform ops", OWN, headers=CLOUD),
    "read_feed": Row(READERS, LISTED),
    # From where no feed has got to: whoever may listen is told so, and nobody listens for ever.
    "stream_feed": Row(READERS, LISTED, query="after=999999999999"),
    "export_cases": Row(READERS, LISTED),
    "find_deadlines": Row(READERS, LISTED),
    "get_stats": Row(READERS, LISTED),
    "list_policies": Row(EVERYBODY, SAME),
    "get_policy": Row(EVERYBODY, SAME),
    "simulate": Row("auditor", LISTED),
    "make_webhook": Row("storefront platform", CLIENT),
    "list_webhooks": Row(EVERYBODY, CLIENT),
    "get_webhook": Row(EVERYBODY, CLIENT),
    "change_webhook": Row("storefront platform", CLIENT, {}),
    "delete_webhook": Row("storefront platform", CLIENT),
    "rotate_webhook": Row("storefront platform", CLIENT, {}),
    "pause_webhook": Row("storefront platform ops admin", CLIENT, NEVER),
    "resume_webhook": Row("storefront platform ops admin", CLIENT),
    "test_webhook": Row("storefront platform", CLIENT),
    "redeliver": Row("storefront platform", CLIENT, {"first": 1, "last": 1}),
    "list_errands": Row(EVERYBODY, CLIENT),
    "list_attempts": Row(EVERYBODY, CLIENT),
    "audit_case": Row("auditor", OWN),
    "list_checkpoints": Row("auditor", SAME),
    "get_checkpoint": Row("auditor", SAME),
    "get_scheduler": Row(STAFF, ALL),
    "place_hold": Row("ops admin", ALL),
    "list_holds": Row(STAFF, ALL),
    "get_hold": Row(STAFF, ALL),
    "release_hold": Row("ops admin", ALL),
    "declare_outage": Row("ops admin", ALL),
    "list_outages": Row(STAFF, ALL),
    "get_outage": Row(STAFF, ALL),
    "list_made_late": Row(STAFF, ALL),
    "read_journal": Row(STAFF, ALL),
    "list_calendars": Row(STAFF, ALL),
    "get_calendar": Row(EVERYBODY, SAME),
    "load_calendar": Row("ops admin", ALL),
    "list_keys": Row("admin", ALL),
    "create_key": Row("admin", ALL),
    "get_key": Row("admin", ALL),
    "rotate_key": Row("admin", ALL),
    "revoke_key": Row("admin", ALL),
    "make_clock": Row("admin", SAME),
    "find_clocks": Row(EVERYBODY, ALL),
    "get_clock": Row(EVERYBODY, SAME),
    "delete_clock": Row("admin", ALL),
    "find_due": Row(EVERYBODY, ALL),
    "advance_clock": Row("admin", ALL),
    "freeze_clock": Row("admin", ALL),
    "unfreeze_clock": Row("admin", ALL),
    "get_problem": Row(ANYBODY, SAME),
    "alive": Row(ANYBODY, SAME),
    "ready": Row(ANYBODY, SAME),
    "metrics": Row(ANYBODY, SAME),
}
"""By the name the OpenAPI document has for it."""

DOCUMENTS = ("/openapi.json", "/asyncapi.json", "/docs", "/docs/oauth2-redirect")
"""What anybody may read beside the operations."""

PAGES: dict[str, str] = {
    "GET /console/style.css": ANYBODY,
    "GET /console/icon.svg": ANYBODY,
    "GET /console/language": ANYBODY,
    "GET /console/sign-in": ANYBODY,
    "POST /console/sign-in": ANYBODY,
    "GET /console/openid": ANYBODY,
    "GET /console/signed-in": ANYBODY,
    "POST /console/sign-out": STAFF,
    "GET /console": STAFF,
    "GET /console/search": "platform ops auditor",
    "GET /console/scheduler": STAFF,
    "GET /console/cases/{case_id}": "platform ops auditor",
    "GET /console/cases/{case_id}/dossier": "platform ops auditor",
    "GET /console/cases/{case_id}/evidence/{sha256}": "platform ops auditor",
    "POST /console/cases/{case_id}/note": "platform ops",
    "POST /console/cases/{case_id}/assign": "platform ops",
    "GET /console/{rest:path}": ANYBODY,
}
"""The console's pages; a storefront's key cannot sign in there, and no key opens a page without signing in."""

EVENTS: dict[str, str] = {
    "claim_amended": "storefront",
    "evidence_submitted": "storefront platform",
    "merchant_replied": "storefront",
    "respondent_replied": "storefront",
    "settled": "storefront",
    "intervention_requested": "storefront",
    "expedited": "storefront",
    "appealed": "storefront",
    "ruling_accepted": "storefront",
    "withdrawn": "storefront",
    "returned": "storefront",
    "messaged": "storefront platform",
    "rated": "storefront",
    "remedied": "storefront platform",
    "accepted": "platform",
    "dismissed": "platform",
    "evidence_requested": "platform",
    "evidence_rejected": "platform",
    "assigned": "platform ops",
    "escalated": "platform",
    "linked": "platform ops",
    "noted": "platform ops",
    "deadline_extended": "platform",
    "timeout_reversed": "platform",
    "ruled": "platform",
    "corrected": "platform",
    "advance_paid": "platform",
    "recovered": "platform",
    "followed_up": "platform",
    "closed": "platform",
    "subject_erased": "platform ops",
}
"""Who may post each event that can be posted; every other event is recorded by the rules and the clocks alone."""
