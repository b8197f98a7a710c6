"""The files of evidence: where they are kept, whether each is still what it was, and which of them nobody wants."""
