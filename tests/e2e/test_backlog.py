"""A backlog of 100 000 commits of ten values: constant memory, killed half-way, resumed without sending again."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import RunningServer
from tests.unmeasured import unmeasured

from nikdev_iot import Api
from nikdev_iot.journal.journal import Journal

_COMMITS = 100_000
_PROGRAM = Path(__file__).with_name("pushing_process.py")
_START_US = 1_780_000_000_000_000


def _rows(count: int) -> Iterator[tuple[int, dict[str, float], None]]:
    walk = random.Random(4)
    for number in range(count):
        yield _START_US + number * 1_000_000, {f"f{k}": round(walk.gauss(k, 1), 2) for k in range(10)}, None


def _config(server: RunningServer, folder: Path) -> dict[str, str]:
    who = server.new_device()
    return {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "storagePath": str(folder),
    }


def _fill(config: dict[str, str], count: int) -> None:
    with Api(config) as api, Journal.open(api.status().journal_path) as journal:
        journal.commit_many(_rows(count))


def _push(config: dict[str, str]) -> tuple[int, list[int]]:
    """Push in a process of its own; return its peak memory in kB and the progress it told."""
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), json.dumps(config)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=unmeasured(),
    )
    pushed = [int(found) for found in re.findall(r"pushed (\d+)", done.stdout)]
    return int(re.search(r"peak (\d+)", done.stdout)[1]), pushed


@pytest.mark.timeout(240)
def test_memory_does_not_grow_with_the_backlog(server: RunningServer, tmp_path: Path) -> None:
    small, large = _config(server, tmp_path / "small"), _config(server, tmp_path / "large")
    _fill(small, _COMMITS // 2)
    _fill(large, _COMMITS)
    small_kb, _ = _push(small)
    large_kb, pushed = _push(large)
    assert pushed[-1] == _COMMITS
    assert large_kb < small_kb * 1.05 + 1_000
    assert large_kb < 40_000
    print(
        f"\npeak memory of the pushing process: {small_kb} kB for {_COMMITS // 2} commits, {large_kb} kB for {_COMMITS}"
    )


@pytest.mark.timeout(240)
def test_killed_half_way_it_goes_on_where_the_server_is(own_server: RunningServer, tmp_path: Path) -> None:
    config = _config(own_server, tmp_path / "journal")
    _fill(config, _COMMITS)
    with subprocess.Popen(
        [sys.executable, str(_PROGRAM), json.dumps(config)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line.split()[1]) >= _COMMITS // 2:
                process.kill()
                break
    before = _stored(own_server, config)
    assert _COMMITS // 2 <= before < _COMMITS
    _, pushed = _push(config)
    assert _stored(own_server, config) == _COMMITS
    assert pushed[-1] == _COMMITS - before
    with Api(config) as api:
        fetched = api.fetch()
    rows = list(_rows(_COMMITS))
    for k in range(10):
        assert list(fetched[f"f{k}"].values) == [values[f"f{k}"] for _, values, _ in rows]
    print(f"\nkilled with {before} of {_COMMITS} commits on the server; the second run sent {pushed[-1]} and no more")


def _stored(server: RunningServer, config: dict[str, str]) -> int:
    """Return how many commits of this device the server has."""
    device_id = uuid.UUID(config["deviceId"])
    spans = server.storage.spans(device_id, start_us=0, end_us=2**62)
    return sum(span.row_count for span in spans)
