"""Webhooks: endpoints and their secrets, what each was sent, and what waits to be sent again."""
