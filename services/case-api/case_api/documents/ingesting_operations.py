"""What the OpenAPI document says about sending many at once and sending CloudEvents, and the shapes of those."""

from __future__ import annotations

from typing import Any

from case_api.answers import NDJSON
from case_api.documents.described import WRITTEN, Answer, Operation, Parameter, query
from case_api.ingestion.cloudevents import ATTRIBUTE_MAX, BATCHED, FILED, STRUCTURED
from case_api.requests.items import ITEMS_MAX
from case_events.core.commands import POSTED
from case_events.outgoing.cloudevents import SPEC_VERSION, type_of

PREFER = Parameter(
    name="Prefer",
    place="header",
    means="return=minimal leaves out the body of every result that is no refusal.",
    schema={"type": "string", "enum": ["return=minimal"]},
)
DRY_RUN = query("dry_run", "Answer what would happen, and record nothing.", type="boolean")
VERSION_READ = {"type": "string", "pattern": '^"?[0-9]{1,15}"?$'}
NAMED = {"type": "string", "minLength": 1, "maxLength": ATTRIBUTE_MAX}
SAID: dict[str, tuple[str, dict[str, Any]]] = {
    "id": ("The event's own name; with source it is the Idempotency-Key.", NAMED),
    "source": ("Whose event it is: a URI reference.", NAMED),
    "specversion": ("The version of CloudEvents.", {"type": "string", "const": SPEC_VERSION}),
    "type": ("caselog.<event>.v1; caselog.filed.v1 files a complaint.", {"type": "string"}),
    "subject": ("The id of the case; none for a filing.", {"type": "string", "format": "uuid"}),
    "time": ("When it happened: occurred_at.", {"type": "string", "format": "date-time"}),
    "ifmatch": ("The version that was read: If-Match.", VERSION_READ),
}
"""The attributes of a CloudEvent that are read."""
REQUIRED = ("id", "source", "specversion", "type")
ETAG = {"ETag": "The case's version, quoted."}

INGESTING: dict[str, Operation] = {
    "post_batch": Operation(
        tag="cases",
        body="Batch",
        other_body_media=(NDJSON,),
        other_bodies={BATCHED: "CloudEventBatch"},
        parameters=(DRY_RUN, PREFER),
        answers={
            207: Answer(
                means="One result for each item, in order, each with the answer it would have had by itself. Lines "
                f"that are sent with Accept: {NDJSON} are answered by lines, each as soon as it is known.",
                schema="BatchResults",
                other_media=(NDJSON,),
            )
        },
        refusals=WRITTEN,
    ),
    "post_cloud_event": Operation(
        tag="cases",
        body="CloudEventIn",
        body_media=STRUCTURED,
        other_bodies={"application/json": "CloudEventData"},
        parameters=(
            *(
                Parameter(name=f"ce-{name}", place="header", means=f"Binary mode. {means}", schema=schema)
                for name, (means, schema) in SAID.items()
            ),
            DRY_RUN,
        ),
        answers={
            201: Answer(
                means="Of a filing the case, of a step its events and the case after it.",
                schema="CaseOrStep",
                headers={
                    "Location": "Where it is.",
                    **ETAG,
                    "Idempotency-Replayed": "true when this is the original answer again.",
                },
            ),
            200: Answer(means="A dry run: what would have been recorded.", schema="CaseOrStep", headers=ETAG),
        },
        refusals=(
            *WRITTEN,
            *("not_found", "not_allowed_now", "deadline_passed", "not_yet", "already_open", "not_eligible"),
            *("stale", "id_reused", "precondition_required", "busy", "clock_disagrees", "store_unavailable"),
        ),
    ),
}


def cloud_event_schemas(found: dict[str, Any]) -> dict[str, Any]:
    """A CloudEvent of each type, made of what is ``found``: the schemas of complaints and of events' data."""
    data = {FILED: _ref("File")}
    shapes: dict[str, Any] = {}
    for word, kind in POSTED.items():
        own = found[kind.__name__]
        actor = {"actor": _ref("Party")}
        shapes[f"CloudEventData.{word}"] = {
            **own,
            "title": f"CloudEventData {word}",
            "properties": {**actor, **own.get("properties", {})},
        }
        data[word] = _ref(f"CloudEventData.{word}")
    for word, shape in data.items():
        shapes[f"CloudEventIn.{word}"] = _event(word, shape)
    mapping = {type_of(word): _ref(f"CloudEventIn.{word}")["$ref"] for word in data}
    return {
        **shapes,
        "CloudEventData": {"description": "The data of a CloudEvent, by its type.", "anyOf": list(data.values())},
        "CloudEventIn": {
            "description": "What a plain POST says, as a CloudEvent 1.0.2 in JSON.",
            "oneOf": [_ref(f"CloudEventIn.{word}") for word in data],
            "discriminator": {"propertyName": "type", "mapping": mapping},
        },
        "CloudEventBatch": {
            "type": "array",
            "minItems": 1,
            "maxItems": ITEMS_MAX,
            "items": _ref("CloudEventIn"),
        },
        "CaseOrStep": {"anyOf": [_ref("CaseView"), _ref("StepView")]},
    }


def _event(word: str, data: dict[str, Any]) -> dict[str, Any]:
    """One event in its JSON form; attributes of others may stand beside."""
    said: dict[str, Any] = {name: {**schema, "description": means} for name, (means, schema) in SAID.items()}
    said["type"] = {"const": type_of(word)}
    json = {"datacontenttype": {"type": "string", "const": "application/json"}}
    if word == FILED:
        del said["subject"]
    return {
        "title": f"CloudEventIn {word}",
        "type": "object",
        "properties": {**said, **json, "data": data},
        "required": [*REQUIRED, "data"] + ([] if word == FILED else ["subject"]),
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
