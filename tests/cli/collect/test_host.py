from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from tests.cli.running import nikdev, nikdev_command

from nikdev_iot.cli.collect.host import ticks


def test_once(device):
    done = nikdev("collect", "host", "--once")
    assert done.code == 0
    assert done.err == "Pushed 1 commit: values arrive.\n"
    found = {item["field_id"]: item["value"] for item in nikdev("get", "--json").json["values"]}
    assert 0 <= found["cpu_percent"] <= 100
    assert isinstance(found["memory_available_bytes"], int)


def test_a_number_of_readings_as_json(device):
    done = nikdev("collect", "host", "--every", "0.1", "--count", "3", "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert nikdev("status", "--json").json["unpushed"] == 0


def test_without_a_server_it_goes_on_and_tells_it_once(alone):
    done = nikdev("collect", "host", "--every", "0.2", "--count", "4")
    assert done.code == 6
    assert done.err.count("Not pushed, tried again with the next reading: Nothing accepts connections") == 1
    assert nikdev("status", "--json").json["unpushed"] == 4


def test_once_without_a_server_says_so_by_its_exit_code(alone):
    assert nikdev("collect", "host", "--once").code == 6
    assert nikdev("collect", "host", "--once", "--no-push").code == 0
    assert nikdev("status", "--json").json["unpushed"] == 2


def test_once_with_a_key_that_may_not_write(server):
    made = server.new_device(write=False)
    nikdev("init", "--url", server.url, "--device", made.device_id, "--key", made.api_key)
    assert nikdev("collect", "host", "--once").code == 7


def test_committing_only(device):
    assert nikdev("collect", "host", "--every", "0.1", "--count", "2", "--no-push").err == ""
    assert nikdev("status", "--json").json["unpushed"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(device, number):
    process = subprocess.Popen(
        nikdev_command("collect", "host", "--every", "0.2"),
        cwd=device.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    assert process.stderr.readline().endswith(": values arrive.\n")
    time.sleep(0.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert nikdev("status", "--json").json["unpushed"] == 0


def test_outside_a_device_s_folder():
    assert nikdev("collect", "host").code == 3


class Clock:
    """Time that passes only where it is waited for."""

    def __init__(self, *late_s):
        self.now_s = 0.0
        self.late_s = list(late_s)
        self.event = threading.Event()
        self.event.wait = self._wait  # type: ignore[method-assign, assignment]

    def _wait(self, timeout=None):
        self.now_s += timeout
        return False

    def run(self, *, every_s, count):
        at = []
        for _ in ticks(every_s=every_s, count=count, stopped=self.event, monotonic=lambda: self.now_s):
            at.append(round(self.now_s, 3))
            self.now_s += self.late_s.pop(0) if self.late_s else 0
        return at


def test_readings_keep_their_pace():
    assert Clock().run(every_s=5, count=4) == [1, 6, 11, 16]
    assert Clock().run(every_s=0.5, count=3) == [0.5, 1.0, 1.5]


def test_a_slow_reading_does_not_shift_the_others_and_missed_ones_are_passed_over():
    assert Clock(2, 12, 0).run(every_s=5, count=4) == [1, 6, 21, 26]


def test_stopped_before_the_first():
    stopped = threading.Event()
    stopped.set()
    assert list(ticks(every_s=5, count=None, stopped=stopped)) == []
