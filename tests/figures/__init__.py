"""What each type of complaint promises, written down by hand from the sources, and checked figure by figure."""
