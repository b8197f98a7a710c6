"""The verifiable log: the nodes of the tree over the feed, and its signed roots.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ADDED_TO = ("tree_nodes", "checkpoints")

UPGRADE = (
    """
    CREATE TABLE tree_nodes (
        level smallint NOT NULL CHECK (level BETWEEN 1 AND 7),
        index bigint NOT NULL CHECK (index >= 0),
        hash  bytea NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (level, index)
    )
    """,
    "COMMENT ON TABLE tree_nodes IS 'Of the tree over the feed: each node over 256 ^ level leaves.'",
    """
    CREATE TABLE checkpoints (
        size     bigint PRIMARY KEY CHECK (size >= 1),
        root     bytea NOT NULL CHECK (length(root) = 32),
        note     text NOT NULL,
        taken_at timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE checkpoints IS 'Roots of the tree over the first positions of the feed, signed.'",
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in ADDED_TO
    ),
    *(
        f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        for table in ADDED_TO
    ),
    *(
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"
        for table in ADDED_TO
        for trigger in ("append_only", "never_truncated")
    ),
    "GRANT SELECT ON tree_nodes, checkpoints TO caselog_app, caselog_scheduler",
    "GRANT INSERT ON tree_nodes, checkpoints TO caselog_scheduler",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
