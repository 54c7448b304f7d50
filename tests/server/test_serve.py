"""The server as a process: how it starts, stops, is killed, and what it has afterwards."""

from __future__ import annotations

import http.client
import json
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import uuid
from collections import Counter

import pytest
from tests.server.pushing import Client, Origin, entries_body
from tests.servers import PASSWORD, Credentials, RunningServer, run_server

from nikdev_iot.server.serve import _reachable
from nikdev_iot.wire.pack import decode_content, decompress

NIKDEV = (sys.executable, "-m", "nikdev_iot.cli")


def commits_of(server: RunningServer, who: Credentials):
    packs = server.storage.packs_after(uuid.UUID(who.device_id), 0, limit=1_000_000)
    return [
        commit
        for pack in packs
        for commit in decode_content(decompress(pack.payload, pack.codec, pack.content_bytes)).commits()
    ]


class Pushing:
    """A device that pushes one pack or request after the other until its server is gone."""

    def __init__(self, server: RunningServer, form: str) -> None:
        self.who = server.new_device()
        self.form = form
        self.origin = Origin(server.storage.epoch)
        self.url = server.url
        self.acknowledged: list[int] = []
        self.sent: list[int] = []
        self.bodies: list[bytes] = []
        self.statuses: Counter[int] = Counter()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        try:
            with Client(self.url, self.who.headers) as client:
                while True:
                    number = len(self.sent) + 1
                    if self.form == "packs":
                        self.bodies.append(self.origin.pack([{"n": number}]))
                    else:
                        self.bodies.append(entries_body((number, {"n": number})))
                    self.sent.append(number)
                    answer = self.push(client, self.bodies[-1])
                    self.statuses[answer.status] += 1
                    if answer.status != 200:
                        return
                    self.acknowledged.append(number)
        except (OSError, http.client.HTTPException):
            return

    def push(self, client: Client, body: bytes):
        return client.pack(body) if self.form == "packs" else client.entries(body)

    def numbers_stored(self, server: RunningServer) -> list[int]:
        return [dict(commit.values)["n"] for commit in commits_of(server, self.who)]


def test_ready_and_clean_stop(tmp_path):
    with run_server(tmp_path) as server:
        assert server.ready_line.startswith("NikDev IoT ")
        assert server.ready_line.endswith(f" http://127.0.0.1:{server.port}\n")
        assert json.loads(server.get("/healthz")) == {"status": "ok"}
        begin_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin_s < 5
        log = [json.loads(line) for line in server.log_text().splitlines()]
        assert [line["message"].split()[0] for line in log] == ["serving", "There", "stopped"]
        assert "nikdev admin account add" in log[1]["message"]
        server.add_account()
        server.restart()
        assert "There is no account" not in server.log_text().split("stopped")[1]


def test_the_first_start_prints_a_link_that_makes_the_first_account(tmp_path):
    with run_server(tmp_path) as server:
        line = server.process.stdout.readline()
        found = re.fullmatch(rf"There is no account yet.* ({server.url}/admin/setup/[\w-]{{43}})\n", line)
        assert found, line
        link = found[1]
        assert json.loads(server.logged("set_up_url"))["set_up_url"] == link
        assert b"Make the account" in server.get(link.removeprefix(server.url))
        server.restart()
        again = server.process.stdout.readline().split()[-1]
        assert again != link
        for gone, made in ((link, False), (again, True)):
            if made:
                server.add_account()
            with pytest.raises(urllib.error.HTTPError, match="404"):
                server.get(gone.removeprefix(server.url))
        server.restart()
        assert server.stop() == 0
        assert server.log_text().count("set_up_url") == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_the_link_can_be_opened_where_the_server_listens_everywhere(host):
    assert re.fullmatch(r"http://(127\.0\.0\.1|\[::1\]):8321", _reachable(host, 8321))
    assert _reachable("192.0.2.1", 8321) == "http://192.0.2.1:8321"


def test_it_is_opened_in_a_browser_where_that_is_asked_for(tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    for name in "abc":
        (tmp_path / name).mkdir()
    environment = {"BROWSER": f"{browser} %s"}
    with run_server(tmp_path / "a", "--no-open", environment=environment) as server:
        assert "/admin/setup/" in server.process.stdout.readline()
        assert not opened.exists()
    with run_server(tmp_path / "b", "--open", environment=environment) as server:
        link = server.process.stdout.readline().split()[-1]
        for _ in range(100):
            if opened.exists() and opened.read_text():
                break
            time.sleep(0.1)
        assert opened.read_text().strip() == link
    opened.unlink()
    with run_server(tmp_path / "c", environment=environment):  # nobody sits there
        time.sleep(0.5)
        assert not opened.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_end_it_with_idle_connections_open(tmp_path, number):
    with run_server(tmp_path) as server:
        idle = [Client(server.url, {}) for _ in range(20)]
        for client in idle:
            assert client.send("GET", "/healthz").status == 200
        silent = socket.create_connection(("127.0.0.1", server.port))
        begin_s = time.monotonic()
        assert server._end(number, 20) == 0
        assert time.monotonic() - begin_s < 5
        silent.close()
        for client in idle:
            client.connection.close()


def test_a_request_that_does_not_end_holds_a_stop_up_for_a_bounded_time(tmp_path):
    with run_server(tmp_path, "--stop-timeout-s", "1") as server:
        who = server.new_device()
        head = f"POST /api/v1/packs HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(f"{head}content-length: 500\r\n\r\nNKP".encode())
            time.sleep(0.3)
            begin_s = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begin_s < 6
            assert connection.recv(65_536).startswith(b"HTTP/1.1 503 ")
        assert "Traceback" not in server.log_text()
        assert "CancelledError" not in server.log_text()


def test_live_streams_do_not_hold_a_stop_up(tmp_path):
    with run_server(tmp_path, "--stop-timeout-s", "30") as server:
        account_id = server.add_account("someone@example.org")
        server.add_device(account_id, "Attic")
        body = json.dumps({"email": "someone@example.org", "password": PASSWORD})
        with Client(server.url, {}) as client:
            token = client.send("POST", "/api/v1/sessions", body, {"content-type": "application/json"}).body["token"]
        streams = []
        for _ in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            connection.request("GET", "/admin/live?devices=*", headers={"cookie": f"nikdev_session={token}"})
            streams.append((connection, connection.getresponse()))
            assert streams[-1][1].status == 200
        begin_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin_s < 10
        for connection, stream in streams:
            assert stream.read().startswith(b"retry: ")
            connection.close()
        assert "Traceback" not in server.log_text()


def test_a_port_that_is_taken(tmp_path, own_server):
    command = [*NIKDEV, "serve", "--port", str(own_server.port), "--data", str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 9
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"Cannot listen on http://127.0.0.1:{own_server.port}" in line
    assert "--port" in line
    assert not (tmp_path / "x").exists()
    assert own_server.get("/healthz")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--host", "203.0.113.1", "--port", "0"), 9, "Cannot listen"),
        (("--host", "no such host", "--port", "0"), 9, "not an address"),
        (("--database", "postgresql://localhost/x"), 3, "PostgreSQL yet"),
        (("--database", "mysql://x"), 3, "'mysql' is not a database"),
        (("--port", "70000"), 2, "70000"),
        (("--max-fields", "0"), 2, "max-fields"),
    ],
)
def test_what_it_cannot_do_it_says_in_one_line_and_a_code(tmp_path, arguments, code, says):
    command = [*NIKDEV, "serve", "--data", str(tmp_path / "x"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    command = [*NIKDEV, "serve", "--port", "0", "--data", str(tmp_path / "file" / "x")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode not in {0, 1}
    assert "cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_may_come_from_the_environment(tmp_path):
    environment = {"NIKDEV_REQUESTS_PER_SECOND": "1", "NIKDEV_MAX_FIELDS": "1", "NIKDEV_LOG_FORMAT": "text"}
    with run_server(tmp_path, environment=environment) as server:
        who = server.new_device()
        with Client(server.url, who.headers) as client:
            assert client.entries(entries_body((5, {"a": 1, "b": 2}))).status == 422
            assert client.entries(entries_body((5, {"a": 1}))).status == 200
            assert client.entries(entries_body((6, {"a": 1}))).status == 429
        assert " serving  url=" in server.log_text()


def test_nothing_secret_is_logged(tmp_path):
    with run_server(tmp_path, "--log-level", "debug", "--access-log") as server:
        who = server.new_device()
        with Client(server.url, who.headers) as client:
            client.entries(entries_body((5, {"a": "a private value"})))
            client.entries(b"broken")
            client.pack(b"broken")
            client.send("GET", "/api/v1/values/a")
        with Client(server.url, {**who.headers, "x-api-key": who.api_key[:-1] + "x"}) as client:
            client.entries(b"")
        server.stop()
        log = server.log_text()
        assert "POST /api/v1/entries/" in log
        assert "a request was refused: Malformed" in log
        for secret in (who.api_key, who.api_key[:-1], "a private value"):
            assert secret not in log


def test_killed_in_the_middle_of_pushes_of_json_it_has_every_acknowledged_one_exactly_once(tmp_path):
    form = "json"  # packs: tests/crash
    with run_server(tmp_path) as server:
        pushing = []
        for _ in range(3):
            devices = [Pushing(server, form) for _ in range(4)]
            pushing += devices
            for device in devices:
                device.thread.start()
            time.sleep(0.7)
            server.kill()
            for device in devices:
                device.thread.join()
            server.start()
            for device in devices:
                found = device.numbers_stored(server)
                # In doubt is at most the one that was under way.
                assert found in (device.acknowledged, device.sent), form
                # Sent again, as a device does that got no answer, it is there once.
                with Client(server.url, device.who.headers) as client:
                    assert device.push(client, device.bodies[-1]).status == 200
                assert device.numbers_stored(server) == device.sent
        counts = [len(device.acknowledged) for device in pushing]
        print(f"{form}: {sum(counts)} acknowledged before 3 kills, each there once")
        assert min(counts) > 0


@pytest.mark.parametrize("form", ["packs", "json"])
def test_stopped_under_load_it_loses_nothing_acknowledged(tmp_path, form):
    with run_server(tmp_path) as server:
        devices = [Pushing(server, form) for _ in range(8)]
        for device in devices:
            device.thread.start()
        time.sleep(1)
        begin_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin_s < 6
        for device in devices:
            device.thread.join()
        for device in devices:
            # Requests under way were finished: only a new connection or request found nobody.
            assert device.numbers_stored(server) == device.acknowledged
            assert set(device.statuses) <= {200, 503}
        stopped = json.loads(server.log_text().splitlines()[-1])
        total = sum(len(device.acknowledged) for device in devices)
        assert stopped["pushes"] == total
        print(f"{form}: {total} pushes in {stopped['transactions']} transactions")
        assert stopped["transactions"] < total


def test_a_disk_that_is_full_is_a_503_and_the_server_goes_on(tmp_path):
    # A limit on file sizes stands in for the full disk.
    with run_server(tmp_path) as server:
        who = server.new_device()
        with Client(server.url, who.headers) as client:
            assert client.entries(entries_body((1, {"a": 1}))).status == 200
            size = sum(path.stat().st_size for path in server.data.iterdir())
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size // 4, resource.RLIM_INFINITY))
            statuses = {client.entries(entries_body((n, {"a": "x" * 1_000}))).status for n in range(2, 200)}
            assert 503 in statuses
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            answer = client.entries(entries_body((999, {"a": 1})))
            assert answer.status == 200
        assert commits_of(server, who)[-1].time_us == 999_000_000


def test_it_listens_on_ipv6(tmp_path):
    command = [*NIKDEV, "serve", "--port", "0", "--host", "::1", "--data", str(tmp_path / "x")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        assert "http://[::1]:" in process.stdout.readline()
    finally:
        process.terminate()
        assert process.wait(20) == 0
        process.stdout.close()
