-- The logins of Caselog, for a Postgres that you run. Run it as a superuser, as often as you like:
--
--     psql -f deploy/roles.sql
--     ALTER ROLE caselog_owner PASSWORD '...';       -- and so for each, every one its own
--     CREATE DATABASE caselog OWNER caselog_owner ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0;
--
-- The owner is used by migrations only (CASELOG_MIGRATION_URL); the API logs in as caselog_app and the scheduler as
-- caselog_scheduler. Three logins and not one with SET ROLE, because whoever can SET ROLE can set it back: that the
-- record is append-only must be the database's word. What each may do to which table stands in the migrations.
-- `caselog up` runs this same file on its embedded Postgres.

DO $$
DECLARE
    login text;
BEGIN
    FOREACH login IN ARRAY ARRAY['caselog_owner', 'caselog_app', 'caselog_scheduler'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I', login);
        END IF;
    END LOOP;
END
$$;

-- Said again at every run, so that a right somebody added by hand does not stay.
ALTER ROLE caselog_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE caselog_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE caselog_scheduler LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT granted.rolname AS granted, holder.rolname AS holder
        FROM pg_auth_members
        JOIN pg_roles AS granted ON granted.oid = roleid
        JOIN pg_roles AS holder ON holder.oid = member
        WHERE holder.rolname IN ('caselog_owner', 'caselog_app', 'caselog_scheduler')
    LOOP
        EXECUTE format('REVOKE %I FROM %I', held.granted, held.holder);
    END LOOP;
END
$$;

-- For whoever logs in by hand. The services' sessions have limits of their own (docs/running.md, "When something dies"),
-- which go before these: what is changed here changes nothing for them.
--
-- A session that stops in the middle of a transaction holds a case's row: nobody else could move that case.
ALTER ROLE caselog_app SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE caselog_scheduler SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE caselog_app SET statement_timeout = '15s';
ALTER ROLE caselog_scheduler SET statement_timeout = '60s';
ALTER ROLE caselog_app SET lock_timeout = '5s';
