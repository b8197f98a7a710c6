"""Answers that take their time: event streams and exports."""
