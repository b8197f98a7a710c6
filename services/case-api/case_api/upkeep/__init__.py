"""What a process does beside the requests, every second or minute."""
