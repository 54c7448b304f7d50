from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from tests.server.pushing import Client, entries_body
from tests.servers import run_server

_DIGESTS = "/api/v1/origins/00000000-0000-0000-0000-000000000001/digests"
_STUCK = """
import threading, time
from nikdev_iot.server.watchdog import Watchdog

threading.Thread(target=time.sleep, args=(60,)).start()
dog = Watchdog(after_s=0.3, close=lambda: print("closed"))
dog.start()
{asked}
"""


def test_it_ends_a_process_that_a_thread_keeps_alive():
    code = _STUCK.format(asked="dog.stop_was_asked_for()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "closed\n")


def test_it_does_nothing_unasked():
    process = subprocess.Popen([sys.executable, "-c", _STUCK.format(asked="")], stdout=subprocess.DEVNULL)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
    finally:
        process.kill()
        process.wait(20)


def test_a_server_stops_in_time_whatever_its_threads_do(tmp_path):
    # A request that takes a minute in a thread, which nothing can break off.
    (tmp_path / "sitecustomize.py").write_text(
        "import time\nimport nikdev_iot.server.ingest.digests as module\n"
        "module.digests_after = lambda *_, **__: time.sleep(60)\n"
    )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    with run_server(tmp_path, "--stop-timeout-s", "1", environment={"PYTHONPATH": path}) as server:
        who, other = server.new_device(), server.new_device()
        slow = [Client(server.url, who.headers) for _ in range(6)]
        for client in slow:
            client.connection.request("GET", _DIGESTS, headers=who.headers)
        time.sleep(0.5)
        with Client(server.url, other.headers) as client:
            # However many of these there are, nobody else waits for them.
            begin_s = time.monotonic()
            assert client.send("GET", "/healthz").status == 200
            assert client.entries(entries_body((5, {"a": 1}))).status == 200
            assert time.monotonic() - begin_s < 10
        begin_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin_s < 10
        for client in slow:
            client.connection.close()
        assert "Traceback" not in server.log_text()
        server.start()
        assert b'"a"' in server.get("/api/v1/values/a", other)
