"""What the OpenAPI document says about webhook endpoints, by the endpoint's name."""

from __future__ import annotations

from case_api.documents.described import CURSOR, LIMIT, READ, WRITTEN, Answer, Operation, query
from case_api.documents.operating_operations import MADE, ONCE
from case_events.ledger.webhooks.attempts import OUTCOMES
from case_events.ledger.webhooks.endpoints import STATES

THERE = {200: Answer(means="The endpoint as it is now.", schema="WebhookView")}
ASKED = {
    "Location": "Where to see how far it is.",
    "Idempotency-Replayed": "true when it was asked for before.",
}

WEBHOOKS: dict[str, Operation] = {
    "make_webhook": Operation(
        tag="webhooks",
        body="NewWebhook",
        parameters=(ONCE,),
        answers={201: Answer(means="The endpoint and its secret.", schema="WebhookWithSecret", headers=MADE)},
        refusals=(*WRITTEN, "id_reused"),
    ),
    "list_webhooks": Operation(
        tag="webhooks",
        parameters=(query("state", "Only endpoints in this state.", type="string", enum=list(STATES)), LIMIT, CURSOR),
        answers={200: Answer(means="A page of endpoints.", schema="WebhookPage")},
        refusals=READ,
    ),
    "get_webhook": Operation(
        tag="webhooks",
        answers={200: Answer(means="The endpoint, and how it stands.", schema="WebhookStanding")},
        refusals=(*READ, "not_found"),
    ),
    "change_webhook": Operation(tag="webhooks", body="WebhookChange", answers=THERE, refusals=(*WRITTEN, "not_found")),
    "delete_webhook": Operation(
        tag="webhooks",
        answers={200: Answer(means="The endpoint, which is deleted.", schema="WebhookView")},
        refusals=(*READ, "not_found"),
    ),
    "rotate_webhook": Operation(
        tag="webhooks",
        body="SecretRotation",
        answers={200: Answer(means="The new secret, and which ones sign.", schema="NewSecret")},
        refusals=(*WRITTEN, "not_found"),
    ),
    "pause_webhook": Operation(tag="webhooks", body="Pausing", answers=THERE, refusals=(*WRITTEN, "not_found")),
    "resume_webhook": Operation(tag="webhooks", answers=THERE, refusals=(*READ, "not_found")),
    "test_webhook": Operation(
        tag="webhooks",
        parameters=(ONCE,),
        answers={202: Answer(means="The errand: it is sent at once.", schema="Errand", headers=ASKED)},
        refusals=(*READ, "malformed", "not_found", "id_reused"),
    ),
    "redeliver": Operation(
        tag="webhooks",
        body="Redelivery",
        parameters=(ONCE,),
        answers={202: Answer(means="The errand: it is sent in order.", schema="Errand", headers=ASKED)},
        refusals=(*WRITTEN, "not_found", "id_reused"),
    ),
    "list_errands": Operation(
        tag="webhooks",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of errands.", schema="ErrandPage")},
        refusals=(*READ, "not_found"),
    ),
    "list_attempts": Operation(
        tag="webhooks",
        parameters=(
            query("event_id", "Only attempts at this event: its webhook-id.", type="string", format="uuid"),
            query("case_id", "Only attempts at events of this case.", type="string", format="uuid"),
            query("outcome", "Only attempts that ended so.", type="string", enum=list(OUTCOMES)),
            LIMIT,
            CURSOR,
        ),
        answers={200: Answer(means="A page of attempts.", schema="AttemptPage")},
        refusals=(*READ, "not_found"),
    ),
}
