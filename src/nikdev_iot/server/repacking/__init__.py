"""Re-packing packs into segments, in the background."""
