"""Whole HTTP/1.1 messages from a connection, as bytes."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

__all__ = ["Message", "read_message"]


class Message(NamedTuple):
    """A request or an answer."""

    content: bytes
    """All of it, as it came."""
    first_line: str
    device_id: str

    @property
    def is_push(self) -> bool:
        """Whether it is a pack on its way to the server."""
        return self.first_line.startswith("POST /api/v1/packs")


def read_message(source: BinaryIO) -> Message | None:
    """Return the next message, None where the connection ends before it is whole."""
    head = first = source.readline()
    length, device_id = 0, ""
    while True:
        if not head.endswith(b"\n"):
            return None
        line = source.readline()
        head += line
        if line in {b"\r\n", b""}:
            break
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            length = int(value)
        elif name.lower() == "x-device-id":
            device_id = value.strip()
    body = source.read(length)
    if line == b"" or len(body) != length:
        return None
    return Message(head + body, first.decode("latin-1").strip(), device_id)
