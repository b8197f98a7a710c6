"""The feed: dense positions in commit-safe order, who has read how far, and which kinds of events there are.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A tick finds what became visible since the last one by transaction id (decision 0012); insertions are at its right
# end. (case_id, version) is unique: whatever goes wrong, no event is numbered twice.
FEED = (
    "CREATE INDEX events_by_tx ON events (tx)",
    """
    CREATE TABLE feed (
        position     bigint PRIMARY KEY CHECK (position >= 1),
        case_id      uuid NOT NULL,
        version      integer NOT NULL,
        sequenced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        UNIQUE (case_id, version)
    )
    """,
    "COMMENT ON TABLE feed IS 'Every event once, numbered without gaps; written by the sequencer alone.'",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON feed FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER never_truncated BEFORE TRUNCATE ON feed FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE feed ENABLE ALWAYS TRIGGER append_only",
    "ALTER TABLE feed ENABLE ALWAYS TRIGGER never_truncated",
    """
    CREATE TABLE feed_state (
        lane      smallint NOT NULL CHECK (lane = 0),
        head      bigint PRIMARY KEY CHECK (head >= 0),
        snapshot  pg_snapshot,
        cluster   bigint,
        ticked_at timestamptz
    )
    """,
    # Its key grows with every tick, so that the one row is found at the right end of its index. Found by a key that
    # stays, it would be sought among all its dead versions, and a dump that runs for an hour lets none of them go.
    "COMMENT ON TABLE feed_state IS 'One row, found as the greatest head; the sequencer that locks it ticks.'",
    "COMMENT ON COLUMN feed_state.head IS 'The last position given.'",
    "COMMENT ON COLUMN feed_state.snapshot IS 'What was visible to the last tick; null: look at every event.'",
    "COMMENT ON COLUMN feed_state.cluster IS 'Whose transaction ids these are: another cluster''s mean nothing here.'",
    "INSERT INTO feed_state (lane, head) VALUES (0, 0)",
    """
    CREATE TABLE event_kinds (
        type   text NOT NULL,
        schema smallint NOT NULL,
        PRIMARY KEY (type, schema)
    )
    """,
    "COMMENT ON TABLE event_kinds IS 'The kinds of events there are; a release that cannot read one does not start.'",
)

SUBSCRIPTIONS = (
    """
    CREATE TABLE subscriptions (
        name       text PRIMARY KEY,
        position   bigint NOT NULL CHECK (position >= 0),
        owner      text,
        held_until timestamptz,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CHECK ((owner IS NULL) = (held_until IS NULL))
    )
    """,
    "COMMENT ON COLUMN subscriptions.position IS 'Everything up to here is done with, or parked.'",
    """
    CREATE TABLE parked (
        subscription text NOT NULL REFERENCES subscriptions (name) ON DELETE CASCADE,
        position     bigint NOT NULL,
        attempts     integer NOT NULL CHECK (attempts >= 1),
        error        text NOT NULL,
        parked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (subscription, position)
    )
    """,
    "COMMENT ON TABLE parked IS 'What a subscription could not do and set aside, so that the rest goes on.'",
)

GRANTS = (
    "GRANT SELECT ON feed, feed_state, event_kinds TO caselog_app, caselog_scheduler",
    "GRANT INSERT ON feed, event_kinds TO caselog_scheduler",
    "GRANT UPDATE ON feed_state TO caselog_scheduler",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions, parked TO caselog_app, caselog_scheduler",
)


def upgrade() -> None:
    for statement in (*FEED, *SUBSCRIPTIONS, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
