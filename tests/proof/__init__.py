"""What anybody can check without us: the tree over the feed, and the notes that say its root."""
