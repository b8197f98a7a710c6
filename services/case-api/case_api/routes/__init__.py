"""The endpoints: each takes a request, asks the ledger, and answers bytes."""
