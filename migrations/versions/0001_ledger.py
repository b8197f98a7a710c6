"""The ledger: streams, events, read model, deadlines, keys, policies.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STREAMS = """
CREATE TABLE streams (
    case_id     uuid PRIMARY KEY,
    version     integer NOT NULL CHECK (version >= 1),
    head_hash   bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE streams IS 'The row a request locks, first and always; never indexed otherwise.';
"""

EVENTS = """
CREATE SEQUENCE events_seq;
CREATE TABLE events (
    case_id      uuid NOT NULL,
    version      integer NOT NULL CHECK (version >= 1),
    event_id     uuid NOT NULL,
    type         text NOT NULL,
    schema       smallint NOT NULL,
    occurred_at  timestamptz NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    who          text NOT NULL CHECK (who IN ('complainant', 'respondent', 'platform', 'scheduler')),
    agent        text,
    client       text NOT NULL,
    correlation  uuid NOT NULL,
    causation    uuid,
    asked        bytea,
    payload      bytea NOT NULL,
    payload_hash bytea NOT NULL CHECK (octet_length(payload_hash) = 32),
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    tx           xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq          bigint NOT NULL DEFAULT nextval('events_seq'),
    PRIMARY KEY (case_id, version),
    CONSTRAINT events_event_id UNIQUE (case_id, event_id)
);
ALTER SEQUENCE events_seq OWNED BY events.seq;
COMMENT ON TABLE events IS 'Append-only: by privilege for the services, and by trigger for everybody.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the record is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- ALWAYS: otherwise a superuser's session_replication_role = replica passes by them and leaves no trace.
ALTER TABLE events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE events ENABLE ALWAYS TRIGGER never_truncated;
"""

CASES = """
CREATE SEQUENCE complaint_number START 100000001;
CREATE TABLE cases (
    case_id          uuid PRIMARY KEY,
    number           text NOT NULL,
    version          integer NOT NULL,
    stage            text NOT NULL,
    status           text NOT NULL,
    outcome          text,
    type             text NOT NULL,
    reason           text NOT NULL,
    marketplace      text NOT NULL,
    complainant_role text NOT NULL,
    complainant_id   text NOT NULL,
    respondent_role  text NOT NULL,
    respondent_id    text NOT NULL,
    order_id         text NOT NULL,
    department       text NOT NULL,
    assignee         text,
    priority         integer NOT NULL,
    amount           bigint NOT NULL,
    currency         text NOT NULL,
    external_ref     text,
    test_clock       uuid,
    filed_at         timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    closed_at        timestamptz,
    next_due_at      timestamptz
) WITH (fillfactor = 80);
CREATE INDEX cases_by_filing ON cases (filed_at DESC, case_id DESC);
CREATE INDEX cases_by_status ON cases (status, filed_at DESC, case_id DESC);

CREATE TABLE open_complaints (
    reservation bytea PRIMARY KEY CHECK (octet_length(reservation) = 32),
    case_id     uuid NOT NULL
);
CREATE INDEX open_complaints_by_case ON open_complaints (case_id);
"""

DEADLINES = """
CREATE TABLE deadlines (
    case_id        uuid NOT NULL,
    kind           text NOT NULL,
    party          text NOT NULL,
    set_by         integer NOT NULL,
    due_at         timestamptz NOT NULL,
    next_try_at    timestamptz NOT NULL,
    provisional    boolean NOT NULL,
    minimum_notice boolean NOT NULL,
    test_clock     uuid,
    attempts       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (case_id, kind, party, set_by)
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX deadlines_due ON deadlines (next_try_at) WHERE test_clock IS NULL AND NOT provisional;
CREATE INDEX deadlines_clocked ON deadlines (test_clock, due_at) WHERE test_clock IS NOT NULL AND NOT provisional;
COMMENT ON COLUMN deadlines.due_at IS 'The legal instant.';
COMMENT ON COLUMN deadlines.next_try_at IS 'The operational one: due_at, or later for a row that failed.';

CREATE TABLE test_clocks (
    id         uuid PRIMARY KEY,
    client     text NOT NULL,
    at         timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE schedulers (
    name       text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    swept_at   timestamptz NOT NULL
);
"""

KEYS = """
CREATE TABLE subject_keys (
    key_id     uuid NOT NULL,
    case_id    uuid NOT NULL,
    side       text NOT NULL CHECK (side IN ('complainant', 'respondent')),
    wrapped    bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at  timestamptz,
    PRIMARY KEY (case_id, key_id),
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
);
COMMENT ON TABLE subject_keys IS 'One data key per case and side, wrapped by the master key.';

CREATE TABLE api_keys (
    key_id      text PRIMARY KEY,
    client      text NOT NULL,
    name        text NOT NULL,
    role        text NOT NULL CHECK (role IN ('storefront', 'platform', 'ops', 'auditor', 'admin')),
    secret_hash bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at  timestamptz
);

CREATE TABLE policies (
    name           text NOT NULL,
    version        text NOT NULL,
    marketplace    text NOT NULL,
    digest         text NOT NULL,
    text           text NOT NULL,
    effective_from timestamptz NOT NULL,
    loaded_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, version)
);
CREATE INDEX policies_in_force ON policies (marketplace, effective_from DESC);
"""

GRANTS = """
GRANT SELECT ON alembic_version TO caselog_app, caselog_scheduler;
GRANT USAGE ON SEQUENCE events_seq TO caselog_app, caselog_scheduler;
GRANT USAGE ON SEQUENCE complaint_number TO caselog_app;

GRANT SELECT, INSERT ON events TO caselog_app, caselog_scheduler;
GRANT SELECT, INSERT, UPDATE ON streams TO caselog_app;
GRANT SELECT, UPDATE ON streams TO caselog_scheduler;
GRANT SELECT, INSERT, UPDATE ON cases TO caselog_app, caselog_scheduler;
GRANT SELECT, INSERT, UPDATE, DELETE ON deadlines TO caselog_app, caselog_scheduler;
GRANT SELECT, INSERT, DELETE ON open_complaints TO caselog_app;
GRANT SELECT, DELETE ON open_complaints TO caselog_scheduler;

GRANT SELECT, INSERT, UPDATE (wrapped, erased_at) ON subject_keys TO caselog_app;
GRANT SELECT ON subject_keys TO caselog_scheduler;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON api_keys TO caselog_app;
GRANT SELECT, INSERT ON policies TO caselog_app;
GRANT SELECT ON policies TO caselog_scheduler;
GRANT SELECT, INSERT, UPDATE (at) ON test_clocks TO caselog_app;
GRANT SELECT ON test_clocks TO caselog_scheduler;
GRANT SELECT ON schedulers TO caselog_app;
GRANT SELECT, INSERT, UPDATE ON schedulers TO caselog_scheduler;
"""


def upgrade() -> None:
    """Roles come from deploy/roles.sql, run once by whoever owns the server."""
    for part in (STREAMS, EVENTS, CASES, DEADLINES, KEYS, GRANTS):
        for statement in statements(part):
            op.execute(statement)


def statements(part: str) -> list[str]:
    """The statements of ``part``; asyncpg prepares one at a time. A body between $$ is not cut."""
    found, open_body, lines = [], False, []
    for line in part.splitlines():
        lines.append(line)
        open_body ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not open_body:
            found.append("\n".join(lines))
            lines = []
    return found


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
