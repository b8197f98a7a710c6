"""Tests of the pure core: the rules, with no database and no clock but the one they are told."""
