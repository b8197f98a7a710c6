"""What the statement that writes is given: rows of types of their own, in place of an array for each of their fields.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# They are no tables' row types: a column that a later release adds to a table must not change what this one sends.
UPGRADE = (
    """
    CREATE TYPE filed_case AS (
        case_id uuid, number text, version integer, stage text, status text, outcome text, type text, reason text,
        marketplace text, complainant_role text, complainant_id text, respondent_role text, respondent_id text,
        order_id text, department text, assignee text, priority integer, amount bigint, currency text,
        external_ref text, test_clock uuid, filed_at timestamptz, updated_at timestamptz, closed_at timestamptz,
        next_due_at timestamptz, anonymous boolean, kind text, subtype text, group_id uuid, interventions smallint,
        head_hash bytea, recorded_at timestamptz, reserve bytea, clock uuid, stood_at timestamptz, fires boolean
    )
    """,
    """
    CREATE TYPE moved_case AS (
        case_id uuid, version integer, stage text, status text, outcome text, department text, assignee text,
        priority integer, amount bigint, updated_at timestamptz, closed_at timestamptz, next_due_at timestamptz,
        group_id uuid, interventions smallint, head_hash bytea, recorded_at timestamptz, expected integer,
        clock uuid, stood_at timestamptz, fires boolean
    )
    """,
    """
    CREATE TYPE new_event AS (
        case_id uuid, version integer, event_id uuid, occurred_at timestamptz, effective_at timestamptz,
        recorded_at timestamptz, who text, agent text, client text, correlation uuid, causation uuid, asked bytea,
        type text, schema smallint, payload bytea, payload_hash bytea, hash bytea
    )
    """,
    """
    CREATE TYPE started_deadline AS (
        case_id uuid, kind text, party text, set_by integer, due_at timestamptz, provisional boolean,
        minimum_notice boolean, test_clock uuid, next_try_at timestamptz
    )
    """,
    "CREATE TYPE stopped_deadline AS (case_id uuid, kind text, party text, set_by integer)",
    "CREATE TYPE new_key AS (case_id uuid, key_id uuid, side text, wrapped bytea)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
