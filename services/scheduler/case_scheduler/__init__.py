"""The clock and the postman: what did not happen in time, and who is told."""
