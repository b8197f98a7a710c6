"""What the OpenAPI document says about keys, by the endpoint's name."""

from __future__ import annotations

from case_api.documents.described import CURSOR, LIMIT, READ, WRITTEN, Answer, Operation

KEYS: dict[str, Operation] = {
    "list_keys": Operation(
        tag="keys",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of keys, never a secret.", schema="KeyPage")},
        refusals=READ,
    ),
    "create_key": Operation(
        tag="keys",
        body="NewKey",
        answers={
            201: Answer(
                means="The key, and its secret this once.",
                schema="KeyWithSecret",
                headers={"Location": "Where it is."},
            )
        },
        refusals=WRITTEN,
    ),
    "get_key": Operation(
        tag="keys",
        answers={200: Answer(means="The key.", schema="KeyView")},
        refusals=(*READ, "not_found"),
    ),
    "rotate_key": Operation(
        tag="keys",
        body="Rotation",
        answers={200: Answer(means="The key, and its new secret this once.", schema="KeyWithSecret")},
        refusals=(*WRITTEN, "not_found", "not_yet", "last_admin"),
    ),
    "revoke_key": Operation(
        tag="keys",
        answers={200: Answer(means="The key, which opens nothing any more.", schema="KeyView")},
        refusals=(*READ, "not_found", "last_admin"),
    ),
}
