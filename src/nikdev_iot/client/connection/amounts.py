"""Amounts in words: sizes, lengths of time, counts."""

from __future__ import annotations

__all__ = ["bytes_text", "counted", "duration_text", "ms_text"]


def bytes_text(count: float) -> str:
    """Return a size as disks are sold: `1.23 GB`."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999.5 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f} bytes"


def duration_text(seconds: float) -> str:
    """Return a length of time in its largest unit, from two of it on: `3 hours`."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 9.95 else f"{seconds:.1f} seconds"


def ms_text(seconds: float) -> str:
    """Return how long something took: `0.4 ms`, `12 ms`, `1.2 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"


def counted(count: int, one: str) -> str:
    """Return `1 commit`, `2 commits`."""
    return f"{count:,} {one if count == 1 else one + 's'}"
