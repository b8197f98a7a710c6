"""Measurements, never timed tests: each against its floor in the same run, as ratios."""
