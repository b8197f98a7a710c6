#!/bin/sh
# Run once by the Postgres image on an empty volume, after roles.sql: passwords for the three logins, and the database.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner="$CASELOG_OWNER_PASSWORD" --set app="$CASELOG_APP_PASSWORD" --set scheduler="$CASELOG_SCHEDULER_PASSWORD" <<'SQL'
ALTER ROLE caselog_owner PASSWORD :'owner';
ALTER ROLE caselog_app PASSWORD :'app';
ALTER ROLE caselog_scheduler PASSWORD :'scheduler';
CREATE DATABASE caselog OWNER caselog_owner ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0;
SQL
