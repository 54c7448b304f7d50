from __future__ import annotations

import time

from nikdev_iot.journal import clock
from nikdev_iot.journal.clock import SYSTEM_CLOCK

from .processes import run

BOOT = "from nikdev_iot.journal.clock import SYSTEM_CLOCK; print(SYSTEM_CLOCK.boot_id())"


def test_now_is_in_microseconds():
    assert abs(SYSTEM_CLOCK.now_us() / 1e6 - time.time()) < 5


def test_the_monotonic_clock_runs_in_nanoseconds():
    before = SYSTEM_CLOCK.monotonic_ns()
    time.sleep(0.01)
    assert 10_000_000 <= SYSTEM_CLOCK.monotonic_ns() - before < 10_000_000_000


def test_all_processes_of_one_boot_agree_on_its_id(tmp_path):
    if clock._BOOT_ID.exists():
        assert run(BOOT, tmp_path) == [SYSTEM_CLOCK.boot_id()]


def test_without_a_boot_id_a_process_promises_for_itself_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "none")
    clock._boot_id.cache_clear()
    try:
        mine = SYSTEM_CLOCK.boot_id()
        assert mine == SYSTEM_CLOCK.boot_id()
        assert run(BOOT, tmp_path) != [mine]
    finally:
        clock._boot_id.cache_clear()
