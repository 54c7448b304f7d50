"""Values, commits and time: pure, no I/O, the standard library alone."""
