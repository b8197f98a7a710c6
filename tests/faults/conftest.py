"""The ledger's fixtures, for what must hold of it however it is treated."""

from tests.ledger.conftest import desk, ledger, scheduler, superuser

__all__ = ["desk", "ledger", "scheduler", "superuser"]
