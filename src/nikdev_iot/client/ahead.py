"""Packs made ready to send, each while the one before it is on its way.

Without it, device and server would work by turns, and a backlog would take the sum of both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.wire.pack import Pack

__all__ = ["Ahead", "Ready", "make_ready"]


class Ready(NamedTuple):
    """A pack, and the body of the request that brings it to the server."""

    pack: Pack
    hash: bytes
    epoch: bytes
    """The server's, as the body names it."""
    body: bytes


def make_ready(
    journal: Journal, *, max_commits: int, max_bytes: int, behind: tuple[int, bytes] | None = None
) -> Ready | None:
    """Return the next pack (see `Journal.next_pack`), ready to send; None where nothing is queued."""
    from nikdev_iot.wire.pack import NO_EPOCH, encode_content, encode_frame, hash_content

    pack = journal.next_pack(max_commits=max_commits, max_bytes=max_bytes, behind=behind)
    if pack is None:
        return None
    content = encode_content(pack)
    content_hash = hash_content(content)
    epoch = journal.epoch or NO_EPOCH
    return Ready(pack, content_hash, epoch, encode_frame(content, epoch=epoch, content_hash=content_hash))


class Ahead:
    """At most one pack, made ready in a thread of its own.

    What it brings is a proposal: whoever sends it compares it with the journal first (`Journal.record_sent` does).
    Where no thread can be had, or the pack cannot be made, there is none, and it has to be made when its turn comes.
    """

    __slots__ = ("_ready", "_thread")

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._ready: Ready | None = None

    def begin(self, make: Callable[[], Ready | None]) -> None:
        """Begin to make one; `take` comes before the next `begin`."""
        thread = threading.Thread(target=self._run, args=(make,), name="nikdev-ahead", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the program is ending, or the device has no room for another thread
            return
        self._thread = thread

    def take(self) -> Ready | None:
        """Wait for the one begun and return it; None where there is none."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        ready, self._ready = self._ready, None
        return ready

    def _run(self, make: Callable[[], Ready | None]) -> None:
        try:
            self._ready = make()
        except Exception:  # noqa: BLE001 - whatever it is will show again, in the thread of whoever pushes
            self._ready = None
