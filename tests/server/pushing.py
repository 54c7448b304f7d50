"""Pushing to a server byte by byte, as any client may: packs made by hand, and plain HTTP."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.values import Value
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, hash_content, pack_from_commits

__all__ = ["Answer", "Client", "Origin", "commits", "entries_body"]

TIME_US = 1_790_000_000_000_000
Row = Mapping[str, Value]


def commits(rows: Sequence[Row], *, first: int = 1, time_us: int = TIME_US) -> list[Commit]:
    """Return one commit per row, a second apart."""
    return [Commit(first + number, time_us + number * 1_000_000, tuple(row.items())) for number, row in enumerate(rows)]


def entries_body(*entries: tuple[int, Mapping[str, object]], sent_s: float | None = 1_790_000_000) -> bytes:
    """Return the body of a push in JSON v1: (time in s, values) each."""
    made = [{"timestamp": at, "values": [{name: value} for name, value in row.items()]} for at, row in entries]
    return json.dumps({"clientTimestamp": sent_s, "entries": made}).encode()


@dataclass
class Origin:
    """A device's side of one origin, as far as it takes to make packs that follow one another."""

    epoch: bytes
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    parent: bytes = NO_PACK
    last: int = 0

    def pack(self, rows: Sequence[Row], *, gaps: Sequence[Gap] = (), advance: bool = True, level: int = 1) -> bytes:
        """Return the frame of the next commits; with `advance=False` the origin stays where it was."""
        made = commits(rows, first=self.last + 1 + sum(gap.count for gap in gaps))
        pack = pack_from_commits(self.id, made, parent=self.parent, gaps=gaps)
        content = encode_content(pack)
        if advance:
            self.parent, self.last = hash_content(content), pack.last
        return encode_frame(content, epoch=self.epoch, level=level)


@dataclass(frozen=True)
class Answer:
    """A status, the headers in lower case, and the parsed body."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """One keep-alive connection."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout_s: float = 20) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        self.headers = dict(headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request; a `body` that is an iterator goes out in chunks."""
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        response = self.connection.getresponse()
        raw = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        is_json = found.get("content-type", "").startswith("application/json")
        return Answer(response.status, found, json.loads(raw) if is_json and raw else raw)

    def pack(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Push a pack."""
        return self.send("POST", "/api/v1/packs", body, {"content-type": PACK_TYPE, **(headers or {})})

    def entries(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Push JSON v1."""
        return self.send("POST", "/api/v1/entries/", body, {"content-type": "application/json", **(headers or {})})

    def origin(self, origin: uuid.UUID) -> Answer:
        """Ask for the mark."""
        return self.send("GET", f"/api/v1/origins/{origin}")
