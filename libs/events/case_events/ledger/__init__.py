"""The ledger: the only home of SQL, and the one write path every change of a case takes."""
