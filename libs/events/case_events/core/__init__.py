"""The rules and the record, pure: no clock, no I/O, no SQL, no logging."""
