"""How much one request may hold. Both sides know the defaults; a server may be configured to others."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "PREVIEW_BYTES", "PREVIEW_COMMITS", "UNLIMITED", "Limits"]

PREVIEW_BYTES = 64 * 1024
"""What a device shows ahead of its backlog, as it arrives and decompressed."""
PREVIEW_COMMITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Each bound is inclusive."""

    body_bytes: int = 8 * 1024 * 1024
    """A request's body as it arrives."""
    content_bytes: int = 32 * 1024 * 1024
    """The same, decompressed."""
    commits: int = 50_000
    """Commits in one pack, or entries in one JSON request."""
    columns: int = 4_096
    """Columns in one pack: one for each field and kind."""
    items: int = 1_000_000
    """CBOR items in one pack: each text value, and a few for each column; a typed array of any length is one."""
    values: int = 4 * 1024 * 1024
    """Values in one pack, of all its columns: as many floats as the default content has room for."""


DEFAULT_LIMITS = Limits()
UNLIMITED = Limits(body_bytes=2**63, content_bytes=2**63, commits=2**63, columns=2**63, items=2**63, values=2**63)
"""For what was judged when it came, perhaps by other limits than today's."""
