"""Whole disputes told as data, rehearsed in memory and performed over HTTP."""
