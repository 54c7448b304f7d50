"""A device program: it commits, pushes and prints each receipt once it has it, until it is killed.

A line says what is about to be committed before `commit`, another one is the receipt after it. Each is one `write` to a
file, so that what a killed process has printed is there.
"""

from __future__ import annotations

import json
import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3  # noqa: F401 - here, and not in each child

import nikdev_iot.client.auto_push
import nikdev_iot.client.opening
import nikdev_iot.client.transport
import nikdev_iot.journal.sent
import nikdev_iot.wire.marks  # noqa: F401 - as above
from nikdev_iot import Api, PushException
from nikdev_iot.client import backoff
from nikdev_iot.journal.budget import StorageLimitReached
from nikdev_iot.journal.journal import Journal

from .readings import Row, random_values, recorded_rows
from .taking_over import take_over

__all__ = ["finish", "live", "prepare", "take_over"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_rows: list[Row] = []


def prepare() -> None:
    """Load what all children need."""
    _rows.extend(recorded_rows())
    # A life here is shorter than the first pause of a device that waits for its network.
    backoff.FIRST_S = 0.02  # type: ignore[misc]


class _Printer:
    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, **line: Any) -> None:
        content = json.dumps(line).encode() + b"\n"
        if os.write(self._fd, content) != len(content):
            raise OSError("a line was not written whole")


def live(
    config: dict[str, Any], life: str, seed: str, receipts: str, *, commits: bool, pushes: bool, padding: int
) -> None:
    """Do what a device does, until the end."""
    chance = random.Random(seed)
    api = Api(config)
    tell = _Printer(receipts)
    keeps_staged = api.config.stage_uncommitted_values
    kept = api.staged() if keeps_staged else {}
    serial = 0
    while True:
        for _ in range(chance.randrange(1, 7) if commits else 0):
            serial += 1
            _commit(api, chance, tell, token=f"{life}/{serial}", kept=kept, padding=padding)
            kept = {}
            if chance.random() < 0.7:
                time.sleep(chance.uniform(0, 0.01))
        if keeps_staged and chance.random() < 0.05:
            api.add_value("kept", chance.random())
            api.close()
            kept = api.staged()
        if pushes and chance.random() < 0.8:
            try:
                report = api.push()
                tell(pushed=report.pushed, notices=report.notices)
            except PushException as error:
                tell(failed=str(error), retained=error.retained_data)
                time.sleep(chance.uniform(0, 0.04))
        elif not commits:
            time.sleep(0.005)


def _commit(api: Api, chance: random.Random, tell: _Printer, *, token: str, kept: dict[str, Any], padding: int) -> None:
    values = dict(chance.choice(_rows)) if _rows and chance.random() < 0.3 else random_values(chance)
    values["token"] = token
    if padding:
        values["padding"] = "p" * padding
    for field_id, value in values.items():
        api.add_value(field_id, value)
    time_us = chance.randrange(10**15, 2 * 10**15) if chance.random() < 0.1 else None
    when = None if time_us is None else _EPOCH + timedelta(microseconds=time_us)
    message = chance.choice(["", "calibrated", "é\n"]) if chance.random() < 0.1 else None
    tell(token=token, values={**kept, **values}, message=message, time_us=time_us)
    try:
        receipt = api.commit(message, when)
    except StorageLimitReached:
        api.reset()
        tell(full=token)
        time.sleep(0.01)
        return
    assert receipt is not None
    tell(receipt=token, number=receipt.number, origin=str(receipt.origin), time_us=receipt.time_us)


def finish(config: dict[str, Any], result: str, timeout_s: float) -> None:
    """Push what is left; tell what the journal is like then, and what `fetch` brings."""
    until_s = time.monotonic() + timeout_s
    with Api(config) as api:
        while api.status().unpushed:
            try:
                api.push()
            except PushException:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.05)
        status = api.status()
    with Journal.open(status.journal_path) as journal:
        problems = [str(problem) for problem in journal.check()]
        held = len(journal.log(limit=1_000_000))
    found = {"unpushed": status.unpushed, "rejected": status.rejected, "problems": problems, "held": held}
    Path(result).write_text(json.dumps(found))
