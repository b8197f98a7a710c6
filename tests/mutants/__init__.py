"""Mutation testing of the core, run by hand: does a test fail when a rule is changed?"""
