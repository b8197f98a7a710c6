"""The ledger on a real Postgres: what is stored, who may change it, and whether it can be proved."""
