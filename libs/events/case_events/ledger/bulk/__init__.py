"""Many at once: batches, imports, seeds."""
