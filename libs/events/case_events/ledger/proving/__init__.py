"""The verifiable log: the tree over the feed as it is kept, its checkpoints, and what is proved from them."""
