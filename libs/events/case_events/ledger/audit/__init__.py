"""Is everything as it was written: chain, fold, read models, feed."""
