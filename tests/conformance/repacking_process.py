"""A process that re-packs an origin in small steps, until there is nothing left to do or somebody kills it.

usage: repacking_process.py OPENER ADDRESS DEVICE ORIGIN
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> None:
    """Make small segments, and larger ones of them."""
    from tests.conformance.place import Place
    from tests.conformance.repacking import repack

    opener, address, device, origin = sys.argv[1:]
    key = (uuid.UUID(device), uuid.UUID(origin))
    storage = Place(opener, address).open()
    print("ready", flush=True)
    sys.stdin.readline()
    while storage.open_packs(key, limit=1):
        repack(storage, key, count=10)
        heads = storage.segment_heads(key)
        if len(heads) >= 3:
            repack(storage, key, ids=[head.id for head in heads[-2:]])
        with storage.write() as write:
            write.clear_spent(max_rows=30)
        print("step", flush=True)
    storage.close()


main()
