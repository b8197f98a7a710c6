"""The clock: when to look, how much to fire at once, and whose turn it is."""
