"""The door: HTTP in, commands through, problems out."""
