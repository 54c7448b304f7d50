"""A switch for tests: every push is re-packed at once, as far as it can be.

With `NIKDEV_TEST_REPACK=1` it is on in the process that runs the tests; with `PYTHONPATH=tests/switches` beside it, in
the servers that these start, too.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["install_if_asked"]


def install_if_asked() -> None:
    """Install it where the environment asks for it."""
    if os.environ.get("NIKDEV_TEST_REPACK") == "1":
        _install()


def _install() -> None:
    from nikdev_iot.server.errors import StorageError
    from nikdev_iot.server.repacking.policy import Policy
    from nikdev_iot.server.repacking.steps import Steps
    from nikdev_iot.server.storage.sqlite.storage import SqliteStorage
    from nikdev_iot.server.storage.sqlite.write import SqliteWrite

    policy = Policy(rows=1, very_old_us=-(2**60), fan_in=3, sizes=(3, 30, 3_000))
    busy = threading.local()
    real_write, real_put = SqliteStorage.write, SqliteWrite.put_packs

    def put_packs(self: SqliteWrite, packs: list) -> None:
        real_put(self, packs)
        if packs:
            busy.keys = {*getattr(busy, "keys", ()), *((pack.device_id, pack.origin) for pack in packs)}

    @contextmanager
    def write(self: SqliteStorage) -> Iterator[SqliteWrite]:
        with real_write(self) as transaction:
            yield transaction
        keys, busy.keys = getattr(busy, "keys", ()), ()
        steps = Steps(self, now_us=lambda: time.time_ns() // 1000, policy=policy)
        for key in keys:
            try:
                while steps.pack(key) or steps.merge(key):
                    pass
                with self.write() as transaction:
                    while transaction.clear_spent(max_rows=1_000):
                        pass
            except StorageError:  # some tests store what is no pack
                pass

    SqliteStorage.write, SqliteWrite.put_packs = write, put_packs  # type: ignore[method-assign]
