"""examples/demo.py, which `make demo` runs."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.running import nikdev_process

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "demo.py"

pytestmark = pytest.mark.timeout(180)


@contextmanager
def _demo(data, port):
    process = subprocess.Popen(
        [sys.executable, SCRIPT, "--data", data, "--port", str(port), "--every", "0.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def _read_until(process, text):
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} did not come:\n{seen}")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _status(data):
    return nikdev_process("status", "--json", cwd=data / "device").json


def _wait_for_value(data, field_id):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        done = nikdev_process("get", field_id, "--json", cwd=data / "device")
        if done.code == 0:
            return done.json["values"][0]["value"]
        time.sleep(0.2)
    raise AssertionError(done.err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_values_arrive_and_a_second_run_goes_on(tmp_path, number):
    data = tmp_path / "demo-data"
    port = _free_port()
    with _demo(data, port) as process:
        seen = _read_until(process, "http://")
        url = re.search(r"http://\S+", seen)
        assert url is not None
        assert url[0] == f"http://127.0.0.1:{port}/"
        with urllib.request.urlopen(url[0], timeout=20) as answer:
            assert answer.status == 200
        assert 0 < _wait_for_value(data, "memory_percent") < 100
        os.killpg(process.pid, number)  # as a terminal does: to all of them at once
        assert process.wait(30) == 0
        assert "Traceback" not in process.stdout.read()
    first = _status(data)
    assert first["acknowledged_last"] > 0
    assert json.loads((data / "device" / ".nikdev" / "config.json").read_text())["device"] == first["device_id"]

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with _demo(data, port) as process:
            assert f"Port {port} is in use" in _read_until(process, "/   shows the device")
            _read_until(process, "values arrive")
            process.send_signal(number)
            assert process.wait(30) == 0
    second = _status(data)
    assert (second["device_id"], second["origin"]) == (first["device_id"], first["origin"])
    assert second["acknowledged_last"] > first["acknowledged_last"]
    assert sorted(path.name for path in data.iterdir()) == ["account.txt", "device", "server"]


def test_a_server_that_cannot_start_is_told(tmp_path):
    (tmp_path / "server").write_text("a file where the store's folder belongs")
    with _demo(tmp_path, _free_port()) as process:
        assert process.wait(60) == 1
        said = process.stdout.read()
        assert "is a file" in said
        assert "Traceback" not in said
