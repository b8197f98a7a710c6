"""What anybody can check without us: the tree of hashes over the feed, and the signed notes that say its root."""
