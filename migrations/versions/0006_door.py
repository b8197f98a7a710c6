"""The door: keys that rotate, limits that count across processes, console sessions, and webhooks.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEYS = (
    "ALTER TABLE api_keys ADD COLUMN old_secret_hash bytea UNIQUE",
    "ALTER TABLE api_keys ADD COLUMN old_until timestamptz",
    "ALTER TABLE api_keys ADD COLUMN rotated_at timestamptz",
    "ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz",
    "ALTER TABLE api_keys ADD COLUMN per_minute integer CHECK (per_minute >= 1)",
    "ALTER TABLE api_keys ADD CHECK ((old_secret_hash IS NULL) = (old_until IS NULL))",
    "COMMENT ON COLUMN api_keys.old_secret_hash IS 'The secret before the last rotation: it works until old_until.'",
    "COMMENT ON COLUMN api_keys.last_used_at IS 'To the minute, not to the request.'",
    "COMMENT ON COLUMN api_keys.per_minute IS 'Requests this key may make in a minute; null: what the settings say.'",
    # Lost in a crash, and then everybody may begin anew: a limit is no record.
    """
    CREATE UNLOGGED TABLE rate_limits (
        key_id  text PRIMARY KEY,
        full_at timestamptz NOT NULL,
        taken   integer NOT NULL
    ) WITH (fillfactor = 50)
    """,
    "COMMENT ON COLUMN rate_limits.full_at IS 'When everything this key may do is there again, if it does nothing.'",
    "COMMENT ON COLUMN rate_limits.taken IS 'How many requests whoever asked last may let through; below zero: owed.'",
    """
    CREATE TABLE console_sessions (
        secret_hash  bytea PRIMARY KEY,
        key_id       text NOT NULL,
        client       text NOT NULL,
        name         text NOT NULL,
        role         text NOT NULL,
        marketplaces text[],
        merchants    text[],
        began_with   bytea,
        began_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        until        timestamptz NOT NULL,
        ended_at     timestamptz
    )
    """,
    "CREATE INDEX console_sessions_by_until ON console_sessions (until)",
    "COMMENT ON COLUMN console_sessions.began_with IS 'The hash of the key''s secret; null: OpenID said who it is.'",
    "COMMENT ON TABLE console_sessions IS 'Who is signed in to the console; the browser holds the secret.'",
)

ENDPOINTS = (
    """
    CREATE TABLE webhook_endpoints (
        id                 uuid PRIMARY KEY,
        client             text NOT NULL,
        url                text NOT NULL,
        description        text NOT NULL,
        types              text[],
        merchants          text[],
        shown_marketplaces text[],
        shown_merchants    text[],
        desk               boolean NOT NULL,
        state              text NOT NULL CHECK (state IN ('active', 'paused', 'disabled')),
        why                text,
        state_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
        created_by         text NOT NULL,
        created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
        asked              bytea,
        deleted_at         timestamptz
    )
    """,
    "CREATE INDEX webhook_endpoints_there ON webhook_endpoints (client, created_at, id) WHERE deleted_at IS NULL",
    "COMMENT ON COLUMN webhook_endpoints.types IS 'Only events of these names; null: of all.'",
    "COMMENT ON COLUMN webhook_endpoints.merchants IS 'Only cases of these merchants, on either side; null: of all.'",
    "COMMENT ON COLUMN webhook_endpoints.shown_merchants IS 'What the key that made it is limited to: the viewer.'",
    "COMMENT ON COLUMN webhook_endpoints.asked IS 'The keyed digest of the request that made it, if that had a key.'",
    """
    COMMENT ON COLUMN webhook_endpoints.state IS
        'paused: retries ended, or somebody paused it; it goes on where it stood. disabled: the receiver said 410.'
    """,
    """
    CREATE TABLE webhook_secrets (
        endpoint   uuid NOT NULL,
        number     integer NOT NULL CHECK (number >= 1),
        sealed     bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        until      timestamptz,
        PRIMARY KEY (endpoint, number)
    )
    """,
    "COMMENT ON COLUMN webhook_secrets.until IS 'It signs until then; null: until another takes its place.'",
)

# How far an endpoint has read, and who reads for it now, is its subscription's (named webhook:<id>). What cannot be
# delivered for now waits here, and with it everything later of the same case; the rest goes on.
DELIVERIES = (
    """
    CREATE TABLE webhook_circuits (
        endpoint     uuid PRIMARY KEY,
        failures     integer NOT NULL,
        open_until   timestamptz,
        succeeded_at timestamptz,
        failed_at    timestamptz
    ) WITH (fillfactor = 50)
    """,
    "COMMENT ON COLUMN webhook_circuits.failures IS 'Attempts that failed since the last that did not.'",
    """
    CREATE TABLE webhook_waiting (
        endpoint    uuid NOT NULL,
        position    bigint NOT NULL,
        case_id     uuid NOT NULL,
        attempts    integer NOT NULL,
        first_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        next_try_at timestamptz NOT NULL,
        PRIMARY KEY (endpoint, position)
    )
    """,
    "CREATE INDEX webhook_waiting_by_case ON webhook_waiting (endpoint, case_id, position)",
    "COMMENT ON COLUMN webhook_waiting.attempts IS '0: it waits behind an earlier event of its case.'",
    """
    CREATE TABLE webhook_attempts (
        id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        endpoint uuid NOT NULL,
        position bigint,
        event_id uuid NOT NULL,
        case_id  uuid,
        type     text NOT NULL,
        reason   text NOT NULL CHECK (reason IN ('event', 'redelivery', 'test')),
        number   integer NOT NULL CHECK (number >= 1),
        at       timestamptz NOT NULL,
        took_ms  integer NOT NULL,
        outcome  text NOT NULL,
        status   integer,
        detail   text
    )
    """,
    "CREATE INDEX webhook_attempts_of ON webhook_attempts (endpoint, id)",
    "CREATE INDEX webhook_attempts_of_event ON webhook_attempts (endpoint, event_id, id)",
    "COMMENT ON COLUMN webhook_attempts.status IS 'What the receiver answered; null: it did not.'",
    """
    CREATE TABLE webhook_errands (
        id           uuid PRIMARY KEY,
        endpoint     uuid NOT NULL,
        reason       text NOT NULL CHECK (reason IN ('redelivery', 'test')),
        first        bigint,
        last         bigint,
        reached      bigint,
        asked_by     text NOT NULL,
        asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at     timestamptz,
        outcome      text,
        CHECK ((reason = 'redelivery') = (first IS NOT NULL AND last IS NOT NULL)),
        CHECK (first <= last)
    )
    """,
    "CREATE INDEX webhook_errands_left ON webhook_errands (endpoint, asked_at, id) WHERE ended_at IS NULL",
    "CREATE INDEX webhook_errands_of ON webhook_errands (endpoint, asked_at, id)",
    "COMMENT ON TABLE webhook_errands IS 'What somebody asked the postman for: a test, or events once more.'",
)

GRANTS = (
    """
    GRANT UPDATE (secret_hash, old_secret_hash, old_until, rotated_at, last_used_at, per_minute) ON api_keys
    TO caselog_app
    """,
    "GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO caselog_app",
    "GRANT SELECT, INSERT, UPDATE (ended_at, until) ON console_sessions TO caselog_app",
    "GRANT SELECT, DELETE ON console_sessions TO caselog_scheduler",
    # Never whose it is, who made it, or what it may be told: those are the key's that made it.
    """
    GRANT SELECT, INSERT, UPDATE (url, description, types, merchants, state, why, state_at, deleted_at)
    ON webhook_endpoints TO caselog_app
    """,
    "GRANT SELECT, UPDATE (state, why, state_at) ON webhook_endpoints TO caselog_scheduler",
    "GRANT SELECT, INSERT, UPDATE (until), DELETE ON webhook_secrets TO caselog_app",
    "GRANT SELECT ON webhook_secrets TO caselog_scheduler",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_circuits, webhook_waiting TO caselog_scheduler",
    "GRANT SELECT, DELETE ON webhook_circuits TO caselog_app",
    "GRANT SELECT, UPDATE (attempts, next_try_at), DELETE ON webhook_waiting TO caselog_app",
    "GRANT SELECT ON webhook_attempts TO caselog_app",
    "GRANT SELECT, INSERT, DELETE ON webhook_attempts TO caselog_scheduler",
    "GRANT SELECT, INSERT, UPDATE (ended_at, outcome) ON webhook_errands TO caselog_app",
    "GRANT SELECT, UPDATE (reached, ended_at, outcome), DELETE ON webhook_errands TO caselog_scheduler",
)


def upgrade() -> None:
    for statement in (*KEYS, *ENDPOINTS, *DELIVERIES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
