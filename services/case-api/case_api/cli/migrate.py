"""`caselog migrate`: a database's tables brought to this version, step by step."""

from importlib import resources

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError

from case_api.cli.outcomes import Misused, Silence
from case_api.cli.premises import CannotStart
from case_api.settings import Settings
from case_events.ledger.connection import REFUSED, UNAVAILABLE, check_address


def migrate() -> str:
    """Bring the tables of CASELOG_MIGRATION_URL to this version, and say which it is."""
    settings = Settings()
    url = settings.migration_url or settings.database_url
    if url is None:
        raise CannotStart("set CASELOG_MIGRATION_URL to the owner's login; the embedded Postgres migrates at `up`")
    bring_to_head(url)
    head = ScriptDirectory(_scripts()).get_current_head()
    assert head is not None, "there is a first migration"
    return head


def bring_to_head(url: str) -> None:
    """Run what is missing, in order; two that do this at once wait for each other. Not inside an event loop.

    Raises CannotStart, Misused, or Silence while Postgres is away.
    """
    try:
        check_address(url)
    except asyncpg.exceptions.ClientConfigurationError as fault:
        raise Misused(f"CASELOG_MIGRATION_URL cannot be used: {fault}") from None
    config = Config()
    config.set_main_option("script_location", _scripts().replace("%", "%%"))
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except CommandError as fault:
        raise CannotStart(f"the tables are a newer release's ({fault}); start that one, or a newer one") from fault
    except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        reason = getattr(fault, "orig", None) or fault
        beneath = reason.__cause__ or reason  # SQLAlchemy wraps what asyncpg says twice
        if isinstance(beneath, asyncpg.exceptions.ClientConfigurationError):
            raise Misused(f"CASELOG_MIGRATION_URL cannot be used: {reason}") from None
        if isinstance(beneath, UNAVAILABLE) and not isinstance(beneath, REFUSED):
            raise Silence(f"the database does not answer: {reason}") from None
        raise CannotStart(f"the migrations did not run: {reason}") from fault


def _scripts() -> str:
    """The folder `migrations`, wherever this is installed."""
    return str(resources.files("case_migrations"))
