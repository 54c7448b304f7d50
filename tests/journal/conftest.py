from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field

import pytest

from nikdev_iot.journal.journal import Journal


@dataclass
class FakeClock:
    """Every look at the wall clock is one second later; the other clock runs beside it."""

    us: int = 1_700_000_000_000_000
    boot: str = "boot-1"
    ticks: itertools.count = field(default_factory=itertools.count)

    def now_us(self) -> int:
        self.us += 1_000_000
        return self.us

    def monotonic_ns(self) -> int:
        return next(self.ticks)

    def boot_id(self) -> str:
        return self.boot


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "device" / "journal.db"


@pytest.fixture
def journal(path, clock):
    with Journal.open(path, clock=clock, new_uuid=lambda: uuid.UUID(int=7)) as journal:
        yield journal
        assert journal.check() == []
