"""The clock: what the schedulers and their operators know and did, published days, and test clocks that can end.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The watermark asks for the earliest legal instant that was not fired: of rows tried at their due time that is the
# earliest try; the few that were put off (they failed, or are held) are found here.
DEADLINES = (
    """
    CREATE INDEX deadlines_put_off ON deadlines (due_at)
    WHERE next_try_at > due_at AND test_clock IS NULL AND NOT provisional
    """,
    "CREATE INDEX deadlines_provisional ON deadlines (due_at, case_id, kind, party, set_by) WHERE provisional",
)

STATE = (
    """
    CREATE TABLE clock_state (
        one          boolean PRIMARY KEY CHECK (one),
        high_water   timestamptz,
        paused       text,
        watermark    timestamptz,
        published_at timestamptz,
        sampled_at   timestamptz,
        writers      text[] NOT NULL DEFAULT '{}',
        lingering    text[] NOT NULL DEFAULT '{}',
        whole_at     timestamptz
    ) WITH (fillfactor = 50)
    """,
    "COMMENT ON COLUMN clock_state.high_water IS 'The latest instant of the database''s clock that was ever trusted.'",
    "COMMENT ON COLUMN clock_state.paused IS 'Why a scheduler somewhere fires nothing; null while all of them fire.'",
    "COMMENT ON COLUMN clock_state.watermark IS 'No live deadline before it is unprocessed; it only goes forward.'",
    "COMMENT ON COLUMN clock_state.writers IS 'Who was writing deadlines at sampled_at: virtual transaction ids.'",
    "COMMENT ON COLUMN clock_state.lingering IS 'Those of them that were not waited for any longer.'",
    "COMMENT ON COLUMN clock_state.whole_at IS 'When deadlines before the watermark were last looked for, in vain.'",
    "INSERT INTO clock_state (one) VALUES (true)",
    "ALTER TABLE schedulers ADD COLUMN seen_at timestamptz",
    "ALTER TABLE schedulers ALTER COLUMN swept_at DROP NOT NULL",
    "ALTER TABLE schedulers ADD COLUMN offset_ms double precision",
    "ALTER TABLE schedulers ADD COLUMN paused text",
    "ALTER TABLE schedulers ADD COLUMN batch integer",
    "COMMENT ON COLUMN schedulers.seen_at IS 'When it last looked, whether it fires or is paused.'",
    "COMMENT ON COLUMN schedulers.swept_at IS 'When it last fired all that was due; null: it never has.'",
    "COMMENT ON COLUMN schedulers.offset_ms IS 'The database''s clock less the host''s, at the last look.'",
    "COMMENT ON COLUMN schedulers.paused IS 'Why this one fires nothing; null when it fires.'",
    """
    CREATE TABLE lateness (
        hour   timestamptz NOT NULL,
        kind   text NOT NULL,
        bucket smallint NOT NULL,
        count  bigint NOT NULL CHECK (count >= 1),
        PRIMARY KEY (hour, kind, bucket)
    )
    """,
    "COMMENT ON TABLE lateness IS 'How long after their legal instants timeouts were written, counted by hour.'",
    """
    CREATE TABLE upkeep (
        job      text NOT NULL,
        slot     timestamptz NOT NULL,
        owner    text NOT NULL,
        began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz,
        outcome  text,
        go_on_at text,
        PRIMARY KEY (job, slot)
    )
    """,
    "COMMENT ON COLUMN upkeep.go_on_at IS 'Where the next turn of a job goes on that never does all of it at once.'",
    "COMMENT ON TABLE upkeep IS 'Each job of upkeep once for each of its slots, whoever does it.'",
)

OPERATING = (
    """
    CREATE TABLE holds (
        id          uuid PRIMARY KEY,
        marketplace text,
        merchant    text,
        kind        text,
        reason      text NOT NULL,
        placed_by   text NOT NULL,
        placed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        until       timestamptz,
        released_at timestamptz,
        released_by text,
        CHECK ((released_at IS NULL) = (released_by IS NULL))
    )
    """,
    "COMMENT ON TABLE holds IS 'Deadlines of these scopes are not fired by the schedulers for now; null: of all.'",
    """
    CREATE TABLE outages (
        id          uuid PRIMARY KEY,
        began_at    timestamptz NOT NULL,
        ended_at    timestamptz NOT NULL,
        source      text NOT NULL CHECK (source IN ('measured', 'declared')),
        reason      text NOT NULL,
        recorded_by text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CHECK (began_at < ended_at)
    )
    """,
    "CREATE INDEX outages_by_end ON outages (ended_at, id)",
    # What an outage made late is found by the legal instants of what the clocks recorded, without reading the rest.
    "CREATE INDEX events_of_clocks ON events (occurred_at, case_id, version) WHERE who = 'scheduler'",
    """
    CREATE TABLE journal (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        what   text NOT NULL,
        who    text NOT NULL,
        data   jsonb NOT NULL
    )
    """,
    "COMMENT ON TABLE journal IS 'What operators and schedulers did that no case''s history says.'",
    """
    CREATE TABLE calendars (
        year      integer NOT NULL CHECK (year BETWEEN 2000 AND 2200),
        edition   integer NOT NULL CHECK (edition >= 1),
        rest      date[] NOT NULL,
        work      date[] NOT NULL,
        source    text NOT NULL,
        digest    text NOT NULL,
        loaded_by text NOT NULL,
        loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (year, edition)
    )
    """,
    "COMMENT ON TABLE calendars IS 'Published days an operator loaded; the last edition of a year counts.'",
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in ("outages", "journal", "calendars")
    ),
    *(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only" for table in ("outages", "journal", "calendars")),
)

TEST_CLOCKS = (
    "ALTER TABLE test_clocks ADD COLUMN name text",
    "ALTER TABLE test_clocks ADD COLUMN frozen_at timestamptz",
    "ALTER TABLE test_clocks ADD COLUMN deleted_at timestamptz",
    "CREATE INDEX test_clocks_there ON test_clocks (id) WHERE deleted_at IS NULL",
    "COMMENT ON COLUMN test_clocks.deleted_at IS 'Its cases are hidden and nothing of them fires; their events stay.'",
    # Who writes under a clock holds it where it stands, and whoever moves, freezes or deletes it waits for them. It
    # looks once it holds the clock: a volatile function sees what was committed until then.
    """
    CREATE FUNCTION clock_stands(clock uuid, stood_at timestamptz, fires boolean) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        RETURN pg_try_advisory_xact_lock_shared(1668050787, hashtext(clock::text)) AND EXISTS (
            SELECT FROM test_clocks t
            WHERE t.id = clock AND t.deleted_at IS NULL AND (stood_at IS NULL OR t.at = stood_at)
                AND NOT (fires AND t.frozen_at IS NOT NULL)
        );
    END
    $$
    """,
    # What lists and schedulers read of its cases goes, because it would hide others behind it; their events stay. The
    # services' logins have no right to remove a row of cases, and get none: they may delete a clock.
    """
    CREATE FUNCTION delete_test_clock(clock uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        UPDATE test_clocks SET deleted_at = clock_timestamp() WHERE id = clock AND deleted_at IS NULL;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        DELETE FROM deadlines d WHERE d.test_clock = clock;
        DELETE FROM open_complaints o USING cases c WHERE o.case_id = c.case_id AND c.test_clock = clock;
        DELETE FROM cases c WHERE c.test_clock = clock;
        RETURN true;
    END
    $$
    """,
    """
    DO $$ BEGIN
        EXECUTE format('ALTER FUNCTION delete_test_clock(uuid) SET search_path = %I, pg_temp', current_schema());
    END $$
    """,
    "REVOKE ALL ON FUNCTION delete_test_clock(uuid) FROM PUBLIC",
)

GRANTS = (
    """
    GRANT SELECT ON clock_state, lateness, upkeep, holds, outages, journal, calendars
    TO caselog_app, caselog_scheduler
    """,
    "GRANT UPDATE ON clock_state TO caselog_scheduler",
    "GRANT DELETE ON schedulers TO caselog_scheduler",
    "GRANT INSERT, UPDATE, DELETE ON lateness TO caselog_scheduler",
    "GRANT INSERT, UPDATE, DELETE ON upkeep TO caselog_scheduler",
    "GRANT INSERT, UPDATE (released_at, released_by) ON holds TO caselog_app",
    "GRANT INSERT ON outages, journal TO caselog_app, caselog_scheduler",
    "GRANT INSERT ON calendars TO caselog_app",
    "GRANT UPDATE (frozen_at) ON test_clocks TO caselog_app",
    "GRANT EXECUTE ON FUNCTION delete_test_clock(uuid) TO caselog_app",
)


def upgrade() -> None:
    for statement in (*DEADLINES, *STATE, *OPERATING, *TEST_CLOCKS, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
