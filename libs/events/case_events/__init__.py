"""The rules of a dispute and the record of what happened."""
