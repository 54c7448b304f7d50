"""Killed with -9 at random, through commit and push: every printed receipt is on the server, once, unaltered."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.servers import RunningServer

from nikdev_iot import Api

_KILLS = 100
_PROGRAM = Path(__file__).with_name("committing_process.py")


@pytest.mark.timeout(400)
def test_no_receipt_is_lost_doubled_or_altered(server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    config = {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "storagePath": str(tmp_path / "journal"),
    }
    chance = random.Random(9)
    receipts: list[dict] = []
    complaints: list[str] = []
    for run in range(_KILLS):
        with subprocess.Popen(
            [sys.executable, str(_PROGRAM), json.dumps(config), str(run)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]  # it has committed once: the kill will meet it at work
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
            lines += process.stdout.readlines()
        # The kill may have cut the last line in two; it is whole where it ends.
        whole = [line for line in lines if line.endswith("\n")]
        complaints += [line for line in whole if line.startswith("#")]
        receipts += [json.loads(line) for line in whole if not line.startswith("#")]
    with Api(config) as api:
        api.push()
        assert api.status().unpushed == 0
        fetched = api.fetch()
        origin = api.status().origin
    rows = dict(zip(fetched["token"].values, range(len(fetched["token"].values)), strict=True))
    assert len(rows) == len(fetched["token"].values), "a commit is on the server twice"
    assert [receipt["origin"] for receipt in receipts] == [str(origin)] * len(receipts)
    numbers = [receipt["number"] for receipt in receipts]
    assert numbers == sorted(set(numbers))
    places = [rows[receipt["values"]["token"]] for receipt in receipts]
    assert places == sorted(places)
    # Every commit has every field, and times ascend: the row of a receipt is its number less one.
    assert places == [number - 1 for number in numbers]
    for receipt, place in zip(receipts, places, strict=True):
        for field_id, value in receipt["values"].items():
            found = fetched[field_id].values[place]
            assert (type(found), found) == (type(value), value)
            assert fetched[field_id].times_us[place] == receipt["time_us"]
    unprinted = len(rows) - len(receipts)
    assert 0 <= unprinted <= _KILLS
    print(
        f"\n{_KILLS} kills: {len(receipts)} receipts printed, {len(receipts)} of them on the server once, in order and "
        f"unaltered; {unprinted} commits whose receipt the kill cut off are there too; {len(complaints)} pushes failed"
    )
