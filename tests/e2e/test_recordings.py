"""Every recording imported, pushed and fetched back: equal value by value, kind by kind, times that recur included."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from tests.e2e.recordings import RECORDINGS, Recording
from tests.servers import RunningServer

from nikdev_iot import Api


def _nikdev(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NIKDEV_")}
    done = subprocess.run(
        [sys.executable, "-m", "nikdev_iot.cli", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.timeout(300)
@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_comes_back_as_it_was(recording: Recording, data: Path, server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device(recording.name)
    _nikdev(tmp_path, "init", "--url", server.api_url, "--device", who.device_id, "--key", who.api_key)
    _nikdev(tmp_path, "import", str(data / recording.file), *recording.options)
    _nikdev(tmp_path, "push")

    rows = sorted(recording.rows(data / recording.file), key=lambda row: row[0])
    expected: dict[str, list[tuple[int, type, object]]] = defaultdict(list)
    for time_us, values in rows:
        for field_id, value in values.items():
            expected[field_id].append((time_us, type(value), value))
    with Api(
        {"baseUrl": server.api_url, "deviceId": who.device_id, "apiKey": who.api_key, "storagePath": tmp_path}
    ) as api:
        fetched = api.fetch()
    assert set(fetched) == set(expected)
    for field_id, values in expected.items():
        series = fetched[field_id]
        found = [(time_us, type(value), value) for time_us, value in zip(series.times_us, series.values, strict=True)]
        assert found == values, field_id
    times = [time_us for time_us, _ in rows]
    print(
        f"\n{recording.name}: {len(rows)} rows, {sum(map(len, expected.values()))} values, "
        f"{len(times) - len(set(times))} times that occur again"
    )
