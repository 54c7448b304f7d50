from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from nikdev_iot.client.forks import renewed_in_children

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


class Holder:
    def __init__(self) -> None:
        renewed_in_children(self, Holder.make_locks)

    def make_locks(self) -> None:
        self.lock = threading.Lock()


def test_it_holds_on_to_nothing():
    holder = Holder()
    gone = weakref.ref(holder)
    assert holder.lock.acquire(blocking=False)
    del holder
    gc.collect()
    assert gone() is None


_PROGRAM = """
import os, sys, threading
from nikdev_iot import Api
api = Api({"storagePath": sys.argv[1], "storageFilename": "journal.db", "durability": "normal"})
held, done = threading.Event(), threading.Event()
def hold():
    with api._lock, api._store._slow, api._store._lock:
        held.set()
        done.wait(60)
thread = threading.Thread(target=hold)
thread.start()
held.wait(60)
child = os.fork()
if not child:
    api.add_value("a", 1)
    assert api.commit().number == 1
    api.close()
    sys.exit(0)  # the end of a program closes its `Api`, too
assert os.waitpid(child, 0)[1] == 0
done.set()
thread.join()
assert api.status().unpushed == 1
print("done")
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_while_another_thread_is_inside_does_not_hang(tmp_path: Path):
    ended = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == "done\n", ended.stderr
