"""The times of commits, set right where the clock was wrong: what a pack says of them, and what `log` shows.

A commit's row is never changed. What is known of a boot is how far its clocks are from the true time; that, with the
two clocks that each row has, gives its time (`model/clocks.py`, `docs/time.md`).
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from nikdev_iot.model.clocks import AGREE_US, EARLIEST_US, TOLERANCE_US, judge_time

__all__ = ["boot_offset", "is_news", "judge_rows", "judged", "remember_offset"]

_KEEP_US = 1_000_000
"""An offset that is known this well already is not written again."""
_BOOTS = (
    "SELECT c.boot, b.offset_us, min(c.time_us - c.mono_ns / 1000), max(c.time_us - c.mono_ns / 1000), "
    "min(c.time_us), max(c.time_us) FROM commits AS c JOIN boots AS b ON b.id = c.boot "
    "WHERE c.id BETWEEN ? AND ? AND c.mono_ns IS NOT NULL GROUP BY c.boot"
)
_ROWS = "SELECT id, time_us, mono_ns FROM commits WHERE id BETWEEN ? AND ? AND boot = ? AND mono_ns IS NOT NULL"


def boot_offset(connection: sqlite3.Connection, boot_id: str) -> int | None:
    """Return the true time less the clock since boot, µs; None where that was never known."""
    row = connection.execute("SELECT offset_us FROM boots WHERE boot_id = ?", (boot_id,)).fetchone()
    return None if row is None else row[0]


def remember_offset(connection: sqlite3.Connection, boot_id: str, offset_us: int) -> None:
    """Keep what is known of a boot, in the caller's transaction."""
    connection.execute(
        "INSERT INTO boots (boot_id, offset_us) VALUES (?, ?) "
        "ON CONFLICT (boot_id) DO UPDATE SET offset_us = excluded.offset_us",
        (boot_id, offset_us),
    )


def is_news(known_us: int | None, offset_us: int) -> bool:
    """Return whether an offset says more than what is known."""
    return known_us is None or abs(known_us - offset_us) > _KEEP_US


def judged(connection: sqlite3.Connection, low: int, high: int, *, now_us: int) -> dict[int, tuple[int, bool]]:
    """Return (shift in µs, uncertain) by id, of those commits of the ids `low` to `high` for which either is so.

    Cheap where all clocks were right: one pass over the rows inside the engine.
    """
    found = {}
    for boot, offset_us, least, most, first_us, last_us in connection.execute(_BOOTS, (low, high)).fetchall():
        if offset_us is None:
            is_right = first_us >= EARLIEST_US and last_us <= now_us + AGREE_US
        else:
            is_right = max(abs(least - offset_us), abs(most - offset_us)) <= TOLERANCE_US
        if is_right:
            continue
        for row_id, time_us, mono_ns in connection.execute(_ROWS, (low, high, boot)):
            verdict = judge_time(time_us, mono_ns // 1000, offset_us=offset_us, now_us=now_us)
            if verdict != (0, False):
                found[row_id] = verdict
    return found


def judge_rows(
    connection: sqlite3.Connection, ids: Sequence[int], *, now_us: int
) -> tuple[tuple[tuple[int, int], ...], array[int] | None]:
    """Return `Pack.shifts` and `Pack.uncertain` for rows of these ascending ids."""
    if not ids:
        return (), None
    verdicts = judged(connection, ids[0], ids[-1], now_us=now_us)
    shifts, uncertain = [], array("I")
    for row_id, (shift_us, is_uncertain) in sorted(verdicts.items()):
        place = bisect_left(ids, row_id)
        if place == len(ids) or ids[place] != row_id:
            continue
        if shift_us:
            shifts.append((place, shift_us))
        if is_uncertain:
            uncertain.append(place)
    return tuple(shifts), uncertain or None
