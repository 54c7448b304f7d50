"""The block of SECURITY.md for nginx, as it is printed there: run where nginx and openssl are installed."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.server.pushing import entries_body
from tests.servers import run_server

SECURITY = Path(__file__).resolve().parents[2] / "SECURITY.md"
NGINX, OPENSSL = shutil.which("nginx"), shutil.which("openssl")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _configuration(folder: Path, port: int, behind: int) -> str:
    block = re.findall(r"```nginx\n(.*?)```", SECURITY.read_text(), re.DOTALL)[0]
    for printed, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/iot.example.org.pem", str(folder / "cert.pem")),
        ("/etc/ssl/private/iot.example.org.key", str(folder / "key.pem")),
        ("127.0.0.1:8321", f"127.0.0.1:{behind}"),
    ):
        assert block.count(printed) == 1
        block = block.replace(printed, here)
    kept = "".join(f"{what}_temp_path {folder};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{kept}{block}}}\n"
    )


@pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed")
def test_the_block_works_and_opens_nothing_to_others(tmp_path):
    subprocess.run(
        [
            *(str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    options = ("--trusted-proxies", "127.0.0.1")
    with run_server(tmp_path, *options, environment={"NIKDEV_WRONG_KEYS_BURST": "1"}) as server:
        who = server.new_device()
        port = _free_port()
        (tmp_path / "nginx.conf").write_text(_configuration(tmp_path, port, server.port))
        nginx = subprocess.Popen([str(NGINX), "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")])

        def status(path: str, headers=None, body: bytes | None = None) -> int:
            request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", body, headers or {})
            try:
                with urllib.request.urlopen(request, timeout=20, context=trusting) as answer:
                    found: int = answer.status
                    return found
            except urllib.error.HTTPError as error:
                with error:
                    return error.code

        try:
            for _ in range(100):
                try:
                    assert status("/healthz") == 200
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
            assert status("/api/v1/entries/", who.headers, entries_body((5, {"a": 1}))) == 200
            assert status("/api/v1/values/a", who.headers) == 200
            assert status("/", {"host": "localhost"}) == 200  # the login
            assert status("/api/v1/account") == 401
            wrong = {**who.headers, "x-api-key": who.device_id}
            # Whatever address the client claims to have, wrong keys count for its own.
            claimed = [status("/api/v1/device", {**wrong, "x-forwarded-for": f"192.0.2.{n}"}) for n in range(2)]
            assert claimed == [401, 429]
            assert status("/api/v1/device", who.headers) == 200
        finally:
            nginx.terminate()
            nginx.wait(20)
