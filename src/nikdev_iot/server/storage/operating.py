"""What the operator of a store asks of it: how large it is, how it grew, and a copy of it, while it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["OperatingReads", "OperatingWrites", "SizeSample", "StoreCounts", "StoreSize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """What the store takes, and what there is. In bytes."""

    data_bytes: int
    log_bytes: int = 0
    """Written and not yet settled in the data; it comes and goes."""
    reusable_bytes: int = 0
    """Of the data: what holds nothing at present and is filled again first."""
    disk_free_bytes: int | None = None
    """For this process; None where the store is not on a disk of this machine."""
    disk_bytes: int | None = None

    @property
    def total_bytes(self) -> int:
        """Data and log."""
        return self.data_bytes + self.log_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCounts:
    """How much there is of what people know."""

    accounts: int
    devices: int
    commits: int
    """The numbers that origins have come to, together: with the commits that were lost before they came here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSample:
    """How large the store was."""

    at_us: int
    data_bytes: int
    commits: int


class OperatingReads(Protocol):
    """Part of `port.Storage`."""

    def size(self) -> StoreSize:
        """Return what the store takes. Cheap."""
        ...

    def counts(self) -> StoreCounts:
        """Return how much there is, of one moment. Cheap: it reads no packs."""
        ...

    def size_samples(self, *, start_us: int) -> list[SizeSample]:
        """Return the samples kept since `start_us`, by time."""
        ...

    def backup(self, path: Path, *, progress: Callable[[int, int], None] = lambda _copied, _total: None) -> int:
        """Write a copy of the whole store, as it is at one moment, into the new file `path`; return its bytes.

        Reading and writing go on: the copy is made in small steps, and waits for no writer and makes none wait.
        Opened as a store, it gets an epoch of its own, as every restore must. `progress` is called between the steps
        with the bytes copied and those of all; what it raises ends the copying and comes out here. After any error
        there is no file.

        Raises:
            StorageUnavailable: there is no room for the copy, or it cannot be written; the store is as it was.
            StorageCorrupt: the store is damaged.
        """
        ...


class OperatingWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def add_size_sample(self, sample: SizeSample, *, forget_before_us: int) -> None:
        """Keep a sample, in the place of one of the same time, and forget those older than `forget_before_us`."""
        ...
