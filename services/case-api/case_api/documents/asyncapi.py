"""The AsyncAPI 3.0 document: the feed as it comes, streamed or delivered, of the same schemas and examples."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from case_api.documents import delivered, examples
from case_api.documents.openapi import SENT
from case_api.documents.schemas import REF, meaning, schemas
from case_events.core.events import EVENTS
from case_events.outgoing.cloudevents import type_of
from case_events.outgoing.form import encoded
from case_events.outgoing.trials import Trial

DESCRIPTION = (
    "What happened to every case, in order, as CloudEvents 1.0.2 in structured JSON. The pages of GET /v1/events, and "
    "everything else that is asked and answered, are in /openapi.json."
)
STREAM = "Server-sent events without end: id is the position in the feed, event the type's word, data the CloudEvent."
WEBHOOK = "What is delivered to an endpoint that `POST /v1/webhooks` made, signed as Standard Webhooks 1.0 says."
DELIVERED: dict[str, type] = {**EVENTS, delivered.TEST: Trial}
CORRELATION = {"description": "All events of one step share it.", "location": "$message.payload#/correlationid"}


def document() -> dict[str, Any]:
    """The whole document, as plain JSON data."""
    made = {
        "asyncapi": "3.0.0",
        "info": {"title": "Caselog", "version": version("caselog"), "description": DESCRIPTION},
        "defaultContentType": delivered.MEDIA,
        "servers": {
            "caselog": {
                "host": "127.0.0.1:8080",
                "protocol": "http",
                "description": "`caselog up`, unless it is told another port.",
                "security": [{"$ref": "#/components/securitySchemes/key"}],
            }
        },
        "channels": {
            "stream": _channel("/v1/events/stream", "The feed as it comes", STREAM, {one: one for one in EVENTS}),
            "webhooks": _channel(None, "The feed, delivered", WEBHOOK, {one: f"{one}Delivered" for one in DELIVERED}),
        },
        "operations": {
            "streamEvents": _sending("stream", "Every event the caller may see, as it gets its position.", EVENTS),
            "deliverEvents": _sending("webhooks", "Every event an endpoint asked for, in order per case.", DELIVERED),
        },
        "components": {
            "schemas": _schemas(),
            "messages": {word: _message(word, kind) for word, kind in EVENTS.items()}
            | {f"{word}Delivered": _delivered(word, kind) for word, kind in DELIVERED.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key, or a token."}},
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(encoded(made))
    return plain


def _channel(address: str | None, title: str, means: str, names: dict[str, str]) -> dict[str, Any]:
    messages = {word: {"$ref": f"#/components/messages/{name}"} for word, name in names.items()}
    server = {"servers": [{"$ref": "#/servers/caselog"}]} if address else {}
    return {"address": address, "title": title, "description": means, **server, "messages": messages}


def _sending(channel: str, summary: str, words: Iterable[str]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{word}"} for word in words],
    }


def _message(word: str, kind: type) -> dict[str, Any]:
    return {
        "name": word,
        "title": type_of(word),
        "summary": meaning(kind),
        "contentType": delivered.MEDIA,
        "correlationId": CORRELATION,
        "payload": delivered.schema_of(word),
        "examples": [{"name": word, "payload": examples.delivered()[word]}],
    }


def _delivered(word: str, kind: type) -> dict[str, Any]:
    """The same message with the headers that a webhook has."""
    headers = {name: {"type": "string", "description": means} for name, means in delivered.HEADERS.items()}
    said = {"type": "object", "required": list(headers), "properties": headers}
    message = _message(word, kind)
    if word in EVENTS:
        del message["examples"]  # it is the stream's
    else:
        del message["correlationId"]
    return {**message, "headers": said}


def _schemas() -> dict[str, Any]:
    """The schemas that a CloudEvent is made of, and no others."""
    known = schemas(SENT)
    # Each message says which event its data is; that it is one of all of them would be said twice.
    general = known["CloudEvent"]
    known["CloudEvent"] = {**general, "properties": {**general["properties"], "data": {"type": "object"}}}
    wanted, left = {}, ["Trial", *(f"CloudEvent.{word}" for word in EVENTS)]
    while left:
        name = left.pop()
        if name not in wanted:
            wanted[name] = known[name]
            left.extend(_named(known[name]))
    return dict(sorted(wanted.items()))


def _named(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for one in schema for name in _named(one)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].removeprefix(REF.format(name=""))] if isinstance(schema.get("$ref"), str) else []
    return own + [name for one in schema.values() for name in _named(one)]
