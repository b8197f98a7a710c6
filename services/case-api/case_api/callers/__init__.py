"""Who calls: keys and tokens, what their roles may do, and how often they may come."""
