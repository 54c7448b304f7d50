"""A journal that one program saves while others go on with it: no commit with a receipt stays behind."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.client.networks import DEVICE

from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.salvage import salvage

ROUNDS = 30
WRITERS = 2
COMMITS_FIRST = 50
WRITER = """
import json, sys, time
from nikdev_iot import Api
me, config = int(sys.argv[1]), json.loads(sys.argv[2])
api, n = Api(config), 0
while not sys.stdin.closed:
    n += 1
    api.add_value("by", me)
    api.add_value("n", n)
    if n % 7 == 0:
        api.add_value(f"shape{n // 7 % 20}", n)
    receipt = api.commit()
    print(receipt.number, receipt.origin, me, n, flush=True)
    if n == STOP:
        break
    time.sleep(0.0003)
api.close()
"""


def journal_at(folder: Path) -> Path:
    return folder / f"nikdev-{DEVICE}.db"


def start(folder: Path, me: int, *, stop: int) -> subprocess.Popen[str]:
    config = {"deviceId": DEVICE, "storagePath": str(folder), "durability": "normal", "baseUrl": "http://127.0.0.1:9/"}
    code = WRITER.replace("STOP", str(stop))
    output = (folder / f"receipts-{me}").open("w")
    with output:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(me), json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            text=True,
        )


def receipts(folder: Path, me: int) -> list[tuple[int, str, int, int]]:
    lines = (folder / f"receipts-{me}").read_text().splitlines()
    return [(int(number), origin, int(by), int(n)) for number, origin, by, n in map(str.split, lines)]


def test_what_others_commit_meanwhile_is_in_the_new_journal_under_the_numbers_of_their_receipts(tmp_path: Path) -> None:
    path = journal_at(tmp_path)
    with Journal.open(path, device_id=DEVICE, durability="normal") as journal:
        for number in range(COMMITS_FIRST):
            journal.commit({"by": -1, "n": number})
        origin = str(journal.origin)
    chance = random.Random(5)
    writers = [start(tmp_path, me, stop=900) for me in range(WRITERS)]
    done = 0
    while any(writer.poll() is None for writer in writers) and done < ROUNDS:
        time.sleep(chance.random() * 0.03)
        done += salvage(path, now_us=5) is not None
    assert [writer.wait(60) for writer in writers] == [0] * WRITERS
    given = [receipt for me in range(WRITERS) for receipt in receipts(tmp_path, me)]
    with Journal.open(path) as journal:
        assert journal.check() == []
        kept = {}
        for entry in journal.log(limit=100_000):
            found = journal.show(entry.number)
            assert found is not None
            assert found.values is not None
            values = found.values
            kept[entry.number] = str(journal.origin), values["by"], values["n"]
    lost = [receipt for receipt in given if kept.get(receipt[0]) != receipt[1:]]
    print(f"{done} salvages, {len(given)} receipts, {len(kept)} commits")
    assert done > 5
    assert lost == [], (len(lost), len(given))
    assert len(kept) == COMMITS_FIRST + len(given), "doubled"
    assert {origin} == {receipt[1] for receipt in given}
