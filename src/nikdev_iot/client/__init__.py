"""The device's side of a push and a fetch."""
