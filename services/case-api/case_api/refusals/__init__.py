"""Refusals: every code there is, and how one becomes an answer."""
