"""The read models made anew from the events while the service runs."""
