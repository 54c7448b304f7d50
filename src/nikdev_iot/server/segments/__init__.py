"""Segments: re-packed packs of one origin, as compressed columns with statistics (`docs/storage.md`). No I/O."""
