"""Many at once: batches, lines while they arrive, CloudEvents, and the history of another system."""
