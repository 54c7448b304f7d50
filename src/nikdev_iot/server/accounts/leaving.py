"""What deleted devices have left behind goes in the background, in steps so short that no push waits for one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from nikdev_iot.server.errors import StorageError
from nikdev_iot.server.storage.port import Storage

__all__ = ["Leaving", "StepSize"]

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 30.0
"""How often it looks for devices that another process deleted."""
_SHORT_S = 0.005
_LONG_S = 0.015
_REST = 4
"""So many times as long as a step took, the store is left to others."""
_SHORTEST_REST_S = 0.005
_MIN_ROWS, _MAX_ROWS = 8, 1_024
_BYTES_PER_ROW = 16 * 1024


class StepSize:
    """How much one step may remove: more while steps are short, less as soon as one is long."""

    def __init__(self, rows: int = _MIN_ROWS) -> None:
        self.rows = rows

    @property
    def size_bytes(self) -> int:
        """Of packs; what is freed costs about as much as rows do."""
        return self.rows * _BYTES_PER_ROW

    def took(self, seconds: float) -> None:
        """Learn from a step."""
        if seconds > _LONG_S:
            self.rows = max(_MIN_ROWS, self.rows // 2)
        elif seconds < _SHORT_S:
            self.rows = min(_MAX_ROWS, self.rows * 2)


class Leaving:
    """Clears up after deleted devices, in a thread of its own; killed anywhere, the next start goes on."""

    def __init__(
        self,
        storage: Storage,
        *,
        now_us: Callable[[], int],
        monotonic_s: Callable[[], float] = time.monotonic,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._monotonic_s = monotonic_s
        self._look_every_s = look_every_s
        self._size = StepSize()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="nikdev-leaving", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now: a device was deleted."""
        self._woken.set()

    def close(self) -> None:
        """End the thread after the step it is at. Idempotent."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def step(self) -> bool:
        """Remove a little; return whether there is more."""
        self._storage.read_leaving(max_rows=self._size.rows, max_bytes=self._size.size_bytes)
        with self._storage.write() as write:
            begun_s = self._monotonic_s()  # what it waited for others is no sign of its own size
            is_more = write.clear_leaving(
                at_us=self._now_us(), max_rows=self._size.rows, max_bytes=self._size.size_bytes
            )
        self._size.took(self._monotonic_s() - begun_s)
        return is_more

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                if self._storage.has_leaving(at_us=self._now_us()):
                    self._clear()
            except StorageError as error:
                _log.warning("what deleted devices left behind is not removed: %s", error)
            except Exception:  # noqa: BLE001 - the thread goes on, whatever it is
                _log.exception("what deleted devices left behind is not removed")
            if not self._stopping.is_set():
                self._woken.wait(self._look_every_s)

    def _clear(self) -> None:
        is_more = True
        while is_more and not self._stopping.is_set():
            begun_s = self._monotonic_s()
            is_more = self.step()
            took_s = self._monotonic_s() - begun_s
            self._stopping.wait(max(_SHORTEST_REST_S, _REST * took_s))
        if not is_more:
            _log.info("what deleted devices left behind is removed")
