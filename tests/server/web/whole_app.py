"""The whole server as one ASGI app over a real store, called without a socket."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.values import Value
from nikdev_iot.server.accounts.passwords import Passwords
from nikdev_iot.server.app import App, open_storage
from nikdev_iot.server.config import RateLimits, ServerConfig
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.server.web.api.services import Services
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, hash_content, pack_from_commits

PASSWORD = "correct horse battery"
_OPEN = RateLimits(requests_per_s=1e6, burst=1e6, wrong_keys_per_s=1e6, wrong_keys_burst=1e6, access_cache_s=0.0)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The message of an error, which has exactly the shape that was promised."""
        body = self.json
        assert {"message", "code"} <= set(body)
        assert self.headers["content-type"] == "application/json"
        assert isinstance(body["message"], str)
        return body["message"]


@dataclass
class Clock:
    """The server's clock; it stands unless it is moved."""

    now_us: int

    def __call__(self) -> int:
        return self.now_us


@dataclass
class Site:
    """One server, its clock, and a client of it."""

    app: App
    storage: Storage
    clock: Clock
    folder: Path
    loop: asyncio.AbstractEventLoop
    tails: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        services = self.app._api.state.services
        assert isinstance(services, Services)
        return services

    @property
    def document(self) -> dict[str, Any]:
        return self.get("/api/v1/openapi.json").json

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        peer: tuple[str, int] | None = ("127.0.0.1", 50_000),
        http_version: str = "1.1",
        raw_headers: list[tuple[bytes, bytes]] | None = None,
    ) -> Answer:
        """Send one request; `path` is as in a URL, still quoted."""
        from urllib.parse import unquote

        name, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": http_version,
            "method": method,
            "path": unquote(name),
            "raw_path": name.encode(),
            "query_string": query.encode(),
            "headers": raw_headers
            if raw_headers is not None
            else [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in (headers or {}).items()],
            "client": peer,
            "server": ("127.0.0.1", 8321),
            "scheme": "http",
            "root_path": "",
        }
        return self.loop.run_until_complete(_exchange(self.app, scope, body))

    def get(self, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        return self.call("GET", path, headers, **options)

    def send(self, method: str, path: str, headers: Mapping[str, str], data: Any) -> Answer:
        """Send JSON."""
        return self.call(method, path, {**headers, "content-type": "application/json"}, json.dumps(data).encode())

    def dump(self) -> list[Any]:
        """Everything in the store, but for when keys and sessions were last used, and devices pushed."""

        def is_kept(name: str) -> bool:
            return not any(word in name for word in ("used", "seen", "last_push"))

        found = []
        assert isinstance(self.storage, SqliteStorage)
        with closing(sqlite3.connect(self.storage.path)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            connection.row_factory = sqlite3.Row
            for table in tables:
                rows = map(dict, connection.execute(f"SELECT * FROM {table}"))
                found += [(table, {name: row[name] for name in row if is_kept(name)}) for row in rows]
        assert len({table for table, _ in found}) > 5
        return sorted(found, key=repr)

    # -- making things ---------------------------------------------------------------------------------

    def new_account(self, email: str | None = None) -> uuid.UUID:
        return self.services.accounts.add(email or f"{uuid.uuid4()}@example.org", PASSWORD).id

    def new_session(self, account_id: uuid.UUID) -> dict[str, str]:
        """Sign the account's first owner in; returns the header."""
        return self.sign_in(self.services.people.members(account_id)[0].person.email)

    def sign_in(self, email: str) -> dict[str, str]:
        """Sign somebody in; returns the header."""
        answer = self.send("POST", "/api/v1/sessions", {}, {"email": email, "password": PASSWORD})
        assert answer.status == 201
        return {"authorization": f"Bearer {answer.json['token']}"}

    def new_member(self, account_id: uuid.UUID, role: Role, email: str | None = None) -> str:
        """Let somebody new into an account; returns the e-mail address."""
        email = email or f"{uuid.uuid4()}@example.org"
        invitations = self.services.invitations
        owner = self.services.people.members(account_id)[0].person.id
        token = invitations.invite(account_id, by=owner, role=role).token
        invitations.register(token, email=email, password=PASSWORD)
        return email

    def new_device(self, account_id: uuid.UUID | None = None, name: str = "Device") -> uuid.UUID:
        return self.services.devices.add(account_id or self.new_account(), name).id

    def new_key(self, device_id: uuid.UUID, **options: Any) -> dict[str, str]:
        """Make a key, with both accesses unless told; returns the headers."""
        made = self.services.keys.add(device_id, **{"can_read": True, "can_write": True, **options})
        return {"x-device-id": str(device_id), "x-api-key": made.secret}

    def push(self, headers: Mapping[str, str], rows: list[tuple[int, dict[str, Value]]]) -> None:
        """Push one pack of the device's one journal."""
        device_id = headers["x-device-id"]
        last, parent = self.tails.get(device_id, (0, NO_PACK))
        commits = [Commit(last + n + 1, at, tuple(values.items())) for n, (at, values) in enumerate(rows)]
        pack = pack_from_commits(uuid.uuid5(uuid.NAMESPACE_OID, device_id), commits, parent=parent)
        content = encode_content(pack)
        body = encode_frame(content, epoch=self.storage.epoch)
        answer = self.call("POST", "/api/v1/packs", {**headers, "content-type": PACK_TYPE}, body)
        assert answer.status == 200, answer.body
        self.tails[device_id] = (pack.last, hash_content(content))


async def _exchange(app: App, scope: dict[str, Any], body: bytes) -> Answer:
    messages: list[Any] = []
    waiting: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]
    done = asyncio.Event()

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    done.set()
    start, *parts = messages
    headers: dict[str, str] = {}
    for name, value in start["headers"]:
        text = name.decode("latin-1").lower()
        said = value.decode("latin-1")
        if text == "set-cookie" and text in headers:  # the one that may come several times: one a line
            said = f"{headers[text]}\n{said}"
        else:
            assert text not in headers, f"{text} is sent twice"
        headers[text] = said
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in parts))


@contextmanager
def running_site(folder: Path, **options: Any) -> Iterator[Site]:
    """Run the app over a new store in `folder`; `options` are of `ServerConfig`."""
    storage = open_storage(folder)
    clock = Clock(time.time_ns() // 1000)
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    app = App(ServerConfig(data=folder, rates=_OPEN, **options), storage, now_us=clock, passwords=quick)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    started, stop = asyncio.Event(), asyncio.Event()

    async def receive() -> Any:
        if not started.is_set():
            return {"type": "lifespan.startup"}
        await stop.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Any) -> None:
        assert message["type"] in {"lifespan.startup.complete", "lifespan.shutdown.complete"}, message
        started.set()

    life = loop.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))  # type: ignore[arg-type]
    try:
        loop.run_until_complete(asyncio.wait_for(started.wait(), 10))
        yield Site(app, storage, clock, folder, loop)
    finally:
        stop.set()
        loop.run_until_complete(asyncio.wait_for(life, 10))
        app.close()
        storage.close()
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
