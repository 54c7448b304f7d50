"""Live values: what was just stored, told to whoever looks."""
