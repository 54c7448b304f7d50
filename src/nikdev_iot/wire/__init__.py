"""What device and server say to each other: sans-I/O codecs, their limits and names (`docs/wire.md`)."""
