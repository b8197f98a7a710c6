"""What is due at one merchant is found among what is open there, however much they ever had.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SIDES = ("respondent", "complainant")


def upgrade() -> None:
    # Beside who writes: nobody waits for it, but it waits for all who began before it.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '10min'")
        for side in SIDES:
            # One that was killed in the middle has left an index that nobody reads and everybody writes.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS cases_due_of_{side}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY cases_due_of_{side} ON cases ({side}_id, next_due_at, case_id)"
                f" WHERE next_due_at IS NOT NULL AND {side}_role = 'merchant'"
            )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    raise RuntimeError("the ledger only goes forward: a record that can be downgraded away is none")
