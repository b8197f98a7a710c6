"""The form in which events leave the house, the same whoever sends them: over HTTP, in a stream, by webhook."""
