"""What the desks ask: cases and deadlines by page, and counts of them."""
