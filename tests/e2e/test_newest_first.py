"""While a backlog goes out, the newest value is shown; history comes in order, complete, once."""

from __future__ import annotations

import json
import random
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from tests.servers import Credentials, RunningServer

from nikdev_iot import Api
from nikdev_iot.journal.journal import Journal

_COMMITS = 20_000
_START_US = 1_780_000_000_000_000


def latest(server: RunningServer, who: Credentials) -> dict[str, Any]:
    request = urllib.request.Request(f"{server.api_url}values", headers=who.headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = json.load(answer)["data"]["values"]
    return {name: value for item in found for name, value in item.items()}


def test_the_newest_value_is_seen_while_the_backlog_is_far_from_done(server: RunningServer, tmp_path: Path):
    who = server.new_device()
    config = {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "storagePath": str(tmp_path),
    }
    dice = random.Random(1)
    with Api(config) as api, Journal.open(api.status().journal_path) as journal:
        journal.commit_many(
            (_START_US + number * 1_000_000, {"n": number, "noise": dice.random()}, None) for number in range(_COMMITS)
        )
    with Api({**config, "autoPush": True, "pushBytesPerSecond": 6_000}) as api:
        api.add_value("n", -1)
        receipt = api.commit()
        assert receipt is not None
        end = time.monotonic() + 60
        while latest(server, who).get("n", {}).get("value") != -1:
            assert time.monotonic() < end, api.push_state
            time.sleep(0.05)
        shown = latest(server, who)
        stored = server.storage.mark((uuid.UUID(who.device_id), receipt.origin)).number
        print(f"the newest of {receipt.number} commits was shown when {stored} were stored")
        assert 0 < stored < _COMMITS / 2
        assert shown["n"] == {"value": -1, "timestamp": receipt.time_us // 1_000_000, "preview": True}
        assert api.push_state is not None
        assert api.push_state.last_preview_us is not None
        assert len(api.fetch(["n"])["n"].values) < _COMMITS / 2  # history holds nothing of it
    with Api(config) as api:
        api.push()
        assert "preview" not in latest(server, who)["n"]
        assert latest(server, who)["n"]["value"] == -1
        series = api.fetch(["n"])["n"]
        assert list(series.values) == [*range(_COMMITS), -1]
        assert list(series.times_us) == [*(_START_US + n * 1_000_000 for n in range(_COMMITS)), receipt.time_us]
