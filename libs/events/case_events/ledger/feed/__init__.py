"""The feed: dense positions in commit-safe order, and who reads them."""
