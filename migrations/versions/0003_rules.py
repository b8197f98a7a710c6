"""Every rule of the domain: reports without an order, kinds, groups, interventions, marks, and queues in their order.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Interventions are what the events say: an audit compares the row with their fold. Kinds and groups did not exist.
CASES = (
    "ALTER TABLE cases ALTER COLUMN order_id DROP NOT NULL",
    "ALTER TABLE cases ADD COLUMN kind text NOT NULL DEFAULT 'complaint'",
    "ALTER TABLE cases ALTER COLUMN kind DROP DEFAULT",
    "ALTER TABLE cases ADD COLUMN subtype text",
    "ALTER TABLE cases ADD COLUMN group_id uuid",
    "ALTER TABLE cases ADD COLUMN interventions smallint NOT NULL DEFAULT 0",
    """
    UPDATE cases c SET interventions = asked.times FROM (
        SELECT case_id, count(*) AS times FROM events WHERE type = 'intervention_requested' GROUP BY case_id
    ) AS asked WHERE asked.case_id = c.case_id
    """,
    "ALTER TABLE cases ALTER COLUMN interventions DROP DEFAULT",
)

# A queue has its own order: what is urgent, then what is due, then what nobody waits for. Closed cases are in none.
QUEUES = (
    """
    CREATE INDEX cases_queue_of_department ON cases
        (department, (-priority), (coalesce(next_due_at, 'infinity'::timestamptz)), case_id) WHERE stage <> 'closed'
    """,
    """
    CREATE INDEX cases_queue_of_assignee ON cases
        (assignee, (-priority), (coalesce(next_due_at, 'infinity'::timestamptz)), case_id)
        WHERE stage <> 'closed' AND assignee IS NOT NULL
    """,
    "CREATE INDEX cases_by_group ON cases (group_id, filed_at DESC, case_id DESC) WHERE group_id IS NOT NULL",
    "CREATE INDEX cases_by_clock ON cases (test_clock, respondent_id) WHERE test_clock IS NOT NULL",
    """
    CREATE INDEX cases_ungrouped ON cases (filed_at, case_id)
        WHERE group_id IS NULL AND stage <> 'closed' AND test_clock IS NULL
    """,
)

MARKS = (
    """
    CREATE TABLE credit_marks (
        case_id     uuid NOT NULL,
        version     integer NOT NULL,
        complainant bytea NOT NULL CHECK (octet_length(complainant) = 32),
        at          timestamptz NOT NULL,
        given       boolean NOT NULL,
        PRIMARY KEY (case_id, version)
    )
    """,
    "CREATE INDEX credit_marks_of ON credit_marks (complainant, case_id, version DESC)",
    "COMMENT ON TABLE credit_marks IS 'Who complained maliciously, as an HMAC; not given: taken back by that event.'",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON credit_marks
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER never_truncated BEFORE TRUNCATE ON credit_marks
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE credit_marks ENABLE ALWAYS TRIGGER append_only",
    "ALTER TABLE credit_marks ENABLE ALWAYS TRIGGER never_truncated",
    "GRANT SELECT, INSERT ON credit_marks TO caselog_app, caselog_scheduler",
)


def upgrade() -> None:
    for statement in (*CASES, *QUEUES, *MARKS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
