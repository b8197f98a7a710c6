"""Around every request: how a connection begins, and the trace, the line and the measure of each answer."""
