"""Goes through all origins, again and again, in steps so short that no push waits for one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from nikdev_iot.server.accounts.leaving import StepSize
from nikdev_iot.server.errors import StorageError
from nikdev_iot.server.storage.port import OriginKey, Storage

from .policy import Policy
from .steps import Steps

__all__ = ["Repacker"]

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 60.0
_REST = 3
"""So many times as long as a step took, processor and disk are left to others."""
_SHORTEST_REST_S = 0.002
_ORIGINS_AT_ONCE = 200
_CONTENTS_AT_ONCE = 100


class Repacker:
    """Re-packs in a thread of its own; killed anywhere, the next start goes on."""

    def __init__(
        self,
        storage: Storage,
        *,
        now_us: Callable[[], int],
        policy: Policy | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        look_every_s: float = _LOOK_EVERY_S,
        rest: float = _REST,
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._policy = policy or Policy()
        self._steps = Steps(storage, now_us=now_us, policy=self._policy)
        self._monotonic_s = monotonic_s
        self._look_every_s = look_every_s
        self._rest = rest
        self._size = StepSize()
        self._given_up: set[OriginKey] = set()
        """Origins that cannot be read back: told once, and left as they are."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="nikdev-repacking", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the step it is at. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        is_starting = True
        while not self._stopping.is_set():
            try:
                self.sweep(is_starting=is_starting)
                is_starting = False
            except StorageError as error:
                _log.warning("packs are not re-packed: %s", error)
            except Exception:  # noqa: BLE001 - the thread goes on, whatever it is
                _log.exception("packs are not re-packed")
            self._stopping.wait(self._look_every_s)

    def sweep(self, *, is_starting: bool = False) -> None:
        """Do once what there is to do, for all origins; `is_starting` once, before anything else."""
        while self._rested(lambda: self._clear_contents(is_starting=is_starting)):
            pass
        key: OriginKey | None = None
        while not self._stopping.is_set() and (keys := self._storage.origins_after(key, limit=_ORIGINS_AT_ONCE)):
            for key in keys:
                self._origin(key)
            self._clear_spent()
        for device_id in self._storage.devices_to_erase(made_before_us=self._now_us() - self._policy.undo_for_us):
            while self._rested(lambda device_id=device_id: self._steps.erase(device_id)):  # type: ignore[misc]
                pass
        self._clear_spent()

    def _origin(self, key: OriginKey) -> None:
        if key in self._given_up:
            return
        try:
            while self._rested(lambda: self._steps.pack(key)):
                while self._rested(lambda: self._steps.merge(key)):
                    pass
        except StorageError as error:
            if error.status == 503:
                raise
            self._given_up.add(key)
            _log.error("an origin is not re-packed: %s", error, extra={"device_id": str(key[0]), "origin": str(key[1])})

    def _clear_contents(self, *, is_starting: bool) -> bool:
        return self._storage.clear_contents(at_us=self._now_us(), limit=_CONTENTS_AT_ONCE, is_starting=is_starting)

    def _clear_spent(self) -> None:
        while self._rested(self._clear_some):
            pass

    def _clear_some(self) -> bool:
        with self._storage.write() as write:
            begun_s = self._monotonic_s()  # what it waited for others is no sign of its own size
            is_more = write.clear_spent(max_rows=self._size.rows)
        self._size.took(self._monotonic_s() - begun_s)
        return is_more

    def _rested(self, step: Callable[[], bool]) -> bool:
        """Do a step, and rest if it did something; False when it did not, or the server stops."""
        if self._stopping.is_set():
            return False
        begun_s = self._monotonic_s()
        if not step():
            return False
        took_s = self._monotonic_s() - begun_s
        return not self._stopping.wait(max(_SHORTEST_REST_S, self._rest * took_s) if self._rest else 0)
