"""Declared gaps: commits that a device had and lost, with the reason it gave, as stretches of time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from nikdev_iot.server.storage.port import Storage

from .table import Table

__all__ = ["DeclaredGap", "GapFinder"]

_MAX_GAPS = 200


@dataclass(frozen=True, slots=True)
class DeclaredGap:
    """Commits that will never come, and where they would stand."""

    start_us: int
    """The time of the commit before them."""
    end_us: int
    """The time of the commit behind them."""
    count: int
    reason: str


class GapFinder:
    """Finds the gaps among the packs of a range: where an origin's numbers leave some out."""

    def __init__(self, storage: Storage, device_id: uuid.UUID, *, start_us: int, end_us: int) -> None:
        self._storage = storage
        self._device_id = device_id
        self._start_us = start_us
        self._end_us = end_us

    def add(self, table: Table) -> None:
        """Look at a whole pack."""

    def find(self) -> list[DeclaredGap]:
        """Return the gaps that lie in the range, ascending by time."""
        return []
