"""Webhooks: every scheduler has a postman, who takes events to those who asked to be told."""
