"""What the OpenAPI document says about what auditors ask, by the endpoint's name."""

from __future__ import annotations

from case_api.documents.described import CURSOR, LIMIT, READ, Answer, Operation, query
from case_api.requests.parameters import POSITION_MAX

PLACE = {"type": "integer", "minimum": 1, "maximum": POSITION_MAX}

AUDITING: dict[str, Operation] = {
    "audit_case": Operation(
        tag="audit",
        parameters=(
            query(
                "format",
                "json: the verdict. bundle: the dossier, with all that `caselog verify` checks it by elsewhere.",
                type="string",
                enum=["json", "bundle"],
                default="json",
            ),
            query("checkpoint", "Prove it from the checkpoint of this size; without: from the newest.", **PLACE),
        ),
        answers={200: Answer(means="The verdict, or with format=bundle a Dossier.", schema="CaseAuditOrBundle")},
        refusals=(*READ, "not_found"),
    ),
    "list_checkpoints": Operation(
        tag="audit",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of checkpoints.", schema="CheckpointPage")},
        refusals=READ,
    ),
    "get_checkpoint": Operation(
        tag="audit",
        parameters=(
            query("position", "Prove that the event at this position of the feed is in it.", **PLACE),
            query("since", "Prove that the checkpoint of this size is its beginning.", **PLACE),
        ),
        answers={200: Answer(means="The checkpoint, and the proofs.", schema="ProvenCheckpoint")},
        refusals=(*READ, "not_found", "record_altered"),
    ),
}
