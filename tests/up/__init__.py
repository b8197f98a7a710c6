"""Tests of the house: Postgres in a folder, the parent of all processes, the installation."""
