"""What the OpenAPI document says about webhooks: what a receiver is sent, and what its answers mean to us."""

from __future__ import annotations

from typing import Any

from case_api.documents.schemas import meaning, ref
from case_events.core.events import EVENTS
from case_events.outgoing.trials import Trial

TAG = "webhooks"
MEDIA = "application/cloudevents+json"
"""CloudEvents 1.0.2, structured JSON."""
TEST = "webhook_test"
ANSWERS = {
    "2XX": "Taken: it is not sent again, and the next event of the case follows.",
    "410": "Gone: the endpoint is disabled and is sent nothing more until somebody resumes it.",
    "429": "Not now: with Retry-After nothing at all is sent until then, a day at most.",
    "503": "The same as 429.",
    "default": "Anything else, a redirect too, or no answer within 15 s: it is sent again for about three days, later "
    "each time. Then the endpoint is paused, and what comes after waits in order until it is resumed.",
}
"""What a receiver's status means (api.md, "Feed, stream, webhooks"; Standard Webhooks, "Delivery")."""
HEADERS = {
    "webhook-id": "The event's id, the same each time it is sent: a receiver that has seen it does nothing again.",
    "webhook-timestamp": "When this attempt was signed, in Unix seconds; refuse what is older than five minutes.",
    "webhook-signature": "One signature or, while a secret is rotated, several with spaces between: v1, and the base64 "
    "of the HMAC-SHA256 of webhook-id.webhook-timestamp.body under the endpoint's secret.",
}
"""What comes with every delivery (Standard Webhooks 1.0)."""


def webhooks() -> dict[str, Any]:
    """A webhook for each event there is, by its word, and the one that somebody asks for to see whether it arrives."""
    found = {word: _delivery(word, f"A case's {word} event", meaning(kind)) for word, kind in EVENTS.items()}
    found[TEST] = _delivery(TEST, "A test event", meaning(Trial))
    return {word: {"post": said} for word, said in found.items()}


def schema_of(word: str) -> dict[str, str]:
    """What is delivered under this word."""
    return ref("Trial" if word == TEST else f"CloudEvent.{word}")


def parameters() -> dict[str, Any]:
    """The headers every delivery has, for the document's components."""
    return {
        name: {"name": name, "in": "header", "required": True, "description": means, "schema": {"type": "string"}}
        for name, means in HEADERS.items()
    }


def _delivery(word: str, what: str, means: str) -> dict[str, Any]:
    return {
        "operationId": f"deliver_{word}",
        "summary": f"{what}, sent to your endpoint",
        "description": means,
        "tags": [TAG],
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in HEADERS],
        "requestBody": {
            "required": True,
            "content": {
                MEDIA: {
                    "schema": schema_of(word),
                    "examples": {word: {"$ref": f"#/components/examples/CloudEvent.{word}"}},
                }
            },
        },
        "responses": {status: {"description": means} for status, means in ANSWERS.items()},
    }
