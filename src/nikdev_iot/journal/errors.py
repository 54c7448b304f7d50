"""The journal's errors, and what SQLite's mean to a person."""

from __future__ import annotations

from nikdev_iot.model.errors import JournalError

__all__ = ["AlreadyImported", "PushLocked", "StalePack"]


class PushLocked(JournalError):
    """Another thread or process is pushing this journal."""


class StalePack(JournalError):
    """The queue changed between `Journal.next_pack` and `Journal.record_sent`; nothing was recorded."""


class AlreadyImported(JournalError):
    """An import with this key was done before; nothing was imported."""
