"""What the ledger promises whatever happens to it: the acceptance cases, and processes that die."""
