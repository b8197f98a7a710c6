"""Lists and queues: an index for each usual question, and keys limited to marketplaces and merchants.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What every step changes (version, updated_at) is in no index, so that a step which moves nothing else stays a
# heap-only update; the price is that updated_after looks through pages of bounded size.
UPGRADE = (
    "ALTER TABLE cases ADD COLUMN anonymous boolean NOT NULL DEFAULT false",
    """
    UPDATE cases c SET anonymous = true FROM events e
    WHERE e.case_id = c.case_id AND e.version = 1
        AND (convert_from(e.payload, 'UTF8')::json ->> 'anonymous')::boolean
    """,
    "ALTER TABLE cases ALTER COLUMN anonymous DROP DEFAULT",
    "CREATE INDEX cases_by_respondent ON cases (respondent_id, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_complainant ON cases (complainant_id, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_order ON cases (order_id, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_number ON cases (number, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_type ON cases (type, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_stage ON cases (stage, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_department ON cases (department, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_priority ON cases (priority, filed_at DESC, case_id DESC)",
    "CREATE INDEX cases_by_assignee ON cases (assignee, filed_at DESC, case_id DESC) WHERE assignee IS NOT NULL",
    "CREATE INDEX cases_by_due ON cases (next_due_at, case_id) WHERE next_due_at IS NOT NULL",
    "CREATE INDEX deadlines_by_due ON deadlines (due_at, case_id, kind, party, set_by)",
    "CREATE INDEX events_interventions ON events (case_id) WHERE type = 'intervention_requested'",
    "ALTER TABLE api_keys ADD COLUMN marketplaces text[]",
    "ALTER TABLE api_keys ADD COLUMN merchants text[]",
    "COMMENT ON COLUMN api_keys.merchants IS 'Only these merchants'' cases exist for the key; null: no limit.'",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
