from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.server.pushing import Client, entries_body
from tests.servers import RunningServer

from nikdev_iot.server.app import App, open_storage
from nikdev_iot.server.config import ServerConfig
from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.web.answers import SECURITY_HEADERS

SECURITY = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}


@pytest.fixture
def client(server: RunningServer):
    with Client(server.url, {}) as client:
        yield client


def test_healthz_says_ok(client):
    answer = client.send("GET", "/healthz")
    assert (answer.status, answer.body) == (200, {"status": "ok"})
    assert SECURITY.items() <= answer.headers.items()
    assert client.send("HEAD", "/healthz").status == 200
    answer = client.send("POST", "/healthz", b"")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v1/openapi.json", "/api/v1/values/", "/api/v1/nothing", "/nothing", "/api/v1/history"]
)
def test_every_answer_has_security_headers_and_every_error_a_message(client, path):
    answer = client.send("GET", path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    if answer.status >= 400:
        assert answer.body["message"]


def test_pushes_and_reads_count_against_the_same_rate(tmp_path):
    from tests.servers import run_server

    with run_server(tmp_path, "--requests-per-second", "0.1", "--requests-burst", "2") as server:
        who = server.new_device()
        with Client(server.url, who.headers) as client:
            assert client.entries(entries_body((5, {"a": 1}))).status == 200
            assert client.send("GET", "/api/v1/values/a").status == 200
            assert client.send("GET", "/api/v1/values/a").status == 429
            assert client.entries(entries_body((6, {"a": 1}))).status == 429


class Sick:
    """A real store that cannot be reached any more."""

    def __init__(self, storage) -> None:
        self.storage = storage

    def check(self) -> None:
        raise StorageUnavailable("The disk is gone.")

    def __getattr__(self, name):
        return getattr(self.storage, name)


@asynccontextmanager
async def living(app: App):
    """Begin and end the app's life, as a server does."""
    inbox: asyncio.Queue = asyncio.Queue()
    outbox: asyncio.Queue = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
        await task
        app.close()
        app.close()  # idempotent


async def ask(app: App, path: str, method: str = "GET"):
    sent: list = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [],
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 6), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_a_store_that_is_gone_is_no_health(tmp_path: Path):
    storage = open_storage(tmp_path / "data")

    async def main():
        app = App(ServerConfig(data=tmp_path / "data"), Sick(storage))  # type: ignore[arg-type]
        async with living(app):
            return await ask(app, "/healthz")

    status, body = asyncio.run(main())
    storage.close()
    assert status == 503
    assert "cannot be reached" in json.loads(body)["message"]


def test_a_fault_behind_the_push_path_is_answered_in_json_and_logged(tmp_path: Path, caplog, monkeypatch):
    storage = open_storage(tmp_path / "data")

    async def broken(scope, receive, send):
        raise ZeroDivisionError("a fault of ours")

    async def main():
        app = App(ServerConfig(data=tmp_path / "data"), storage)
        async with living(app):
            monkeypatch.setattr(app, "_api", broken)
            return await ask(app, "/api/v1/")

    status, body = asyncio.run(main())
    storage.close()
    assert status == 500
    assert "fault" not in json.loads(body)["message"]
    assert "a fault of ours" in caplog.text
